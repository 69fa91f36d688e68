//! What is known of the customers beyond name and address: custom attributes, stages, who looks
//! after them, where they came from and by what else they are known, and what colleagues noted.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{AttributeId, CampaignId, ContactId},
    kind::{AttributeType, Channel, IdentityKind, LifecycleStage, SubjectKind},
};

use super::{activity::Habit, people::Language};
use crate::{
    access::Actor,
    account::DetailChanges,
    attribute::{AttributeOption, NewAttribute, Setting, Value, definition},
    contact::{
        ProfileChanges,
        identity::{self, Given},
    },
    ctx::Ctx,
    email::{NewCampaign, campaign},
    error::Result,
    note,
    stage::NewStage,
    subject::Subject,
};

/// The attributes of the sample, and the trade fair at which some customers were met.
pub(super) struct Attributes {
    position: AttributeId,
    plan: AttributeId,
    seats: AttributeId,
    renewal: AttributeId,
    fair: CampaignId,
}

/// The plans an account may have: key and label.
const PLANS: [(&str, &str); 3] = [
    ("trial", "トライアル / Trial"),
    ("standard", "スタンダード / Standard"),
    ("enterprise", "エンタープライズ / Enterprise"),
];
const SEATS: [f64; 6] = [8.0, 25.0, 40.0, 120.0, 300.0, 15.0];

/// Defines them.
pub(super) async fn define(ctx: &Ctx, actor: &Actor) -> Result<Attributes> {
    let (contact, account) = (SubjectKind::Contact, SubjectKind::Account);
    let new = |subject, key: &str, name: &str, value_type| NewAttribute {
        subject,
        key: key.to_owned(),
        name: name.to_owned(),
        description: String::new(),
        value_type,
        options: Vec::new(),
    };
    let position = new(contact, "position", "役職 / Position", AttributeType::Text);
    let plans = PLANS.map(|(key, label)| AttributeOption {
        key: key.to_owned(),
        label: label.to_owned(),
    });
    let plan = NewAttribute {
        options: plans.to_vec(),
        ..new(account, "plan", "契約プラン / Plan", AttributeType::Select)
    };
    let seats = new(
        account,
        "seats",
        "契約席数 / Paid seats",
        AttributeType::Number,
    );
    let renewal = new(
        account,
        "renewal",
        "次回更新日 / Next renewal",
        AttributeType::Date,
    );
    let fair = NewCampaign {
        external_id: "demo-fair".to_owned(),
        name: "展示会 / Trade fair / 展会".to_owned(),
    };
    Ok(Attributes {
        position: definition::create(ctx, actor, position).await?.id,
        plan: definition::create(ctx, actor, plan).await?.id,
        seats: definition::create(ctx, actor, seats).await?.id,
        renewal: definition::create(ctx, actor, renewal).await?.id,
        fair: campaign::create(ctx, actor, fair, true).await?.id,
    })
}

/// What is known of the company with this number.
pub(super) fn of_company(
    number: usize,
    actor: &Actor,
    attributes: &Attributes,
    now: DateTime<Utc>,
) -> DetailChanges {
    let (plan, _) = PLANS[number % PLANS.len()];
    let renewal = now + TimeDelta::days(20 + 23 * number as i64);
    let value = |attribute, value| Setting {
        attribute,
        value: Some(value),
    };
    DetailChanges {
        owner: Some(Some(actor.member)),
        attributes: vec![
            value(attributes.plan, Value::Select(plan.to_owned())),
            value(attributes.seats, Value::Number(SEATS[number % SEATS.len()])),
            value(attributes.renewal, Value::Date(renewal.date_naive())),
        ],
        ..DetailChanges::default()
    }
}

/// What is known of the person with this number.
pub(super) fn of_person(
    number: usize,
    habit: Habit,
    language: Language,
    actor: &Actor,
    attributes: &Attributes,
) -> ProfileChanges {
    let channels = [
        Channel::WebForm,
        Channel::Email,
        channel_of(language),
        Channel::Linkedin,
    ];
    let is_ours = matches!(habit, Habit::Vip | Habit::Trial);
    let source = channels[number % channels.len()];
    ProfileChanges {
        phone: phone_of(number, language).map(Some),
        owner: is_ours.then_some(Some(actor.member)),
        brought_by: (number.is_multiple_of(3)).then_some(Some(actor.member)),
        source_channel: Some(Some(source)),
        source_campaign: (source == Channel::Linkedin).then_some(Some(attributes.fair)),
        stage: Some(NewStage {
            stage: Some(stage_of(habit)),
            reason: "見本データ / sample data / 示例数据".to_owned(),
        }),
        attributes: vec![Setting {
            attribute: attributes.position,
            value: Some(Value::Text(position_of(number, language).to_owned())),
        }],
        ..ProfileChanges::default()
    }
}

fn channel_of(language: Language) -> Channel {
    match language {
        Language::Ja => Channel::Line,
        Language::Zh => Channel::Wechat,
        Language::En => Channel::Chat,
    }
}

/// A number of those that nobody has: only the United States keep some for stories.
fn phone_of(number: usize, language: Language) -> Option<String> {
    (language == Language::En).then(|| format!("+1 415 555 01{:02}", number % 100))
}

/// Gives somebody who came by a network the name used there.
pub(super) async fn introduce(
    ctx: &Ctx,
    actor: &Actor,
    id: ContactId,
    known: &ProfileChanges,
    name: &str,
) -> Result<()> {
    let network = match known.source_channel {
        Some(Some(Channel::Line)) => "line",
        Some(Some(Channel::Wechat)) => "wechat",
        _ => return Ok(()),
    };
    let handle = Given {
        kind: IdentityKind::Handle,
        value: format!("{network}:{name}"),
    };
    identity::attach(ctx, actor, id, &handle).await.map(drop)
}

fn stage_of(habit: Habit) -> LifecycleStage {
    match habit {
        Habit::Vip => LifecycleStage::Advocate,
        Habit::Regular => LifecycleStage::Customer,
        Habit::Trial => LifecycleStage::Opportunity,
        Habit::Occasional => LifecycleStage::Lead,
        Habit::Fading => LifecycleStage::Former,
    }
}

fn position_of(number: usize, language: Language) -> &'static str {
    let positions = match language {
        Language::Ja => ["部長", "課長", "担当", "役員", "マネージャー"],
        Language::Zh => ["总监", "经理", "专员", "总经理", "主管"],
        Language::En => [
            "Director",
            "Manager",
            "Specialist",
            "Vice president",
            "Lead",
        ],
    };
    positions[number % positions.len()]
}

/// What colleagues noted about important customers.
pub(super) async fn annotate(
    ctx: &Ctx,
    actor: &Actor,
    id: ContactId,
    language: Language,
) -> Result<()> {
    let body = match language {
        Language::Ja => "四半期レビューで次期契約の前向きな返答あり。来月の提案書を約束した。",
        Language::Zh => "季度回访反馈积极，已约定下月提交续约方案。",
        Language::En => {
            "Positive about renewing at the quarterly review; a proposal is promised for next month."
        }
    };
    note::add(ctx, actor, Subject::from(id), &["contactId"], body)
        .await
        .map(drop)
}

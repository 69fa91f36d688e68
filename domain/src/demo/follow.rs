//! Who is followed: segments whose members come and go by themselves, what members have to do next, and a
//! playbook for those who fade.

use chrono::TimeDelta;
use entity::{
    id::{ContactId, TagId},
    kind::{SegmentSubject, TaskPriority},
};

use super::{Person, activity::Habit, review::id_of};
use crate::{
    access::Actor,
    condition::{Condition, ContactTags, Events, TagMode, TagTest},
    ctx::Ctx,
    error::Result,
    locale::Locale,
    playbook::{
        self, NewPlaybook,
        template::{self, Template},
    },
    segment::{self, NewSegment},
    task::{self, NewTask},
};

/// Days without any event after which somebody counts as silent.
const SILENT_DAYS: u32 = 14;
/// How many of those who fade are called.
const CALLS: usize = 3;

/// Makes the segments, the tasks and the playbook.
pub(super) async fn follow(ctx: &Ctx, actor: &Actor, people: &[Person], vip: TagId) -> Result<()> {
    let tagged = Condition::ContactTags(ContactTags(TagTest {
        mode: TagMode::Any,
        tag_ids: vec![vip.0],
        with_descendants: true,
    }));
    let lately = Condition::Events(Box::new(Events {
        within_days: Some(SILENT_DAYS.into()),
        ..Events::default()
    }));
    let silent = Condition::Not(Box::new(lately));
    let silent_vip = Condition::All(vec![tagged.clone(), silent.clone()]);
    for (name, description, condition) in [
        ("重要なお客様", "VIP とその下のタグが付いている人", tagged),
        ("静かなお客様", "2 週間利用のない人", silent),
        ("静かな重要顧客", "声をかけるべき人", silent_vip),
    ] {
        let new = NewSegment {
            name: name.to_owned(),
            description: description.to_owned(),
            subject: SegmentSubject::Contact,
            condition: Some(condition),
        };
        segment::create(ctx, actor, new).await?;
    }
    let mut fading = Vec::new();
    for person in people.iter().filter(|one| one.habit == Habit::Fading) {
        fading.push((person, id_of(ctx, actor, &person.email).await?));
    }
    for (number, (person, contact)) in fading.iter().take(CALLS).enumerate() {
        let new = NewTask {
            title: format!("{} に近況を伺う", person.company.name),
            description: "利用が減っています。困りごとがないか確認してください。".to_owned(),
            priority: TaskPriority::Normal,
            due_at: Some(ctx.clock.now() + TimeDelta::days(number as i64 + 1)),
            assignee: Some(actor.member),
            team: None,
            contact: Some(*contact),
            account: None,
            conversation: None,
        };
        task::create(ctx, actor, new).await?;
    }
    let rescue = NewPlaybook {
        publish: true,
        ..template::playbook(Template::ChurnRescue, Locale::Ja)
    };
    let rescue = playbook::create(ctx, actor, rescue).await?;
    let contacts: Vec<ContactId> = fading.iter().map(|(_, contact)| *contact).collect();
    playbook::enrol_contacts(ctx, actor, rescue.id, &contacts).await?;
    Ok(())
}

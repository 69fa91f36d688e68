//! The people conditions are asked about, their company, tags, stages and attributes. What they did
//! is in `past`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    account::{self, NewAccount},
    condition::Condition,
    contact::{self, NewContact, ProfileChanges},
    stage::NewStage,
    store::{Query, Rows},
    tag::{Request, tagging},
};
use entity::{
    id::{AttributeId, ContactId, Id as _, TagId},
    kind::{AttributeType, LifecycleStage, SubjectKind, TagKind, TagSelection},
};
use serde_json::Value;
use uuid::Uuid;

use crate::support::World;

/// The people of the tests, by name.
pub(super) struct People {
    pub(super) world: World,
    pub(super) ids: BTreeMap<&'static str, ContactId>,
    pub(super) account: Uuid,
    pub(super) vip: TagId,
    pub(super) group: Uuid,
    pub(super) plan: AttributeId,
    pub(super) seats: AttributeId,
}

const NAMES: [&str; 6] = ["aki", "ben", "chen", "dai", "eri", "田中"];

pub(super) fn id(number: u128) -> Uuid {
    Uuid::from_u128((1 << 100) + number)
}

impl People {
    pub(super) async fn new(world: World) -> Self {
        let (ctx, owner) = (world.ctx.clone(), world.owner.clone());
        let new = NewAccount {
            name: "Customer Inc".to_owned(),
            domain: Some("customer.example".to_owned()),
            external_id: None,
            details: account::DetailChanges::default(),
        };
        let account = account::create(&ctx, &owner, new)
            .await
            .expect("an account");
        let mut ids = BTreeMap::new();
        for (n, name) in NAMES.into_iter().enumerate() {
            let stage = match n {
                0 | 1 => Some(LifecycleStage::Lead),
                2 => Some(LifecycleStage::Customer),
                _ => None,
            };
            let new = NewContact {
                name: name.to_owned(),
                email: (n < 4).then(|| format!("p{n}@{}.example", ["customer", "other"][n % 2])),
                account: (n == 0 || n == 4).then_some(account.id),
                locale: ["en-GB", "en", "", "", "", "ja"]
                    .get(n)
                    .filter(|locale| !locale.is_empty())
                    .map(|&locale| locale.to_owned()),
                external_id: (n == 3).then(|| "CRM-7".to_owned()),
                profile: ProfileChanges {
                    stage: stage.map(|stage| NewStage {
                        stage: Some(stage),
                        reason: String::new(),
                    }),
                    owner: (n == 1).then_some(Some(owner.member)),
                    ..ProfileChanges::default()
                },
            };
            let made = contact::create(&ctx, &owner, new).await.expect("a contact");
            ids.insert(name, made.id);
        }
        let industry = world.group("Industry", TagSelection::Multi).await;
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let gold = world.tag(TagKind::Contact, "Gold", Some(vip)).await;
        let food = world.value(industry, "Food").await;
        let put = [
            Request::contact(ids["aki"], vip),
            Request::contact(ids["ben"], gold),
            Request::contact(ids["chen"], food),
        ];
        let tagged = tagging::tag_many(&ctx, &owner, &put, "").await;
        tagged.expect("tags");
        let plan = define(&world, "plan", AttributeType::Select).await;
        let seats = define(&world, "seats", AttributeType::Number).await;
        let people = Self {
            world,
            ids,
            account: account.id.uuid(),
            vip,
            group: industry.uuid(),
            plan,
            seats,
        };
        people.fill().await;
        people
    }

    pub(super) async fn run(&self, statement: &'static str, rows: Rows) {
        Query::new(statement)
            .bind(self.world.owner.workspace)
            .bind(self.world.ctx.clock.now())
            .rows("r", rows)
            .execute(self.world.ctx.db.writer())
            .await
            .expect(statement);
    }

    pub(super) fn days_ago(&self, days: i64) -> DateTime<Utc> {
        self.world.ctx.clock.now() - TimeDelta::days(days)
    }
}

pub(super) async fn define(world: &World, key: &str, value_type: AttributeType) -> AttributeId {
    use domain::attribute::{AttributeOption, NewAttribute, definition};
    let options = match value_type {
        AttributeType::Select | AttributeType::MultiSelect => ["a", "b", "c"].as_slice(),
        _ => &[],
    };
    let new = NewAttribute {
        subject: SubjectKind::Contact,
        key: key.to_owned(),
        name: key.to_owned(),
        description: String::new(),
        value_type,
        options: options
            .iter()
            .map(|key| AttributeOption {
                key: (*key).to_owned(),
                label: (*key).to_owned(),
            })
            .collect(),
    };
    let made = definition::create(&world.ctx, &world.owner, new).await;
    made.expect("an attribute").id
}

pub(super) fn condition(stored: &Value) -> Condition {
    serde_json::from_value(stored.clone()).unwrap_or_else(|error| panic!("{stored}: {error}"))
}

pub(super) fn names(list: &str) -> BTreeSet<&str> {
    list.split_whitespace().collect()
}

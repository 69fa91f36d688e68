//! The contact's own fields: the survivor keeps its own and takes what it lacks.

use entity::{
    contact,
    id::{AccountId, CampaignId, MemberId},
    kind::{Channel, LifecycleStage},
};

use crate::merge::own::own_fields;

own_fields! {
    contact::Model;
    account_id: AccountId,
    email: String,
    external_id: String,
    locale: String,
    owner_id: MemberId,
    stage: LifecycleStage,
    source_channel: Channel,
    source_campaign_id: CampaignId,
    brought_by_id: MemberId,
    phone: String,
    kana: String,
    kana_key: String,
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn own(email: Option<&str>, phone: Option<&str>, at: i64) -> Own {
        Own {
            account_id: None,
            email: email.map(str::to_owned),
            external_id: None,
            locale: None,
            owner_id: None,
            stage: None,
            source_channel: None,
            source_campaign_id: None,
            brought_by_id: None,
            phone: phone.map(str::to_owned),
            kana: None,
            kana_key: None,
            updated_at: DateTime::from_timestamp(at, 0).unwrap(),
        }
    }

    #[test]
    fn the_survivor_keeps_its_own_and_gives_back_only_what_nobody_changed() {
        let before = own(Some("a@x.example"), None, 1);
        let loser = own(Some("b@x.example"), Some("+81312345678"), 2);
        assert_eq!(before.filled(&loser), ["phone"]);
        let after = before.with(&loser, DateTime::from_timestamp(3, 0).unwrap());
        assert_eq!(after, own(Some("a@x.example"), Some("+81312345678"), 3));
        assert_eq!(Own::undone(&before, &after, &after), before);
        let changed = own(Some("a@x.example"), Some("+8190"), 4);
        assert_eq!(Own::undone(&before, &after, &changed), changed);
    }
}

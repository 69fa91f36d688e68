//! The contact's own fields: the survivor keeps its own and takes what it lacks.

use chrono::{DateTime, Utc};
use entity::{
    contact,
    id::{AccountId, CampaignId, MemberId},
    kind::{Channel, LifecycleStage},
};
use serde::{Deserialize, Serialize};

macro_rules! own {
    ($($field:ident: $type:ty,)*) => {
        /// What a merge may change of the survivor's row.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub(super) struct Own {
            $(pub(super) $field: Option<$type>,)*
            pub(super) updated_at: DateTime<Utc>,
        }

        impl Own {
            pub(super) fn of(row: &contact::Model) -> Self {
                Self {
                    $($field: row.$field.clone(),)*
                    updated_at: row.updated_at,
                }
            }

            /// The fields a merge gives to a survivor who lacks them.
            pub(super) fn filled(&self, loser: &Self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(
                    if self.$field.is_none() && loser.$field.is_some() {
                        names.push(stringify!($field));
                    }
                )*
                names
            }

            /// The survivor's fields, with the loser's where it has none.
            pub(super) fn with(&self, loser: &Self, now: DateTime<Utc>) -> Self {
                Self {
                    $($field: self.$field.clone().or_else(|| loser.$field.clone()),)*
                    updated_at: now,
                }
            }

            /// `now` without what the merge gave: a field goes back to `before` unless somebody has
            /// changed it since.
            pub(super) fn undone(before: &Self, after: &Self, now: &Self) -> Self {
                Self {
                    $($field: if now.$field == after.$field {
                        before.$field.clone()
                    } else {
                        now.$field.clone()
                    },)*
                    updated_at: if now.updated_at == after.updated_at {
                        before.updated_at
                    } else {
                        now.updated_at
                    },
                }
            }

            pub(super) fn put(self, row: &mut contact::Model) {
                $(row.$field = self.$field;)*
                row.updated_at = self.updated_at;
                row.stage_rank = crate::stage::rank(row.stage);
            }
        }
    };
}

own! {
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

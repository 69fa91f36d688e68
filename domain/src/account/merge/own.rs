//! The account's own fields: the survivor keeps its own and takes what it lacks.

use entity::{account, id::MemberId, kind::LifecycleStage};

use crate::merge::own::own_fields;

own_fields! {
    account::Model;
    domain: String,
    external_id: String,
    owner_id: MemberId,
    stage: LifecycleStage,
    website: String,
    phone: String,
    description: String,
}

//! Profiles of what customers do.

mod rfm;

use async_graphql::MergedObject;

pub(crate) use rfm::{Rfm, rfm_of};

/// What profiles can be asked for.
#[derive(MergedObject, Default)]
pub(crate) struct ProfileQuery(rfm::RfmQuery);

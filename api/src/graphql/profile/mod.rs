//! Profiles of what customers do.

mod rfm;
mod web;

use async_graphql::MergedObject;

pub(crate) use rfm::{Rfm, rfm_of};
pub(crate) use web::{WebProfile, web_profile_of};

/// What profiles can be asked for.
#[derive(MergedObject, Default)]
pub(crate) struct ProfileQuery(rfm::RfmQuery, web::WebQuery);

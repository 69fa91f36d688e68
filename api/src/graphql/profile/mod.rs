//! Profiles of what customers do.

mod engagement;
mod rfm;
mod web;

use async_graphql::MergedObject;

pub(crate) use engagement::{Engagement, GroupEngagement, engagement_of, engagement_of_account};
pub(crate) use rfm::{Rfm, rfm_of};
pub(crate) use web::{WebProfile, web_profile_of};

/// What profiles can be asked for.
#[derive(MergedObject, Default)]
pub(crate) struct ProfileQuery(engagement::EngagementQuery, rfm::RfmQuery, web::WebQuery);

//! Tracked links over GraphQL.

mod mutation;
mod query;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    access::Scope,
    contact,
    link::{self, Day, Utm},
};
use entity::{
    id::{ContactId, TagId, TrackedLinkId},
    kind::Channel,
};

use super::{
    access::ChangeOrigin,
    contact::Contact,
    context::{business, loaded, loader, reader},
    email::Campaign,
    error::{coded, fault},
    loader::LinkTagsOf,
    scalar::Date,
    tag::Tag,
};
use crate::boxed;
use crate::transport::Code;

pub(crate) use mutation::LinkMutation;
pub(crate) use query::LinkQuery;

/// Personal links one field gives at once.
const MAX_PERSONAL: usize = 1_000;

/// A short link that records who followed it, from which channel and campaign.
#[derive(Debug, Clone)]
pub struct TrackedLink(pub(crate) entity::tracked_link::Model);

/// What web analytics are told of where a visitor comes from: what is set is added to the URL a link leads to,
/// in place of parameters of the same names there.
#[derive(SimpleObject)]
pub(crate) struct UtmParameters {
    /// `utm_source`: where the link stands, such as `line`.
    source: Option<String>,
    /// `utm_medium`: by which medium, such as `social`.
    medium: Option<String>,
    /// `utm_campaign`: for which campaign.
    campaign: Option<String>,
    /// `utm_term`: for which search term.
    term: Option<String>,
    /// `utm_content`: which of several links of one campaign.
    content: Option<String>,
}

impl From<Utm> for UtmParameters {
    fn from(utm: Utm) -> Self {
        Self {
            source: utm.source,
            medium: utm.medium,
            campaign: utm.campaign,
            term: utm.term,
            content: utm.content,
        }
    }
}

/// What web analytics are told of where a visitor comes from. What is left out or empty is not added; each may
/// have 200 characters.
#[derive(InputObject, Default)]
pub(crate) struct UtmParametersInput {
    /// `utm_source`: where the link stands, such as `line`.
    source: Option<String>,
    /// `utm_medium`: by which medium, such as `social`.
    medium: Option<String>,
    /// `utm_campaign`: for which campaign.
    campaign: Option<String>,
    /// `utm_term`: for which search term.
    term: Option<String>,
    /// `utm_content`: which of several links of one campaign.
    content: Option<String>,
}

impl From<UtmParametersInput> for Utm {
    fn from(input: UtmParametersInput) -> Self {
        Self {
            source: input.source,
            medium: input.medium,
            campaign: input.campaign,
            term: input.term,
            content: input.content,
        }
    }
}

/// How a tracked link did on one day of the workspace's time zone.
#[derive(SimpleObject)]
pub(crate) struct TrackedLinkDay {
    /// The day.
    day: Date,
    /// How often people followed it, not from its QR code.
    click_count: i64,
    /// How often people followed it from its QR code.
    scan_count: i64,
    /// How often machines did: previews, scanners, crawlers, browsers that fetch ahead.
    machine_count: i64,
    /// How many contacts followed it for the first time.
    new_contact_count: i64,
}

impl From<Day> for TrackedLinkDay {
    fn from(day: Day) -> Self {
        Self {
            day: Date(day.day),
            click_count: day.clicks,
            scan_count: day.scans,
            machine_count: day.machines,
            new_contact_count: day.contacts,
        }
    }
}

/// The address of a link that is one contact's own.
pub(crate) struct PersonalLink {
    contact: contact::Contact,
    slug: String,
    token: Option<String>,
}

/// The address of a tracked link that is one contact's own: whoever follows it counts as that contact. It does
/// not say who that is, and is always the same.
#[Object]
impl PersonalLink {
    /// Whose it is: of a contact who was merged into another, that other.
    fn contact(&self) -> Contact {
        self.contact.clone().into()
    }

    /// The address; only its path, as long as `ENISHI_PUBLIC_URL` is not set.
    fn url(&self, context: &Context<'_>) -> Result<String> {
        let ctx = business(context)?;
        Ok(link::address(ctx, &self.slug, self.token.as_deref()))
    }

    /// The address as a QR code, an SVG document; null as long as `ENISHI_PUBLIC_URL` is not set.
    fn qr_code_svg(&self, context: &Context<'_>) -> Result<Option<String>> {
        let ctx = business(context)?;
        let address = link::qr_address(ctx, &self.slug, self.token.as_deref());
        Ok(address.and_then(|address| link::svg(address.as_str())))
    }
}

/// A short link that records who followed it, from which channel and campaign.
#[Object]
impl TrackedLink {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What its address ends with; unique in the installation, for good.
    fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The name shown to members.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Its address, to be shown or sent to anybody; only the path, as long as `ENISHI_PUBLIC_URL` is not set.
    fn url(&self, context: &Context<'_>) -> Result<String> {
        Ok(link::address(business(context)?, &self.0.slug, None))
    }

    /// Its address as a QR code, an SVG document, which is also at `url` with `.svg` behind it; null as long as
    /// `ENISHI_PUBLIC_URL` is not set. Whoever scans it is counted apart from whoever clicks.
    fn qr_code_svg(&self, context: &Context<'_>) -> Result<Option<String>> {
        let address = link::qr_address(business(context)?, &self.0.slug, None);
        Ok(address.and_then(|address| link::svg(address.as_str())))
    }

    /// Where it leads, without the utm parameters.
    fn target_url(&self) -> &str {
        &self.0.target_url
    }

    /// The utm parameters that are added.
    fn utm(&self) -> Result<UtmParameters> {
        Ok(self.read_utm()?.into())
    }

    /// Where whoever follows it is sent: the target with the utm parameters.
    fn destination_url(&self) -> Result<String> {
        let utm = self.read_utm()?;
        let destination = link::destination(&self.0.target_url, &utm);
        Ok(destination.unwrap_or_else(|| self.0.target_url.clone()))
    }

    /// Where it is shown.
    fn channel(&self) -> Option<Channel> {
        self.0.channel
    }

    /// The campaign it belongs to.
    #[boxed]
    async fn campaign(&self, context: &Context<'_>) -> Result<Option<Campaign>> {
        loaded(context, self.0.campaign_id, Campaign).await
    }

    /// The tags it puts on contacts who follow it. Archived ones are not put on.
    #[boxed]
    async fn tags(&self, context: &Context<'_>) -> Result<Vec<Tag>> {
        let loader = loader(context)?;
        let named = loader.load_one(LinkTagsOf(self.0.id)).await?;
        let ids: Vec<TagId> = named
            .unwrap_or_default()
            .into_iter()
            .map(|row| row.tag_id)
            .collect();
        let mut found = loader.load_many(ids.iter().copied()).await?;
        let tags = ids.iter().filter_map(|id| found.remove(id));
        let there = tags.filter(|tag| tag.deleted_at.is_none());
        Ok(there.map(Tag::from).collect())
    }

    /// When it stops working; null if it never does.
    fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.expires_at
    }

    /// How often people followed it, not from its QR code.
    fn click_count(&self) -> i64 {
        self.0.click_count
    }

    /// How often people followed it from its QR code.
    fn scan_count(&self) -> i64 {
        self.0.scan_count
    }

    /// How often machines did: previews, scanners, crawlers, browsers that fetch ahead. They are in no other
    /// count.
    fn machine_count(&self) -> i64 {
        self.0.machine_count
    }

    /// How many contacts followed it, each counted once. Who is not known is not among them; who was erased or
    /// merged since still is.
    fn contact_count(&self) -> i64 {
        self.0.contact_count
    }

    /// When a person last followed it.
    fn last_followed_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_followed_at
    }

    /// How it did on each day, at most 366; without arguments, on the last 30 days.
    #[boxed]
    async fn series(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first day; left out, 29 days before the last one.")] from: Option<
            Date,
        >,
        #[graphql(desc = "The last day, which is in it; left out, today.")] to: Option<Date>,
    ) -> Result<Vec<TrackedLinkDay>> {
        let (ctx, _) = reader(context)?;
        let days = link::series(ctx, &self.0, from.map(|day| day.0), to.map(|day| day.0));
        let days = days.await.map_err(fault)?;
        Ok(days.into_iter().map(TrackedLinkDay::from).collect())
    }

    /// The addresses of this link that are contacts' own, in the order of the ids, with nothing where there is
    /// no such contact. Asking for them changes nothing, and they can be asked for again. Scope: WRITE, because
    /// whoever has one can act as that contact.
    #[boxed]
    async fn personal_links(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Global ids of contacts, at most 1,000.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<PersonalLink>>> {
        let (ctx, actor) = reader(context)?;
        actor.require(Scope::Write).map_err(fault)?;
        if ids.len() > MAX_PERSONAL {
            let message = format!("Ask for at most {MAX_PERSONAL} personal links at once.");
            return Err(coded(Code::BadUserInput, message));
        }
        let asked: Vec<Option<ContactId>> = ids.iter().map(|id| id.parse().ok()).collect();
        let loader = loader(context)?;
        let found = loader.load_many(asked.iter().copied().flatten()).await?;
        let each = asked.into_iter().map(|id| {
            let contact = found.get(&id?)?.clone();
            Some(PersonalLink {
                token: link::token(&ctx.vault, self.0.id, contact.id),
                slug: self.0.slug.clone(),
                contact,
            })
        });
        Ok(each.collect())
    }

    /// Who made it.
    fn created_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.created_by)
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When somebody last changed it.
    fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// Since when it leads nowhere any more; null if it does.
    fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.0.archived_at
    }
}

impl TrackedLink {
    fn read_utm(&self) -> Result<Utm> {
        serde_json::from_value(self.0.utm.clone())
            .map_err(|error| fault(domain::error::Error::Decode(error)))
    }
}

/// The link's id, at `path` of an input.
fn link_id(id: &ID) -> domain::error::Result<TrackedLinkId> {
    super::id::parse(id, &["id"])
}

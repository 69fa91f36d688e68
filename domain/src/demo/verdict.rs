//! How leads were judged as time went by: once soon after the first call, and those who bought once more.

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{ContactId, TagId};

use super::{activity::Habit, back_then};
use crate::{
    access::Actor,
    ctx::Ctx,
    error::{Error, Result},
    locale::Locale,
    tag::{
        Request,
        catalogue::{self, Forest, ForestFilter},
        pack::{self, StarterPack},
        tagging,
    },
};

/// Days after somebody came until the first verdict, and until the next.
const FIRST_CALL: i64 = 4;
const SECOND_CALL: i64 = 25;

/// Verdicts that are still to be given, and their tags.
pub(super) struct Verdicts {
    now: TagId,
    later: TagId,
    competitor: TagId,
    partner: TagId,
    never: TagId,
    open: Vec<(DateTime<Utc>, TagId, ContactId)>,
}

impl Verdicts {
    /// Applies the packs, whose values they are.
    pub(super) async fn prepare(ctx: &Ctx, actor: &Actor) -> Result<Self> {
        for starter in [StarterPack::Engagement, StarterPack::B2bPortrait] {
            pack::apply(ctx, actor, starter, Locale::Ja).await?;
        }
        let forest = catalogue::forest(ctx, actor.workspace).await?;
        Ok(Self {
            now: value(&forest, "対象（今すぐ）")?,
            later: value(&forest, "対象（今ではない）")?,
            competitor: value(&forest, "競合")?,
            partner: value(&forest, "エコパートナー")?,
            never: value(&forest, "対象外")?,
            open: Vec::new(),
        })
    }

    /// Plans what will be thought of somebody who has just come.
    pub(super) fn expect(
        &mut self,
        number: usize,
        habit: Habit,
        contact: ContactId,
        came: DateTime<Utc>,
    ) {
        let first = came + TimeDelta::days(FIRST_CALL);
        let verdict = match (habit, number % 7) {
            (_, 6) => return,
            (Habit::Vip | Habit::Trial, _) => {
                let second = came + TimeDelta::days(SECOND_CALL);
                self.open.push((second, self.now, contact));
                self.later
            }
            (Habit::Regular, _) => self.later,
            (_, 5) => self.competitor,
            (_, 4) => self.partner,
            _ => self.never,
        };
        self.open.push((first, verdict, contact));
    }

    /// Gives those whose time has come by `until`, in their order.
    pub(super) async fn give_until(
        &mut self,
        ctx: &Ctx,
        actor: &Actor,
        until: DateTime<Utc>,
    ) -> Result<()> {
        self.open.sort_unstable_by(|one, other| other.cmp(one));
        while let Some(&(at, tag, _)) = self.open.last().filter(|(at, ..)| *at <= until) {
            let mut requests = Vec::new();
            while let Some(&(_, _, contact)) =
                self.open.last().filter(|one| (one.0, one.1) == (at, tag))
            {
                requests.push(Request::contact(contact, tag));
                self.open.pop();
            }
            let reason = "商談の結果 / after a call / 沟通之后";
            tagging::tag_many(&back_then(ctx, at), actor, &requests, reason).await?;
        }
        Ok(())
    }
}

/// The value of a group of the packs.
pub(super) fn value(forest: &Forest, name: &str) -> Result<TagId> {
    let mut tags = forest.list(ForestFilter::default());
    let found = tags.find(|tag| tag.group_id.is_some() && tag.name == name);
    found
        .map(|tag| tag.id)
        .ok_or_else(|| Error::not_found(&["tag"], "tag"))
}

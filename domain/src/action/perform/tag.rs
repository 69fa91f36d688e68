//! Putting tags on things and taking them off.

use std::collections::{HashMap, HashSet};

use entity::id::SegmentId;
use uuid::Uuid;

use super::Step;
use crate::{
    action::board::{Decision, Stay, Usable},
    ctx::Ctx,
    error::Result,
    store::Tx,
    tag::{
        Reason, Request,
        tagging::{self, Addition, Removal},
    },
};

/// Tags that can be put on and taken off together.
#[derive(Default)]
struct Round<'a> {
    puts: Vec<Addition<'a>>,
    takes: Vec<Removal<'a>>,
}

/// Puts tags on and takes tags off. What is put on and taken off the same thing goes in rounds. Says what was not
/// put on because the thing has left the segment meanwhile.
pub(super) async fn write_tags(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    usable: &Usable,
    steps: &[Step<'_>],
) -> Result<HashSet<(Request, SegmentId)>> {
    let reasons: Vec<Option<Reason<'_>>> = steps.iter().map(Step::tag_reason).collect();
    let mut last: HashMap<(Uuid, Uuid), (usize, bool)> = HashMap::new();
    let mut rounds: Vec<Round<'_>> = Vec::new();
    for (step, reason) in steps.iter().zip(&reasons) {
        let (Some(reason), Some((request, act))) = (reason, step.tagging()) else {
            continue;
        };
        let puts = !matches!(act, Written::Take { .. });
        let slot = (request.target_id, usable.slot(request.tag));
        // What goes on with another end has to be there.
        let follows = |put_before: bool| put_before != puts || matches!(act, Written::Renew(_));
        let round = match last.get(&slot) {
            Some(&(round, put_before)) => round + usize::from(follows(put_before)),
            None => 0,
        };
        last.insert(slot, (round, puts));
        if rounds.len() <= round {
            rounds.resize_with(round + 1, Round::default);
        }
        match act {
            Written::Put(stay) | Written::Renew(stay) => {
                rounds[round].puts.push(Addition {
                    request,
                    reason,
                    expires_at: stay.until,
                    while_in: stay.while_in,
                    renews: matches!(act, Written::Renew(_)),
                });
            }
            Written::Take { anyway } => rounds[round].takes.push(Removal {
                request,
                reason,
                anyway,
            }),
        }
    }
    let mut outside = HashSet::new();
    for Round { puts, takes } in rounds {
        if !puts.is_empty() {
            outside.extend(tagging::put(ctx, tx, puts).await?.outside);
        }
        tagging::remove_each(ctx, tx, &takes).await?;
    }
    Ok(outside)
}

/// What is written about a tag on a thing.
#[derive(Clone, Copy)]
enum Written {
    /// It is put on.
    Put(Stay),
    /// It goes on so long, too.
    Renew(Stay),
    /// It is taken off; if so told, whoever set it.
    Take { anyway: bool },
}

impl<'a> Step<'a> {
    /// The tag on the thing, and what is written about it.
    fn tagging(&self) -> Option<(Request, Written)> {
        match self.decision {
            Decision::Put(request, stay) => Some((request, Written::Put(stay))),
            Decision::Renew(request, stay) => Some((request, Written::Renew(stay))),
            Decision::Take(request, anyway) => Some((request, Written::Take { anyway })),
            _ => None,
        }
    }

    /// Whether it was to put one of these tags on while its thing is in that segment.
    pub(super) fn is_among(&self, outside: &HashSet<(Request, SegmentId)>) -> bool {
        match self.decision {
            Decision::Put(request, stay) | Decision::Renew(request, stay) => stay
                .while_in
                .is_some_and(|segment| outside.contains(&(request, segment))),
            _ => false,
        }
    }

    fn tag_reason(&self) -> Option<Reason<'a>> {
        self.tagging().map(|_| Reason {
            origin: self.by.origin,
            text: self.by.name.to_owned(),
            cause: self.by.cause,
        })
    }
}

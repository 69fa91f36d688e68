//! Taking contacts into playbooks and out of them.

use std::collections::HashSet;

use entity::{id::ContactId, kind::EnrolmentSource};

use super::{By, Step, of};
use crate::{
    action::{OutcomeResult, board::Decision},
    error::Result,
    playbook::{self, Counts, Entrant},
    store::Tx,
};

/// Takes contacts into playbooks and out of them, in the order they were asked for: a few statements
/// for each playbook, and again where the same contact is taken in and out in turns.
pub(super) async fn write_enrolments(
    tx: &mut Tx<'_>,
    steps: &[Step<'_>],
    counts: &mut Counts,
) -> Result<Vec<(usize, OutcomeResult)>> {
    let (places, wanted) = of(steps, |step| match step.decision {
        Decision::Start(contact, book) => Some((step.by, contact, book, true)),
        Decision::Stop(contact, book) => Some((step.by, contact, book, false)),
        _ => None,
    });
    let mut results = Vec::with_capacity(places.len());
    // Runs of the same act on the same playbook, each contact once, go together.
    let mut rest: Vec<_> = places.into_iter().zip(wanted).collect();
    while let Some(&(_, (_, _, book, starts))) = rest.first() {
        let mut seen = HashSet::new();
        let mut barred = HashSet::new();
        let (run, after): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(_, one)| {
            let (_, contact, of, does) = *one;
            if of != book {
                return false;
            }
            let together = does == starts && !barred.contains(&contact) && seen.insert(contact);
            if !together {
                barred.insert(contact);
            }
            together
        });
        rest = after;
        if starts {
            let entrants = run
                .iter()
                .map(|(_, (by, contact, ..))| entrant(by, *contact));
            let entrants: Vec<Entrant> = entrants.collect();
            let told = playbook::start(tx, book, &entrants, counts).await?;
            results.extend(run.iter().map(|(place, _)| *place).zip(told));
            continue;
        }
        let contacts: Vec<ContactId> = run.iter().map(|(_, (_, contact, ..))| *contact).collect();
        let (by, ..) = run[0].1;
        let ended = playbook::Ended {
            by: by.origin,
            depth: by.cause.map_or(0, |cause| cause.depth + 1),
            root: by.cause.map(|cause| cause.root),
            why: by.name,
        };
        let stopped = playbook::stop(tx, book, &contacts, ended, counts).await?;
        results.extend(run.iter().map(|(place, (_, contact, ..))| {
            let result = if stopped.contains(contact) {
                OutcomeResult::EnrolmentEnded
            } else {
                OutcomeResult::NotEnrolled
            };
            (*place, result)
        }));
    }
    Ok(results)
}

fn entrant(by: &By<'_>, contact: ContactId) -> Entrant {
    Entrant {
        contact,
        source: EnrolmentSource::Action,
        by: by.origin,
        depth: by.cause.map_or(0, |cause| cause.depth + 1),
        root: by.cause.map(|cause| cause.root),
    }
}

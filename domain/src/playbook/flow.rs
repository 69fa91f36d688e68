//! How the steps of a playbook hang together. Pure: knows steps, not enrolments.
//!
//! An edge is immediate if an enrolment takes it in the moment it comes to the step. Immediate edges
//! never form a circle (the check at save time sees to that), so the steps have an order in which a
//! whole batch of enrolments can be taken through them, each step once.

use super::definition::{Definition, Step, StepKind, Wait};

/// A wait as long as this, in seconds, may lead back to where it began.
pub(crate) const SHORT_SECONDS: i64 = 60;

/// The step after `place`, following `next` where it is given; nothing at the end.
pub(crate) fn follow(definition: &Definition, place: usize, next: Option<&str>) -> Option<usize> {
    match next {
        Some(step) => definition.place(step),
        None => Some(place + 1).filter(|&place| place < definition.steps.len()),
    }
}

/// Where everybody goes from `place` whom nothing sends elsewhere.
pub(crate) fn after(definition: &Definition, place: usize) -> Option<usize> {
    let next = definition.steps[place].next.as_deref();
    follow(definition, place, next)
}

/// Where an enrolment goes from `place` when what it waited for did not come to hold in time.
pub(crate) fn after_timeout(definition: &Definition, place: usize) -> Option<usize> {
    match &definition.steps[place].kind {
        StepKind::WaitFor(wait) if wait.on_timeout.is_some() => {
            follow(definition, place, wait.on_timeout.as_deref())
        }
        _ => after(definition, place),
    }
}

/// Which ways from step to step are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// All.
    Any,
    /// Those that take less than [`SHORT_SECONDS`].
    Short,
    /// Those that are taken in the moment somebody comes to the step.
    Immediate,
}

impl Pace {
    /// Whether it has ways that take as many seconds.
    fn takes(self, seconds: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Short => seconds < SHORT_SECONDS,
            Self::Immediate => false,
        }
    }
}

/// Every step that can come after `place` at this pace.
pub(crate) fn edges(definition: &Definition, place: usize, pace: Pace) -> Vec<usize> {
    let step: &Step = &definition.steps[place];
    let mut edges = Vec::new();
    match &step.kind {
        StepKind::End => return edges,
        StepKind::Wait(Wait::For { seconds }) if !pace.takes(*seconds) => return edges,
        // A time of day comes again after a day.
        StepKind::Wait(Wait::Until { .. }) if pace != Pace::Any => return edges,
        StepKind::WaitFor(wait) if pace.takes(wait.timeout_seconds) => {
            edges.extend(after_timeout(definition, place));
        }
        StepKind::Branch(arms) => {
            let arms = arms.iter();
            edges.extend(arms.filter_map(|arm| definition.place(&arm.next)));
        }
        StepKind::Actions(_) | StepKind::Wait(_) | StepKind::WaitFor(_) => {}
    }
    edges.extend(after(definition, place));
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// The steps an enrolment can come to, by place.
pub(crate) fn reachable(definition: &Definition) -> Vec<bool> {
    let mut seen = vec![false; definition.steps.len()];
    let mut open: Vec<usize> = (0..definition.steps.len().min(1)).collect();
    while let Some(place) = open.pop() {
        if !std::mem::replace(&mut seen[place], true) {
            open.extend(edges(definition, place, Pace::Any));
        }
    }
    seen
}

/// The places in an order in which every immediate edge leads forward, or a place on a circle of
/// immediate edges.
pub(crate) fn order(definition: &Definition) -> Result<Vec<usize>, usize> {
    order_at(definition, Pace::Immediate)
}

/// A place on a circle that is gone through without a wait of [`SHORT_SECONDS`] or more, if there is one.
pub(crate) fn short_circle(definition: &Definition) -> Option<usize> {
    order_at(definition, Pace::Short).err()
}

fn order_at(definition: &Definition, pace: Pace) -> Result<Vec<usize>, usize> {
    let steps = definition.steps.len();
    let mut incoming = vec![0_usize; steps];
    let out: Vec<Vec<usize>> = (0..steps)
        .map(|place| edges(definition, place, pace))
        .collect();
    for &to in out.iter().flatten() {
        incoming[to] += 1;
    }
    let mut free: Vec<usize> = (0..steps).filter(|&place| incoming[place] == 0).collect();
    let mut order = Vec::with_capacity(steps);
    while let Some(place) = free.pop() {
        order.push(place);
        for &to in &out[place] {
            incoming[to] -= 1;
            if incoming[to] == 0 {
                free.push(to);
            }
        }
    }
    if order.len() == steps {
        return Ok(order);
    }
    // Whatever is left is on a circle or behind one; walking back along it ends on the circle.
    let left: Vec<usize> = (0..steps).filter(|&place| incoming[place] > 0).collect();
    let mut at = left[0];
    for _ in 0..steps {
        let before = left.iter().find(|&&from| out[from].contains(&at));
        at = before.copied().unwrap_or(at);
    }
    Err(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::definition::{Arm, WaitFor};
    use crate::playbook::samples::{always, step};

    fn wait() -> StepKind {
        StepKind::Wait(Wait::For { seconds: 60 })
    }

    fn acts() -> StepKind {
        StepKind::Actions(Vec::new())
    }

    fn wait_for(on_timeout: Option<&str>) -> StepKind {
        StepKind::WaitFor(WaitFor {
            condition: always(),
            timeout_seconds: 60,
            on_timeout: on_timeout.map(str::to_owned),
        })
    }

    fn branch(to: &[&str]) -> StepKind {
        let arm = |to: &&str| Arm {
            name: String::new(),
            condition: always(),
            next: (*to).to_owned(),
        };
        StepKind::Branch(to.iter().map(arm).collect())
    }

    fn book(steps: &[(&str, StepKind, Option<&str>)]) -> Definition {
        let steps = steps.iter();
        Definition {
            steps: steps
                .map(|(id, kind, next)| step(id, kind.clone(), *next))
                .collect(),
            ..Definition::default()
        }
    }

    #[track_caller]
    fn circles(steps: &[(&str, StepKind, Option<&str>)], expected: Option<&[usize]>) {
        let definition = book(steps);
        match (order(&definition), expected) {
            (Ok(order), None) => {
                let at = |place| order.iter().position(|one| *one == place);
                for from in 0..definition.steps.len() {
                    for to in edges(&definition, from, Pace::Immediate) {
                        assert!(at(from) < at(to), "{from} before {to} in {order:?}");
                    }
                }
            }
            (Err(place), Some(expected)) => assert!(expected.contains(&place), "{place}"),
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn a_circle_needs_a_wait_in_it() {
        circles(&[("a", acts(), None), ("b", acts(), None)], None);
        circles(
            &[("a", acts(), None), ("b", acts(), Some("a"))],
            Some(&[0, 1]),
        );
        circles(&[("a", acts(), Some("a"))], Some(&[0]));
        circles(&[("a", acts(), None), ("b", wait(), Some("a"))], None);
        // What is waited for may hold at once, so waiting for it does not break a circle; the way
        // after the time-out does.
        circles(
            &[("a", acts(), None), ("b", wait_for(None), Some("a"))],
            Some(&[0, 1]),
        );
        circles(
            &[
                ("a", acts(), None),
                ("b", wait_for(Some("a")), Some("c")),
                ("c", StepKind::End, None),
            ],
            None,
        );
        circles(
            &[
                ("a", acts(), None),
                ("b", branch(&["c", "d"]), None),
                ("c", wait(), None),
                ("d", acts(), Some("b")),
            ],
            Some(&[1, 3]),
        );
        circles(
            &[
                ("start", acts(), None),
                ("a", acts(), Some("b")),
                ("c", wait(), Some("a")),
                ("b", branch(&["c"]), Some("e")),
                ("e", StepKind::End, None),
            ],
            None,
        );
    }

    #[test]
    fn a_circle_needs_a_wait_of_a_minute_in_it() {
        let short = || StepKind::Wait(Wait::For { seconds: 59 });
        let timeout = |seconds| {
            StepKind::WaitFor(WaitFor {
                condition: always(),
                timeout_seconds: seconds,
                on_timeout: Some("a".to_owned()),
            })
        };
        let morning = StepKind::Wait(Wait::Until {
            minute: 540,
            weekdays: Vec::new(),
        });
        for (kind, next, expected) in [
            (short(), Some("a"), true),
            (wait(), Some("a"), false),
            (morning, Some("a"), false),
            (timeout(59), Some("c"), true),
            (timeout(60), Some("c"), false),
            (short(), None, false),
        ] {
            let definition = book(&[
                ("a", acts(), None),
                ("b", kind.clone(), next),
                ("c", StepKind::End, None),
            ]);
            assert!(order(&definition).is_ok());
            assert_eq!(short_circle(&definition).is_some(), expected, "{kind:?}");
        }
    }

    #[test]
    fn the_way_follows_the_list_unless_a_step_says_otherwise() {
        let definition = book(&[
            ("a", acts(), Some("c")),
            ("b", acts(), None),
            ("c", wait_for(Some("e")), None),
            ("d", StepKind::End, None),
            ("e", acts(), None),
        ]);
        assert_eq!(after(&definition, 0), Some(2));
        assert_eq!(after(&definition, 2), Some(3));
        assert_eq!(after_timeout(&definition, 2), Some(4));
        assert_eq!(after(&definition, 4), None);
        assert_eq!(reachable(&definition), [true, false, true, true, true]);
        assert_eq!(reachable(&Definition::default()), [] as [bool; 0]);
    }
}

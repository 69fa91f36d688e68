//! Carrying actions out, any number at once, in the caller's transaction.
//!
//! The number of statements depends on the kinds of effects, not on how many there are, except that a
//! tag which is put on and taken off the same thing in turns takes a round of statements for each turn.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{ContactId, ConversationId, DeliveryId, FiringId, Id as _, MemberId, SegmentId, TeamId},
    kind::{EnrolmentSource, SubjectKind, SurveyMedium},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    Action, Case, Effect, Outcome, OutcomeResult, TaskAssignee,
    board::{Decision, Stay, Tags, Usable, Wanted, decide},
};
use crate::{
    access::Origin,
    attribute::write::{self as attributes, Checked, Put},
    conversation::{self, By as ConversationBy, Changes},
    ctx::Ctx,
    error::Result,
    notification::delivery::{self, NewDelivery, Payload},
    playbook::{self, Counts, Entrant},
    stage::{self, NewStage, OwnerMove, StageMove},
    store::{Query, Rows, Tx},
    subject::Subject,
    survey::invite::{self, Invited, NotInvited, Wanted as Ask},
    tag::{
        Reason, Request,
        tagging::{self, Addition, Removal},
    },
    task::{self, Assignee, Draft, Made},
    work::change::Entry,
};

/// Who has actions carried out, and why.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// Who: a rule or a playbook.
    pub origin: Origin,
    /// What it is called, for histories and notices.
    pub name: &'a str,
    /// The log entry it follows from, if it follows from one.
    pub cause: Option<&'a Entry>,
    /// The firing it belongs to, if it is a rule's.
    pub firing: Option<FiringId>,
    /// Notices set off no earlier.
    pub not_before: Option<DateTime<Utc>>,
}

/// An action to be carried out.
#[derive(Debug, Clone, Copy)]
pub struct Performed<'a> {
    /// What is wanted.
    pub action: &'a Action,
    /// What it is about.
    pub case: Case,
    /// Who wants it.
    pub by: By<'a>,
}

/// Carries actions out in their order and says for each what became of its effects.
pub async fn perform(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    performed: &[Performed<'_>],
) -> Result<Vec<Vec<Outcome>>> {
    let mut counts = Counts::default();
    let outcomes = perform_counting(ctx, tx, performed, &mut counts).await?;
    counts.write(tx).await?;
    Ok(outcomes)
}

/// Like [`perform`]; the caller writes the counts of playbooks, as the last of what is locked.
pub(crate) async fn perform_counting(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    performed: &[Performed<'_>],
    counts: &mut Counts,
) -> Result<Vec<Vec<Outcome>>> {
    let mut wanted = Wanted::default();
    let mut things = HashSet::new();
    let effects: Vec<Vec<Effect>> = performed.iter().map(|one| one.action.effects()).collect();
    for (one, effects) in performed.iter().zip(&effects) {
        for effect in effects {
            wanted.note(effect);
            if effect.tagging().is_some() {
                things.extend(one.case.things());
            }
        }
    }
    let usable = Usable::load(tx, &wanted).await?;
    let mut tags = Tags::load(tx, things, &wanted).await?;
    let mut steps = Vec::new();
    for (one, effects) in performed.iter().zip(&effects) {
        for effect in effects {
            steps.push(Step {
                decision: decide(effect, &one.case, &mut tags, &usable),
                case: one.case,
                by: one.by,
            });
        }
    }
    let mut results = carry_out(ctx, tx, &usable, &steps, counts)
        .await?
        .into_iter();
    Ok(effects
        .into_iter()
        .map(|effects| {
            let with_results = effects.into_iter().zip(results.by_ref());
            with_results
                .map(|(effect, result)| Outcome {
                    action: 0,
                    effect,
                    result,
                })
                .collect()
        })
        .collect())
}

impl Case {
    /// The thing of a kind that it is about.
    pub(crate) fn subject(&self, of: SubjectKind) -> Option<Subject> {
        match of {
            SubjectKind::Contact => self.contact.map(Subject::from),
            SubjectKind::Account => self.account.map(Subject::from),
            SubjectKind::Conversation => self.conversation.map(Subject::from),
        }
    }

    /// The ids of what it is about that can carry tags.
    pub(crate) fn things(&self) -> impl Iterator<Item = Uuid> {
        let contact = self.contact.map(|id| id.0);
        let account = self.account.map(|id| id.0);
        let conversation = self.conversation.map(|id| id.0);
        [contact, account, conversation].into_iter().flatten()
    }
}

/// Something decided that is to be written.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) decision: Decision,
    pub(crate) case: Case,
    pub(crate) by: By<'a>,
}

/// Writes what was decided, and says what became of each. The caller writes the counts of playbooks when
/// everything else is: contacts that are held after them would wait for who holds these and wants those.
pub(crate) async fn carry_out(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    usable: &Usable,
    steps: &[Step<'_>],
    counts: &mut Counts,
) -> Result<Vec<OutcomeResult>> {
    let mut results: Vec<OutcomeResult> = steps.iter().map(|step| expected(tx, step)).collect();
    let outside = write_tags(ctx, tx, usable, steps).await?;
    if !outside.is_empty() {
        // They have left the segment since it was decided.
        for (step, result) in steps.iter().zip(&mut results) {
            if step.is_among(&outside) {
                *result = OutcomeResult::NotInSegment;
            }
        }
    }
    // Before conversations are given to them.
    for (place, changed) in write_owners(tx, steps).await? {
        results[place] = changed_or_not(changed);
    }
    for (place, changed) in write_conversations(ctx, tx, steps).await? {
        results[place] = changed.map_or(OutcomeResult::NoOwner, changed_or_not);
    }
    for (place, changed) in write_stages(tx, steps).await? {
        results[place] = changed_or_not(changed);
    }
    for (place, changed) in write_attributes(tx, steps).await? {
        results[place] = changed_or_not(changed);
    }
    for (place, made) in write_tasks(tx, steps).await? {
        results[place] = OutcomeResult::TaskCreated {
            task_id: made.id,
            unassigned: made.unassigned,
        };
    }
    // Contacts are held for these: before anybody's enrolments.
    for (place, result) in write_invitations(tx, steps).await? {
        results[place] = result;
    }
    for (place, result) in write_enrolments(tx, steps, counts).await? {
        results[place] = result;
    }
    send(ctx, tx, steps, &results).await?;
    Ok(results)
}

fn changed_or_not(changed: bool) -> OutcomeResult {
    if changed {
        OutcomeResult::Changed
    } else {
        OutcomeResult::Unchanged
    }
}

/// What is known to become of a step before it is written.
fn expected(tx: &Tx<'_>, step: &Step<'_>) -> OutcomeResult {
    match &step.decision {
        Decision::Nothing(result) => result.clone(),
        Decision::Put(..) => OutcomeResult::Tagged,
        Decision::Renew(..) => OutcomeResult::TaggingRenewed,
        Decision::Take(..) => OutcomeResult::Untagged,
        Decision::Notify { .. } => OutcomeResult::Queued {
            delivery_id: tx.id(),
            until: step.by.not_before,
        },
        Decision::Conversation(..)
        | Decision::AssignToOwner(..)
        | Decision::Attribute(..)
        | Decision::Stage(..)
        | Decision::Owner(..)
        | Decision::Task { .. }
        | Decision::Start(..)
        | Decision::Stop(..)
        | Decision::Ask(..) => OutcomeResult::Unchanged,
    }
}

/// Tags that can be put on and taken off together.
#[derive(Default)]
struct Round<'a> {
    puts: Vec<Addition<'a>>,
    takes: Vec<Removal<'a>>,
}

/// Puts tags on and takes tags off. What is put on and taken off the same thing goes in rounds. Says what was not
/// put on because the thing has left the segment meanwhile.
async fn write_tags(
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
    fn is_among(&self, outside: &HashSet<(Request, SegmentId)>) -> bool {
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

/// The steps that are of a kind, with their places among all.
fn of<'s, 'a, T>(
    steps: &'s [Step<'a>],
    pick: impl Fn(&'s Step<'a>) -> Option<T>,
) -> (Vec<usize>, Vec<T>) {
    let picked = steps.iter().enumerate();
    picked
        .filter_map(|(place, step)| Some((place, pick(step)?)))
        .unzip()
}

/// Changes conversations. Says of each whether that changed something; nothing where it was to go to whoever
/// looks after the contact, and nobody does.
async fn write_conversations(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    steps: &[Step<'_>],
) -> Result<Vec<(usize, Option<bool>)>> {
    let owners = owners(tx, steps).await?;
    let (places, wanted): (_, Vec<(ConversationBy<'_>, ConversationId, Changes)>) =
        of(steps, |step| {
            let (id, changes) = match &step.decision {
                Decision::Conversation(id, changes) => (*id, changes.clone()),
                Decision::AssignToOwner(id, contact) => {
                    let changes = Changes {
                        assignee: Some(Some(*owners.get(contact)?)),
                        ..Changes::default()
                    };
                    (*id, changes)
                }
                _ => return None,
            };
            let by = ConversationBy {
                origin: step.by.origin,
                cause: step.by.cause,
            };
            Some((by, id, changes))
        });
    let changed = conversation::apply_each(ctx, tx, &wanted).await?;
    let changed = places.into_iter().zip(changed.into_iter().map(Some));
    let is_ownerless = |step: &Step<'_>| match step.decision {
        Decision::AssignToOwner(_, contact) => !owners.contains_key(&contact),
        _ => false,
    };
    let ownerless = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| is_ownerless(step));
    Ok(changed
        .chain(ownerless.map(|(place, _)| (place, None)))
        .collect())
}

#[derive(FromQueryResult)]
struct Owned {
    id: ContactId,
    owner_id: MemberId,
}

/// Who looks after the contacts whose conversations are to be given to them, of the members that are there.
async fn owners(tx: &Tx<'_>, steps: &[Step<'_>]) -> Result<HashMap<ContactId, MemberId>> {
    let (_, contacts) = of(steps, |step| match step.decision {
        Decision::AssignToOwner(_, contact) => Some(contact),
        _ => None,
    });
    if contacts.is_empty() {
        return Ok(HashMap::new());
    }
    let contacts: BTreeSet<ContactId> = contacts.into_iter().collect();
    let found: Vec<Owned> = Query::new(
        "SELECT c.id, c.owner_id FROM {r} JOIN contact c ON c.workspace_id = $1 AND c.id = r.id
         JOIN member m ON m.workspace_id = $1 AND m.id = c.owner_id AND m.removed_at IS NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", contacts))
    .all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|one| (one.id, one.owner_id))
        .collect())
}

async fn write_owners(tx: &mut Tx<'_>, steps: &[Step<'_>]) -> Result<Vec<(usize, bool)>> {
    let (places, wanted): (_, Vec<OwnerMove<'_>>) = of(steps, |step| match step.decision {
        Decision::Owner(subject, owner) => Some(OwnerMove {
            subject,
            owner,
            origin: step.by.origin,
            cause: step.by.cause,
        }),
        _ => None,
    });
    let changed = stage::give_each(tx, &wanted).await?;
    Ok(places.into_iter().zip(changed).collect())
}

async fn write_stages(tx: &mut Tx<'_>, steps: &[Step<'_>]) -> Result<Vec<(usize, bool)>> {
    let (places, wanted): (_, Vec<StageMove<'_>>) = of(steps, |step| match step.decision {
        Decision::Stage(subject, stage) => Some(StageMove {
            subject,
            new: NewStage {
                stage,
                reason: step.by.name.to_owned(),
            },
            origin: step.by.origin,
            cause: step.by.cause,
        }),
        _ => None,
    });
    let changed = stage::move_each(tx, &wanted).await?;
    Ok(places.into_iter().zip(changed).collect())
}

/// Sets attributes. What is given the same one twice gets the values in turn.
async fn write_attributes(tx: &mut Tx<'_>, steps: &[Step<'_>]) -> Result<Vec<(usize, bool)>> {
    let (places, wanted) = of(steps, |step| match &step.decision {
        Decision::Attribute(subject, contact, attribute, value) => {
            Some((step.by, *subject, *contact, *attribute, value.clone()))
        }
        _ => None,
    });
    let mut turns: HashMap<(Subject, entity::id::AttributeId), usize> = HashMap::new();
    let mut rounds: Vec<Vec<(usize, Put<'_>)>> = Vec::new();
    for (place, (by, subject, contact, attribute, value)) in places.into_iter().zip(wanted) {
        let turn = turns.entry((subject, attribute)).or_default();
        if rounds.len() <= *turn {
            rounds.push(Vec::new());
        }
        let put = Put {
            origin: by.origin,
            cause: by.cause,
            subject,
            contact,
            settings: vec![Checked::new(attribute, value)],
        };
        rounds[*turn].push((place, put));
        *turn += 1;
    }
    let mut results = Vec::new();
    for round in rounds {
        let (places, puts): (Vec<usize>, Vec<Put<'_>>) = round.into_iter().unzip();
        let keys: Vec<_> = puts
            .iter()
            .map(|put| (put.subject.id, put.settings[0].attribute()))
            .collect();
        let changed = attributes::put_each(tx, puts).await?;
        let pairs = places.into_iter().zip(keys);
        results.extend(pairs.map(|(place, key)| (place, changed.contains(&key))));
    }
    Ok(results)
}

async fn write_tasks(tx: &mut Tx<'_>, steps: &[Step<'_>]) -> Result<Vec<(usize, Made)>> {
    let now = tx.now;
    let (places, drafts): (_, Vec<Draft<'_>>) = of(steps, |step| {
        let Decision::Task {
            title,
            description,
            priority,
            due_in_minutes,
            assignee,
        } = &step.decision
        else {
            return None;
        };
        let due = due_in_minutes.and_then(TimeDelta::try_minutes);
        Some(Draft {
            title,
            description,
            priority: *priority,
            due_at: due.map(|due| now + due),
            assignee: match assignee {
                TaskAssignee::Nobody => Assignee::Nobody,
                TaskAssignee::Owner => Assignee::Owner,
                TaskAssignee::Member(id) => Assignee::Member(MemberId(*id)),
                TaskAssignee::Team(id) => Assignee::Team(TeamId(*id)),
            },
            contact: step.case.contact,
            account: step.case.account,
            conversation: step.case.conversation,
            origin: step.by.origin,
            cause: step.by.cause,
        })
    });
    let made = task::make(tx, &drafts).await?;
    Ok(places.into_iter().zip(made).collect())
}

/// Takes contacts into playbooks and out of them, in the order they were asked for: a few statements
/// for each playbook, and again where the same contact is taken in and out in turns.
async fn write_enrolments(
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

/// Asks contacts to answer surveys, all of them in a few statements.
async fn write_invitations(
    tx: &mut Tx<'_>,
    steps: &[Step<'_>],
) -> Result<Vec<(usize, OutcomeResult)>> {
    let (places, wanted): (_, Vec<Ask<'_>>) = of(steps, |step| match step.decision {
        Decision::Ask(contact, survey) => Some(Ask {
            survey,
            contact,
            medium: SurveyMedium::Email,
            origin: step.by.origin,
            cause: step.by.cause,
            not_before: step.by.not_before,
        }),
        _ => None,
    });
    let asked = invite::invite(tx, &wanted).await?;
    let results = wanted.iter().zip(asked).map(|(one, asked)| match asked {
        Ok(Invited { id, .. }) => OutcomeResult::Invited {
            invitation_id: id,
            until: one.not_before,
        },
        Err(NotInvited::Already(_)) => OutcomeResult::InvitedAlready,
        Err(NotInvited::Unsubscribed) => OutcomeResult::Unsubscribed,
        Err(NotInvited::NoAddress) => OutcomeResult::NoEmailAddress,
        Err(NotInvited::NoPublicUrl) => OutcomeResult::NoPublicUrl,
        Err(NotInvited::NoContact) => OutcomeResult::NothingToActOn,
        Err(NotInvited::NoSurvey | NotInvited::Archived) => OutcomeResult::Unavailable,
    });
    Ok(places.into_iter().zip(results).collect())
}

async fn send(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    steps: &[Step<'_>],
    results: &[OutcomeResult],
) -> Result<()> {
    let new: Vec<NewDelivery> = steps
        .iter()
        .zip(results)
        .filter_map(|(step, result)| match (&step.decision, result) {
            (
                Decision::Notify {
                    target,
                    title,
                    text,
                },
                OutcomeResult::Queued { delivery_id, .. },
            ) => Some(NewDelivery {
                id: DeliveryId(delivery_id.uuid()),
                target: *target,
                rule: step.by.origin.rule(),
                firing: step.by.firing,
                contact: step.case.contact,
                payload: payload(step, title.clone(), text.clone()),
                not_before: step.by.not_before,
            }),
            _ => None,
        })
        .collect();
    delivery::enqueue(ctx, tx, &new).await
}

/// What a notice tells: of a message, or of whatever else it is about.
fn payload(step: &Step<'_>, title: Option<String>, template: Option<String>) -> Payload {
    let name = step.by.name.to_owned();
    match (step.by.firing, step.case.message) {
        (Some(_), Some(message_id)) => Payload::RuleFired {
            title,
            rule_name: name,
            message_id,
            template,
        },
        _ => Payload::Said {
            title: title.unwrap_or_else(|| name.clone()),
            by: name,
            template,
            conversation_id: step.case.conversation,
            account_id: step.case.account.filter(|_| step.case.contact.is_none()),
            message_id: step.case.message,
            playbook_id: match step.by.origin {
                Origin::Playbook { playbook_id, .. } => Some(playbook_id),
                _ => None,
            },
        },
    }
}

//! What the other kinds of facts have of their own.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{
    error::Error,
    fact::{Filter, Of, Outcome, ingest::Head},
    invoice::{self, InvoiceFilter, NewInvoice},
    opportunity::{self, NewOpportunity},
    page::PageRequest,
    survey::{self, NewSurveyAnswer, SurveyAnswerFilter},
    ticket::{self, NewTicket, TicketFilter},
    work::change::{self, Fact, Position},
};
use entity::kind::{InvoiceStatus, OpportunityStatus, SurveyKind, TicketPriority, TicketStatus};

use super::{contact_of, email};
use crate::support::{World, on_both, process::until};

#[test]
fn the_other_kinds_are_taken_in_and_listed_by_what_is_theirs() {
    on_both(|world| async move {
        let (ctx, workspace, now) = (&world.ctx, world.owner.workspace, world.ctx.clock.now());
        let head = |id: &str| Head {
            external_id: id.to_owned(),
            party: email("taro@customer.example"),
            updated_at: None,
        };
        let bill = |id: &str, status, due: Option<DateTime<Utc>>| NewInvoice {
            head: head(id),
            number: None,
            status,
            amount: 1_250,
            currency: "KWD".to_owned(),
            issued_at: now - TimeDelta::days(40),
            due_at: due,
            paid_at: None,
        };
        let past = Some(now - TimeDelta::days(10));
        let bills = vec![
            bill("late", InvoiceStatus::Open, past),
            bill("early", InvoiceStatus::Open, Some(now + TimeDelta::days(1))),
            bill("void", InvoiceStatus::Void, past),
        ];
        invoice::ingest(ctx, &world.owner, bills).await.unwrap();
        let overdue = async |overdue| {
            let filter = InvoiceFilter {
                overdue,
                ..InvoiceFilter::default()
            };
            let page = invoice::list(ctx, workspace, &filter, &PageRequest::first(10)).await;
            let rows = page.unwrap().rows.into_iter();
            let mut ids: Vec<_> = rows.map(|(_, row)| row.external_id).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(overdue(Some(true)).await, ["late"]);
        assert_eq!(overdue(Some(false)).await, ["early", "void"]);

        let case = NewTicket {
            head: head("t"),
            subject: "返品".to_owned(),
            status: TicketStatus::Solved,
            priority: TicketPriority::Urgent,
            csat: Some(4),
            opened_at: now - TimeDelta::days(2),
            solved_at: Some(now - TimeDelta::days(1)),
        };
        let mut wrong = case.clone();
        (wrong.csat, wrong.status) = (Some(6), TicketStatus::Open);
        assert!(
            ticket::ingest(ctx, &world.owner, vec![wrong])
                .await
                .is_err()
        );
        ticket::ingest(ctx, &world.owner, vec![case.clone()])
            .await
            .unwrap();
        let filter = TicketFilter {
            priorities: vec![TicketPriority::Urgent],
            ..TicketFilter::default()
        };
        let page = ticket::list(ctx, workspace, &filter, &PageRequest::first(10)).await;
        let row = page.unwrap().rows.remove(0).1;
        assert_eq!((row.csat, row.solved_at), (Some(4), case.solved_at));

        let deal = NewOpportunity {
            head: head("d"),
            name: "Renewal".to_owned(),
            status: OpportunityStatus::Open,
            stage: Some("Proposal".to_owned()),
            amount: None,
            currency: None,
            probability: Some(60),
            expected_close: NaiveDate::from_ymd_opt(2027, 1, 31),
            opened_at: now - TimeDelta::days(3),
            closed_at: None,
        };
        opportunity::ingest(ctx, &world.owner, vec![deal.clone()])
            .await
            .unwrap();
        let won = NewOpportunity {
            status: OpportunityStatus::Won,
            amount: Some(5_000),
            currency: Some("EUR".to_owned()),
            expected_close: None,
            closed_at: Some(now),
            ..deal
        };
        let ingested = opportunity::ingest(ctx, &world.owner, vec![won])
            .await
            .unwrap();
        assert_eq!(ingested[0].outcome, Outcome::Updated);
        let filter = Filter {
            statuses: vec![OpportunityStatus::Won],
            ..Filter::default()
        };
        let page = opportunity::list(ctx, workspace, &filter, &PageRequest::first(10)).await;
        let row = page.unwrap().rows.remove(0).1;
        assert_eq!(
            (row.amount, row.currency.as_deref()),
            (Some(5_000), Some("EUR"))
        );
        assert_eq!((row.expected_close, row.probability), (None, Some(60)));
        world
    });
}

/// The answers a filter finds, as (external id, score), newest first.
async fn answers(world: &World, filter: SurveyAnswerFilter) -> Vec<(String, i64)> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let page = survey::list(ctx, workspace, &filter, &PageRequest::first(10)).await;
    let rows = page.unwrap().rows.into_iter();
    rows.map(|(_, row)| (row.external_id, row.score)).collect()
}

#[test]
fn a_survey_answer_is_taken_once_counts_as_activity_and_is_told_to_the_log() {
    on_both(|world| async move {
        let (ctx, workspace, now) = (&world.ctx, world.owner.workspace, world.ctx.clock.now());
        let answer = |id: &str, kind, score, minutes| NewSurveyAnswer {
            head: Head {
                external_id: id.to_owned(),
                party: email("taro@customer.example"),
                updated_at: Some(now + TimeDelta::minutes(minutes)),
            },
            survey_key: "onboarding".to_owned(),
            kind,
            score,
            comment: Some(" 使いやすい ".to_owned()),
            answered_at: now + TimeDelta::minutes(minutes),
        };
        let wrong = vec![
            answer("a", SurveyKind::Nps, 11, 0),
            answer("b", SurveyKind::Csat, 0, 0),
            answer("c", SurveyKind::Csat, 6, 0),
            answer("d", SurveyKind::Nps, -1, 0),
        ];
        let Err(Error::Refused(errors)) = survey::ingest(ctx, &world.owner, wrong).await else {
            panic!("scores off their scale were taken");
        };
        let paths: Vec<String> = errors.iter().map(|error| error.path.join(".")).collect();
        let expected = [
            "answers.0.score",
            "answers.1.score",
            "answers.2.score",
            "answers.3.score",
        ];
        assert_eq!(paths, expected);

        let told = vec![
            answer("nps", SurveyKind::Nps, 0, 1),
            answer("csat", SurveyKind::Csat, 5, 2),
        ];
        for outcome in [Outcome::Created, Outcome::Unchanged] {
            let ingested = survey::ingest(ctx, &world.owner, told.clone())
                .await
                .unwrap();
            assert!(ingested.iter().all(|one| one.outcome == outcome));
        }
        let mended = vec![answer("nps", SurveyKind::Nps, 10, 3)];
        let ingested = survey::ingest(ctx, &world.owner, mended).await.unwrap();
        assert_eq!(ingested[0].outcome, Outcome::Updated);

        let contact = contact_of(&world, "taro@customer.example").await;
        let of_him = SurveyAnswerFilter {
            common: Filter::of(Of::Contact(contact)),
            survey_key: Some("onboarding".to_owned()),
        };
        let both = [("nps".to_owned(), 10), ("csat".to_owned(), 5)];
        assert_eq!(answers(&world, of_him).await, both);
        let nps = SurveyAnswerFilter {
            common: Filter {
                statuses: vec![SurveyKind::Nps],
                ..Filter::default()
            },
            survey_key: None,
        };
        assert_eq!(answers(&world, nps).await, both[..1]);
        let other = SurveyAnswerFilter {
            survey_key: Some("renewal".to_owned()),
            ..SurveyAnswerFilter::default()
        };
        assert!(answers(&world, other).await.is_empty());

        // What other databases of the server are doing may hold the log back for a moment.
        let read = until(
            "the log to be readable",
            Duration::from_mins(1),
            async || {
                let read = change::read(ctx.reader(), workspace, Position::default(), 10_000).await;
                let read = read.unwrap();
                let answered = read.iter().filter(|entry| {
                    let fact = entry.as_ref().map(|entry| &entry.fact);
                    matches!(fact, Ok(Fact::SurveyAnswered { .. }))
                });
                (answered.count() == 3).then_some(read)
            },
        )
        .await;
        let mut told = Vec::new();
        for entry in read {
            if let Fact::SurveyAnswered {
                survey_key,
                score,
                is_new,
                ..
            } = entry.unwrap().fact
            {
                told.push((survey_key, score, is_new));
            }
        }
        told.sort_unstable();
        let of = |score, is_new| ("onboarding".to_owned(), score, is_new);
        assert_eq!(told, [of(0, true), of(5, true), of(10, false)]);
        world
    });
}

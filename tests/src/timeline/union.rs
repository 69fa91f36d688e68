//! What timelines should be, by a plain union over all tables, beside what they are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    fact::Of,
    page::PageRequest,
    store::Query,
    timeline::{self, Entry},
};
use entity::{
    id::{AccountId, ContactId},
    kind::TimelineKind,
};
use sea_orm::{FromQueryResult, Iterable as _};
use uuid::Uuid;

use crate::support::World;

/// Everything with an entry, told by the tables themselves.
const UNION: &str = "
    SELECT 'MESSAGE' AS kind, m.sent_at AS at, m.id AS subject_id, m.contact_id, c.account_id
    FROM message m JOIN contact c ON c.workspace_id = $1 AND c.id = m.contact_id
    WHERE m.workspace_id = $1
    UNION ALL SELECT 'EVENT', e.occurred_at, e.id, e.contact_id, c.account_id
    FROM event e JOIN contact c ON c.workspace_id = $1 AND c.id = e.contact_id
    WHERE e.workspace_id = $1
    UNION ALL SELECT 'EMAIL_EVENT', e.occurred_at, e.id, e.contact_id, c.account_id
    FROM email_event e JOIN contact c ON c.workspace_id = $1 AND c.id = e.contact_id
    WHERE e.workspace_id = $1
    UNION ALL SELECT 'RULE_FIRED', f.fired_at, f.id, f.contact_id, c.account_id
    FROM rule_firing f JOIN contact c ON c.workspace_id = $1 AND c.id = f.contact_id
    WHERE f.workspace_id = $1
    UNION ALL SELECT 'HEALTH_CHANGED', h.as_of, h.id, h.contact_id, c.account_id
    FROM health_history h JOIN contact c ON c.workspace_id = $1 AND c.id = h.contact_id
    WHERE h.workspace_id = $1
    UNION ALL SELECT 'TAG_ADDED', g.added_at, g.id, c.id, c.account_id
    FROM tagging g JOIN contact c ON c.workspace_id = $1 AND c.id = g.target_id
    WHERE g.workspace_id = $1
    UNION ALL SELECT 'TAG_ADDED', g.added_at, g.id, c.id, c.account_id
    FROM tagging g JOIN conversation v ON v.workspace_id = $1 AND v.id = g.target_id
    JOIN contact c ON c.workspace_id = $1 AND c.id = v.contact_id WHERE g.workspace_id = $1
    UNION ALL SELECT 'TAG_ADDED', g.added_at, g.id, NULL, a.id
    FROM tagging g JOIN account a ON a.workspace_id = $1 AND a.id = g.target_id
    WHERE g.workspace_id = $1
    UNION ALL SELECT 'TAG_REMOVED', g.removed_at, g.id, c.id, c.account_id
    FROM tagging g JOIN contact c ON c.workspace_id = $1 AND c.id = g.target_id
    WHERE g.workspace_id = $1 AND g.removed_at IS NOT NULL
    UNION ALL SELECT 'TAG_REMOVED', g.removed_at, g.id, c.id, c.account_id
    FROM tagging g JOIN conversation v ON v.workspace_id = $1 AND v.id = g.target_id
    JOIN contact c ON c.workspace_id = $1 AND c.id = v.contact_id
    WHERE g.workspace_id = $1 AND g.removed_at IS NOT NULL
    UNION ALL SELECT 'TAG_REMOVED', g.removed_at, g.id, NULL, a.id
    FROM tagging g JOIN account a ON a.workspace_id = $1 AND a.id = g.target_id
    WHERE g.workspace_id = $1 AND g.removed_at IS NOT NULL
    UNION ALL SELECT 'NOTE', o.created_at, o.id, c.id, c.account_id
    FROM note o JOIN contact c ON c.workspace_id = $1 AND c.id = o.subject_id
    WHERE o.workspace_id = $1 AND o.deleted_at IS NULL
    UNION ALL SELECT 'NOTE', o.created_at, o.id, c.id, c.account_id
    FROM note o JOIN conversation v ON v.workspace_id = $1 AND v.id = o.subject_id
    JOIN contact c ON c.workspace_id = $1 AND c.id = v.contact_id
    WHERE o.workspace_id = $1 AND o.deleted_at IS NULL
    UNION ALL SELECT 'NOTE', o.created_at, o.id, NULL, a.id
    FROM note o JOIN account a ON a.workspace_id = $1 AND a.id = o.subject_id
    WHERE o.workspace_id = $1 AND o.deleted_at IS NULL
    UNION ALL SELECT 'STAGE_CHANGED', s.at, s.id, c.id, c.account_id
    FROM stage_change s JOIN contact c ON c.workspace_id = $1 AND c.id = s.subject_id
    WHERE s.workspace_id = $1
    UNION ALL SELECT 'ORDER', t.placed_at, t.id, t.contact_id,
        CASE WHEN t.account_told = $2 THEN t.account_id ELSE c.account_id END
    FROM sales_order t LEFT JOIN contact c ON c.workspace_id = $1 AND c.id = t.contact_id
    WHERE t.workspace_id = $1
    UNION ALL SELECT 'INVOICE', t.issued_at, t.id, t.contact_id,
        CASE WHEN t.account_told = $2 THEN t.account_id ELSE c.account_id END
    FROM invoice t LEFT JOIN contact c ON c.workspace_id = $1 AND c.id = t.contact_id
    WHERE t.workspace_id = $1
    UNION ALL SELECT 'TICKET', t.opened_at, t.id, t.contact_id,
        CASE WHEN t.account_told = $2 THEN t.account_id ELSE c.account_id END
    FROM ticket t LEFT JOIN contact c ON c.workspace_id = $1 AND c.id = t.contact_id
    WHERE t.workspace_id = $1
    UNION ALL SELECT 'OPPORTUNITY', t.opened_at, t.id, t.contact_id,
        CASE WHEN t.account_told = $2 THEN t.account_id ELSE c.account_id END
    FROM opportunity t LEFT JOIN contact c ON c.workspace_id = $1 AND c.id = t.contact_id
    WHERE t.workspace_id = $1
    UNION ALL SELECT 'SURVEY_ANSWER', t.answered_at, t.id, t.contact_id,
        CASE WHEN t.account_told = $2 THEN t.account_id ELSE c.account_id END
    FROM survey_answer t LEFT JOIN contact c ON c.workspace_id = $1 AND c.id = t.contact_id
    WHERE t.workspace_id = $1
    UNION ALL SELECT 'SURVEY_INVITED', i.created_at, i.id, c.id, c.account_id
    FROM survey_invitation i JOIN contact c ON c.workspace_id = $1 AND c.id = i.contact_id
    WHERE i.workspace_id = $1
    UNION ALL SELECT 'PLAYBOOK_ENTERED', e.entered_at, e.id, c.id, c.account_id
    FROM enrolment e JOIN contact c ON c.workspace_id = $1 AND c.id = e.contact_id
    WHERE e.workspace_id = $1
    UNION ALL SELECT 'PLAYBOOK_LEFT', e.ended_at, e.id, c.id, c.account_id
    FROM enrolment e JOIN contact c ON c.workspace_id = $1 AND c.id = e.contact_id
    WHERE e.workspace_id = $1 AND e.ended_at IS NOT NULL
    UNION ALL SELECT CASE WHEN w.entered = $2 THEN 'SEGMENT_ENTERED' ELSE 'SEGMENT_LEFT' END,
        w.at, w.id, c.id, c.account_id
    FROM segment_move w JOIN contact c ON c.workspace_id = $1 AND c.id = w.subject_id
    WHERE w.workspace_id = $1
    UNION ALL SELECT CASE WHEN w.entered = $2 THEN 'SEGMENT_ENTERED' ELSE 'SEGMENT_LEFT' END,
        w.at, w.id, NULL, a.id
    FROM segment_move w JOIN account a ON a.workspace_id = $1 AND a.id = w.subject_id
    WHERE w.workspace_id = $1
    UNION ALL SELECT 'TASK_CREATED', k.created_at, k.id, k.contact_id,
        COALESCE(k.account_id, c.account_id)
    FROM task k LEFT JOIN contact c ON c.workspace_id = $1 AND c.id = k.contact_id
    WHERE k.workspace_id = $1
    UNION ALL SELECT 'TASK_ENDED', k.ended_at, k.id, k.contact_id,
        COALESCE(k.account_id, c.account_id)
    FROM task k LEFT JOIN contact c ON c.workspace_id = $1 AND c.id = k.contact_id
    WHERE k.workspace_id = $1 AND k.ended_at IS NOT NULL
    UNION ALL SELECT 'SUBSCRIPTION_CHANGED', s.at, s.id, c.id, c.account_id
    FROM subscription_change s JOIN contact c ON c.workspace_id = $1 AND c.id = s.contact_id
    WHERE s.workspace_id = $1
    UNION ALL SELECT 'OWNER_CHANGED', o.at, o.id, c.id, c.account_id
    FROM owner_change o JOIN contact c ON c.workspace_id = $1 AND c.id = o.subject_id
    WHERE o.workspace_id = $1
    UNION ALL SELECT 'OWNER_CHANGED', o.at, o.id, NULL, a.id
    FROM owner_change o JOIN account a ON a.workspace_id = $1 AND a.id = o.subject_id
    WHERE o.workspace_id = $1
    UNION ALL SELECT 'CONVERSATION_STATUS_CHANGED', s.at, s.id, c.id, c.account_id
    FROM conversation_step s JOIN conversation v ON v.workspace_id = $1 AND v.id = s.conversation_id
    JOIN contact c ON c.workspace_id = $1 AND c.id = v.contact_id
    WHERE s.workspace_id = $1 AND s.kind = 'STATUS'";

#[derive(Debug, Clone, FromQueryResult)]
struct Told {
    kind: String,
    at: DateTime<Utc>,
    subject_id: Uuid,
    contact_id: Option<ContactId>,
    account_id: Option<AccountId>,
}

type Row = (DateTime<Utc>, Uuid, String);

/// What the timelines should be: newest first, for each contact and account.
async fn expected(world: &World) -> BTreeMap<Uuid, Vec<Row>> {
    let told: Vec<Told> = Query::new(UNION)
        .bind(world.owner.workspace)
        .bind(true)
        .all(world.ctx.reader())
        .await
        .unwrap();
    let mut timelines: BTreeMap<Uuid, Vec<Row>> = BTreeMap::new();
    for one in told {
        let owners = [one.contact_id.map(|id| id.0), one.account_id.map(|id| id.0)];
        for owner in owners.into_iter().flatten() {
            let row = (one.at, one.subject_id, one.kind.clone());
            timelines.entry(owner).or_default().push(row);
        }
    }
    for rows in timelines.values_mut() {
        rows.sort_unstable_by(|a, b| b.cmp(a));
    }
    timelines
}

fn row(entry: &Entry) -> Row {
    (entry.at, entry.subject_id, entry.kind.word().to_owned())
}

/// The whole timeline, page by page in one direction.
async fn walk(
    world: &World,
    of: Of,
    kinds: &[TimelineKind],
    size: i64,
    backward: bool,
) -> Vec<Row> {
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let mut request = PageRequest::first(size);
        request.backward = backward;
        if backward {
            request.before = cursor;
        } else {
            request.after = cursor;
        }
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let page = timeline::list(ctx, workspace, of, kinds, &request).await;
        let mut page = page.unwrap();
        let more = if backward {
            page.has_previous
        } else {
            page.has_next
        };
        if backward {
            page.rows.reverse();
        }
        rows.extend(page.rows.iter().map(|(_, entry)| row(entry)));
        cursor = page.rows.last().map(|(cursor, _)| cursor.clone());
        if !more {
            break;
        }
    }
    if backward {
        rows.reverse();
    }
    rows
}

pub(super) async fn check(world: &World, contacts: &[ContactId], accounts: &[AccountId]) {
    world.drain().await;
    let expected = expected(world).await;
    let owners = contacts.iter().map(|&id| (id.0, Of::Contact(id)));
    let owners = owners.chain(accounts.iter().map(|&id| (id.0, Of::Account(id))));
    let mut kinds_seen = 0;
    for (id, of) in owners {
        let wanted = expected.get(&id).cloned().unwrap_or_default();
        assert_eq!(walk(world, of, &[], 100, false).await, wanted, "{of:?}");
        assert_eq!(
            walk(world, of, &[], 7, false).await,
            wanted,
            "{of:?} in pages"
        );
        assert_eq!(
            walk(world, of, &[], 5, true).await,
            wanted,
            "{of:?} backwards"
        );
        for kind in TimelineKind::iter() {
            let mut some = wanted.clone();
            some.retain(|(.., word)| word == kind.word());
            kinds_seen += usize::from(!some.is_empty());
            assert_eq!(walk(world, of, &[kind], 3, false).await, some, "{kind:?}");
        }
        let kinds = [TimelineKind::TagAdded, TimelineKind::TagRemoved];
        let mut tags = wanted;
        tags.retain(|(.., word)| word.starts_with("TAG_"));
        assert_eq!(walk(world, of, &kinds, 1, false).await, tags, "one by one");
    }
    assert!(kinds_seen > 20, "only {kinds_seen} kinds were tried");
}

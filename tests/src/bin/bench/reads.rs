//! Read queries: what is asked over GraphQL, and the same as plain SQL for the floor.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::seed::{TAGS, popular};

/// Connections of the load generators.
pub(crate) const CONNECTIONS: u32 = 32;
/// The most used tags, of which lists are asked for.
const HOT_TAGS: u64 = 50;
/// The texts of counted ids up to the twelve digits of the number.
const CONTACT: &str = "contact_01900000000070008000";
const TAG: &str = "tag_01900000000070008001";
const CONTACT_SQL: &str = "('01900000-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid";
const TAG_SQL: &str = "('01900000-0000-7000-8001-' || lpad(to_hex(:t::bigint), 12, '0'))::uuid";
const CONTACT_COLUMNS: &str = "c.id, c.account_id, c.name, c.name_key, c.email, c.external_id,
    c.locale, c.created_at, c.updated_at, a.last_activity_at, a.last_message_id,
    h.score AS health_score, h.rank AS health_rank, h.band AS health_band";
const CONTACT_JOINS: &str = "
    JOIN contact_activity a ON a.workspace_id = c.workspace_id AND a.contact_id = c.id
    JOIN contact_health h ON h.workspace_id = c.workspace_id AND h.contact_id = c.id";

/// One kind of request.
pub(crate) struct Case {
    /// Its name in the report, and of its path on the door without GraphQL.
    pub(crate) name: &'static str,
    document: &'static str,
    /// The variables; `%012x` in them is a random number.
    variables: Value,
    /// Whether that number is a tag's.
    is_by_tag: bool,
    /// The share of the floor's rate it should reach, if there is such a target.
    pub(crate) target: Option<f64>,
    /// The statements behind it, with `:w` for the workspace.
    statements: Vec<String>,
}

/// Everything that is asked.
pub(crate) fn cases(today: NaiveDate) -> Vec<Case> {
    let from = today - Days::new(29);
    let hot = format!(
        "ARRAY(SELECT r.target_id FROM tag_rank r WHERE r.workspace_id = :w AND r.tag_id = {TAG_SQL}
               ORDER BY r.score DESC, r.target_id DESC LIMIT 50)"
    );
    let one = format!(
        "SELECT {CONTACT_COLUMNS} FROM contact c {CONTACT_JOINS}
         WHERE c.workspace_id = :w AND c.id = {CONTACT_SQL}"
    );
    vec![
        Case {
            name: "contact",
            document: "query($id: ID!) { contact(id: $id) { id name email healthScore healthBand } }",
            variables: json!({ "id": format!("{CONTACT}%012x") }),
            is_by_tag: false,
            target: Some(0.4),
            statements: vec![one.clone()],
        },
        Case {
            name: "list50",
            document: "query($tag: ID!) { contacts(filter: {tags: {any: [$tag]}}, orderBy: HEALTH_DESC, first: 50) { nodes { id name healthScore taggings { tag { name } } lastMessage { subject sentAt } } } }",
            variables: json!({ "tag": format!("{TAG}%012x") }),
            is_by_tag: true,
            target: Some(0.3),
            statements: vec![
                format!(
                    "SELECT {CONTACT_COLUMNS} FROM tag_rank r
                     JOIN contact c ON c.workspace_id = r.workspace_id AND c.id = r.target_id
                     {CONTACT_JOINS} WHERE r.workspace_id = :w AND r.tag_id = {TAG_SQL}
                     ORDER BY r.score DESC, r.target_id DESC LIMIT 51"
                ),
                format!(
                    "SELECT g.id, g.tag_id, g.target, g.target_id, g.added_at, g.added_by,
                            g.added_reason, g.expires_at, g.single_group_id, g.rule_id, g.merged_from,
                            (SELECT w.tags_version FROM workspace w WHERE w.id = :w)
                     FROM UNNEST({hot}) AS r(id)
                     JOIN tagging g ON g.workspace_id = :w AND g.target_id = r.id
                       AND g.removed_at IS NULL"
                ),
                format!(
                    "SELECT m.* FROM UNNEST({hot}) AS r(id)
                     JOIN contact_activity a ON a.workspace_id = :w AND a.contact_id = r.id
                     JOIN message m ON m.workspace_id = :w AND m.id = a.last_message_id"
                ),
            ],
        },
        Case {
            name: "tagtree",
            document: "{ tags(kind: CONTACT) { id name parent { id } counts { contacts { direct total } } } }",
            variables: json!({}),
            is_by_tag: false,
            target: None,
            statements: vec![
                "SELECT * FROM tag WHERE workspace_id = :w AND kind = 'CONTACT'".to_owned(),
                "SELECT n.tag_id, n.target, CAST(SUM(n.direct) AS bigint), CAST(SUM(n.total) AS bigint)
                 FROM tag_count n WHERE n.workspace_id = :w GROUP BY n.tag_id, n.target"
                    .to_owned(),
            ],
        },
        Case {
            name: "series",
            document: "query($id: ID!, $from: Date!, $to: Date!) { contact(id: $id) { emailMetrics(from: $from, to: $to) { series { start figures { delivered humanOpens humanClicks } } } } }",
            variables: json!({ "id": format!("{CONTACT}%012x"), "from": from, "to": today }),
            is_by_tag: false,
            target: None,
            statements: vec![
                one,
                format!(
                    "SELECT d.* FROM email_day d WHERE d.workspace_id = :w AND d.scope = 'CONTACT'
                       AND d.scope_id = {CONTACT_SQL} AND d.day BETWEEN '{from}' AND '{today}'
                     ORDER BY d.day"
                ),
            ],
        },
        Case {
            name: "conversations",
            document: "{ conversations(first: 20) { nodes { id subject status lastMessageAt contact { name } } } }",
            variables: json!({}),
            is_by_tag: false,
            target: None,
            statements: vec![
                "SELECT v.* FROM conversation v WHERE v.workspace_id = :w
                 ORDER BY v.last_message_at DESC, v.id DESC LIMIT 21"
                    .to_owned(),
                format!(
                    "SELECT {CONTACT_COLUMNS}
                     FROM UNNEST(ARRAY(SELECT v.contact_id FROM conversation v
                          WHERE v.workspace_id = :w
                          ORDER BY v.last_message_at DESC, v.id DESC LIMIT 20)) AS r(id)
                     JOIN contact c ON c.workspace_id = :w AND c.id = r.id {CONTACT_JOINS}"
                ),
            ],
        },
    ]
}

/// What PostGraphile is asked, by the names of the same among [`cases`].
pub(crate) fn peer_cases(workspace: Uuid) -> Vec<Case> {
    let case = |name, document, variables, is_by_tag| Case {
        name,
        document,
        variables,
        is_by_tag,
        target: None,
        statements: Vec::new(),
    };
    vec![
        case(
            "contact",
            "query($workspace: UUID!, $id: UUID!) { contactByWorkspaceIdAndRowId(workspaceId: $workspace, rowId: $id) { rowId name email healthScore healthBand } }",
            json!({ "workspace": workspace.to_string(), "id": "01900000-0000-7000-8000-%012x" }),
            false,
        ),
        case(
            "list50",
            "query($workspace: UUID!, $tag: UUID!) { peerTagged(workspace: $workspace, tag: $tag, first: 50) { nodes { rowId name healthScore taggingsList { tagByWorkspaceIdAndTagId { name } } lastMessage { subject sentAt } } } }",
            json!({ "workspace": workspace.to_string(), "tag": "01900000-0000-7000-8001-%012x" }),
            true,
        ),
    ]
}

impl Case {
    /// The body of one request, for a first look at the answer.
    pub(crate) fn sample(&self) -> Value {
        let number = if self.is_by_tag { popular(0) } else { 1 };
        let variables = self.variables.to_string();
        let variables = variables.replace("%012x", &format!("{number:012x}"));
        let variables: Value = serde_json::from_str(&variables).unwrap_or_default();
        json!({ "query": self.document, "variables": variables })
    }

    /// A script for wrk that asks over GraphQL.
    fn graphql_script(&self, token: &str, contacts: u64) -> String {
        let body = json!({ "query": self.document, "variables": self.variables }).to_string();
        format!(
            "{}\nwrk.method = 'POST'\n\
             wrk.headers['content-type'] = 'application/json'\n\
             wrk.headers['authorization'] = 'Bearer {token}'\n\
             local body = [==[{body}]==]\n\
             request = function() return wrk.format(nil, '/graphql', nil, string.format(body, number())) end\n",
            self.numbers(contacts)
        )
    }

    /// A script for wrk that asks the door without GraphQL.
    fn plain_script(&self, contacts: u64) -> String {
        format!(
            "{}\nrequest = function() return wrk.format('GET', '/{}/' .. number()) end\n",
            self.numbers(contacts),
            self.name
        )
    }

    fn numbers(&self, contacts: u64) -> String {
        if self.is_by_tag {
            let last = HOT_TAGS - 1;
            format!("number = function() return (math.random(0, {last}) * 397) % {TAGS} end")
        } else {
            format!(
                "number = function() return math.random(0, {}) end",
                contacts - 1
            )
        }
    }

    fn pgbench_script(&self, workspace: Uuid, contacts: u64) -> String {
        let mut text = format!(
            "\\set n random(0, {})\n\\set k random(0, {})\n\\set t (:k * 397) % {TAGS}\n",
            contacts - 1,
            HOT_TAGS - 1
        );
        for statement in &self.statements {
            let one_line: Vec<&str> = statement.split_whitespace().collect();
            let statement = one_line.join(" ");
            text.push_str(&statement.replace(":w", &format!("'{workspace}'::uuid")));
            text.push_str(";\n");
        }
        text
    }
}

/// What a load generator saw.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Load {
    pub(crate) per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) requests: f64,
}

/// A way to ask.
pub(crate) enum Door<'a> {
    GraphQl {
        token: &'a str,
    },
    Plain,
    /// A fixed answer, the floor of serving at all.
    Fixed,
}

/// Puts load on a door for some seconds.
pub(crate) fn wrk(
    case: &Case,
    door: &Door<'_>,
    address: &str,
    contacts: u64,
    seconds: u64,
    folder: &Path,
) -> Result<Load> {
    let script = match door {
        Door::GraphQl { token } => case.graphql_script(token, contacts),
        Door::Plain => case.plain_script(contacts),
        Door::Fixed => "request = function() return wrk.format('GET', '/fixed/0') end".to_owned(),
    };
    let path = folder.join("wrk.lua");
    fs::write(&path, script)?;
    let output = Command::new("wrk")
        .args([
            "-t1",
            &format!("-c{CONNECTIONS}"),
            &format!("-d{seconds}s"),
            "--latency",
            "-s",
        ])
        .arg(&path)
        .arg(format!("http://{address}"))
        .stderr(Stdio::inherit())
        .output()
        .context("running wrk (Debian: package wrk)")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if text.contains("Non-2xx") || !output.status.success() {
        bail!("{}: wrk was refused: {text}", case.name);
    }
    let after = |name: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(name))
            .map(str::trim)
            .unwrap_or_default()
            .to_owned()
    };
    let requests = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in"))
        .and_then(|(number, _)| number.parse().ok());
    Ok(Load {
        per_s: after("Requests/sec:").parse().unwrap_or_default(),
        p50_ms: milliseconds(&after("50%")),
        p99_ms: milliseconds(&after("99%")),
        requests: requests.unwrap_or_default(),
    })
}

fn milliseconds(text: &str) -> f64 {
    for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1_000.0)] {
        if let Some(number) = text
            .strip_suffix(unit)
            .and_then(|text| text.parse::<f64>().ok())
        {
            return number * factor;
        }
    }
    0.0
}

/// Runs the statements alone; answers how many times a second all of them were done.
pub(crate) fn pgbench(
    case: &Case,
    url: &str,
    workspace: Uuid,
    contacts: u64,
    seconds: u64,
    folder: &Path,
) -> Result<f64> {
    let path = folder.join("pgbench.sql");
    fs::write(&path, case.pgbench_script(workspace, contacts))?;
    let output = Command::new("pgbench")
        .args([
            "-n",
            "-M",
            "prepared",
            "-c",
            "16",
            "-j",
            "2",
            "-T",
            &seconds.to_string(),
            "-f",
        ])
        .arg(&path)
        .arg(url)
        .output()
        .context("running pgbench (it comes with PostgreSQL)")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = "));
    let rate = rate.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    rate.with_context(|| format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)))
}

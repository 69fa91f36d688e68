//! What is measured, and how much of it, as the command line says.

use std::{env, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use domain::rule::write::RULE_LIMIT;

use crate::flows::RULES;

/// What is measured, and how much of it.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) contacts: u64,
    pub(super) seconds: u64,
    pub(super) messages: usize,
    /// Email events, or what people did; as many as the part is meant for if nothing.
    pub(super) events: Option<usize>,
    pub(super) latencies: usize,
    pub(super) rules: usize,
    /// Subscribers, each on a socket of its own.
    pub(super) subscribers: usize,
    /// Changes they hear of, one after the other.
    pub(super) changes: usize,
    pub(super) databases: Vec<&'static str>,
    pub(super) part: Part,
    pub(super) folder: PathBuf,
}

/// What of it all is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Everything,
    /// Reading alone.
    Reads,
    /// Only what comes in over HTTP.
    Floods,
    /// Only searches, on contacts and messages of their own.
    Search,
    /// Only segments.
    Segments,
    /// Only imports and exports, of contacts of their own.
    Import,
    /// Only what rules cost, in memory.
    Matcher,
    /// Only what the GraphQL library needs for an answer, in memory.
    Executor,
    /// Only tagging by filter.
    Bulk,
    /// Only questions about behaviour.
    Behaviour,
    /// Only playbook enrolments that are due in one second.
    Wave,
    /// Only PostGraphile, beside the same two queries of ours.
    Peers,
    /// Only many subscribers who hear of the same change.
    Fanout,
}

impl Part {
    fn named(name: &str) -> Option<Self> {
        match name {
            "reads" => Some(Self::Reads),
            "floods" => Some(Self::Floods),
            "search" => Some(Self::Search),
            "segments" => Some(Self::Segments),
            "import" => Some(Self::Import),
            "matcher" => Some(Self::Matcher),
            "executor" => Some(Self::Executor),
            "bulk" => Some(Self::Bulk),
            "behaviour" => Some(Self::Behaviour),
            "wave" => Some(Self::Wave),
            "peers" => Some(Self::Peers),
            "fanout" => Some(Self::Fanout),
            _ => None,
        }
    }

    /// Whether it fills a workspace, or asks a peer, that there is for PostgreSQL alone.
    pub(super) fn is_of_postgres(self) -> bool {
        matches!(self, Self::Behaviour | Self::Peers)
    }
}

impl Plan {
    pub(super) fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut plan = Self {
            contacts: 100_000,
            seconds: 8,
            messages: 60_000,
            events: None,
            latencies: 300,
            rules: RULES,
            subscribers: 10_000,
            changes: 50,
            databases: vec!["postgres", "sqlite"],
            part: Part::Everything,
            folder: env::temp_dir(),
        };
        while let Some(name) = arguments.next() {
            if let Some(part) = Part::named(&name) {
                plan.part = part;
                continue;
            }
            let value = arguments
                .next()
                .with_context(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--contacts" => plan.contacts = value.parse()?,
                "--seconds" => plan.seconds = value.parse()?,
                "--messages" => plan.messages = value.parse()?,
                "--events" => plan.events = Some(value.parse()?),
                "--rules" => plan.rules = value.parse()?,
                "--subscribers" => plan.subscribers = value.parse()?,
                "--changes" => plan.changes = value.parse()?,
                "--latencies" => plan.latencies = value.parse()?,
                "--folder" => plan.folder = value.into(),
                "--only" if value == "postgres" => plan.databases = vec!["postgres"],
                "--only" if value == "sqlite" => plan.databases = vec!["sqlite"],
                _ => bail!("unknown: {name} {value}"),
            }
        }
        if plan.contacts < 1_000 {
            bail!("--contacts: at least 1000");
        }
        if !(RULES..=RULE_LIMIT as usize).contains(&plan.rules) {
            bail!("--rules: {RULES} to {RULE_LIMIT}");
        }
        if plan.subscribers < 100 || plan.changes == 0 {
            bail!("--subscribers: at least 100; --changes: at least 1");
        }
        if plan.part.is_of_postgres() {
            plan.databases.retain(|&database| database == "postgres");
        }
        Ok(plan)
    }
}

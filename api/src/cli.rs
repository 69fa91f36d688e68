//! The command line of `enishi`: its settings and commands, as `--help` tells them.

use std::collections::BTreeSet;

use api::command::{audit, backup, demo, import, reseal, token, workspace};
use clap::{CommandFactory as _, Parser, Subcommand};

/// Enishi (縁): a self-hosted customer-engagement server with a GraphQL API.
///
/// Two ways to run it:
///
///   One process, no configuration: `enishi` keeps everything in ./data (SQLite), serves the API
///   and its explorer on http://localhost:8080/explorer, and does the background work itself. The
///   first start shows the owner's access token.
///
///   Several processes: any number of `enishi` and of `enishi-worker` with the same DATABASE_URL
///   (PostgreSQL), REDIS_URL and ENISHI_SECRET_KEY.
#[derive(Parser)]
#[command(name = "enishi", version, max_term_width = 100, verbatim_doc_comment)]
#[command(after_help = EXAMPLES)]
#[command(after_long_help = LONG_EXAMPLES)]
pub(crate) struct Cli {
    /// Fill the workspace with sample data before serving, if nothing is in it yet
    #[arg(long)]
    pub(crate) demo: bool,
    #[command(flatten)]
    pub(crate) shared: worker::config::Args,
    #[command(flatten)]
    pub(crate) server: api::config::Args,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  enishi                                    serve, with everything in ./data
  enishi --demo                             the same, with sample data to look at
  enishi import csv customers.csv --dry-run
  enishi import mbox Mail.mbox --own-address @example.com
  enishi token create                       when every token is lost

Settings that scripts and containers need, as environment variables:
  ENISHI_BIND             where HTTP is served, such as 0.0.0.0:8080
  ENISHI_BOOTSTRAP_TOKEN  the first owner's access token, to be known beforehand
  DATABASE_URL            postgres://user:password@host/name; without it, an SQLite file
  REDIS_URL               redis://host:6379, for several processes
  ENISHI_SECRET_KEY       needed with PostgreSQL: openssl rand -hex 32

All settings: enishi --help";

const LONG_EXAMPLES: &str = "\
Examples:
  enishi                                    serve, with everything in ./data
  enishi --demo                             the same, with sample data to look at
  enishi --bind 0.0.0.0:8080                for other machines too (behind a proxy with TLS)
  enishi import csv customers.csv --dry-run
  enishi import mbox Mail.mbox --own-address @example.com
  enishi workspace list
  enishi token create                       when every token is lost
  DATABASE_URL=postgres://... REDIS_URL=redis://... ENISHI_SECRET_KEY=... enishi

Every setting is an option or an environment variable; the option wins. Secrets are better given as
variables: options show in lists of processes.
On the same address: /graphql, /explorer, /healthz, /readyz, /metrics.";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve the API (what `enishi` alone does)
    #[command(after_help = "Example:\n  enishi serve --demo")]
    Serve {
        /// Fill the workspace with sample data before serving, if nothing is in it yet
        #[arg(long)]
        demo: bool,
    },
    /// Fill an empty workspace with sample data, and end
    #[command(after_help = "Example:\n  enishi demo")]
    Demo(demo::Demo),
    /// Print the GraphQL schema
    #[command(after_help = "Example:\n  enishi schema > schema.graphql")]
    Schema,
    /// Bring the tables up to date, and end; `enishi` also does it at its start
    #[command(
        after_help = "Example:\n  DATABASE_URL=postgres://... ENISHI_SECRET_KEY=... enishi migrate"
    )]
    Migrate,
    /// Look whether the database is whole and its work goes on; fails if a person is needed
    #[command(after_help = "Example:\n  enishi check && echo well")]
    Check,
    /// Write a copy of the SQLite file while everything runs
    #[command(after_help = "Example:\n  enishi backup copy.db")]
    Backup(backup::Backup),
    /// Encrypt again with the secret key what the former one encrypted; safe to run again
    #[command(
        after_help = "Example:\n  ENISHI_SECRET_KEY=... ENISHI_SECRET_KEY_OLD=... enishi reseal"
    )]
    Reseal(reseal::Reseal),
    /// Make and list workspaces
    #[command(subcommand)]
    Workspace(workspace::Command),
    /// Make an access token
    #[command(subcommand)]
    Token(token::Command),
    /// Check the audit log, or print what to keep elsewhere
    #[command(subcommand)]
    Audit(audit::Command),
    /// Bring in tables and mail; safe to run again, what is there is not stored twice
    #[command(subcommand)]
    Import(import::Command),
}

impl Command {
    /// Whether it may write to the change log. What only reads leaves the log as it is: on SQLite it
    /// would go on in a new epoch, under a server that is running.
    pub(crate) fn writes(&self) -> bool {
        !matches!(
            self,
            Self::Audit(_)
                | Self::Backup(_)
                | Self::Check
                | Self::Reseal(_)
                | Self::Schema
                | Self::Workspace(workspace::Command::List)
        )
    }

    /// Whether it seals something, or may do so.
    pub(crate) fn needs_key(&self) -> bool {
        self.writes() || matches!(self, Self::Reseal(_))
    }

    /// Whether it is a beginning: it brings the tables about, and on SQLite the file.
    pub(crate) fn makes_tables(&self) -> bool {
        matches!(
            self,
            Self::Demo(_)
                | Self::Migrate
                | Self::Serve { .. }
                | Self::Workspace(workspace::Command::Create(_))
        )
    }

    /// Whether it needs the tables of this release. A backup is made before an older database is brought
    /// up to date, and copies whatever there is.
    pub(crate) fn needs_tables(&self) -> bool {
        !matches!(self, Self::Backup(_) | Self::Schema)
    }
}

/// Which of these names of environment variables look like settings and are none of either program, whose
/// settings are often in one file. A typing error would leave a default in force without a word.
pub(crate) fn unknown_settings(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut known = BTreeSet::new();
    names_of(&Cli::command(), &mut known);
    names_of(&worker::config::WorkerArgs::command(), &mut known);
    // Kubernetes sets these for a service with the name enishi, and compose.yaml has ENISHI_PORT.
    let is_foreign =
        |name: &str| name.starts_with("ENISHI_SERVICE_") || name.starts_with("ENISHI_PORT");
    let mut unknown: Vec<String> = names
        .into_iter()
        .filter(|name| name.starts_with("ENISHI_") && !known.contains(name) && !is_foreign(name))
        .collect();
    unknown.sort();
    unknown
}

/// Adds the environment variables that a command and those inside it read.
fn names_of(command: &clap::Command, names: &mut BTreeSet<String>) {
    let variables = command.get_arguments().filter_map(clap::Arg::get_env);
    names.extend(variables.map(|name| name.to_string_lossy().into_owned()));
    for inner in command.get_subcommands() {
        names_of(inner, names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = "workspace_01900000000070008000000000000001";

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
        worker::config::WorkerArgs::command().debug_assert();
    }

    /// A command and what is inside it, each with the words it is called by.
    fn commands_of(
        command: &clap::Command,
        called: &str,
        found: &mut Vec<(String, clap::Command)>,
    ) {
        for inner in command.get_subcommands() {
            commands_of(inner, &format!("{called} {}", inner.get_name()), found);
        }
        found.push((called.to_owned(), command.clone()));
    }

    #[test]
    fn the_short_help_fits_a_screen_and_names_what_scripts_need() {
        let help = Cli::command().render_help().to_string();
        assert!(help.lines().count() <= 42, "{help}");
        let is_narrow = |line: &str| line.chars().count() <= 100;
        assert!(help.lines().all(is_narrow), "{help}");
        let mut declared = BTreeSet::new();
        names_of(&Cli::command(), &mut declared);
        for name in [
            "ENISHI_BIND",
            "ENISHI_BOOTSTRAP_TOKEN",
            "DATABASE_URL",
            "REDIS_URL",
            "ENISHI_SECRET_KEY",
        ] {
            assert!(declared.contains(name) && help.contains(name), "{name}");
        }
    }

    #[test]
    fn a_name_that_is_no_setting_of_either_program_is_found() {
        let names = [
            "ENISHI_SECRET_KEYS",
            "ENISHI_RATE_POINT",
            "ENISHI_RATE_POINTS",
            "ENISHI_METRICS_BIND",
            "ENISHI_PORT_8080_TCP",
            "ENISHI_SERVICE_HOST",
            "ENISHI",
            "HOME",
        ];
        let unknown = unknown_settings(names.map(str::to_owned));
        assert_eq!(unknown, ["ENISHI_RATE_POINT", "ENISHI_SECRET_KEYS"]);
    }

    #[test]
    fn every_setting_is_told_in_one_line_under_a_heading() {
        for command in [Cli::command(), worker::config::WorkerArgs::command()] {
            let settings = command.get_arguments();
            for setting in settings.filter(|arg| arg.get_env().is_some()) {
                let told = setting.get_help().map(ToString::to_string);
                let told = told.unwrap_or_default();
                let is_line = !told.contains('\n') && (1..=90).contains(&told.chars().count());
                assert!(is_line, "{}: {told}", setting.get_id());
                assert!(setting.get_help_heading().is_some(), "{}", setting.get_id());
            }
        }
    }

    #[test]
    fn every_command_has_an_example() {
        let mut found = Vec::new();
        commands_of(&Cli::command(), "enishi", &mut found);
        for (called, command) in found {
            if command.has_subcommands() {
                continue;
            }
            let after = command.get_after_help().map(ToString::to_string);
            assert!(
                after.is_some_and(|after| after.contains(&called)),
                "{called}"
            );
        }
    }

    #[test]
    fn commands_that_only_read_open_no_epoch_of_the_change_log() {
        for (words, writes) in [
            (&["audit", "head"][..], false),
            (&["audit", "verify"], false),
            (&["backup", "copy.db"], false),
            (&["check"], false),
            (&["reseal"], false),
            (&["workspace", "list"], false),
            (&["serve"], true),
            (&["demo"], true),
            (&["demo", "--workspace", WORKSPACE], true),
            (&["migrate"], true),
            (&["token", "create"], true),
            (&["import", "csv", "people.csv"], true),
        ] {
            let cli = Cli::try_parse_from(["enishi"].iter().chain(words));
            let command = cli.unwrap().command.unwrap();
            assert_eq!(command.writes(), writes, "{words:?}");
        }
    }

    #[test]
    fn the_workspace_can_be_chosen_wherever_one_is_worked_in() {
        let whole = [
            "backup", "check", "create", "list", "migrate", "reseal", "schema", "serve",
        ];
        let mut found = Vec::new();
        commands_of(&Cli::command(), "enishi", &mut found);
        for (called, command) in found {
            let is_whole = whole.contains(&command.get_name()) && called != "enishi token create";
            if command.has_subcommands() || is_whole {
                continue;
            }
            let mut arguments = command.get_arguments();
            let chosen = arguments.find(|one| one.get_long() == Some("workspace"));
            let told = chosen
                .and_then(clap::Arg::get_help)
                .map(ToString::to_string);
            assert_eq!(
                told.as_deref(),
                Some("The workspace, when there are several"),
                "{called}"
            );
        }
    }

    #[test]
    fn the_table_of_settings_has_every_setting_and_no_other() {
        let mut declared = BTreeSet::new();
        names_of(&Cli::command(), &mut declared);
        names_of(&worker::config::WorkerArgs::command(), &mut declared);
        let table = include_str!("../../docs/settings.md");
        let documented: BTreeSet<String> = table
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(name, _)| name.to_owned())
            .collect();
        assert_eq!(documented, declared);
    }
}

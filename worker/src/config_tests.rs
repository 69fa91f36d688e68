//! What is refused, by table.

use clap::{CommandFactory, FromArgMatches, Parser, builder::Resettable};

use super::*;

/// Reads `arguments` alone, whatever the environment of the test holds.
fn read<P: CommandFactory + FromArgMatches>(arguments: &[&str]) -> P {
    let command = P::command().mut_args(|arg| arg.env(Resettable::Reset));
    let matches = command.get_matches_from(["program"].iter().chain(arguments));
    P::from_arg_matches(&matches).unwrap()
}

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    args: Args,
}

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn check(arguments: &[&str]) -> Result<Config, Vec<String>> {
    let mut problems = Vec::new();
    let program: Program = read(arguments);
    program.args.check(&mut problems).ok_or(problems)
}

#[test]
fn nothing_at_all_is_a_good_configuration() {
    let config = check(&[]).unwrap();
    assert!(matches!(&config.database, Location::Sqlite(path) if path.ends_with("data/enishi.db")));
    assert!(config.redis.is_none());
    assert_eq!(config.worker_concurrency, 4);
    assert_eq!(config.keep, Keep::default());
}

#[test]
fn a_bad_value_is_refused_under_its_settings_name_without_being_repeated() {
    for (arguments, name) in [
        (
            &["--database-url", "mysql://root:s3cret@x/y"][..],
            "DATABASE_URL: ",
        ),
        (
            &["--database-url", "postgres://u:s3cret@h:99999999/d"],
            "DATABASE_URL: ",
        ),
        (
            &["--database-url", "postgres://u:s3cret@h/d"],
            "ENISHI_SECRET_KEY: ",
        ),
        (
            &["--redis-url", "redis://:s3cret@h"],
            "REDIS_URL: Redis connects",
        ),
        (&["--keep-changes-days=-1"], "ENISHI_KEEP_CHANGES_DAYS: "),
        (&["--keep-work-days", "3"], "ENISHI_KEEP_WORK_DAYS: "),
        (&["--public-url", "enishi.example"], "ENISHI_PUBLIC_URL: "),
        (
            &["--public-url", "https://u:s3cret@h/"],
            "ENISHI_PUBLIC_URL: ",
        ),
        (&["--smtp-url", "smtps://u:s3cret@h"], "ENISHI_MAIL_FROM: "),
        (
            &[
                "--smtp-url",
                "ftp://u:s3cret@h",
                "--mail-from",
                "a@b.example",
            ],
            "ENISHI_SMTP_URL: ",
        ),
        (&["--secret-key", "s3cret"], "ENISHI_SECRET_KEY: "),
        (&["--secret-key-old", "s3cret"], "ENISHI_SECRET_KEY_OLD: "),
        (&["--redis-prefix", "a b"], "ENISHI_REDIS_PREFIX: "),
        (
            &["--egress-allow", "10.0.0.0/8,x"],
            "ENISHI_EGRESS_ALLOW: \"x\"",
        ),
        (
            &["--database-connections", "0"],
            "ENISHI_DATABASE_CONNECTIONS: ",
        ),
        (
            &["--worker-concurrency", "many"],
            "ENISHI_WORKER_CONCURRENCY: ",
        ),
        (&["--log", "=="], "ENISHI_LOG: "),
        (&["--log", "inof"], "ENISHI_LOG: "),
        (&["--log-format", "xml"], "ENISHI_LOG_FORMAT: "),
    ] {
        let problems = check(arguments).unwrap_err();
        assert_eq!(problems.len(), 1, "{arguments:?}: {problems:?}");
        assert!(problems[0].starts_with(name), "{arguments:?}: {problems:?}");
        assert!(!problems[0].contains("s3cret"), "{problems:?}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let problems = check(&[
        "--log",
        "==",
        "--log-format",
        "xml",
        "--worker-concurrency",
        "0",
    ]);
    assert_eq!(problems.unwrap_err().len(), 3);
}

#[test]
fn an_empty_value_counts_as_not_given() {
    assert!(check(&["--database-url", " ", "--redis-url", "", "--secret-key", ""]).is_ok());
}

#[test]
fn a_worker_of_its_own_says_what_it_needs_once() {
    let worker = |arguments: &[&str]| read::<WorkerArgs>(arguments).check();
    let problems = worker(&[]).unwrap_err();
    assert_eq!(problems.len(), 2, "{problems:?}");
    let all = [
        "--database-url",
        "postgres://h/d",
        "--redis-url",
        "redis://h",
        "--secret-key",
        KEY,
    ];
    assert!(worker(&all).is_ok());
    let mut with_tls = all;
    with_tls[3] = "rediss://u:p@h:6380";
    assert!(worker(&with_tls).is_ok());
    with_tls[3] = "https://h";
    let problems = worker(&with_tls).unwrap_err();
    assert!(problems[0].contains("rediss://"), "{problems:?}");
    let problems = worker(&[&all[..], &["--metrics-bind", "9090"]].concat()).unwrap_err();
    assert!(
        problems[0].starts_with("ENISHI_METRICS_BIND: "),
        "{problems:?}"
    );
}

#[test]
fn shown_settings_hold_no_secret() {
    let config = check(&[
        "--database-url",
        "postgres://u:s3cret@h/d",
        "--redis-url",
        "redis://:s3cret@h",
        "--secret-key",
        KEY,
    ])
    .unwrap();
    assert!(!format!("{:?}", config.redis).contains("s3cret"));
    assert!(!format!("{:?}", config.keys).contains(KEY));
}

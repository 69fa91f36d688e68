//! The settings of serving; what `enishi` shares with `enishi-worker` is declared there.
//!
//! To add one: a field of [`Args`], its check in [`Args::check`], a line in `docs/settings.md`, and its name in
//! `compose.yaml`.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZero,
};

use chrono_tz::Tz;
use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use crate::transport::{
    TrustedProxies,
    limits::{RateSettings, SeatLimits},
};

/// More threads than this gain nothing by default: the database is busy long before.
const DEFAULT_THREADS_MAX: usize = 4;

/// Settings of serving, as they were given.
#[derive(clap::Args)]
#[group(id = "serving")]
pub struct Args {
    /// Where HTTP is served; put a reverse proxy with TLS in front of it
    #[arg(
        long,
        env = "ENISHI_BIND",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8080"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Serving")]
    bind: String,

    /// Token of the first owner, 20 to 200 characters, used once. Default: one is made and shown
    #[arg(long, env = "ENISHI_BOOTSTRAP_TOKEN", value_name = "TOKEN")]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Secrets")]
    bootstrap_token: Option<String>,

    /// Time zone of the first workspace, such as Asia/Tokyo. Default: TZ if it is one, else UTC
    #[arg(long, env = "ENISHI_TIME_ZONE", value_name = "ZONE")]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Serving")]
    time_zone: Option<String>,

    /// Other sites whose pages may call the API: `https://a.example`, with commas. Default: none
    #[arg(long, env = "ENISHI_ALLOWED_ORIGINS", value_name = "ORIGINS")]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Serving")]
    allowed_origins: Option<String>,

    /// Reverse proxies whose X-Forwarded-For or Forwarded is believed: 10.1.0.0/16, with commas
    #[arg(long, env = "ENISHI_TRUSTED_PROXIES", value_name = "NETWORKS")]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Serving")]
    trusted_proxies: Option<String>,

    /// Threads that serve requests, 1 to 64. Default: one per processor, at most 4
    #[arg(long, env = "ENISHI_API_THREADS", value_name = "NUMBER")]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Serving")]
    api_threads: Option<String>,

    /// Cost points each access token may spend per minute, 600 to 60000000
    #[arg(
        long,
        env = "ENISHI_RATE_POINTS",
        value_name = "NUMBER",
        default_value = "60000"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Limits of callers")]
    rate_points: String,

    /// Sockets each access token may have open in one process, 1 to 1000000
    #[arg(
        long,
        env = "ENISHI_SOCKETS_PER_TOKEN",
        value_name = "NUMBER",
        default_value = "1000"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Limits of callers")]
    sockets_per_token: String,

    /// Sockets each workspace may have open in one process, 1 to 1000000
    #[arg(
        long,
        env = "ENISHI_SOCKETS_PER_WORKSPACE",
        value_name = "NUMBER",
        default_value = "5000"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Limits of callers")]
    sockets_per_workspace: String,

    /// Subscriptions each access token may have live in one process, 1 to 1000000
    #[arg(
        long,
        env = "ENISHI_SUBSCRIPTIONS_PER_TOKEN",
        value_name = "NUMBER",
        default_value = "2000"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Limits of callers")]
    subscriptions_per_token: String,

    /// Subscriptions each workspace may have live in one process, 1 to 1000000
    #[arg(
        long,
        env = "ENISHI_SUBSCRIPTIONS_PER_WORKSPACE",
        value_name = "NUMBER",
        default_value = "10000"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Limits of callers")]
    subscriptions_per_workspace: String,

    /// Megabytes one request of somebody with a token may have, also unpacked, 1 to 256
    #[arg(
        long,
        env = "ENISHI_REQUEST_MAX_MB",
        value_name = "NUMBER",
        default_value = "16"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Limits of callers")]
    request_max_mb: String,

    /// Megabytes one file sent for an import may have, 1 to 100000
    #[arg(
        long,
        env = "ENISHI_UPLOAD_MAX_MB",
        value_name = "NUMBER",
        default_value = "512"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "Limits of callers")]
    upload_max_mb: String,

    /// Hours a file sent for an import is kept, 1 to 720
    #[arg(
        long,
        env = "ENISHI_UPLOAD_KEEP_HOURS",
        value_name = "NUMBER",
        default_value = "48"
    )]
    #[arg(global = true, hide_short_help = true, hide_env_values = true)]
    #[arg(help_heading = "What is kept")]
    upload_keep_hours: String,
}

/// Settings of serving, checked.
#[derive(Debug)]
pub struct Config {
    /// Where to listen.
    pub bind: SocketAddr,
    /// The first owner's token.
    pub bootstrap_token: Option<SecretString>,
    /// The first workspace's time zone.
    pub time_zone: Tz,
    /// Other sites' origins.
    pub allowed_origins: Vec<String>,
    /// Reverse proxies that are believed.
    pub trusted_proxies: TrustedProxies,
    /// Threads that serve.
    pub threads: usize,
    /// Each caller's bucket.
    pub rate: RateSettings,
    /// What callers may have open.
    pub seats: SeatLimits,
    /// Bytes one request may have.
    pub request_max_bytes: usize,
    /// Files sent for imports.
    pub uploads: domain::upload::Limits,
}

impl Args {
    /// Checks every value and adds what is wrong to `problems`, one text each that begins with the
    /// setting's name and never repeats a secret. `system_zone` is what the system says about the
    /// time zone. Gives nothing when it added something.
    pub fn check(self, system_zone: Option<&str>, problems: &mut Vec<String>) -> Option<Config> {
        let before = problems.len();
        let bind = self.bind.trim().parse();
        if bind.is_err() {
            problems.push(
                "ENISHI_BIND: give an address and a port, such as 127.0.0.1:8080 or 0.0.0.0:8080"
                    .to_owned(),
            );
        }
        let bootstrap_token = given(self.bootstrap_token.as_ref());
        if bootstrap_token.is_some_and(|token| !is_good_token(token)) {
            problems.push(
                "ENISHI_BOOTSTRAP_TOKEN: use 20 to 200 printable ASCII characters without blanks; \
                 make one with: openssl rand -hex 32"
                    .to_owned(),
            );
        }
        let time_zone = time_zone(given(self.time_zone.as_ref()), system_zone);
        if time_zone.is_none() {
            problems.push(
                "ENISHI_TIME_ZONE: give a name of the IANA list, such as Asia/Tokyo".to_owned(),
            );
        }
        let allowed_origins = origins(given(self.allowed_origins.as_ref()), problems);
        let trusted_proxies = proxies(given(self.trusted_proxies.as_ref()), problems);
        let threads = match given(self.api_threads.as_ref()) {
            None => Some(default_threads()),
            Some(text) => number(text, 1..=64),
        };
        if threads.is_none() {
            problems.push("ENISHI_API_THREADS: give a whole number from 1 to 64".to_owned());
        }
        let points = number(&self.rate_points, 600..=60_000_000);
        if points.is_none() {
            problems
                .push("ENISHI_RATE_POINTS: give a whole number from 600 to 60000000".to_owned());
        }
        let mut seats = |text: &str, name: &str| {
            let number = number(text, 1..=1_000_000);
            if number.is_none() {
                problems.push(format!("{name}: give a whole number from 1 to 1000000"));
            }
            number.unwrap_or_default() as u32
        };
        let seats = SeatLimits {
            sockets_per_token: seats(&self.sockets_per_token, "ENISHI_SOCKETS_PER_TOKEN"),
            sockets_per_workspace: seats(
                &self.sockets_per_workspace,
                "ENISHI_SOCKETS_PER_WORKSPACE",
            ),
            subscriptions_per_token: seats(
                &self.subscriptions_per_token,
                "ENISHI_SUBSCRIPTIONS_PER_TOKEN",
            ),
            subscriptions_per_workspace: seats(
                &self.subscriptions_per_workspace,
                "ENISHI_SUBSCRIPTIONS_PER_WORKSPACE",
            ),
        };
        let request_megabytes = number(&self.request_max_mb, 1..=256);
        if request_megabytes.is_none() {
            problems.push("ENISHI_REQUEST_MAX_MB: give a whole number from 1 to 256".to_owned());
        }
        let megabytes = number(&self.upload_max_mb, 1..=100_000);
        if megabytes.is_none() {
            problems.push("ENISHI_UPLOAD_MAX_MB: give a whole number from 1 to 100000".to_owned());
        }
        let hours = number(&self.upload_keep_hours, 1..=720);
        if hours.is_none() {
            problems.push("ENISHI_UPLOAD_KEEP_HOURS: give a whole number from 1 to 720".to_owned());
        }
        if problems.len() > before {
            return None;
        }
        Some(Config {
            bind: bind.ok()?,
            bootstrap_token: bootstrap_token.map(SecretString::from),
            time_zone: time_zone?,
            allowed_origins,
            trusted_proxies: trusted_proxies.into(),
            threads: threads?,
            rate: rate(points? as u32),
            seats,
            request_max_bytes: request_megabytes? * 1024 * 1024,
            uploads: domain::upload::Limits {
                max_bytes: megabytes? as i64 * 1024 * 1024,
                keep: chrono::TimeDelta::hours(hours? as i64),
            },
        })
    }
}

/// The value, if there is one: a variable that is set to nothing counts as not set.
fn given(value: Option<&String>) -> Option<&str> {
    value
        .map(|value| value.trim())
        .filter(|value| !value.is_empty())
}

fn is_good_token(token: &str) -> bool {
    (20..=200).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The given one must be good; the system's may be anything, also a path or nothing.
fn time_zone(given: Option<&str>, system: Option<&str>) -> Option<Tz> {
    if let Some(name) = given {
        return name.parse().ok();
    }
    let name = system.map(|name| name.trim_start_matches(':'));
    Some(name.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC))
}

fn origins(list: Option<&str>, problems: &mut Vec<String>) -> Vec<String> {
    let mut origins = Vec::new();
    let words = list.into_iter().flat_map(|list| list.split(','));
    for word in words.map(str::trim).filter(|word| !word.is_empty()) {
        // The way a browser writes it: an origin with a path or a star matches nothing it sends.
        let origin = Url::parse(word)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .map(|url| url.origin().ascii_serialization());
        match origin {
            Some(origin) if origin == word.trim_end_matches('/') => origins.push(origin),
            _ => problems.push(format!(
                "ENISHI_ALLOWED_ORIGINS: {word:?} is not an origin such as https://app.example.com"
            )),
        }
    }
    origins
}

/// A single address is a network of one. A network of everything would let everybody say where they come from.
fn proxies(list: Option<&str>, problems: &mut Vec<String>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    let words = list.into_iter().flat_map(|list| list.split(','));
    for word in words.map(str::trim).filter(|word| !word.is_empty()) {
        let network = word
            .parse::<IpNet>()
            .or_else(|_| word.parse::<IpAddr>().map(IpNet::from));
        match network {
            Ok(network) if network.prefix_len() > 0 => networks.push(network),
            _ => problems.push(format!(
                "ENISHI_TRUSTED_PROXIES: {word:?} is not a network such as 10.1.0.0/16"
            )),
        }
    }
    networks
}

fn default_threads() -> usize {
    std::thread::available_parallelism()
        .map_or(2, NonZero::get)
        .min(DEFAULT_THREADS_MAX)
}

fn number(text: &str, range: std::ops::RangeInclusive<usize>) -> Option<usize> {
    text.trim()
        .parse()
        .ok()
        .filter(|number| range.contains(number))
}

/// The bucket keeps the shape of its default: it fills in five sixths of a minute.
fn rate(points_per_minute: u32) -> RateSettings {
    RateSettings {
        burst: points_per_minute / 6 * 5,
        per_second: points_per_minute / 60,
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, FromArgMatches as _, Parser, builder::Resettable};

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: Args,
    }

    fn check(arguments: &[&str], zone: Option<&str>) -> Result<Config, Vec<String>> {
        let command = Program::command().mut_args(|arg| arg.env(Resettable::Reset));
        let matches = command.get_matches_from(["enishi"].iter().chain(arguments));
        let mut problems = Vec::new();
        let args = Program::from_arg_matches(&matches).unwrap().args;
        args.check(zone, &mut problems).ok_or(problems)
    }

    #[test]
    fn nothing_at_all_serves_this_machine() {
        let config = check(&[], None).unwrap();
        assert!(config.bind.ip().is_loopback());
        assert_eq!(config.time_zone, Tz::UTC);
        let default = RateSettings::default();
        assert_eq!(config.rate.burst, default.burst);
        assert_eq!(config.rate.per_second, default.per_second);
        let settings = crate::transport::Settings::default();
        assert_eq!(config.request_max_bytes, settings.body_max_bytes);
        let (seats, expected) = (config.seats, SeatLimits::default());
        assert_eq!(format!("{seats:?}"), format!("{expected:?}"));
    }

    #[test]
    fn the_time_zone_is_the_given_one_or_the_systems_if_it_names_one() {
        for (given, system, expected) in [
            (
                &["--time-zone", "Asia/Tokyo"][..],
                Some("Europe/Rome"),
                Tz::Asia__Tokyo,
            ),
            (&[], Some(":Europe/Rome"), Tz::Europe__Rome),
            (&[], Some("/etc/localtime"), Tz::UTC),
        ] {
            assert_eq!(check(given, system).unwrap().time_zone, expected);
        }
    }

    #[test]
    fn a_bad_value_is_refused_under_its_settings_name() {
        for (name, option, value) in [
            ("ENISHI_BIND", "--bind", "8080"),
            ("ENISHI_BOOTSTRAP_TOKEN", "--bootstrap-token", "s3cret"),
            (
                "ENISHI_BOOTSTRAP_TOKEN",
                "--bootstrap-token",
                "s3cret but with blanks in",
            ),
            (
                "ENISHI_BOOTSTRAP_TOKEN",
                "--bootstrap-token",
                "s3cret鍵鍵鍵鍵鍵鍵鍵鍵鍵鍵鍵鍵鍵鍵鍵",
            ),
            ("ENISHI_TIME_ZONE", "--time-zone", "Tokyo"),
            ("ENISHI_ALLOWED_ORIGINS", "--allowed-origins", "*"),
            (
                "ENISHI_ALLOWED_ORIGINS",
                "--allowed-origins",
                "https://a.example/path",
            ),
            (
                "ENISHI_ALLOWED_ORIGINS",
                "--allowed-origins",
                "ftp://a.example",
            ),
            (
                "ENISHI_TRUSTED_PROXIES",
                "--trusted-proxies",
                "proxy.example.com",
            ),
            ("ENISHI_TRUSTED_PROXIES", "--trusted-proxies", "10.0.0.1/33"),
            ("ENISHI_TRUSTED_PROXIES", "--trusted-proxies", "0.0.0.0/0"),
            ("ENISHI_API_THREADS", "--api-threads", "0"),
            ("ENISHI_RATE_POINTS", "--rate-points", "10"),
            ("ENISHI_SOCKETS_PER_TOKEN", "--sockets-per-token", "0"),
            ("ENISHI_REQUEST_MAX_MB", "--request-max-mb", "257"),
            ("ENISHI_UPLOAD_MAX_MB", "--upload-max-mb", "0"),
            ("ENISHI_UPLOAD_KEEP_HOURS", "--upload-keep-hours", "721"),
            (
                "ENISHI_SUBSCRIPTIONS_PER_WORKSPACE",
                "--subscriptions-per-workspace",
                "x",
            ),
        ] {
            let problems = check(&[option, value], None).unwrap_err();
            assert_eq!(problems.len(), 1, "{value}: {problems:?}");
            assert!(problems[0].starts_with(name), "{value}: {problems:?}");
            assert!(!problems[0].contains("s3cret"), "{problems:?}");
        }
    }

    #[test]
    fn proxies_are_networks_or_single_addresses() {
        let given = "10.1.0.0/16, 192.0.2.1,fd00::/8";
        let config = check(&["--trusted-proxies", given], None).unwrap();
        let expected = ["10.1.0.0/16", "192.0.2.1/32", "fd00::/8"];
        let expected = expected.map(|network| network.parse::<IpNet>().unwrap());
        assert_eq!(
            config.trusted_proxies,
            TrustedProxies::from(expected.to_vec())
        );
        let none = check(&[], None).unwrap().trusted_proxies;
        assert_eq!(none, TrustedProxies::default());
    }

    #[test]
    fn origins_are_kept_as_browsers_send_them() {
        let config = check(
            &[
                "--allowed-origins",
                "https://a.example/, http://localhost:3000",
            ],
            None,
        );
        assert_eq!(
            config.unwrap().allowed_origins,
            ["https://a.example", "http://localhost:3000"]
        );
    }
}

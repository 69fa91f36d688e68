//! Which crate may know what, and which words no source may contain.

use crate::support::repository::{code, has_word, read, rust_files};

/// A crate, what its sources must not name, and what its manifest must not depend on.
const ROOMS: &[(&str, &[&str], &[&str])] = &[
    (
        "entity",
        &[
            "domain::",
            "api::",
            "worker::",
            "migration::",
            "actix",
            "apalis",
            "redis::",
            "std::env",
        ],
        &[
            "domain",
            "api",
            "worker",
            "migration",
            "actix-web",
            "apalis",
            "redis",
            "reqwest",
        ],
    ),
    (
        "migration",
        &[
            "entity::", "domain::", "api::", "worker::", "actix", "apalis", "redis::", "std::env",
        ],
        &[
            "entity",
            "domain",
            "api",
            "worker",
            "actix-web",
            "apalis",
            "redis",
            "reqwest",
        ],
    ),
    (
        "domain",
        &[
            "api::",
            "worker::",
            "migration::",
            "actix",
            "apalis",
            "redis::",
            "reqwest",
            "std::env",
            "env::var",
            "hyper::",
        ],
        &[
            "api",
            "worker",
            "migration",
            "actix-web",
            "actix-ws",
            "apalis",
            "redis",
            "reqwest",
            "clap",
        ],
    ),
    (
        "api",
        &["apalis", "worker::"],
        &["apalis", "apalis-core", "apalis-codec"],
    ),
    (
        "worker",
        &[
            "api::",
            "actix_web::",
            "actix_ws::",
            "actix_rt::",
            "async_graphql::",
        ],
        &["api", "actix-web", "actix-ws", "async-graphql"],
    ),
];

/// Where the clock and the ids of the outside world enter.
const CLOCKS: &[&str] = &["domain/src/port/clock.rs", "domain/src/port/ids.rs"];

#[test]
fn no_crate_names_what_it_must_not_know() {
    let at_the_door = modules_of_the_server();
    let mut found = Vec::new();
    for (room, words, _) in ROOMS {
        for (path, text) in rust_files(&format!("{room}/src")) {
            for (number, line) in text.lines().enumerate() {
                for word in *words {
                    let is_the_servers = *word == "worker::"
                        && at_the_door.iter().any(|door| path.starts_with(door));
                    if !is_the_servers && has_word(code(line), word) {
                        found.push(format!("{path}:{}: {word}", number + 1));
                    }
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_crate_depends_on_what_it_must_not_know() {
    let mut found = Vec::new();
    for (room, _, dependencies) in ROOMS {
        let manifest: String = read(&format!("{room}/Cargo.toml"));
        let section = manifest
            .split("[dependencies]")
            .nth(1)
            .expect("dependencies");
        let section = section.split("\n[").next().expect("its lines");
        for line in section.lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if dependencies.contains(&name) {
                found.push(format!("{room} depends on {name}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// `api/src/main.rs` and the modules only it includes: what is run, beside what is a library.
fn modules_of_the_server() -> Vec<String> {
    let main = read("api/src/main.rs");
    let modules = main.lines().filter_map(|line| {
        let name = code(line).trim().strip_prefix("mod ")?.strip_suffix(';')?;
        Some(format!("api/src/{name}"))
    });
    ["api/src/main.rs".to_owned()]
        .into_iter()
        .chain(modules)
        .collect()
}

#[test]
fn time_and_ids_come_from_the_context() {
    let words = [
        "Utc::now",
        "Local::now",
        "SystemTime::now",
        "Uuid::now_v7",
        "Uuid::new_v4",
    ];
    let mut found = Vec::new();
    for room in ["entity", "migration", "domain", "api", "worker"] {
        for (path, text) in rust_files(&format!("{room}/src")) {
            if CLOCKS.contains(&path.as_str()) {
                continue;
            }
            for (number, line) in text.lines().enumerate() {
                if words.iter().any(|word| has_word(code(line), word)) {
                    found.push(format!("{path}:{}: {}", number + 1, line.trim()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// What one place alone may do, and the path that place begins with; nothing, if nobody may.
const ALONE: [(&str, &str); 4] = [
    // All other tables are asked by workspace: `Entity::of`, or a key that begins with it.
    ("Entity::find()", "domain/src/workspace/"),
    ("reqwest::", "worker/src/egress/"),
    // Hints need no connection that is held, and poolers would lose them.
    ("PgListener", ""),
    ("pg_notify", ""),
];

#[test]
fn rows_are_found_by_workspace_and_one_client_calls_out() {
    let mut found = Vec::new();
    for room in ["domain", "api", "worker"] {
        for (path, text) in rust_files(&format!("{room}/src")) {
            for (number, line) in text.lines().enumerate() {
                let broken = ALONE.iter().filter(|(word, place)| {
                    let may = !place.is_empty() && path.starts_with(place);
                    !may && has_word(code(line), word)
                });
                found.extend(broken.map(|(word, _)| format!("{path}:{}: {word}", number + 1)));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn places_in_the_log_are_compared_in_the_words_of_the_dialect() {
    let bare = [">", ">=", "<", "<="].map(|sign| format!("seq) {sign} ("));
    let mut found = Vec::new();
    for (path, text) in rust_files("domain/src") {
        for (number, line) in text.lines().enumerate() {
            if bare.iter().any(|words| code(line).contains(words)) {
                found.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn lists_say_that_few_rows_are_of_one_contact() {
    let mut found = Vec::new();
    for (path, text) in rust_files("domain/src") {
        for (number, line) in text.lines().enumerate() {
            let code = code(line);
            if code.contains("one_of(") && code.contains(".contact_id\"") {
                found.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn nothing_is_left_for_later_and_no_test_is_skipped() {
    // Put together here, so that this file does not find itself.
    let words = [
        concat!("#[", "ignore"),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("unimplemented", "!("),
        concat!("todo", "!("),
    ];
    let mut found = Vec::new();
    for room in ["entity", "migration", "domain", "api", "worker", "tests"] {
        for (path, text) in rust_files(&format!("{room}/src")) {
            for (number, line) in text.lines().enumerate() {
                if words.iter().any(|word| has_word(line, word)) {
                    found.push(format!("{path}:{}: {}", number + 1, line.trim()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

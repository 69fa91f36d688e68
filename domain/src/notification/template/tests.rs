use proptest::prelude::*;
use serde_json::Value as Json;

use super::{facts::VALUES, *};

fn refused(text: &str) -> Mistake {
    check(text, TargetKind::Slack).expect_err(text)
}

fn rendered(text: &str) -> String {
    check(text, TargetKind::Slack).unwrap_or_else(|mistake| panic!("{text}: {mistake}"));
    render(text, &Facts::sample(), TargetKind::Slack).unwrap()
}

#[test]
fn a_template_shows_the_facts_at_hand() {
    for (text, expected) in [
        ("plain", "plain"),
        ("{{ contact.name }} wrote", "佐藤 花子 wrote"),
        ("{{ message.excerpt | truncate(8) }}", "When wi…"),
        ("{{ contact.name | truncate(99) | upper }}", "佐藤 花子"),
        ("{{ contact.tags | join('・') }}", "VIP・Tokyo"),
        ("{{ contact.tags | length }}", "2"),
        (
            "{% for tag in contact.tags %}[{{ tag }}]{% endfor %}",
            "[VIP][Tokyo]",
        ),
        (
            "{% for tag in contact.tags %}{{ loop.index }}{{ tag }}{% if not loop.last %}, {% endif %}{% endfor %}",
            "1VIP, 2Tokyo",
        ),
        ("{% if 'VIP' in contact.tags %}!{% else %}-{% endif %}", "!"),
        ("{% if health.score > 70 %}fine{% endif %}", "fine"),
        ("{{ health.score | round }}", "72"),
        ("{{ 'a' if health.score < 1 else 'b' }}", "b"),
        ("{{ contact.tags }}", "VIP, Tokyo"),
        (
            "{{ contact.tags | first }}{{ contact.tags | last }}",
            "VIPTokyo",
        ),
        ("{{ contact.phone | default('none') }}", "+81312345678"),
        ("<!channel> {{ rule.name }}", "<!channel> VIP customers"),
    ] {
        assert_eq!(rendered(text), expected, "{text}");
    }
}

#[test]
fn what_is_not_known_is_empty() {
    let empty = Facts::default();
    for (text, expected) in [
        (
            "[{{ contact.name }}{{ health.score }}{{ contact.tags | join }}]",
            "[]",
        ),
        ("{{ contact.name | default('somebody') }}", "somebody"),
        ("{{ health.score | default('?') }}", "?"),
        ("{% if health.score %}a{% else %}b{% endif %}", "b"),
        (
            "{% for tag in contact.tags %}x{% else %}none{% endfor %}",
            "none",
        ),
    ] {
        check(text, TargetKind::Email).unwrap();
        assert_eq!(
            render(text, &empty, TargetKind::Email).unwrap(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_mistake_is_found_when_the_template_is_saved_and_names_its_place() {
    for (text, place, part) in [
        ("Hello {{ contact.nam }}", (1, 10), "contact.name"),
        ("a\nb {{ customer.name }}", (2, 6), "`customer`"),
        ("佐藤 {{ contact }}", (1, 7), "`contact`"),
        (
            "{% if false %}{{ contact.name | shout }}{% endif %}",
            (1, 33),
            "`shout`",
        ),
        ("{{ contact.name.first }}", (1, 16), "`first`"),
        ("{% for a in contact.name %}{% endfor %}", (1, 13), "list"),
        (
            "{% for tag in contact.tags %}{{ tag.name }}{% endfor %}",
            (1, 36),
            "`tag`",
        ),
        ("{{ tag }}", (1, 4), "`tag`"),
        ("{{ range(9) }}", (1, 4), "call"),
        ("{{ contact.name.upper() }}", (1, 4), "call"),
        ("{{ 'a' * 9999999 }}", (1, 4), "calculate"),
        ("{{ health.score + 1 }}", (1, 4), "calculate"),
        ("{{ contact.name ~ 'x' }}", (1, 4), "one after the other"),
        ("{{ 'x' in health.score }}", (1, 4), "`in`"),
        ("{{ contact['name'] }}", (1, 4), "number"),
        ("{{ contact.name is defined }}", (1, 4), "`is`"),
        ("{% set x = 1 %}", (1, 4), "`set`"),
        ("{% with a = 1 %}{% endwith %}", (1, 4), "`with`"),
        (
            "{% autoescape false %}{% endautoescape %}",
            (1, 4),
            "`autoescape`",
        ),
        ("{{ contact.name | first }}", (1, 4), "lists"),
    ] {
        let mistake = refused(text);
        let (line, _) = place;
        assert_eq!(mistake.line, Some(line), "{text}: {mistake}");
        assert!(mistake.column.is_some(), "{text}");
        assert!(mistake.to_string().contains(part), "{text}: {mistake}");
    }
    for text in [
        "{{ contact.name",
        "{% if %}",
        "{% endfor %}",
        "{% include 'x' %}",
        "{% extends 'x' %}",
        "{% macro a() %}{% endmacro %}",
        "{% import 'x' as y %}",
        "{{ contact.name | truncate }}",
        "{{ contact.name | truncate('x') }}",
        "{{ contact.name | truncate(length=3) }}",
        "{{ contact.tags | join('0123456789012345678901') }}",
    ] {
        assert!(refused(text).line.is_some(), "{text}");
    }
    assert_eq!(refused("").code, UserErrorCode::Required);
    assert_eq!(
        refused(&"x".repeat(TEMPLATE_LIMIT + 1)).code,
        UserErrorCode::TooLong
    );
    let deep = "{% for a in contact.tags %}".repeat(3) + &"{% endfor %}".repeat(3);
    assert!(refused(&deep).to_string().contains("2 deep"));
}

#[test]
fn a_template_whose_parts_stand_in_each_other_without_end_is_refused() {
    for (before, again, after) in [
        ("{% if ", "not ", "1 %}x{% endif %}"),
        ("{{ ", "-", "1 }}"),
        ("{{ contact.name", ".a", " }}"),
        ("{{ contact.name", "|trim", " }}"),
        ("{{ contact.name", "|default(contact.name", " }}"),
        ("{% if 1", " and 1", " %}x{% endif %}"),
        ("{{ 1", " if 1", " }}"),
        ("{{ 1", "~1", " }}"),
        ("{%if 1%}", "{%elif 1%}", "{%endif%}"),
    ] {
        let room = TEMPLATE_LIMIT - before.len() - after.len();
        let endless = [before, &again.repeat(room / again.len()), after].concat();
        let mistake = refused(&endless);
        assert_eq!(mistake.code, UserErrorCode::TooLong, "{again}: {mistake}");
        assert!(mistake.column.is_some(), "{again}");
        let stored = render(&endless, &Facts::sample(), TargetKind::Slack);
        assert_eq!(stored, Err(mistake), "{again}");
    }
    let lists = "{% if contact.name in ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] or not health.score %}x\
                 {% elif 'VIP' in contact.tags and 'Tokyo' in contact.tags %}{{ contact.name }}{% endif %}";
    assert_eq!(rendered(&lists.repeat(20)), "佐藤 花子".repeat(20));
}

#[test]
fn a_text_is_cut_at_the_limit_of_its_target() {
    let mut facts = Facts::sample();
    facts.message.excerpt = "縁".repeat(30_000);
    for kind in [
        TargetKind::Slack,
        TargetKind::Webhook,
        TargetKind::Email,
        TargetKind::InApp,
    ] {
        let text = "{{ message.excerpt }}{{ message.excerpt }}";
        let shown = render(text, &facts, kind).unwrap();
        assert_eq!(shown.chars().count(), output_limit(kind));
        assert!(shown.ends_with("縁…"));
    }
}

#[test]
fn a_template_that_takes_too_long_is_stopped() {
    let mut facts = Facts::sample();
    facts.contact.tags = vec![String::new(); 2_000];
    let text =
        "{% for a in contact.tags %}{% for b in contact.tags %}{{ a }}{% endfor %}{% endfor %}";
    let mistake = render(text, &facts, TargetKind::Slack).unwrap_err();
    assert_eq!(mistake.code, UserErrorCode::LimitReached);
}

#[test]
fn the_list_of_values_is_what_the_facts_are() {
    let facts = serde_json::to_value(Facts::sample()).unwrap();
    let facts = facts.as_object().unwrap();
    assert_eq!(facts.len(), VALUES.len());
    for (name, parts) in VALUES {
        let fact = facts[*name].as_object().unwrap();
        assert_eq!(fact.len(), parts.len(), "{name}");
        for (part, shape) in *parts {
            let fits = match &fact[*part] {
                Json::String(_) => *shape == facts::Shape::Text,
                Json::Number(_) => *shape == facts::Shape::Number,
                Json::Array(_) => *shape == facts::Shape::List,
                _ => false,
            };
            assert!(fits, "{name}.{part}");
        }
    }
}

/// Pieces of templates, most of them wrong, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        " if ",
        " for a in ",
        " endfor ",
        " endif ",
        " else ",
        "contact",
        ".name",
        ".tags",
        "message.excerpt",
        "|",
        "upper",
        "truncate(",
        ")",
        "(",
        "[",
        "]",
        "'",
        "\"",
        "1",
        "-",
        "+",
        "*",
        "**",
        "~",
        " in ",
        " not ",
        " and ",
        ",",
        ":",
        "loop",
        ".index",
        "\n",
        "縁",
        "{{ contact.name }}",
        "{% if message.id %}",
        "{% endif %}",
        "\0",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_passes_the_check_renders_with_any_facts(text in pieces(), name in ".{0,40}") {
        if check(&text, TargetKind::Slack).is_ok() {
            let mut facts = Facts::default();
            prop_assert!(render(&text, &facts, TargetKind::Slack).is_ok(), "{text:?} with nothing");
            facts.contact.name = name;
            facts.contact.tags = vec!["{{ contact.email }}".to_owned()];
            facts.message.excerpt = "{% for %}".to_owned();
            let shown = render(&text, &facts, TargetKind::Slack);
            prop_assert!(shown.is_ok(), "{text:?}: {shown:?}");
            prop_assert!(shown.unwrap().chars().count() <= output_limit(TargetKind::Slack));
        }
    }
}

use proptest::prelude::*;

use super::*;

fn notice() -> SlackNotice {
    SlackNotice {
        title: "パートナーシップの問い合わせ".to_owned(),
        lines: vec![
            ("Contact".to_owned(), "Ada & <Co>".to_owned()),
            ("Channel".to_owned(), "EMAIL".to_owned()),
        ],
        text: None,
        excerpt: Some("Hello <!channel>\nsee <https://evil.example|https://bank.example>".into()),
        link: Some(Url::parse("https://enishi.example/c/1?a=b&c=d|e").unwrap()),
        by: "VIP".to_owned(),
        by_playbook: false,
    }
}

/// Every text in the body, with the kind of text it is.
fn texts(body: &Value) -> Vec<(String, String)> {
    match body {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(object) => {
            let own = object.get("text").and_then(Value::as_str).map(|text| {
                let kind = object.get("type").and_then(Value::as_str);
                (kind.unwrap_or("fallback").to_owned(), text.to_owned())
            });
            own.into_iter()
                .chain(object.values().flat_map(texts))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Whether every marked-up text forbids Slack to find links and mentions by itself.
fn verbatim(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(verbatim),
        Value::Object(object) => {
            (object.get("type") != Some(&json!("mrkdwn"))
                || object.get("verbatim") == Some(&json!(true)))
                && object.values().all(verbatim)
        }
        _ => true,
    }
}

/// What every body must hold, whatever was put in.
fn assert_sound(body: &Value, link: Option<&str>) {
    let blocks = body["blocks"].as_array().unwrap();
    assert!((1..=50).contains(&blocks.len()));
    for block in blocks {
        let fields = block["fields"].as_array().map_or(0, Vec::len);
        assert!(fields <= 10);
        assert!(text::length(block["text"]["text"].as_str().unwrap_or("")) <= 3_000);
    }
    assert!(text::length(blocks[0]["text"]["text"].as_str().unwrap()) <= 150);
    for (kind, text) in texts(body) {
        assert!(!text::is_blank(&text), "{body}");
        assert!(text::length(&text) <= 3_000);
        if kind == "mrkdwn" && link.is_some_and(|link| text == link) {
            continue;
        }
        // The quotation's own marks are the only angle brackets left.
        let foreign = text.replace("\n> ", "\n");
        let foreign = foreign.strip_prefix("> ").unwrap_or(&foreign);
        assert!(!foreign.contains(['<', '>', '\0', '\u{202e}']), "{text:?}");
        let plain = foreign.to_lowercase();
        for mention in ["@channel", "@here", "@everyone"] {
            assert!(!plain.contains(mention), "{text:?}");
        }
        for (at, _) in foreign.match_indices('&') {
            let escape = ["&amp;", "&lt;", "&gt;"];
            assert!(
                escape
                    .iter()
                    .any(|escape| foreign[at..].starts_with(escape)),
                "{text:?}"
            );
        }
    }
    assert!(verbatim(body));
}

#[test]
fn a_notice_becomes_a_header_facts_a_quotation_and_a_context() {
    let expected = json!({
        "text": "パートナーシップの問い合わせ",
        "mrkdwn": false,
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": [
            { "type": "header", "text": {
                "type": "plain_text", "text": "パートナーシップの問い合わせ", "emoji": false } },
            { "type": "section", "fields": [
                { "type": "mrkdwn", "text": "*Contact*\nAda &amp; &lt;Co&gt;", "verbatim": true },
                { "type": "mrkdwn", "text": "*Channel*\nEMAIL", "verbatim": true } ] },
            { "type": "section", "text": { "type": "mrkdwn", "verbatim": true, "text":
                "> Hello &lt;!channel&gt;\n> see &lt;https://evil.example|https://bank.example&gt;"
            } },
            { "type": "context", "elements": [
                { "type": "mrkdwn", "text": "Rule: VIP", "verbatim": true },
                { "type": "mrkdwn", "verbatim": true,
                  "text": "<https://enishi.example/c/1?a=b&amp;c=d%7Ce|Open in Enishi>" } ] },
        ],
    });
    assert_eq!(body(&notice(), Locale::En), expected);
}

#[test]
fn our_own_words_are_in_the_readers_language() {
    for (locale, rule, open) in [
        (Locale::Ja, "ルール：VIP", "|Enishi で開く>"),
        (Locale::En, "Rule: VIP", "|Open in Enishi>"),
        (Locale::Zh, "规则：VIP", "|在 Enishi 中打开>"),
    ] {
        let context = body(&notice(), locale)["blocks"][3]["elements"].clone();
        assert_eq!(context[0]["text"], rule);
        assert!(context[1]["text"].as_str().unwrap().ends_with(open));
    }
}

#[test]
fn a_playbook_is_not_called_a_rule() {
    let said = SlackNotice {
        by_playbook: true,
        ..notice()
    };
    let context = body(&said, Locale::En)["blocks"][3]["elements"].clone();
    assert_eq!(context[0]["text"], "Playbook: VIP");
}

#[test]
fn nothing_to_say_leaves_no_empty_block() {
    let empty = SlackNotice {
        title: " \u{200b}\n".to_owned(),
        lines: vec![
            ("Label".to_owned(), "\u{202e} ".to_owned()),
            (" ".to_owned(), "value".to_owned()),
        ],
        text: Some("\u{200b}".to_owned()),
        excerpt: Some("\r\n".to_owned()),
        link: Some(Url::parse("javascript:alert(1)").unwrap()),
        by: String::new(),
        by_playbook: false,
    };
    let body = body(&empty, Locale::Zh);
    assert_eq!(body["text"], "通知");
    assert_eq!(body["blocks"].as_array().unwrap().len(), 2);
    assert_eq!(body["blocks"][1]["fields"][0]["text"], "value");
    assert_sound(&body, None);
}

#[test]
fn long_notices_are_cut_and_say_so() {
    let long = SlackNotice {
        title: "題".repeat(151),
        lines: vec![("&".repeat(200), "<".repeat(5_000)); 43],
        text: None,
        excerpt: Some("a\n".repeat(4_000)),
        link: Some(Url::parse(&format!("https://enishi.example/{}", "a".repeat(3_000))).unwrap()),
        by: "r".repeat(5_000),
        by_playbook: false,
    };
    let body = body(&long, Locale::En);
    assert_sound(&body, None);
    assert_eq!(body["text"], format!("{}…", "題".repeat(149)));
    let blocks = body["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), 1 + 4 + 1 + 1 + 1);
    assert_eq!(blocks[5]["elements"][0]["text"], "and 3 more");
    for field in blocks[1]["fields"].as_array().unwrap() {
        assert!(text::length(field["text"].as_str().unwrap()) <= 2_000);
    }
    // An address that would have to be cut is left out.
    assert_eq!(blocks[7]["elements"].as_array().unwrap().len(), 1);
}

#[test]
fn the_text_of_a_template_takes_the_place_of_facts_and_excerpt() {
    let notice = SlackNotice {
        text: Some("*VIP* wrote:\n<!channel> @here <https://evil.example|bank>".to_owned()),
        ..notice()
    };
    let body = body(&notice, Locale::En);
    let blocks = body["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), 3);
    let section = json!({ "type": "mrkdwn", "verbatim": true, "text":
        "*VIP* wrote:\n&lt;!channel&gt; @\u{2060}here &lt;https://evil.example|bank&gt;" });
    assert_eq!(blocks[1]["text"], section);
}

/// Pieces that mean something to Slack, to a browser or to a terminal.
const POLYGLOTS: &[&str] = &[
    "<!channel>",
    "<!here|x>",
    "<!everyone>",
    "<@U012AB3CD>",
    "<#C012AB3CD>",
    "<!subteam^S1>",
    "<!date^1^{date}|x>",
    "<https://evil.example|https://bank.example>",
    "<mailto:a@b.c|d>",
    "&lt;!channel&gt;",
    "&#60;!channel&#62;",
    "@channel",
    "@HERE",
    "@everyone",
    "&",
    "<",
    ">",
    "|",
    "*",
    "_",
    "~",
    "`",
    "```",
    "\n",
    "\r\n",
    "> ",
    "\n*Rule:* all is well",
    "\0",
    "\u{7}",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{2028}",
    "\u{feff}",
    "<script>alert(1)</script>",
    "\"}],\"text\":\"x",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "👩‍👩‍👧",
    "e\u{301}",
    "縁",
    ":tada:",
    "=1+1",
];

fn foreign_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(POLYGLOTS).prop_map(str::to_owned),
        any::<String>(),
        (prop::sample::select(POLYGLOTS), 1_usize..800).prop_map(|(text, n)| text.repeat(n)),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    // Each case builds up to a hundred long texts.
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_text_can_mention_link_or_break_the_message(
        title in foreign_text(),
        lines in prop::collection::vec((foreign_text(), foreign_text()), 0..45),
        text in prop::option::of(foreign_text()),
        excerpt in prop::option::of(foreign_text()),
        by in foreign_text(),
        by_playbook in any::<bool>(),
        locale in prop::sample::select(vec![Locale::Ja, Locale::En, Locale::Zh]),
    ) {
        let notice = SlackNotice { title, lines, text, excerpt, link: None, by, by_playbook };
        assert_sound(&body(&notice, locale), None);
    }

    #[test]
    fn a_link_shows_only_our_label_and_ends_where_it_should(tail in foreign_text()) {
        let mut url = Url::parse("https://enishi.example/").unwrap();
        url.set_fragment(Some(&tail));
        let notice = SlackNotice { link: Some(url), ..notice() };
        let body = body(&notice, Locale::En);
        if let Some(link) = body["blocks"][3]["elements"][1]["text"].as_str() {
            let inner = link.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap();
            prop_assert!(!inner.contains(['<', '>', '\n']));
            let (target, label) = inner.split_once('|').unwrap();
            prop_assert_eq!(label, "Open in Enishi");
            prop_assert!(target.starts_with("https://enishi.example/"));
        }
    }
}

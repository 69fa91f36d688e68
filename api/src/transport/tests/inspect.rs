//! Documents that are judged without being run.

use super::{
    super::inspect::Inspector,
    fixture::{door, quick},
};

#[actix_web::test]
async fn a_document_is_judged_as_it_would_be_when_it_is_sent_and_nothing_of_it_is_run() {
    let mut settings = quick();
    settings.document.cost = 50;
    let inspector = Inspector::new(&door(settings));
    for document in [
        "{ hello }",
        "{ panics hangs }",
        "query A { hello } query B($n: Int!) { numbers(first: $n) { value } }",
        "query($no: Boolean!) { hello @skip(if: $no) __typename @include(if: $no) }",
        "mutation { bump }",
        "subscription { never }",
        "query { numbers(first: 50) { ...F } } fragment F on Number { value }",
    ] {
        assert_eq!(inspector.problem(document).await, None, "{document}");
    }
    for document in [
        "{",
        "{ nope }",
        "{ numbers }",
        "{ hello(name: 1) }",
        "{ hello(nope: 1) }",
        "query A { hello } query B { numbers { nope } }",
        "query($n: Int) { hello }",
        "query($n: String) { hello numbers(first: $n) { value } }",
        "query($n: String) { hello(name: $n) numbers { value } ... { numbers { value: __typename } } }",
        "mutation { bump nope }",
        "subscription { count(to: \"x\") }",
        "{ hello } fragment F on Number { value }",
        "{ numbers(first: 60) { value } }",
    ] {
        assert!(inspector.problem(document).await.is_some(), "{document}");
    }
    let problem = inspector.problem("{ hello(name: 1) }").await.unwrap();
    assert!(problem.contains("(line 1, column "), "{problem}");
}

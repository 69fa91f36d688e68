//! What a start takes from its surroundings.

use crate::support::{installation::Installation, runtime::block_on};

#[test]
fn variables_that_are_set_to_nothing_count_as_not_set() {
    block_on(async {
        let nothing = [
            "ENISHI_DATABASE_CONNECTIONS",
            "ENISHI_WORKER_CONCURRENCY",
            "ENISHI_KEEP_WORK_DAYS",
            "ENISHI_API_THREADS",
            "ENISHI_REDIS_PREFIX",
            "ENISHI_LOG_FORMAT",
            "ENISHI_LOG",
            "REDIS_URL",
        ];
        let installation = Installation::alone_with(&nothing.map(|name| (name, ""))).await;
        let said = installation.servers[0].0.said();
        assert!(said.contains("serving"), "the usual level: {said}");
        installation.end().await;
    });
}

//! What is open in this process and what failed in it, for `/metrics`.

use metrics::{Gauge, counter, describe_counter, describe_gauge, gauge};

use super::code::Code;

const SOCKETS: &str = "enishi_sockets_open";
const STREAMS: &str = "enishi_streams_open";
const SUBSCRIPTIONS: &str = "enishi_subscriptions_open";
const ERRORS: &str = "enishi_graphql_errors_total";

/// Codes that are faults of this side, which are told also while there are none: a rise from nothing is one.
const FAULTS: [Code; 3] = [Code::Internal, Code::Unavailable, Code::Timeout];

/// Says what is counted here, and that there is none of it yet.
pub(crate) fn describe() {
    describe_gauge!(
        SOCKETS,
        "WebSockets that are open, also those that have not said yet who they are"
    );
    describe_gauge!(
        STREAMS,
        "Answers that stay open: event streams and multipart"
    );
    describe_gauge!(
        SUBSCRIPTIONS,
        "Subscriptions that are live, on sockets and streams together"
    );
    for name in [SOCKETS, STREAMS, SUBSCRIPTIONS] {
        gauge!(name).set(0.0);
    }
    describe_counter!(
        ERRORS,
        "GraphQL requests and operations that had an error, by the code of the first; most of them \
         have the HTTP status 200"
    );
    for code in FAULTS {
        counter!(ERRORS, "code" => code.as_str()).increment(0);
    }
}

/// Counts a request or an operation that had an error.
pub(crate) fn count_error(code: Code) {
    counter!(ERRORS, "code" => code.as_str()).increment(1);
}

/// Something that is open, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Open(Gauge);

impl Open {
    pub(crate) fn socket() -> Self {
        Self::counted(SOCKETS)
    }

    pub(crate) fn stream() -> Self {
        Self::counted(STREAMS)
    }

    pub(crate) fn subscription() -> Self {
        Self::counted(SUBSCRIPTIONS)
    }

    fn counted(name: &'static str) -> Self {
        let gauge = gauge!(name);
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

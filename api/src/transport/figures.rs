//! What is open in this process, for `/metrics`.

use metrics::{Gauge, describe_gauge, gauge};

const SOCKETS: &str = "enishi_sockets_open";
const STREAMS: &str = "enishi_streams_open";
const SUBSCRIPTIONS: &str = "enishi_subscriptions_open";

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

//! What one operation pays, from the estimate to what it turned out to cost.

use std::rc::Rc;

use async_graphql::{Response, Value};
use tokio::time::{Instant, sleep_until};

use super::{
    budget::{Cost, Meter},
    rate::{Bucket, RateLimits},
};

/// Points that a message of a subscription has for nothing: about what telling it takes.
const MESSAGE_FREE: u64 = 20;

/// The account of one operation while it runs: charged beforehand, settled at its end. A subscription is
/// charged as it begins, and for each of its messages that has more in it than telling it takes: all that
/// it selects is read anew for each.
#[derive(Debug, Clone)]
pub(crate) struct Bill {
    /// What was charged.
    pub(crate) cost: Cost,
    /// What it turned out to cost, once that is known.
    pub(crate) actual: Option<u64>,
    /// When the points are there that the last message of a subscription cost, if they were not.
    pub(crate) next_at: Option<Instant>,
    /// The caller's bucket, after the charge or the refund.
    pub(crate) bucket: Bucket,
    /// The deprecated fields of the document.
    pub(crate) deprecations: Option<Rc<Value>>,
    /// Counts what came back. A query or a mutation has used it when it is settled.
    pub(crate) meter: Option<Rc<Meter>>,
    /// Whether it is of a subscription.
    pub(crate) goes_on: bool,
    pub(crate) share: Share,
    pub(crate) rate_key: u128,
}

/// Which part of its points an operation pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// All of them.
    Whole,
    /// Half, rounded up: registered documents are known beforehand.
    Half,
}

impl Share {
    pub(crate) fn of(self, points: u64) -> u64 {
        match self {
            Self::Whole => points,
            Self::Half => points.div_ceil(2),
        }
    }
}

impl Bill {
    /// Counts what came back and refunds the rest of the charge. A result with errors keeps the
    /// whole charge: what was done before something failed cannot be seen in it. Of a subscription
    /// nothing is refunded; what the message costs is charged as well.
    pub(crate) fn settle(&mut self, rate: &RateLimits, response: &Response) {
        let charged = self.cost.requested;
        if self.goes_on {
            let cost = self.used(response).saturating_sub(MESSAGE_FREE);
            if cost > 0 {
                let wait = rate.charge_message(self.rate_key, cost);
                self.next_at = (!wait.is_zero()).then(|| Instant::now() + wait);
            }
            return;
        }
        if self.meter.is_none() {
            return;
        }
        let actual = self.used(response).min(charged);
        self.meter = None;
        self.actual = Some(actual);
        if actual < charged {
            self.bucket = rate.refund(self.rate_key, charged - actual);
        }
    }

    /// The points of what came back.
    fn used(&self, response: &Response) -> u64 {
        match &self.meter {
            Some(meter) if response.errors.is_empty() => {
                self.share.of(meter.points(&response.data))
            }
            _ => self.cost.requested,
        }
    }

    /// Waits until the last message is paid: the next one comes later, and none is missed.
    pub(crate) async fn be_paid(&mut self) {
        if let Some(at) = self.next_at {
            sleep_until(at).await;
            self.next_at = None;
        }
    }
}

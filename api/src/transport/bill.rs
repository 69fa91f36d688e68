//! What one operation pays, from the estimate to what it turned out to cost.

use std::rc::Rc;

use async_graphql::{Response, Value};

use super::{
    budget::{Cost, Meter},
    rate::{Bucket, RateLimits},
};

/// The account of one operation while it runs: charged beforehand, settled at its end.
#[derive(Debug, Clone)]
pub(crate) struct Bill {
    /// What was charged.
    pub(crate) cost: Cost,
    /// What it turned out to cost, once that is known.
    pub(crate) actual: Option<u64>,
    /// The caller's bucket, after the charge or the refund.
    pub(crate) bucket: Bucket,
    /// The deprecated fields of the document.
    pub(crate) deprecations: Option<Rc<Value>>,
    pub(crate) meter: Option<Rc<Meter>>,
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
    /// whole charge: what was done before something failed cannot be seen in it.
    pub(crate) fn settle(&mut self, rate: &RateLimits, response: &Response) {
        let Some(meter) = self.meter.take() else {
            return;
        };
        let charged = self.cost.requested;
        let actual = if response.errors.is_empty() {
            self.share.of(meter.points(&response.data)).min(charged)
        } else {
            charged
        };
        self.actual = Some(actual);
        if actual < charged {
            self.bucket = rate.refund(self.rate_key, charged - actual);
        }
    }
}

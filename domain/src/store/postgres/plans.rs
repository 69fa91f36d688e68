//! How PostgreSQL comes by the plans of a transaction's statements.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// Rows from which on making a plan costs less than a plan made for others may.
const MANY: usize = 50;

/// What is known of the plans of one transaction.
///
/// Usually a connection keeps each plan it makes. One made while a table was empty may compare every row
/// given with every row of the table for ever after, so that many rows are worth a plan of their own,
/// which knows how many they are. What adds rows may keep its plan all the same: the checks of foreign keys
/// are planned by the same setting, row by row, and to plan one takes five times as long as to answer it.
#[derive(Debug, Default)]
pub(in crate::store) struct Plans {
    are_for_many: AtomicBool,
    /// Nothing while it is not known: a rollback to a mark takes settings back too.
    now: Mutex<Option<Planning>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planning {
    Anew,
    Kept,
}

impl Plans {
    /// Says that the statements to come are given about `rows` rows.
    pub(in crate::store) fn expect(&self, rows: usize) {
        self.are_for_many.store(rows >= MANY, Relaxed);
    }

    /// Says that a rollback may have taken the setting back.
    pub(in crate::store) fn forget(&self) {
        *self.now() = None;
    }

    /// The statement that has to come before `sql`, if one has to.
    pub(in crate::store) fn turn_for(&self, sql: &str) -> Option<&'static str> {
        if !self.are_for_many.load(Relaxed) {
            return None;
        }
        let wanted = if sql.trim_start().starts_with("INSERT") {
            Planning::Kept
        } else {
            Planning::Anew
        };
        let has_turned = self.now().replace(wanted) != Some(wanted);
        has_turned.then_some(match wanted {
            Planning::Anew => "SET LOCAL plan_cache_mode = force_custom_plan",
            Planning::Kept => "SET LOCAL plan_cache_mode = auto",
        })
    }

    fn now(&self) -> MutexGuard<'_, Option<Planning>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_statements_about_many_rows_are_planned_anew_and_the_setting_is_sent_once() {
        let plans = Plans::default();
        assert_eq!(plans.turn_for("SELECT 1"), None);
        plans.expect(MANY);
        let anew = Some("SET LOCAL plan_cache_mode = force_custom_plan");
        let kept = Some("SET LOCAL plan_cache_mode = auto");
        assert_eq!(plans.turn_for("SELECT 1"), anew);
        assert_eq!(plans.turn_for("UPDATE x"), None);
        assert_eq!(plans.turn_for("\n INSERT INTO x"), kept);
        assert_eq!(plans.turn_for("SELECT 1"), anew);
        plans.forget();
        assert_eq!(plans.turn_for("SELECT 1"), anew);
        plans.expect(MANY - 1);
        assert_eq!(plans.turn_for("INSERT INTO x"), None);
    }
}

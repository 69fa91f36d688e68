//! That a test comes to its end: whoever makes a world or an installation drains its work and looks for leftovers,
//! or says why not.

/// Lies in what has to be ended, and fails the test where nobody did.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    is_come: bool,
}

impl Ending {
    /// Everything was done, or it was said why not.
    pub(crate) fn come(&mut self) {
        self.is_come = true;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // A test that fails ends where it fails.
        assert!(
            self.is_come || std::thread::panicking(),
            "a world or an installation was not ended: call `end`, which drains all work and fails on \
             leftovers, or `left_undone` with the reason"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ended_fails_its_test() {
        let forgotten = std::panic::catch_unwind(|| drop(Ending::default()));
        assert!(forgotten.is_err());
        let mut ended = Ending::default();
        ended.come();
        drop(ended);
    }
}

//! What to do when code below us panics on somebody's input.
//!
//! The stacks we stand on read hostile bytes.  A panic in one of them may cost the peer
//! connection whose bytes they were, never the shard with everybody else on it.  (The panic
//! hook of the program says where it happened; nothing of the input is written.)

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`; says whether it came to an end.  After `false` the caller must throw away
/// whatever `work` was changing.
pub(crate) fn contained(work: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(work)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_stops_here_and_is_told() {
        let mut done = 0;
        assert!(contained(|| done += 1));
        assert!(!contained(|| panic!("a stack broke")));
        assert_eq!(done, 1);
    }
}

//! How does memory stay off the disk and out of other programs?  (E2EE.md 1.12)

use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};

/// Forbids core dumps and being read by other programs of the same user.  Both can fail only
/// where the system forbids them already.
pub(crate) fn no_memory_on_disk() {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let _ = set_dumpable(false);
}

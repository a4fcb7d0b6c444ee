//! What do we ask of the operating system for this process?

use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Open files this process needs at most: connections, and a few of its own.
const FILES_MAX: u64 = 65_536;

/// Keeps memory off the disk and out of other programs of the same user (E2EE.md 1.12).  Both
/// can fail only where the system forbids them already.
pub(crate) fn no_memory_on_disk() {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let _ = set_dumpable(false);
}

/// Lets the process have as many open files as connections are allowed; the usual soft limit
/// of 1024 would end before ours do.
pub(crate) fn enough_files() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // With fewer files there are fewer connections, and nothing else.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(FILES_MAX), hard);
    }
}

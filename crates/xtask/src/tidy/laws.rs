//! Laws 3 to 5 as far as names in the source tell them.

use super::Fault;
use super::source::File;

/// Reading a clock or the environment (law 4).
const CLOCKS: &[&str] =
    &["Instant::now", "SystemTime::now", "Utc::now", "OffsetDateTime::now_utc"];
const ENVIRONMENT: &[&str] = &["env::var", "env::vars", "env::set_var", "env::remove_var"];

/// Crates that shall not see something (laws 3 and 5), how it would show, and why.
const BLIND: &[(&str, &[&str], &str)] = &[
    (
        "media",
        &["protocol::client", "protocol::server", "ClientMessage", "ServerMessage"],
        "media never sees a signalling message: let the switchboard turn it into a MediaOrder",
    ),
    (
        "gateway",
        &["rtc_rtp", "rtc_srtp", "rtc_rtcp", "UdpSocket"],
        "the gateway never sees a packet: that is the work of media",
    ),
    (
        "participant-wasm",
        &["ClientMessage::", "ServerMessage::", "Input::", "Output::"],
        "no logic in the face of a core: match on messages in the core",
    ),
    (
        "aman",
        &["ClientMessage::", "ServerMessage::", "MediaFact::", "MediaOrder::"],
        "aman wires and decides nothing: match on messages in a core",
    ),
];

/// Looks for names that a law keeps out.
pub(super) fn check(files: &[File]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.is_rust() && !file.path.contains("/examples/"))
    {
        for (line, code) in file.product_lines() {
            let has = |names: &[&str]| names.iter().any(|name| code.contains(name));
            if has(CLOCKS) && !is_clock(&file.path) {
                faults.push(Fault::at(
                    file,
                    line,
                    "only a clock.rs reads a clock: take the time as an argument",
                ));
            }
            if has(ENVIRONMENT) && !is_settings(&file.path) {
                faults.push(Fault::at(
                    file,
                    line,
                    "only the settings read the environment: take the value as an argument",
                ));
            }
            for (krate, names, why) in BLIND {
                if file.krate() == Some(*krate) && has(names) {
                    faults.push(Fault::at(file, line, *why));
                }
            }
        }
    }
    faults
}

fn is_clock(path: &str) -> bool {
    path.ends_with("/clock.rs")
}

fn is_settings(path: &str) -> bool {
    // A build script has nothing else to learn from.
    if path.ends_with("/build.rs") {
        return true;
    }
    path.starts_with("crates/aman/src/settings") || path == "crates/xtask/src/settings.rs"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> usize {
        check(&[File::new(path, text.to_owned())]).len()
    }

    #[test]
    fn a_clock_or_the_environment_read_elsewhere_is_a_fault() {
        let now = "fn f() { let now = Instant::now(); }\n";
        assert_eq!(faults("crates/room/src/lib.rs", now), 1);
        assert_eq!(faults("crates/media/src/clock.rs", now), 0);
        let variable = "fn f() { let v = std::env::var_os(x); }\n";
        assert_eq!(faults("crates/gateway/src/lib.rs", variable), 1);
        assert_eq!(faults("crates/aman/src/settings.rs", variable), 0);
        assert_eq!(faults("crates/aman/src/settings/environment.rs", variable), 0);
        assert_eq!(faults("crates/room/src/lib.rs", "// Instant::now\n"), 0);
    }

    #[test]
    fn a_shell_that_sees_what_is_not_its_business_is_a_fault() {
        assert_eq!(faults("crates/media/src/lib.rs", "use protocol::server::Answer;\n"), 1);
        assert_eq!(faults("crates/media/src/lib.rs", "use protocol::media::Mid;\n"), 0);
        assert_eq!(faults("crates/gateway/src/lib.rs", "use rtc_rtp::header;\n"), 1);
        let decides = "fn f(i: I) { match i { Input::Leave => (), _ => () } }\n";
        assert_eq!(faults("crates/participant-wasm/src/lib.rs", decides), 1);
        assert_eq!(faults("crates/participant/src/lib.rs", decides), 0);
        assert_eq!(faults("crates/aman/src/main.rs", "fn f() { ClientMessage::Leave; }\n"), 1);
    }
}

//! Whether what is committed is free of the machine it was written on.

use super::Fault;
use super::source::File;

/// What gives a machine away.  Written in two parts, so that this file is clean itself.
const TRACES: &[(&str, &str, &str)] = &[
    ("/ro", "ot/", "a path of somebody's machine"),
    ("/ho", "me/", "a path of somebody's machine"),
    ("/wo", "rk/", "a path of somebody's machine"),
    ("/Us", "ers/", "a path of somebody's machine"),
    ("registry.npm", "js.org", "the host of a registry: set omit-lockfile-registry-resolved"),
    ("\"resolved\": \"ht", "tp", "the host of a registry: set omit-lockfile-registry-resolved"),
    ("BEGIN PRIV", "ATE KEY", "a private key"),
];

/// Looks for traces in every text file.
pub(super) fn check(files: &[File]) -> Vec<Fault> {
    let traces: Vec<(String, &str)> =
        TRACES.iter().map(|(a, b, what)| (format!("{a}{b}"), *what)).collect();
    let mut faults = Vec::new();
    for file in files {
        for (text, line) in file.text.lines().zip(1..) {
            for (trace, what) in traces.iter().filter(|(trace, _)| text.contains(&**trace)) {
                faults.push(Fault::at(file, line, format!("{trace} is {what}: leave it out")));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_of_a_machine_is_a_fault() {
        let faults = |text: String| check(&[File::new("a.txt", text)]).len();
        assert_eq!(faults("/var/lib/aman\n".to_owned()), 0);
        assert_eq!(faults(format!("{}{}me/x\n", "/ho", "me/")), 1);
        assert_eq!(faults(format!("{}{}/x.tgz\n", "https://registry.npm", "js.org")), 1);
    }
}

//! Laws 1 to 3: which crate may know which (ARCHITECTURE.md draws the arrows).

use super::Fault;
use crate::workspace::Package;

/// Crates of ours and the crates of ours that each may know.  Everything may use `protocol`.
const ARROWS: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("room", &[]),
    ("delivery", &[]),
    ("forward", &[]),
    ("e2ee", &[]),
    ("participant", &["e2ee"]),
    ("store", &[]),
    ("media", &["forward"]),
    ("switchboard", &["room", "delivery", "media", "store"]),
    ("gateway", &["switchboard", "store"]),
    ("headless", &["participant"]),
    ("participant-wasm", &["participant"]),
    ("aman", &["gateway", "switchboard", "media", "store"]),
    ("xtask", &[]),
    ("xtask-wasm", &[]),
    ("codegen", &["participant"]),
    ("simulation", &["room", "delivery", "forward", "e2ee", "participant"]),
    ("e2e", &["headless", "participant", "e2ee"]),
    ("load", &["headless", "participant", "e2e"]),
];

/// The cores, and what they may use that is not ours: nothing that does I/O.
const CORES: &[&str] = &["room", "delivery", "forward", "e2ee", "participant"];
const FIT_FOR_CORES: &[&str] = &[
    "aes",
    "aes-gcm",
    "base64",
    "bytes",
    "ctr",
    "ed25519-dalek",
    "getrandom",
    "hkdf",
    "hmac",
    "hpke-rs",
    "hpke-rs-crypto",
    "openmls",
    "openmls_basic_credential",
    "openmls_rust_crypto",
    "openmls_traits",
    "postcard",
    "rand_chacha",
    "rand_core",
    "serde",
    "serde_json",
    "sframe",
    "sha2",
    "subtle",
    "thiserror",
    "tls_codec",
    "tracing",
    "ts-rs",
    "x25519-dalek",
    "zeroize",
];

/// What must not be in the server: it could open a frame with it.
const NOT_IN_THE_SERVER: &[&str] = &["e2ee", "participant", "participant-wasm", "sframe"];

/// Whether every arrow is drawn, and every core stands on what does no I/O.
pub(super) fn check(packages: &[Package]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for package in packages {
        let name = &*package.name;
        let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == name) else {
            faults.push(Fault::new(
                name,
                "not drawn in ARCHITECTURE.md: draw it there and in tidy/arrows.rs",
            ));
            continue;
        };
        for to in package.normal_dependencies() {
            let ours = packages.iter().any(|package| package.name == to);
            if ours && to != "protocol" && !allowed.contains(&to) {
                faults.push(Fault::new(
                    name,
                    format!("must not know {to}: ARCHITECTURE.md draws no such arrow"),
                ));
            }
            if !ours && CORES.contains(&name) && !FIT_FOR_CORES.contains(&to) {
                faults.push(Fault::new(
                    name,
                    format!("a core does no I/O, and {to} is not on the list of what fits: decide in the core, act in a shell"),
                ));
            }
        }
    }
    faults
}

/// Whether the server is free of what could open a frame.
pub(super) fn check_server_tree(tree: &str) -> Vec<Fault> {
    let mut faults: Vec<Fault> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| NOT_IN_THE_SERVER.contains(name))
        .map(|name| {
            Fault::new(
                "aman",
                format!("contains {name}: the server must not have the code to open a frame"),
            )
        })
        .collect();
    faults.sort();
    faults.dedup();
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        let dependency = |name: &&str| Dependency { name: (*name).to_owned(), dev: false };
        Package {
            name: name.to_owned(),
            folder: name.into(),
            dependencies: dependencies.iter().map(dependency).collect(),
        }
    }

    #[test]
    fn an_arrow_that_is_not_drawn_is_a_fault() {
        let packages = [package("protocol", &[]), package("room", &[]), package("media", &[])];
        assert_eq!(check(&packages), []);

        let packages = [package("room", &[]), package("media", &["room"])];
        assert_eq!(check(&packages).len(), 1);
        assert_eq!(check(&[package("lobby", &[])]).len(), 1);
    }

    #[test]
    fn a_core_that_does_io_is_a_fault() {
        assert_eq!(check(&[package("room", &["tokio"])]).len(), 1);
        assert_eq!(check(&[package("gateway", &["tokio"])]), []);
    }

    #[test]
    fn the_server_with_frame_keys_in_it_is_a_fault() {
        assert_eq!(check_server_tree("aman v0.1.0 (x)\nroom v0.1.0\nopenmls v0.9.2\n"), []);
        let bad = "aman v0.1.0\ne2ee v0.1.0 (x)\nsframe v2.1.0\ne2ee v0.1.0 (*)\n";
        assert_eq!(check_server_tree(bad).len(), 2);
    }
}

//! Whether everything we stand on may be used as we use it, where cargo-deny is not installed.
//!
//! Reads the same list as cargo-deny: `licenses.allow` in deny.toml.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{cargo, output};
use crate::settings::Settings;

/// Checks the licence of every dependency.
///
/// # Errors
///
/// When one is not allowed; it is named.
pub(crate) fn check(settings: &Settings) -> Result<()> {
    let allowed = allowed(&fs::read_to_string(settings.root.join("deny.toml"))?);
    let mut metadata = cargo(settings);
    metadata.args(["metadata", "--format-version", "1", "--locked"]);
    let metadata: Value =
        serde_json::from_str(&output("read the dependencies", &mut metadata)?)?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    let mut refused = BTreeSet::new();
    for package in packages.context("cargo metadata has no packages")? {
        let text = |name: &str| package.get(name).and_then(Value::as_str).unwrap_or_default();
        if !is_allowed(text("license"), &allowed) {
            refused.insert(format!(
                "{} {} ({})",
                text("name"),
                text("version"),
                text("license")
            ));
        }
    }
    if !refused.is_empty() {
        let refused: Vec<String> = refused.into_iter().collect();
        bail!("not on the list of licences in deny.toml: {}", refused.join(", "));
    }
    Ok(())
}

/// The quoted words of the list `allow` in the table `[licenses]`.
fn allowed(deny: &str) -> BTreeSet<String> {
    let table = deny.split("[licenses]").nth(1).unwrap_or_default();
    let list = table.split("allow = [").nth(1).and_then(|rest| rest.split(']').next());
    list.unwrap_or_default().split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// An SPDX expression: one of the alternatives must be allowed, and all of its parts.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let plain = expression.replace(['(', ')'], " ").replace('/', " OR ");
    // "A AND (B OR C)" is read as its conjuncts, each of which is a choice.
    plain.split(" AND ").all(|part| part.split(" OR ").any(|one| allowed.contains(one.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_that_is_not_listed_is_refused() {
        let list =
            allowed("[licenses]\nallow = [\n  \"MIT\", \"ISC\",\n]\n[bans]\nx = [\"GPL\"]\n");
        assert_eq!(list.len(), 2);
        for good in ["MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "MIT AND (ISC OR GPL-3.0)"] {
            assert!(is_allowed(good, &list), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0"] {
            assert!(!is_allowed(bad, &list), "{bad}");
        }
    }
}

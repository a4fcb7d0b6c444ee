//! Our crates and the arrows between them, as cargo sees them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::{cargo, output};
use crate::settings::Settings;

/// One crate of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// What it depends on, by name.
    pub(crate) dependencies: BTreeSet<Dependency>,
}

/// One arrow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dependency {
    /// The crate it points to.
    pub(crate) name: String,
    /// Whether only tests follow it.
    pub(crate) dev: bool,
}

impl Package {
    /// The crates it is built from, without those of its tests.
    pub(crate) fn normal_dependencies(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().filter(|d| !d.dev).map(|d| &*d.name)
    }
}

/// Reads all crates of the workspace.
///
/// # Errors
///
/// When cargo cannot read the workspace.
pub(crate) fn read(settings: &Settings) -> Result<Vec<Package>> {
    let mut metadata = cargo(settings);
    metadata.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    parse(&output("read the workspace", &mut metadata)?)
}

/// Reads what `cargo metadata` printed.
///
/// # Errors
///
/// When it is not that.
pub(crate) fn parse(metadata: &str) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(metadata)?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    let mut packages: Vec<Package> = packages
        .context("cargo metadata has no packages")?
        .iter()
        .filter_map(package)
        .collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

fn package(value: &Value) -> Option<Package> {
    let dependencies = value.get("dependencies")?.as_array()?;
    Some(Package {
        name: value.get("name")?.as_str()?.to_owned(),
        folder: Path::new(value.get("manifest_path")?.as_str()?).parent()?.to_owned(),
        dependencies: dependencies.iter().filter_map(dependency).collect(),
    })
}

fn dependency(value: &Value) -> Option<Dependency> {
    let dev = value.get("kind")?.as_str() == Some("dev");
    Some(Dependency { name: value.get("name")?.as_str()?.to_owned(), dev })
}

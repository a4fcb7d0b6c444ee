//! Whether anything changed since something was built: a hash of what went into it.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folders that are made from the others.
const NOT_SOURCES: &[&str] = &[".git", "artefacts", "data", "dist", "node_modules", "target"];

/// A hash of the names and contents of `inputs`: files, or folders with all that is in them.
///
/// # Errors
///
/// When one of them cannot be read.
pub(crate) fn of(root: &Path, inputs: &[PathBuf]) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    for input in inputs {
        let mut files = Vec::new();
        collect(input, &mut files)?;
        for file in files {
            file.strip_prefix(root).unwrap_or(&file).hash(&mut hasher);
            fs::read(&file)
                .with_context(|| format!("cannot read {}", file.display()))?
                .hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

/// Whether `file` holds this stamp.
#[must_use]
pub(crate) fn is_fresh(file: &Path, stamp: u64) -> bool {
    fs::read_to_string(file).is_ok_and(|text| text == written(stamp))
}

/// Leaves the stamp in `file`.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn leave(file: &Path, stamp: u64) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, written(stamp)).with_context(|| format!("cannot write {}", file.display()))
}

/// All files below `path`, in a fixed order, without what is generated or hidden from git.
///
/// # Errors
///
/// When a folder cannot be read.
pub(crate) fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    if !path.is_dir() {
        return Ok(());
    }
    let entries =
        fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut below: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    below.sort();
    for entry in below {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        if !NOT_SOURCES.contains(&&*name) {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

fn written(stamp: u64) -> String {
    format!("{stamp:016x}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_follows_contents_and_names() {
        let folder = std::env::temp_dir().join(format!("aman-stamp-{}", std::process::id()));
        fs::create_dir_all(folder.join("target")).unwrap();
        let stamp = || of(&folder, std::slice::from_ref(&folder)).unwrap();

        fs::write(folder.join("a"), "one").unwrap();
        let one = stamp();
        fs::write(folder.join("target/built"), "x").unwrap();
        assert_eq!(stamp(), one, "what is built is not a source");
        fs::write(folder.join("a"), "two").unwrap();
        let two = stamp();
        assert_ne!(one, two);
        fs::rename(folder.join("a"), folder.join("b")).unwrap();
        assert_ne!(stamp(), two);

        let kept = folder.join("stamp");
        assert!(!is_fresh(&kept, two));
        leave(&kept, two).unwrap();
        assert!(is_fresh(&kept, two));
        assert!(!is_fresh(&kept, one));
        fs::remove_dir_all(&folder).unwrap();
    }
}

//! The repository as the checks see it: every text file in memory ([`Tree`]), and what cargo knows of the
//! workspace and its dependencies ([`Metadata`]).
//!
//! INVARIANT: a [`Tree`] holds what a clone would hold: whatever `.gitignore` names at the root is left out. The
//! checks rely on it to say the same on a developer's machine and on a fresh clone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The repository's root: the nearest folder upwards that holds the workspace.
pub fn root() -> Result<PathBuf> {
    let start = std::env::current_dir()?;
    let found = start.ancestors().find(|dir| dir.join("Cargo.lock").is_file() && dir.join("dev").is_file());
    found.map(Path::to_path_buf).with_context(|| format!("{} is not inside the repository", start.display()))
}

/// Path from the root, with `/`, to content; a file that is not UTF-8 text is there with an empty content.
#[derive(Default)]
pub struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    pub fn load(root: &Path) -> Result<Tree> {
        let ignored: BTreeSet<String> = std::fs::read_to_string(root.join(".gitignore"))
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.trim().strip_prefix('/').map(|name| name.trim_end_matches('/').to_owned()))
            .chain([".git".to_owned()])
            .collect();
        let mut tree = Tree::default();
        tree.read_dir(root, "", &ignored)?;
        Ok(tree)
    }

    fn read_dir(&mut self, dir: &Path, prefix: &str, ignored: &BTreeSet<String>) -> Result<()> {
        for entry in std::fs::read_dir(dir).with_context(|| dir.display().to_string())? {
            let entry = entry?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if ignored.contains(&path) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.read_dir(&entry.path(), &format!("{path}/"), ignored)?;
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path())?;
                self.files.insert(path, String::from_utf8(bytes).unwrap_or_default());
            }
        }
        Ok(())
    }

    pub fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Files whose name ends so, `.rs` say.
    pub fn ending<'a>(&'a self, suffix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.iter().filter(move |(path, _)| path.ends_with(suffix))
    }

    pub fn has_file(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    pub fn has_dir(&self, path: &str) -> bool {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        self.files.range(prefix.clone()..).next().is_some_and(|(first, _)| first.starts_with(&prefix))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Tree {
    fn from(files: [(&str, &str); N]) -> Tree {
        Tree { files: files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect() }
    }
}

/// One package of the build, ours or not.
pub struct Package {
    pub name: String,
    pub version: String,
    /// The SPDX expression; `None` when the package names only a file.
    pub licence: Option<String>,
    /// `None` for a crate of this workspace.
    pub source: Option<String>,
    /// Names under `[dependencies]`, without those for tests and build scripts.
    pub dependencies: BTreeSet<String>,
    /// Folder of the manifest, from the root; only meaningful for a crate of this workspace.
    pub dir: String,
}

/// Every package that a build for this machine uses, build scripts and tests included.
pub struct Metadata {
    pub packages: Vec<Package>,
    pub target_dir: PathBuf,
}

impl Metadata {
    pub fn load() -> Result<Metadata> {
        let version = output(Command::new("rustc").arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?;
        // Without the filter cargo would fetch the crates of every platform that exists.
        let json = output(Command::new("cargo").args(["metadata", "--format-version=1", "--filter-platform", host]))?;
        Metadata::parse(&serde_json::from_str(&json)?)
    }

    pub fn parse(json: &Value) -> Result<Metadata> {
        let root = text(&json["workspace_root"])?;
        let used: BTreeSet<&str> =
            list(&json["resolve"]["nodes"]).iter().filter_map(|node| node["id"].as_str()).collect();
        let mut packages = Vec::new();
        for package in list(&json["packages"]) {
            if !used.contains(text(&package["id"])?) {
                continue;
            }
            let manifest = text(&package["manifest_path"])?;
            packages.push(Package {
                name: text(&package["name"])?.to_owned(),
                version: text(&package["version"])?.to_owned(),
                licence: package["license"].as_str().map(str::to_owned),
                source: package["source"].as_str().map(str::to_owned),
                dependencies: list(&package["dependencies"])
                    .iter()
                    .filter(|dependency| dependency["kind"].is_null())
                    .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
                    .collect(),
                dir: manifest
                    .strip_prefix(root)
                    .and_then(|path| path.strip_suffix("Cargo.toml"))
                    .unwrap_or_default()
                    .trim_matches('/')
                    .to_owned(),
            });
        }
        packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        Ok(Metadata { packages, target_dir: PathBuf::from(text(&json["target_directory"])?) })
    }

    pub fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.source.is_none())
    }
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("cargo metadata lacks a field")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Standard output of a command that must succeed.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_exists_only_by_the_files_in_it() {
        let tree = Tree::from([("docs/design.md", ""), ("docs2/a", "")]);
        assert!(tree.has_dir("docs") && tree.has_dir("docs/"));
        assert!(!tree.has_dir("doc") && !tree.has_dir("docs/design.md") && !tree.has_dir("docs3"));
    }

    #[test]
    fn metadata_leaves_out_unused_packages_and_test_dependencies() {
        let json = serde_json::json!({
            "workspace_root": "/r", "target_directory": "/r/target",
            "resolve": {"nodes": [{"id": "a"}]},
            "packages": [
                {"id": "a", "name": "atoll-a", "version": "0.1.0", "license": "MIT", "source": null,
                 "manifest_path": "/r/crates/a/Cargo.toml",
                 "dependencies": [{"name": "x", "kind": null}, {"name": "y", "kind": "dev"}, {"name": "z", "kind": "build"}]},
                {"id": "b", "name": "winapi", "version": "0.3.0", "license": "MIT", "source": "registry",
                 "manifest_path": "/c/b/Cargo.toml", "dependencies": []}
            ]
        });
        let metadata = Metadata::parse(&json).unwrap();
        assert_eq!(metadata.packages.len(), 1);
        assert_eq!(metadata.packages[0].dir, "crates/a");
        assert_eq!(metadata.packages[0].dependencies, BTreeSet::from(["x".to_owned()]));
    }
}

//! Licences, banned crates and sources of every dependency, by the lists in `deny.toml`.
//!
//! `cargo deny` reads the same file in `./dev audit`, with advisories and all platforms; building it takes minutes, and
//! this part needs neither it nor a network, so it runs with every test. It sees the packages of a build for this
//! machine, and holds each package by what its manifest says, not by its licence texts.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::repo::{Metadata, Package, Tree};
use crate::{Report, spdx};

pub fn check(tree: &Tree, metadata: &Metadata) -> Result<Report> {
    let rules = Rules::parse(tree.get("deny.toml").context("deny.toml is missing")?)?;
    let mut problems = Vec::new();
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for package in &metadata.packages {
        problems.extend(rules.problems(package)?);
        *versions.entry(&package.name).or_default() += 1;
    }
    let doubled: Vec<&str> = versions.iter().filter(|(_, count)| **count > 1).map(|(name, _)| *name).collect();
    let mut summary = format!("{} packages: licences, bans and sources as deny.toml says", metadata.packages.len());
    if !doubled.is_empty() {
        summary.push_str(&format!("; in several versions: {}", doubled.join(" ")));
    }
    Ok(Report { summary, problems })
}

struct Rules {
    accepted: BTreeSet<String>,
    /// Licences accepted for one crate only.
    exceptions: BTreeMap<String, Vec<String>>,
    banned: BTreeMap<String, String>,
    registries: Vec<String>,
}

impl Rules {
    fn parse(text: &str) -> Result<Rules> {
        let file: Table = text.parse().context("deny.toml")?;
        let list = |section: &str, name: &str| -> Vec<Value> {
            file.get(section).and_then(|s| s.get(name)).and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let strings = |values: &[Value]| -> Vec<String> {
            values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
        };
        let field = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut exceptions = BTreeMap::new();
        for exception in list("licenses", "exceptions") {
            let name = field(&exception, "crate").context("deny.toml: an exception names its `crate`")?;
            let allow = exception.get("allow").and_then(Value::as_array).cloned().unwrap_or_default();
            exceptions.insert(name, strings(&allow));
        }
        let mut banned = BTreeMap::new();
        for ban in list("bans", "deny") {
            let name = field(&ban, "crate").context("deny.toml: a ban names its `crate`")?;
            banned.insert(name, field(&ban, "reason").context("deny.toml: a ban has a `reason`")?);
        }
        Ok(Rules {
            accepted: strings(&list("licenses", "allow")).into_iter().collect(),
            exceptions,
            banned,
            registries: strings(&list("sources", "allow-registry")),
        })
    }

    fn problems(&self, package: &Package) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        let name = format!("{} {}", package.name, package.version);
        let mut accepted = self.accepted.clone();
        accepted.extend(self.exceptions.get(&package.name).into_iter().flatten().cloned());
        match &package.licence {
            None => problems.push(format!("{name} names no licence")),
            Some(licence) if !spdx::satisfied(licence, &accepted).with_context(|| name.clone())? => {
                problems.push(format!("{name}: licence {licence} is not accepted"));
            }
            Some(_) => {}
        }
        if let Some(reason) = self.banned.get(&package.name) {
            problems.push(format!("{name} is banned: {reason}"));
        }
        if let Some(source) = &package.source {
            // cargo writes `registry+URL` or `sparse+URL`.
            let url = source.split_once('+').map_or(source.as_str(), |(_, url)| url);
            if !source.starts_with("registry+") && !source.starts_with("sparse+")
                || !self.registries.iter().any(|r| r == url)
            {
                problems.push(format!("{name} comes from {source}"));
            }
        }
        Ok(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0"]
        exceptions = [{ allow = ["MPL-2.0"], crate = "special" }]
        [bans]
        deny = [{ crate = "openssl-sys", reason = "rustls" }]
        [sources]
        allow-registry = ["https://example.org/index"]
    "#;

    fn problems(name: &str, licence: Option<&str>, source: Option<&str>) -> Vec<String> {
        let package = Package {
            name: name.into(),
            version: "1.0.0".into(),
            licence: licence.map(str::to_owned),
            source: source.map(str::to_owned),
            dependencies: BTreeSet::new(),
            dir: String::new(),
        };
        Rules::parse(DENY).unwrap().problems(&package).unwrap()
    }

    #[test]
    fn a_good_package_passes() {
        assert_eq!(
            problems("x", Some("GPL-3.0 OR MIT"), Some("registry+https://example.org/index")),
            Vec::<String>::new()
        );
        assert_eq!(problems("atoll-x", Some("Apache-2.0"), None), Vec::<String>::new());
    }

    #[test]
    fn each_rule_bites() {
        assert_eq!(problems("x", Some("MPL-2.0"), None).len(), 1);
        assert_eq!(problems("special", Some("MPL-2.0"), None).len(), 0);
        assert_eq!(problems("x", None, None).len(), 1);
        assert_eq!(problems("openssl-sys", Some("MIT"), None).len(), 1);
        assert_eq!(problems("x", Some("MIT"), Some("git+https://example.org/index")).len(), 1);
        assert_eq!(problems("x", Some("MIT"), Some("registry+https://elsewhere.org/index")).len(), 1);
    }

    #[test]
    fn a_ban_without_a_reason_is_refused() {
        assert!(Rules::parse("[bans]\ndeny = [{ crate = \"x\" }]").is_err());
    }
}

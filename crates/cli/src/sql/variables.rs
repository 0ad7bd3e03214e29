//! The shell's variables: psql's names, and what setting one of them does.
//!
//! A variable is text. Those that steer the shell are checked when they are set, so that a misspelt value is told at
//! once instead of being taken for the default later.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct Variables {
    values: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    None,
    Errors,
    Queries,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    Default,
    Verbose,
    Terse,
    Sqlstate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShowContext {
    Never,
    Errors,
    Always,
}

const BOOLEANS: [&str; 6] = ["AUTOCOMMIT", "ON_ERROR_STOP", "QUIET", "SHOW_ALL_RESULTS", "SINGLELINE", "SINGLESTEP"];
/// What psql can change and this shell has in one way only: taking another value would promise something.
const FIXED: [(&str, &str); 3] = [("SHOW_ALL_RESULTS", "on"), ("SINGLELINE", "off"), ("SINGLESTEP", "off")];

impl Variables {
    pub fn new() -> Variables {
        let mut variables = Variables::default();
        for (name, value) in [
            ("AUTOCOMMIT", "on"),
            ("ECHO", "none"),
            ("ECHO_HIDDEN", "off"),
            ("FETCH_COUNT", "0"),
            ("HISTSIZE", "1000"),
            ("ON_ERROR_ROLLBACK", "off"),
            ("ON_ERROR_STOP", "off"),
            ("PROMPT1", "%/%R%x%# "),
            ("PROMPT2", "%/%R%x%# "),
            ("PROMPT3", ">> "),
            ("QUIET", "off"),
            ("SHOW_ALL_RESULTS", "on"),
            ("SHOW_CONTEXT", "errors"),
            ("SINGLELINE", "off"),
            ("SINGLESTEP", "off"),
            ("VERBOSITY", "default"),
            ("VERSION_NAME", env!("CARGO_PKG_VERSION")),
        ] {
            variables.put(name, value);
        }
        variables
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| &value[..])
    }

    /// Without a check: for what the shell itself tells.
    pub fn put(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
    }

    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if !is_name(name) {
            return Err(format!("invalid variable name: \"{name}\""));
        }
        let value = self.checked(name, value)?;
        self.put(name, value);
        Ok(())
    }

    pub fn unset(&mut self, name: &str) -> Result<(), String> {
        if !is_name(name) {
            return Err(format!("invalid variable name: \"{name}\""));
        }
        let fallback = match name {
            "ECHO" => Some("none"),
            "FETCH_COUNT" => Some("0"),
            "HISTSIZE" => Some("1000"),
            "SHOW_CONTEXT" => Some("errors"),
            "VERBOSITY" => Some("default"),
            "PROMPT1" | "PROMPT2" | "PROMPT3" => Some(""),
            _ if BOOLEANS.contains(&name) || matches!(name, "ON_ERROR_ROLLBACK" | "ECHO_HIDDEN") => Some("off"),
            _ => None,
        };
        match fallback {
            Some(value) => self.set(name, value)?,
            None => drop(self.values.remove(name)),
        }
        Ok(())
    }

    fn checked(&self, name: &str, value: &str) -> Result<String, String> {
        let choice = |choices: &[&str]| match choices.iter().find(|choice| choice.eq_ignore_ascii_case(value)) {
            Some(choice) => Ok((*choice).to_owned()),
            None => Err(format!(
                "unrecognized value \"{value}\" for \"{name}\"\nAvailable values are: {}.",
                choices.join(", ")
            )),
        };
        let value = match name {
            "ECHO" => choice(&["none", "errors", "queries", "all"])?,
            "ON_ERROR_ROLLBACK" => match boolean(value).or(value.is_empty().then_some(true)) {
                Some(true) => "on".to_owned(),
                Some(false) => "off".to_owned(),
                None => choice(&["on", "off", "interactive"])?,
            },
            "ECHO_HIDDEN" => match boolean(value).or(value.is_empty().then_some(true)) {
                Some(true) => "on".to_owned(),
                Some(false) => "off".to_owned(),
                None => choice(&["on", "off"])?,
            },
            "VERBOSITY" => choice(&["default", "verbose", "terse", "sqlstate"])?,
            "SHOW_CONTEXT" => choice(&["never", "errors", "always"])?,
            "FETCH_COUNT" | "HISTSIZE" => match value.parse::<i32>() {
                Ok(number) => number.to_string(),
                Err(_) => return Err(format!("invalid value \"{value}\" for \"{name}\": integer expected")),
            },
            // `\set ON_ERROR_STOP` alone means on.
            _ if BOOLEANS.contains(&name) => match boolean(value).or(value.is_empty().then_some(true)) {
                Some(true) => "on".to_owned(),
                Some(false) => "off".to_owned(),
                None => {
                    return Err(format!("unrecognized value \"{value}\" for \"{name}\": Boolean expected"));
                }
            },
            _ => value.to_owned(),
        };
        if let Some((_, only)) = FIXED.iter().find(|(fixed, only)| *fixed == name && *only != value) {
            return Err(format!("\"{name}\" can't be changed in this shell: it is always {only}"));
        }
        Ok(value)
    }

    pub fn is_on(&self, name: &str) -> bool {
        self.get(name) == Some("on")
    }

    pub fn echo(&self) -> Echo {
        match self.get("ECHO") {
            Some("all") => Echo::All,
            Some("queries") => Echo::Queries,
            Some("errors") => Echo::Errors,
            _ => Echo::None,
        }
    }

    pub fn verbosity(&self) -> Verbosity {
        match self.get("VERBOSITY") {
            Some("verbose") => Verbosity::Verbose,
            Some("terse") => Verbosity::Terse,
            Some("sqlstate") => Verbosity::Sqlstate,
            _ => Verbosity::Default,
        }
    }

    pub fn show_context(&self) -> ShowContext {
        match self.get("SHOW_CONTEXT") {
            Some("never") => ShowContext::Never,
            Some("always") => ShowContext::Always,
            _ => ShowContext::Errors,
        }
    }

    /// How many rows are shown at a time, if the user said so.
    pub fn fetch_count(&self) -> Option<usize> {
        self.get("FETCH_COUNT")?.parse().ok().filter(|&count| count > 0)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(|name| &name[..])
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (&name[..], &value[..]))
    }
}

pub fn is_name_part(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || !character.is_ascii()
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_name_part)
}

/// Any beginning of a word that means yes or no, if only one begins so.
pub fn boolean(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let begins = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    match &text[..] {
        "1" => Some(true),
        "0" => Some(false),
        _ if begins("true", 1) || begins("yes", 1) || begins("on", 2) => Some(true),
        _ if begins("false", 1) || begins("no", 1) || begins("off", 2) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_may_be_shortened() {
        for (text, value) in [
            ("t", Some(true)),
            ("YES", Some(true)),
            ("on", Some(true)),
            ("o", None),
            ("of", Some(false)),
            ("n", Some(false)),
            ("0", Some(false)),
            ("", None),
            ("truely", None),
        ] {
            assert_eq!(boolean(text), value, "{text}");
        }
    }

    #[test]
    fn what_steers_the_shell_is_checked() {
        let mut variables = Variables::new();
        assert!(variables.set("ECHO", "loud").unwrap_err().contains("Available values are"));
        assert!(variables.set("FETCH_COUNT", "x").is_err() && variables.set("a b", "x").is_err());
        assert!(variables.set("SINGLELINE", "on").is_err() && variables.set("SINGLELINE", "false").is_ok());
        variables.set("ON_ERROR_STOP", "").unwrap();
        assert!(variables.is_on("ON_ERROR_STOP"));
        variables.unset("ON_ERROR_STOP").unwrap();
        assert_eq!(variables.get("ON_ERROR_STOP"), Some("off"));
        variables.set("größe", "1").unwrap();
        variables.unset("größe").unwrap();
        assert_eq!(variables.get("größe"), None);
    }
}

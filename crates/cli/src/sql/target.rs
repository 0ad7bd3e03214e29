//! Where to connect, and as whom: environment, options, a URL or `name=value` words, and what holds without them.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Result, bail};

/// The parameters that mean something here, by libpq's names, and the environment's name for each.
const PARAMETERS: [(&str, &str); 12] = [
    ("application_name", "PGAPPNAME"),
    ("client_encoding", "PGCLIENTENCODING"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("dbname", "PGDATABASE"),
    ("host", "PGHOST"),
    ("options", "PGOPTIONS"),
    ("password", "PGPASSWORD"),
    ("port", "PGPORT"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("user", "PGUSER"),
    ("fallback_application_name", ""),
];

/// How much of TLS is wanted: libpq's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    Disable,
    /// If the server offers it.
    Prefer,
    /// Encrypted, by whomever.
    Require,
    /// By somebody whose certificate one of `sslrootcert` has signed.
    VerifyCa,
    /// And that bears the host's name.
    VerifyFull,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    parameters: BTreeMap<&'static str, String>,
}

impl Target {
    /// What the environment says.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Target {
        let mut target = Target::default();
        for (name, environment) in PARAMETERS {
            if let Some(value) = variable(environment).filter(|value| !environment.is_empty() && !value.is_empty()) {
                target.parameters.insert(name, value);
            }
        }
        target
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) -> Result<()> {
        let Some((name, _)) = PARAMETERS.iter().find(|(known, _)| *known == name) else {
            bail!("invalid connection option \"{name}\"");
        };
        self.parameters.insert(name, value.into());
        Ok(())
    }

    pub fn forget(&mut self, name: &str) {
        self.parameters.remove(name);
    }

    /// A database's name, a URL, or words like `host=127.0.0.1 port=5432`.
    pub fn apply(&mut self, text: &str) -> Result<()> {
        if let Some(rest) = text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://")) {
            self.apply_url(rest)
        } else if text.contains('=') {
            self.apply_words(text)
        } else {
            self.set("dbname", text)
        }
    }

    /// `[user[:password]@][host[:port][,...]][/database][?name=value[&...]]`
    fn apply_url(&mut self, rest: &str) -> Result<()> {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let hosts = match authority.rsplit_once('@') {
            Some((user, hosts)) => {
                let (user, password) = user.split_once(':').map_or((user, None), |(user, rest)| (user, Some(rest)));
                if !user.is_empty() {
                    self.set("user", percent_decoded(user)?)?;
                }
                if let Some(password) = password {
                    self.set("password", percent_decoded(password)?)?;
                }
                hosts
            }
            None => authority,
        };
        if !hosts.is_empty() {
            let (mut names, mut ports) = (Vec::new(), Vec::new());
            for host in hosts.split(',') {
                let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                    Some((address, port)) => (address, port.strip_prefix(':')),
                    None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
                };
                names.push(percent_decoded(name)?);
                ports.push(port.unwrap_or("").to_owned());
            }
            self.set("host", names.join(","))?;
            if ports.iter().any(|port| !port.is_empty()) {
                self.set("port", ports.join(","))?;
            }
        }
        if !database.is_empty() {
            self.set("dbname", percent_decoded(database)?)?;
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                bail!("missing key/value separator \"=\" in URI query parameter: \"{pair}\"");
            };
            self.set(&percent_decoded(name)?, percent_decoded(value)?)?;
        }
        Ok(())
    }

    fn apply_words(&mut self, text: &str) -> Result<()> {
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let Some((name, value)) = rest.split_once('=') else {
                bail!("missing \"=\" after \"{}\" in connection info string", rest.trim_end());
            };
            let (value, after) = word(value.trim_start())?;
            self.set(name.trim_end(), value)?;
            rest = after.trim_start();
        }
        Ok(())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(|value| &value[..])
    }

    /// Each to be tried in turn.
    pub fn hosts(&self) -> Result<Vec<(String, u16)>> {
        let hosts: Vec<&str> = self.get("host").unwrap_or("").split(',').collect();
        let ports: Vec<&str> = self.get("port").unwrap_or("").split(',').collect();
        if ports.len() > 1 && ports.len() != hosts.len() {
            bail!("could not match {} port numbers to {} hosts", ports.len(), hosts.len());
        }
        let mut found = Vec::new();
        for (at, host) in hosts.into_iter().enumerate() {
            let port = match ports.get(at).or(ports.first()).copied().unwrap_or("") {
                "" => 5432,
                port => match port.parse() {
                    Ok(port) if port > 0 => port,
                    _ => bail!("invalid port number: \"{port}\""),
                },
            };
            let host = if host.is_empty() { "127.0.0.1" } else { host };
            if host.starts_with(['/', '@']) {
                bail!("\"{host}\" is a Unix-domain socket, and atoll listens on TCP only: give a host name");
            }
            found.push((host.to_owned(), port));
        }
        Ok(found)
    }

    pub fn user(&self) -> &str {
        // The one user that a new cluster has.
        self.get("user").unwrap_or("postgres")
    }

    pub fn database(&self) -> &str {
        self.get("dbname").unwrap_or_else(|| self.user())
    }

    pub fn ssl_mode(&self) -> Result<SslMode> {
        Ok(match self.get("sslmode").unwrap_or("prefer") {
            "disable" => SslMode::Disable,
            // Never less than what was asked for.
            "allow" | "prefer" => SslMode::Prefer,
            "require" if self.get("sslrootcert").is_some() => SslMode::VerifyCa,
            "require" => SslMode::Require,
            "verify-ca" => SslMode::VerifyCa,
            "verify-full" => SslMode::VerifyFull,
            other => bail!("invalid sslmode value: \"{other}\""),
        })
    }
}

/// A value of `name=value`, which may be quoted, and what is behind it.
fn word(text: &str) -> Result<(String, &str)> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut characters = text[usize::from(quoted)..].char_indices();
    let offset = usize::from(quoted);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, &text[offset + at + 1..])),
            _ if !quoted && character.is_whitespace() => return Ok((value, &text[at..])),
            _ => value.push(character),
        }
    }
    match quoted {
        true => bail!("unterminated quoted string in connection info string"),
        false => Ok((value, "")),
    }
}

fn percent_decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: Vec<u8> = rest.by_ref().take(2).collect();
        let value = std::str::from_utf8(&digits).ok().filter(|digits| digits.len() == 2);
        match value.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(0) => bail!("forbidden value %00 in percent-encoded value: \"{text}\""),
            Some(value) => bytes.push(value),
            None => bail!("invalid percent-encoded token: \"{text}\""),
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => bail!("a percent-encoded value is not UTF-8: \"{text}\""),
    }
}

/// Quoted for a message, as `port` and `host` stand in libpq's.
pub fn place(host: &str, address: Option<std::net::SocketAddr>, port: u16) -> String {
    let mut text = format!("\"{host}\"");
    if let Some(address) = address.map(|address| address.ip().to_string()).filter(|address| address != host) {
        let _ = write!(text, " ({address})");
    }
    let _ = write!(text, ", port {port}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        let mut target = Target::default();
        target.apply(text).unwrap();
        target
    }

    #[test]
    fn urls() {
        let full = target("postgresql://a%40b:s%3Acret@db.example:6000/my%20db?application_name=x&sslmode=require");
        assert_eq!((full.user(), full.get("password"), full.database()), ("a@b", Some("s:cret"), "my db"));
        assert_eq!(full.hosts().unwrap(), [("db.example".to_owned(), 6000)]);
        assert_eq!((full.ssl_mode().unwrap(), full.get("application_name")), (SslMode::Require, Some("x")));

        let several = target("postgres://[::1]:1,b,c:3/");
        let hosts = [("::1", 1), ("b", 5432), ("c", 3)].map(|(host, port)| (host.to_owned(), port));
        assert_eq!(several.hosts().unwrap(), hosts);
        assert_eq!((several.user(), several.database()), ("postgres", "postgres"));
        assert_eq!(target("postgresql://").hosts().unwrap(), [("127.0.0.1".to_owned(), 5432)]);
        for wrong in ["postgresql://h?x", "postgresql://h?nonsense=1", "postgresql://%zz", "postgresql://%4"] {
            assert!(Target::default().apply(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words() {
        let words = target(r"host=h  port = 7 user='o\'brien x' password=a\ b dbname=");
        assert_eq!((words.get("host"), words.get("port"), words.user()), (Some("h"), Some("7"), "o'brien x"));
        assert_eq!((words.get("password"), words.get("dbname")), (Some("a b"), Some("")));
        assert!(Target::default().apply("host='x").is_err());
        assert!(Target::default().apply("hostess=x").is_err());
        assert_eq!(target("just_a_name").database(), "just_a_name");
    }

    #[test]
    fn the_environment_is_below_everything() {
        let mut target = Target::from_environment(|name| match name {
            "PGHOST" => Some("somewhere".into()),
            "PGUSER" => Some("me".into()),
            "PGPORT" => Some(String::new()),
            _ => None,
        });
        assert_eq!((target.user(), target.database()), ("me", "me"));
        target.apply("user=you").unwrap();
        assert_eq!(target.user(), "you");
        assert_eq!(target.hosts().unwrap(), [("somewhere".to_owned(), 5432)]);
    }

    #[test]
    fn ports_are_checked() {
        for wrong in ["port=x", "port=0", "port=70000", "host=a,b,c port=1,2", "host=/tmp"] {
            assert!(target(wrong).hosts().is_err(), "{wrong}");
        }
    }
}

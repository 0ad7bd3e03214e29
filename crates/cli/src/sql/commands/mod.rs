//! Backslash commands: what each is called and whose work it is.
//!
//! | commands | file |
//! | --- | --- |
//! | the statement and its answer: `\g`, `\gset`, `\watch`, `\p`, `\e` … | `buffer.rs` |
//! | the connection: `\c`, `\conninfo`, `\password` … | `session.rs` |
//! | files, the system's shell, variables, conditions | here |
//! | how results look: `\x`, `\pset` … | `pset.rs` |
//! | what the database holds: `\d` and its like | `../describe/` |

mod buffer;
mod pset;
mod session;

use std::fmt::{self, Display};
use std::io::{Write, stdout};
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::arguments::{self, Kind};
use super::help;
use super::query::Run;
use super::shell::{Reading, Shell};
use super::sink::Sink;
use super::source::{Lines, Source, reason};
use super::terminal;
use super::variables::boolean;

pub use pset::{names as pset_names, set as pset};

/// What a command leads to.
pub enum Outcome {
    Nothing,
    Failed,
    /// The statement is to be sent.
    Send(Run),
    /// This is to be read as if it had been typed.
    Edited(String),
    /// The current source of lines ends.
    Quit,
}

/// A command that can't be obeyed, in the user's words.
#[derive(Debug)]
pub struct Mistake(pub String);

impl Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mistake {}

pub fn mistake<T>(what: impl Display) -> Result<T> {
    Err(Mistake(what.to_string()).into())
}

/// Every command's name, for completion. Those that describe come from [`super::describe`].
pub fn names() -> impl Iterator<Item = &'static str> {
    const NAMES: [&str; 54] = [
        "!",
        "?",
        "a",
        "c",
        "cd",
        "connect",
        "conninfo",
        "copy",
        "echo",
        "edit",
        "elif",
        "else",
        "encoding",
        "endif",
        "errverbose",
        "f",
        "g",
        "gdesc",
        "getenv",
        "gexec",
        "gset",
        "gx",
        "h",
        "help",
        "i",
        "if",
        "include",
        "include_relative",
        "ir",
        "o",
        "out",
        "p",
        "password",
        "print",
        "prompt",
        "pset",
        "q",
        "qecho",
        "quit",
        "r",
        "reset",
        "restrict",
        "s",
        "set",
        "sf",
        "sv",
        "t",
        "timing",
        "unrestrict",
        "unset",
        "w",
        "warn",
        "watch",
        "x",
    ];
    NAMES.into_iter().chain(super::describe::names())
}

impl Shell {
    /// Obeys the command whose name is next in the input.
    pub async fn command(&mut self, reading: &mut Reading) -> Result<Outcome> {
        let name = arguments::name(&mut reading.input);
        let outcome = if !reading.conditions.active() && !matches!(&name[..], "if" | "elif" | "else" | "endif") {
            match &name[..] {
                "!" | "copy" | "h" | "help" => drop(arguments::whole_line(&mut reading.input)),
                _ => arguments::skip(&mut reading.input),
            }
            if !names().any(|known| known == name) && !super::describe::is_command(&name) {
                self.complain(format_args!("invalid command \\{name}"))?;
                return Ok(Outcome::Failed);
            }
            if self.at_terminal() {
                self.complain(format_args!(
                    "\\{name} command ignored; use \\endif or Ctrl-C to exit current \\if block"
                ))?;
            }
            Ok(Outcome::Nothing)
        } else {
            self.obey(&name, reading).await
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                let Mistake(what) = error.downcast()?;
                self.complain(what)?;
                arguments::skip(&mut reading.input);
                Outcome::Failed
            }
        };
        // What nobody asked for.
        while let Ok(Some(extra)) = arguments::next(&mut reading.input, Kind::Normal, &self.variables) {
            self.caution(format_args!("\\{name}: extra argument \"{extra}\" ignored"))?;
        }
        arguments::end(&mut reading.input);
        Ok(outcome)
    }

    pub fn argument(&self, reading: &mut Reading, kind: Kind) -> Result<Option<String>> {
        arguments::next(&mut reading.input, kind, &self.variables).map_err(|error| Mistake(error).into())
    }

    fn arguments(&self, reading: &mut Reading) -> Result<Vec<String>> {
        arguments::all(&mut reading.input, Kind::Normal, &self.variables).map_err(|error| Mistake(error).into())
    }

    async fn obey(&mut self, name: &str, reading: &mut Reading) -> Result<Outcome> {
        if self.restricted.is_some() && name != "unrestrict" {
            return mistake("backslash commands are restricted; only \\unrestrict is allowed");
        }
        match name {
            "restrict" | "unrestrict" => self.restrict(name, reading)?,
            "q" | "quit" => return Ok(Outcome::Quit),
            "g" | "gx" | "gset" | "gdesc" | "gexec" | "watch" | "p" | "print" | "r" | "reset" | "w" | "write" | "e"
            | "edit" | "s" => return self.buffer_command(name, reading).await,
            "c" | "connect" | "conninfo" | "encoding" | "password" => return self.session_command(name, reading).await,
            "a" | "C" | "f" | "t" | "x" | "pset" | "timing" => self.format_command(name, reading)?,
            "i" | "include" | "ir" | "include_relative" => return self.include(name, reading).await,
            "o" | "out" => {
                let sink = match self.argument(reading, Kind::FileOrPipe)? {
                    Some(to) => match Sink::open(&expanded(&to)) {
                        Ok(sink) => sink,
                        Err(error) => return mistake(format_args!("{to}: {}", reason(&error))),
                    },
                    None => Sink::stdout(),
                };
                std::mem::replace(&mut self.sink, sink).close()?;
            }
            "copy" => {
                let text = arguments::whole_line(&mut reading.input);
                return Ok(if self.copy(&text).await? { Outcome::Nothing } else { Outcome::Failed });
            }
            "echo" | "qecho" | "warn" => self.echo(name, reading)?,
            "set" => self.set(reading)?,
            "unset" => match self.argument(reading, Kind::Normal)? {
                Some(name) => self.variables.unset(&name).map_err(Mistake)?,
                None => return mistake("\\unset: missing required argument"),
            },
            "getenv" => {
                let (name, from) = (self.argument(reading, Kind::Normal)?, self.argument(reading, Kind::Normal)?);
                let (Some(name), Some(from)) = (name, from) else {
                    return mistake("\\getenv: missing required argument");
                };
                if let Ok(value) = std::env::var(from) {
                    self.variables.set(&name, &value).map_err(Mistake)?;
                }
            }
            "prompt" => self.prompt_for(reading)?,
            "!" => {
                let command = arguments::whole_line(&mut reading.input);
                self.sink.flush()?;
                let shell = std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".into());
                let status = match &command[..] {
                    "" => Command::new(shell).status(),
                    command => Command::new("sh").args(["-c", command]).status(),
                };
                match status {
                    Ok(status) => {
                        self.variables.put("SHELL_ERROR", if status.success() { "false" } else { "true" });
                        self.variables.put("SHELL_EXIT_CODE", status.code().unwrap_or(-1).to_string());
                    }
                    Err(error) => return mistake(format_args!("\\!: {}", reason(&error))),
                }
            }
            "cd" => {
                let to = match self.argument(reading, Kind::Normal)? {
                    Some(to) => expanded(&to),
                    None => std::env::var("HOME").unwrap_or_else(|_| "/".into()),
                };
                if let Err(error) = std::env::set_current_dir(&to) {
                    return mistake(format_args!("\\cd: could not change directory to \"{to}\": {}", reason(&error)));
                }
            }
            "if" | "elif" | "else" | "endif" => self.condition(name, reading)?,
            "errverbose" => match self.last_report() {
                Some(text) => self.complain(text.trim_end())?,
                None => self.say("There is no previous error.")?,
            },
            "?" => {
                drop(self.argument(reading, Kind::Normal)?);
                self.show_text(&format!("{}\n", help::commands()))?;
            }
            "h" | "help" => {
                let about = arguments::whole_line(&mut reading.input);
                self.show_text(&format!("{}\n", help::of_statement(&about)))?;
            }
            "sf" | "sv" => return self.source_of(name, reading).await,
            _ if super::describe::is_command(name) => {
                let pattern = self.argument(reading, Kind::Normal)?;
                return Ok(match self.describe(name, pattern.as_deref()).await? {
                    true => Outcome::Nothing,
                    false => Outcome::Failed,
                });
            }
            _ => {
                self.complain(format_args!("invalid command \\{name}"))?;
                if self.at_terminal() {
                    self.warn("Try \\? for help.\n")?;
                }
                // What follows was meant for the command that is none.
                arguments::skip(&mut reading.input);
                return Ok(Outcome::Failed);
            }
        }
        Ok(Outcome::Nothing)
    }

    async fn include(&mut self, name: &str, reading: &mut Reading) -> Result<Outcome> {
        let Some(path) = self.argument(reading, Kind::Normal)? else {
            return mistake(format_args!("\\{name}: missing required argument"));
        };
        let mut path = expanded(&path);
        if name.ends_with("relative") || name == "ir" {
            let current = self.sources.last().and_then(|source| match source {
                Source::Lines(lines) => lines.name.as_deref(),
                Source::Terminal => None,
            });
            if let Some(directory) = current.and_then(|current| Path::new(current).parent()) {
                path = directory.join(&path).to_string_lossy().into_owned();
            }
        }
        match Lines::open(&path) {
            // A script within a script counts as a failure only if it stopped at one.
            Ok(lines) => Ok(match Box::pin(self.read(Source::Lines(lines))).await? {
                0 => Outcome::Nothing,
                _ => Outcome::Failed,
            }),
            Err(error) => mistake(format_args!("{path}: {}", reason(&error))),
        }
    }

    /// pg_dump puts its script between these two: data that tries to look like a command stays without effect.
    fn restrict(&mut self, name: &str, reading: &mut Reading) -> Result<()> {
        let Some(key) = self.argument(reading, Kind::Normal)?.filter(|key| !key.is_empty()) else {
            return mistake(format_args!("\\{name}: missing required argument"));
        };
        match (name, &self.restricted) {
            ("restrict", _) => self.restricted = Some(key),
            (_, None) => return mistake("\\unrestrict: not currently in restricted mode"),
            (_, Some(right)) if *right != key => return mistake("\\unrestrict: wrong key"),
            (_, Some(_)) => self.restricted = None,
        }
        Ok(())
    }

    fn echo(&mut self, name: &str, reading: &mut Reading) -> Result<()> {
        let mut words = self.arguments(reading)?;
        let newline = words.first().is_none_or(|first| first != "-n");
        if !newline {
            words.remove(0);
        }
        let text = format!("{}{}", words.join(" "), if newline { "\n" } else { "" });
        match name {
            "qecho" => self.sink.write(text.as_bytes()),
            "warn" => {
                self.sink.flush()?;
                eprint!("{text}");
                Ok(())
            }
            _ if self.sink.is_stdout() => self.sink.write(text.as_bytes()),
            _ => {
                print!("{text}");
                Ok(())
            }
        }
    }

    fn set(&mut self, reading: &mut Reading) -> Result<()> {
        let words = self.arguments(reading)?;
        let Some((name, values)) = words.split_first() else {
            let listed: Vec<String> =
                self.variables.iter().map(|(name, value)| format!("{name} = '{value}'")).collect();
            return self.say(listed.join("\n"));
        };
        Ok(self.variables.set(name, &values.concat()).map_err(Mistake)?)
    }

    fn prompt_for(&mut self, reading: &mut Reading) -> Result<()> {
        let (text, name) = match (self.argument(reading, Kind::Normal)?, self.argument(reading, Kind::Normal)?) {
            (Some(text), Some(name)) => (text, name),
            (Some(name), None) => (String::new(), name),
            _ => return mistake("\\prompt: missing required argument"),
        };
        self.sink.flush()?;
        // A person is asked at the terminal; for a script the answer is a line of standard input.
        let typed = if self.interactive { terminal::question(&text).unwrap_or(None) } else { None };
        let answer = match typed {
            Some(answer) => answer,
            None => {
                print!("{text}");
                drop(stdout().flush());
                let read = match self.sources.last_mut() {
                    Some(Source::Lines(lines)) if lines.name.is_none() => lines.next(),
                    _ => Lines::stdin().next(),
                };
                match read {
                    Ok(Some(answer)) => answer,
                    Ok(None) => return mistake("\\prompt: could not read value for variable"),
                    Err(error) => return mistake(format_args!("\\prompt: {}", reason(&error))),
                }
            }
        };
        Ok(self.variables.set(&name, &answer).map_err(Mistake)?)
    }

    fn condition(&mut self, name: &str, reading: &mut Reading) -> Result<()> {
        let matters = reading.conditions.matters(name);
        let mut holds = false;
        if matters {
            let text = self.arguments(reading)?.join(" ");
            match boolean(text.trim()) {
                Some(value) => holds = value,
                None => self.complain(format_args!(
                    "unrecognized value \"{}\" for \"\\{name} expression\": Boolean expected",
                    text.trim()
                ))?,
            }
        } else {
            arguments::skip(&mut reading.input);
        }
        let Reading { conditions, statement, scanner, .. } = reading;
        let done = match name {
            "if" => {
                conditions.begin(statement, scanner, holds);
                Ok(())
            }
            "elif" => conditions.or_if(statement, scanner, holds),
            "else" => conditions.or_else(statement, scanner),
            _ => conditions.end(statement, scanner),
        };
        Ok(done.map_err(Mistake)?)
    }
}

/// `~/` is the user's home.
pub fn expanded(path: &str) -> String {
    match (path.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => format!("{home}/{rest}"),
        _ => path.to_owned(),
    }
}

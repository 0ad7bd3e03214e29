//! The shell: reads lines, sends statements, obeys commands, until its input ends.
//!
//! The shell's state is here; what it does lies beside it, as further methods: statements and their results in
//! `query.rs`, COPY in `copy.rs`, backslash commands in `commands/`, `\d` and its like in `describe/`.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdin};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::commands::Outcome;
use super::complete::Wanted;
use super::condition::Conditions;
use super::connection::{Connection, Refused};
use super::copy::Data;
use super::editor::{Editor, Event};
use super::interrupts::Interrupts;
use super::print;
use super::prompt::{self, Facts, Prompt};
use super::query::Run;
use super::report;
use super::scanner::{End, Input, Scanner};
use super::sink::Sink;
use super::source::{Lines, Source, reason};
use super::target::Target;
use super::terminal;
use super::variables::{Echo, Variables};
use super::wire::{Report, Transaction};
use anyhow::{Result, anyhow, bail};

/// Exit codes: psql's.
pub const FAILED: u8 = 1;
pub const NO_CONNECTION: u8 = 2;
pub const SCRIPT_FAILED: u8 = 3;

/// The process is to end at once, with this code; what there was to say is said.
#[derive(Debug)]
pub struct Exit(pub u8);

impl Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the shell ends with exit code {}", self.0)
    }
}

impl std::error::Error for Exit {}

pub struct Shell {
    pub connection: Option<Connection>,
    pub target: Target,
    pub variables: Variables,
    pub print: print::Options,
    pub sink: Sink,
    pub timing: bool,
    pub interactive: bool,
    pub interrupts: Arc<Interrupts>,
    /// The innermost is being read.
    pub sources: Vec<Source>,
    pub editor: Option<Editor>,
    /// The last error, and the statement it is about.
    pub last_error: Option<(Report, String)>,
    /// Of the last command that was done.
    pub last_tag: String,
    /// With the key that ends it: no backslash command is obeyed until then.
    pub restricted: Option<String>,
    /// A statement was stopped by Ctrl-C: the script that it is in ends.
    pub interrupted: bool,
    /// For the next COPY FROM STDIN, if it is not in what is being read.
    pub copy_data: Option<Data>,
    /// The tag of a COPY is told apart from its data.
    pub copy_tag_aside: bool,
    names: BTreeMap<Wanted, Vec<String>>,
}

/// What belongs to one source of lines.
#[derive(Default)]
pub struct Reading {
    pub input: Input,
    pub scanner: Scanner,
    pub statement: String,
    /// The statement before, for `\g` and its like without one.
    pub previous: String,
    pub conditions: Conditions,
}

enum Typed {
    Line(String),
    Interrupted,
    End,
}

impl Shell {
    pub fn new(target: Target, variables: Variables, print: print::Options, interactive: bool) -> Result<Shell> {
        Ok(Shell {
            connection: None,
            target,
            variables,
            print,
            sink: Sink::stdout(),
            timing: false,
            interactive,
            interrupts: Interrupts::listen(interactive)?,
            sources: Vec::new(),
            editor: None,
            last_error: None,
            last_tag: String::new(),
            restricted: None,
            interrupted: false,
            copy_data: None,
            copy_tag_aside: false,
            names: BTreeMap::new(),
        })
    }

    // ---- what the shell says by itself ----

    pub fn is_quiet(&self) -> bool {
        self.variables.is_on("QUIET")
    }

    /// A line on standard output.
    pub fn say(&mut self, line: impl Display) -> Result<()> {
        let line = format!("{line}\n");
        if self.sink.is_stdout() {
            return self.sink.write(line.as_bytes());
        }
        let mut stdout = Sink::stdout();
        stdout.write(line.as_bytes())?;
        stdout.flush()
    }

    /// A line that `-q` spares.
    pub fn tell(&mut self, line: impl Display) -> Result<()> {
        if self.is_quiet() { Ok(()) } else { self.say(line) }
    }

    /// A mistake that is the shell's own, or that it found itself.
    pub fn complain(&mut self, what: impl Display) -> Result<()> {
        let label = if self.place().is_empty() { "" } else { "error: " };
        self.warn(&format!("{label}{what}\n"))
    }

    /// What may be no mistake.
    pub fn caution(&mut self, what: impl Display) -> Result<()> {
        let label = if self.place().is_empty() { "" } else { "warning: " };
        self.warn(&format!("{label}{what}\n"))
    }

    /// What the server says aside from results: ends with a newline.
    pub fn warn(&mut self, text: &str) -> Result<()> {
        // In the order in which it happened, for whoever reads both.
        self.sink.flush()?;
        let place = self.place();
        // Nothing can be said if nobody listens to errors.
        drop(write!(stderr(), "{place}{text}"));
        Ok(())
    }

    fn place(&self) -> String {
        match self.sources.last() {
            Some(Source::Lines(Lines { name: Some(name), number, .. })) => format!("atoll:{name}:{number}: "),
            _ => String::new(),
        }
    }

    // ---- the connection ----

    /// Connects, and asks for a password if one is wanted. A failure is only returned.
    pub async fn connect(&mut self, mut target: Target, ask: Option<bool>) -> Result<Connection> {
        let question = format!("Password for user {}: ", target.user());
        self.sink.flush()?;
        if ask == Some(true) {
            target.set("password", terminal::password(&question)?)?;
        }
        let opened = match self.open(&target).await {
            Err(Refused::Password) if ask != Some(false) && target.get("password").is_none() => {
                target.set("password", terminal::password(&question)?)?;
                self.open(&target).await
            }
            opened => opened,
        };
        match opened {
            Ok(connection) => {
                self.target = target;
                Ok(connection)
            }
            Err(Refused::Failed(error)) => Err(error),
            Err(Refused::Password) => bail!("fe_sendauth: no password supplied"),
        }
    }

    /// Ctrl-C gives up: a host that does not answer can take minutes.
    async fn open(&self, target: &Target) -> Result<Connection, Refused> {
        self.interrupts.begin();
        let opened = tokio::select! {
            opened = Connection::open(target) => opened,
            () = self.interrupts.pressed() => Err(anyhow!("canceled by user").into()),
        };
        self.interrupts.end();
        opened
    }

    /// Uses a new connection from now on.
    pub fn adopt(&mut self, connection: Connection) {
        for (name, value) in [
            ("DBNAME", self.target.database()),
            ("USER", self.target.user()),
            ("HOST", connection.host()),
            ("ENCODING", connection.parameter("client_encoding").unwrap_or("UTF8")),
            ("SERVER_VERSION_NAME", connection.parameter("server_version").unwrap_or("")),
        ] {
            self.variables.put(name, value);
        }
        self.variables.put("PORT", connection.address().port().to_string());
        self.variables.put("SERVER_VERSION_NUM", version_number(connection.parameter("server_version").unwrap_or("")));
        self.names.clear();
        self.connection = Some(connection);
    }

    /// The server has gone away. A person gets one new session; a script ends: what it would do next may depend on
    /// what it did before.
    pub async fn lost(&mut self, why: impl Display) -> Result<()> {
        self.connection = None;
        self.warn(&format!("{why}\n"))?;
        if !self.interactive {
            self.complain("connection to server was lost")?;
            return Err(Exit(NO_CONNECTION).into());
        }
        drop(write!(stderr(), "The connection to the server was lost. Attempting reset: "));
        match self.connect(self.target.clone(), Some(false)).await {
            Ok(connection) => {
                self.adopt(connection);
                drop(writeln!(stderr(), "Succeeded."));
            }
            Err(_) => {
                drop(writeln!(stderr(), "Failed."));
                for name in ["DBNAME", "USER", "HOST", "PORT", "ENCODING"] {
                    drop(self.variables.unset(name));
                }
            }
        }
        Ok(())
    }

    // ---- reading ----

    /// Obeys a file, or standard input, or what is typed, to its end: the exit code so far.
    pub async fn read(&mut self, source: Source) -> Result<u8> {
        self.sources.push(source);
        let ended = Box::pin(self.read_lines(&mut Reading::default())).await;
        self.sources.pop();
        ended
    }

    /// Whether a person types what is being read.
    pub fn at_terminal(&self) -> bool {
        matches!(self.sources.last(), Some(Source::Terminal))
    }

    async fn read_lines(&mut self, reading: &mut Reading) -> Result<u8> {
        loop {
            let line = match self.line(reading).await? {
                Typed::Line(line) => line,
                Typed::Interrupted => {
                    if !reading.conditions.is_empty() {
                        self.complain("\\if: escaped")?;
                    }
                    *reading = Reading { previous: std::mem::take(&mut reading.previous), ..Reading::default() };
                    continue;
                }
                Typed::End => {
                    if self.at_terminal() {
                        self.tell("\\q")?;
                    }
                    break;
                }
            };
            if self.at_terminal() && reading.statement.is_empty() {
                match line.trim_end().trim_end_matches(';').trim() {
                    "help" => {
                        self.say(super::help::WELCOME)?;
                        continue;
                    }
                    "quit" | "exit" => break,
                    _ => {}
                }
            }
            if self.variables.echo() == Echo::All && !self.at_terminal() {
                self.say(&line)?;
            }
            match self.obey_line(reading, line).await? {
                Outcome::Quit => return Ok(0),
                Outcome::Failed if !self.at_terminal() && self.variables.is_on("ON_ERROR_STOP") => {
                    return Ok(SCRIPT_FAILED);
                }
                _ if self.interrupted && !self.at_terminal() => return Ok(SCRIPT_FAILED),
                _ if self.is_stranded() => return Ok(NO_CONNECTION),
                _ => {}
            }
        }
        let mut failed = false;
        if !self.at_terminal() && !reading.statement.trim().is_empty() && reading.conditions.active() {
            let statement = std::mem::take(&mut reading.statement);
            failed = !self.send(&statement, Run::default()).await?;
        }
        if !reading.conditions.is_empty() {
            self.complain("reached EOF without finding closing \\endif(s)")?;
            failed = true;
        }
        let stops = failed && !self.at_terminal() && self.variables.is_on("ON_ERROR_STOP");
        Ok(if stops { SCRIPT_FAILED } else { 0 })
    }

    /// A script without a connection: `\c` failed, and what follows was not meant for the database before.
    fn is_stranded(&self) -> bool {
        !self.at_terminal() && self.connection.is_none()
    }

    /// All statements and commands of a line, up to the first that fails if that ends the script.
    async fn obey_line(&mut self, reading: &mut Reading, line: String) -> Result<Outcome> {
        let begun = reading.statement.len();
        if begun > 0 {
            reading.statement.push('\n');
        }
        let newline = (begun > 0).then_some(reading.statement.len());
        // A line that adds nothing to the statement adds no empty line to it either.
        let unadded = |statement: &mut String| {
            if newline == Some(statement.len()) {
                statement.truncate(begun);
            }
        };
        reading.input = Input::new(line.clone());
        let mut remembered = false;
        loop {
            let standard = self.connection.as_ref().and_then(|c| c.parameter("standard_conforming_strings"));
            let standard = standard != Some("off");
            let Reading { input, scanner, statement, .. } = reading;
            let outcome = match scanner.scan(input, statement, &self.variables, standard) {
                End::Line => {
                    unadded(&mut reading.statement);
                    return Ok(Outcome::Nothing);
                }
                End::Statement if reading.conditions.active() => Outcome::Send(Run::default()),
                End::Statement => {
                    reading.statement.clear();
                    if self.at_terminal() {
                        self.complain("query ignored; use \\endif or Ctrl-C to exit current \\if block")?;
                    }
                    Outcome::Nothing
                }
                End::Command => {
                    unadded(&mut reading.statement);
                    self.remember(&line);
                    remembered = true;
                    self.command(reading).await?
                }
            };
            let outcome = match outcome {
                Outcome::Send(run) => {
                    let statement = std::mem::take(&mut reading.statement);
                    reading.scanner.reset();
                    if newline.is_some() || !remembered {
                        self.remember(&statement);
                    }
                    let sent = self.send(&statement, run).await?;
                    reading.previous = statement;
                    if sent { Outcome::Nothing } else { Outcome::Failed }
                }
                Outcome::Edited(text) => {
                    // What is complete is sent, the rest waits to be completed.
                    reading.input = Input::new(text);
                    Outcome::Nothing
                }
                outcome => outcome,
            };
            match outcome {
                Outcome::Quit => return Ok(Outcome::Quit),
                Outcome::Failed if !self.at_terminal() && self.variables.is_on("ON_ERROR_STOP") => {
                    return Ok(Outcome::Failed);
                }
                _ if self.interrupted || self.is_stranded() => return Ok(Outcome::Failed),
                _ => {}
            }
        }
    }

    async fn line(&mut self, reading: &Reading) -> Result<Typed> {
        self.sink.flush()?;
        if self.at_terminal() {
            self.interrupted = false;
            let is_empty = reading.statement.is_empty();
            let prompt = self.prompt(
                if is_empty { "PROMPT1" } else { "PROMPT2" },
                reading.scanner.prompt(is_empty),
                !reading.conditions.active(),
            );
            return self.type_line(prompt, Some(&reading.statement)).await;
        }
        let Some(Source::Lines(lines)) = self.sources.last_mut() else { return Ok(Typed::End) };
        match lines.next() {
            Ok(Some(line)) => Ok(Typed::Line(line)),
            Ok(None) => Ok(Typed::End),
            Err(error) => {
                self.complain(reason(&error))?;
                Err(Exit(FAILED).into())
            }
        }
    }

    async fn type_line(&mut self, prompt: Prompt, before: Option<&str>) -> Result<Typed> {
        let Some(editor) = &self.editor else { bail!("nobody can type: there is no line editor") };
        editor.begin(prompt, before)?;
        loop {
            let Some(editor) = &mut self.editor else { return Ok(Typed::End) };
            match editor.event().await {
                Event::Line(line) => return Ok(Typed::Line(line)),
                Event::Interrupted => return Ok(Typed::Interrupted),
                Event::End => return Ok(Typed::End),
                Event::Failed(error) => bail!("the line editor failed: {error}"),
                Event::Wanted(wanted, reply) => {
                    let names = self.names(wanted).await;
                    // Who asked has gone on.
                    drop(reply.send(names));
                }
            }
        }
    }

    /// A line of a COPY's data that is typed; none at its end.
    pub async fn type_data(&mut self) -> Result<Option<String>> {
        let prompt = self.prompt("PROMPT3", '=', false);
        Ok(match self.type_line(prompt, None).await? {
            Typed::Line(line) => Some(line),
            Typed::Interrupted => {
                self.interrupted = true;
                None
            }
            Typed::End => None,
        })
    }

    fn prompt(&self, which: &str, unfinished: char, inactive: bool) -> Prompt {
        let session = self.connection.as_ref().map(|connection| prompt::Session {
            database: self.target.database(),
            user: self.target.user(),
            host: connection.host(),
            port: connection.address().port(),
            pid: connection.pid(),
            superuser: connection.parameter("is_superuser") == Some("on"),
            transaction: connection.transaction(),
        });
        let facts = Facts { session, unfinished, inactive, line: 1, variables: &self.variables };
        prompt::render(self.variables.get(which).unwrap_or(""), &facts)
    }

    /// For the history. Statements that hold a role's password stay out of it.
    fn remember(&self, entry: &str) {
        let lower = entry.to_lowercase();
        let secret =
            (lower.contains("role") || lower.contains("user")) && lower.contains("password") && lower.contains('\'');
        if let Some(editor) = self.editor.as_ref().filter(|_| self.at_terminal() && !secret && !entry.trim().is_empty())
        {
            // A history that can't be written is told when the next line is read.
            drop(editor.remember(entry.trim_end()));
        }
    }

    /// Names for completion, which must not disturb: nothing is asked within a failed transaction, and an error is no
    /// name.
    async fn names(&mut self, wanted: Wanted) -> Vec<String> {
        if wanted == Wanted::Variables {
            return self.variables.names().map(str::to_owned).collect();
        }
        if let Some(known) = self.names.get(&wanted) {
            return known.clone();
        }
        if self.connection.as_ref().is_none_or(|connection| connection.transaction() == Transaction::Failed) {
            return Vec::new();
        }
        match self.ask_quietly(&wanted.sql()).await {
            Some(rows) => {
                let names: Vec<String> = rows.iter().map(|row| row.text(0).to_owned()).collect();
                self.names.insert(wanted, names.clone());
                names
            }
            None => Vec::new(),
        }
    }

    /// Definitions may have changed.
    pub fn forget_names(&mut self) {
        self.names.clear();
    }

    // ---- the whole ----

    /// The loop at a terminal.
    pub async fn converse(&mut self, history: Option<PathBuf>) -> Result<u8> {
        let entries = self.variables.get("HISTSIZE").and_then(|size| size.parse().ok()).unwrap_or(1000);
        self.editor = Some(Editor::start(history, entries)?);
        if !self.is_quiet() {
            let server = self.connection.as_ref().and_then(|c| c.parameter("server_version"));
            let server = server.unwrap_or("?").to_owned();
            let version = env!("CARGO_PKG_VERSION");
            self.say(format_args!("atoll sql {version} (server speaks as PostgreSQL {server})"))?;
            if let Some((protocol, cipher)) = self.connection.as_ref().and_then(Connection::tls) {
                self.say(format_args!("SSL connection (protocol: {protocol}, cipher: {cipher}, compression: off)"))?;
            }
            self.say("Type \"help\" for help.\n")?;
        }
        self.read(Source::Terminal).await
    }

    /// Everything that is to be written is, and the server knows that we leave.
    pub async fn close(&mut self) -> Result<()> {
        let sink = std::mem::replace(&mut self.sink, Sink::stdout());
        sink.close()?;
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
        Ok(())
    }

    pub fn last_report(&self) -> Option<String> {
        let (report, sql) = self.last_error.as_ref()?;
        let (verbosity, context) = (super::variables::Verbosity::Verbose, super::variables::ShowContext::Always);
        Some(report::text(report, sql, verbosity, context, true))
    }
}

/// 15.4 is 150004.
fn version_number(version: &str) -> String {
    let mut parts = version.split(|character: char| !character.is_ascii_digit()).map(|part| part.parse::<u32>());
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => format!("{}", major.saturating_mul(10_000).saturating_add(minor)),
        (Some(Ok(major)), _) => format!("{}", major.saturating_mul(10_000)),
        _ => "0".into(),
    }
}

/// Whether lines come from somebody who types.
pub fn is_typed() -> bool {
    stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// The process's end, from what the shell came to.
pub fn exit_code(ended: Result<u8>) -> Result<ExitCode> {
    match ended {
        Ok(code) => Ok(code.into()),
        Err(error) => match error.downcast_ref::<Exit>() {
            Some(Exit(code)) => Ok((*code).into()),
            None => match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
                Some(ErrorKind::Interrupted) => Ok(FAILED.into()),
                _ => Err(error),
            },
        },
    }
}

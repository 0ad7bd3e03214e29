//! `atoll sql`: a shell for SQL, so that no other tool is needed. What psql's users know works here as they know it.
//!
//! Read in this order:
//!
//! | module | what it is |
//! | --- | --- |
//! | [`target`], [`connection`], [`wire`], [`tls`] | one session with a server, over the network like any client's |
//! | [`scanner`], [`arguments`], [`variables`], [`condition`] | what is typed: statements, backslash commands, `:variables`, `\if` |
//! | [`shell`], [`source`], [`interrupts`] | the loop over lines, the state that it keeps, and Ctrl-C |
//! | [`query`], [`copy`], [`report`], [`sink`] | a statement sent, its rows, data and errors shown |
//! | [`transactions`] | what is sent around a statement |
//! | [`print`](mod@print) | tables in psql's formats |
//! | [`commands`], [`describe`], [`help`] | backslash commands |
//! | [`editor`], [`complete`], [`prompt`], [`pager`], [`terminal`] | what only a person needs |
//!
//! INVARIANT: nothing is sent twice. When the server goes away, the outcome of what was running is unknown, and the
//! shell says so instead of trying again.
//!
//! Not here: the formats for HTML and LaTeX, `\crosstabview`, large objects, GSSAPI, client certificates,
//! Unix-domain sockets (the server has none).

mod arguments;
mod commands;
mod complete;
mod condition;
mod connection;
mod copy;
mod describe;
mod editor;
mod help;
mod interrupts;
mod pager;
mod print;
mod prompt;
mod query;
mod report;
mod scanner;
mod shell;
mod sink;
mod source;
mod target;
mod terminal;
mod tls;
mod transactions;
mod variables;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::{ArgAction, ArgMatches, Args, FromArgMatches};

use query::Run;
use shell::{FAILED, NO_CONNECTION, SCRIPT_FAILED, Shell};
use source::{Lines, Source, reason};
use target::Target;
use variables::Variables;
use wire::Transaction;

const EXAMPLES: &str = "\
Examples:
  atoll sql                                    the node on this machine, as postgres
  atoll sql mydb -c 'select 1'                 one statement
  atoll sql postgresql://me@host:5432/mydb     a URL
  atoll sql -f script.sql -v ON_ERROR_STOP=1   a script, up to its first error
  atoll sql --csv -c 'table t' > t.csv

Without options the environment counts: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE, PGSSLROOTCERT,
PGAPPNAME, PGOPTIONS, PGCONNECT_TIMEOUT. TLS is used where the server offers it (sslmode=prefer); sslmode=verify-full
with sslrootcert=FILE makes sure of the server. The history is in ~/.atoll_history; \\set HISTFILE names another.

Exit codes: 0 done, 1 a statement of -c or the shell itself failed, 2 no connection or it was lost (and clap's for wrong
arguments), 3 a script stopped at an error because of ON_ERROR_STOP.";

/// Everything that -c and -f name is obeyed in its order; without them standard input is.
#[derive(Args)]
#[command(after_help = EXAMPLES, disable_help_flag = true, args_override_self = true)]
pub struct Arguments {
    /// A database, a URL (postgresql://…), or words like "host=… port=…"
    #[arg(value_name = "DBNAME|URL")]
    target: Option<String>,
    /// A user, if no -U names one
    #[arg(value_name = "USER")]
    user_name: Option<String>,
    /// Where the server is; several, with commas, are tried in turn [default: 127.0.0.1]
    #[arg(short, long, value_name = "HOST")]
    host: Option<String>,
    /// [default: 5432]
    #[arg(short, long, value_name = "PORT")]
    port: Option<String>,
    /// [default: postgres]
    #[arg(short = 'U', long = "username", alias = "user", value_name = "USER")]
    user: Option<String>,
    /// A database, URL or words, as the argument [default: the user's name]
    #[arg(short, long, value_name = "DBNAME|URL")]
    dbname: Option<String>,
    /// Never ask for a password
    #[arg(short = 'w', long)]
    no_password: bool,
    /// Ask for a password before the server does
    #[arg(short = 'W', long, conflicts_with = "no_password")]
    password: bool,
    /// Obey one statement or backslash command and end; may be repeated
    #[arg(short, long, value_name = "COMMAND", action = ArgAction::Append)]
    command: Vec<String>,
    /// Obey a file and end (- is standard input); may be repeated
    #[arg(short, long, value_name = "FILE", action = ArgAction::Append)]
    file: Vec<String>,
    /// Everything in one transaction
    #[arg(short = '1', long)]
    single_transaction: bool,
    /// Set a variable
    #[arg(short = 'v', long = "set", alias = "variable", value_name = "NAME=VALUE", action = ArgAction::Append)]
    variables: Vec<String>,
    /// Set a printing option, as \pset does
    #[arg(short = 'P', long, value_name = "NAME[=VALUE]", action = ArgAction::Append)]
    pset: Vec<String>,
    /// Unaligned
    #[arg(short = 'A', long)]
    no_align: bool,
    /// Comma-separated values
    #[arg(long)]
    csv: bool,
    /// Without headings and numbers of rows
    #[arg(short, long)]
    tuples_only: bool,
    /// A line for each value
    #[arg(short = 'x', long)]
    expanded: bool,
    /// Between unaligned fields [default: |]
    #[arg(short = 'F', long, value_name = "STRING")]
    field_separator: Option<String>,
    /// Between unaligned records [default: a newline]
    #[arg(short = 'R', long, value_name = "STRING")]
    record_separator: Option<String>,
    /// Answers go to this file, or to this command behind a |
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    /// Say nothing but answers
    #[arg(short, long)]
    quiet: bool,
    /// Show every line of a script
    #[arg(short = 'a', long)]
    echo_all: bool,
    /// Show every statement that is sent
    #[arg(short = 'e', long)]
    echo_queries: bool,
    /// Show statements that fail
    #[arg(short = 'b', long)]
    echo_errors: bool,
    /// Show the queries of the shell's own commands
    #[arg(short = 'E', long)]
    echo_hidden: bool,
    /// List the databases and end
    #[arg(short, long)]
    list: bool,
    /// Lines without an editor, as from a file
    #[arg(short, long)]
    no_readline: bool,
    /// No start-up file is read; none is anyway
    #[arg(short = 'X', long)]
    no_psqlrc: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
}

enum Action {
    Command(String),
    File(String),
}

/// The arguments, and what -c and -f name in the order in which they stand.
pub struct Invocation {
    arguments: Arguments,
    actions: Vec<Action>,
}

impl FromArgMatches for Invocation {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Invocation, clap::Error> {
        let arguments = Arguments::from_arg_matches(matches)?;
        let at = |name: &str| matches.indices_of(name).into_iter().flatten().collect::<Vec<_>>();
        let commands = at("command").into_iter().zip(arguments.command.iter().cloned().map(Action::Command));
        let files = at("file").into_iter().zip(arguments.file.iter().cloned().map(Action::File));
        let mut actions: Vec<(usize, Action)> = commands.chain(files).collect();
        actions.sort_by_key(|(at, _)| *at);
        Ok(Invocation { arguments, actions: actions.into_iter().map(|(_, action)| action).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Invocation::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Invocation {
    fn augment_args(command: clap::Command) -> clap::Command {
        Arguments::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Arguments::augment_args_for_update(command)
    }
}

pub async fn run(invocation: Invocation) -> Result<ExitCode> {
    shell::exit_code(obey(invocation).await)
}

async fn obey(Invocation { arguments, actions }: Invocation) -> Result<u8> {
    let target = target_of(&arguments)?;
    let mut variables = Variables::new();
    let mut print = print::Options::default();
    set_up(&arguments, &mut variables, &mut print).map_err(|error| anyhow!(error))?;
    let interactive = actions.is_empty() && !arguments.list && shell::is_typed();
    let mut shell = Shell::new(target.clone(), variables, print, interactive)?;
    let ask = if arguments.no_password { Some(false) } else { arguments.password.then_some(true) };
    match shell.connect(target, ask).await {
        Ok(connection) => shell.adopt(connection),
        Err(error) => {
            eprintln!("atoll: error: {error:#}");
            return Ok(NO_CONNECTION);
        }
    }
    if let Some(to) = &arguments.output {
        match sink::Sink::open(to) {
            Ok(sink) => shell.sink = sink,
            Err(error) => {
                eprintln!("atoll: error: {to}: {}", reason(&error));
                return Ok(FAILED);
            }
        }
    }
    let ended = if arguments.list {
        shell.describe("l", None).await.map(|listed| if listed { 0 } else { FAILED })
    } else if !actions.is_empty() || arguments.single_transaction {
        act(&mut shell, &arguments, actions).await
    } else if interactive && !arguments.no_readline {
        let file = shell.variables.get("HISTFILE").map(str::to_owned);
        let home = || std::env::var("HOME").ok().map(|home| format!("{home}/.atoll_history"));
        shell.converse(file.or_else(home).map(PathBuf::from)).await
    } else {
        shell.read(Source::Lines(Lines::stdin())).await
    };
    // What was to be written is written in any case.
    let closed = shell.close().await;
    let code = ended?;
    closed?;
    Ok(code)
}

fn target_of(arguments: &Arguments) -> Result<Target> {
    let mut target = Target::from_environment(|name| std::env::var(name).ok());
    let options = [
        ("host", &arguments.host),
        ("port", &arguments.port),
        ("user", &arguments.user_name),
        ("user", &arguments.user),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            target.set(name, &value[..])?;
        }
    }
    // What stands in a URL is more particular than an option.
    for text in [&arguments.dbname, &arguments.target].into_iter().flatten() {
        target.apply(text)?;
    }
    Ok(target)
}

fn set_up(arguments: &Arguments, variables: &mut Variables, print: &mut print::Options) -> Result<(), String> {
    for (is_asked, name, value) in [
        (arguments.quiet, "QUIET", "on"),
        (arguments.echo_errors, "ECHO", "errors"),
        (arguments.echo_queries, "ECHO", "queries"),
        (arguments.echo_all, "ECHO", "all"),
        (arguments.echo_hidden, "ECHO_HIDDEN", "on"),
    ] {
        if is_asked {
            variables.set(name, value)?;
        }
    }
    for assignment in &arguments.variables {
        match assignment.split_once('=') {
            Some((name, value)) => variables.set(name, value)?,
            None => variables.unset(assignment)?,
        }
    }
    let mut set = |name: &str, value: Option<&str>| commands::pset(print, name, value).map(drop);
    for (is_asked, name, value) in [
        (arguments.no_align, "format", "unaligned"),
        (arguments.csv, "format", "csv"),
        (arguments.tuples_only, "tuples_only", "on"),
        (arguments.expanded, "expanded", "on"),
    ] {
        if is_asked {
            set(name, Some(value))?;
        }
    }
    for (name, value) in [("fieldsep", &arguments.field_separator), ("recordsep", &arguments.record_separator)] {
        if let Some(value) = value {
            set(name, Some(value))?;
        }
    }
    for option in &arguments.pset {
        let (name, value) = option.split_once('=').map_or((&option[..], None), |(name, value)| (name, Some(value)));
        set(name, value)?;
    }
    Ok(())
}

/// What -c and -f say, in their order.
async fn act(shell: &mut Shell, arguments: &Arguments, mut actions: Vec<Action>) -> Result<u8> {
    if actions.is_empty() {
        actions.push(Action::File("-".into()));
    }
    if arguments.single_transaction && shell.ask("BEGIN").await?.is_none() {
        return Ok(FAILED);
    }
    let mut code = 0;
    for action in actions {
        code = match action {
            Action::Command(text) => obey_command(shell, text).await?,
            Action::File(path) if path == "-" => {
                let mut lines = Lines::stdin();
                lines.name = Some("<stdin>".into());
                shell.read(Source::Lines(lines)).await?
            }
            Action::File(path) => match Lines::open(&path) {
                Ok(lines) => shell.read(Source::Lines(lines)).await?,
                Err(error) => {
                    shell.warn(&format!("atoll: error: {path}: {}\n", reason(&error)))?;
                    FAILED
                }
            },
        };
        if code != 0 && shell.variables.is_on("ON_ERROR_STOP") || shell.interrupted {
            break;
        }
    }
    if arguments.single_transaction {
        let in_transaction = shell.connection.as_ref().is_some_and(|c| c.transaction() != Transaction::Idle);
        let end = if code == 0 { "COMMIT" } else { "ROLLBACK" };
        if in_transaction && shell.ask(end).await?.is_none() && code == 0 {
            code = FAILED;
        }
    }
    Ok(if shell.interrupted { SCRIPT_FAILED } else { code })
}

/// A statement, sent as it is, or one backslash command.
async fn obey_command(shell: &mut Shell, text: String) -> Result<u8> {
    if !text.trim_start().starts_with('\\') {
        return Ok(if shell.send(&text, Run::default()).await? { 0 } else { FAILED });
    }
    let mut reading =
        shell::Reading { input: scanner::Input::new(text.trim_start()[1..].to_owned()), ..Default::default() };
    Ok(match shell.command(&mut reading).await? {
        commands::Outcome::Failed => FAILED,
        _ => 0,
    })
}

//! Lines that somebody types: rustyline in a thread of its own, so that completion can ask the server meanwhile.
//!
//! ```text
//!   shell ──Command──► thread: rustyline ──Event::Line──► shell
//!                          │ Tab
//!                          └──Event::Wanted──► shell asks the server ──names──► thread
//! ```
//! The history is a file, and an entry is a whole statement, however many lines it has. What `\password` asks for is
//! read elsewhere (`terminal.rs`) and never gets here.

use std::borrow::Cow;
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::{Context as _, Result};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Helper};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::complete::{Wanted, candidates};
use super::prompt::Prompt;

enum Command {
    /// With what the statement has so far; none for data, which nothing completes.
    Read {
        prompt: Prompt,
        before: Option<String>,
    },
    Remember(String),
    History(Sender<Vec<String>>),
}

pub enum Event {
    Line(String),
    Interrupted,
    End,
    /// Names for completion: the thread waits for the answer.
    Wanted(Wanted, Sender<Vec<String>>),
    Failed(String),
}

pub struct Editor {
    commands: Sender<Command>,
    events: UnboundedReceiver<Event>,
}

impl Editor {
    /// `history`: where it is kept, if anywhere.
    pub fn start(history: Option<PathBuf>, entries_max: usize) -> Result<Editor> {
        let (commands, received) = channel();
        let (events, seen) = unbounded_channel();
        let thread = thread::Builder::new().name("editor".into());
        thread.spawn(move || {
            if let Err(error) = edit(&received, &events, history, entries_max) {
                // Nobody listens once the shell has ended.
                drop(events.send(Event::Failed(error.to_string())));
            }
        })?;
        Ok(Editor { commands, events: seen })
    }

    pub fn begin(&self, prompt: Prompt, before: Option<&str>) -> Result<()> {
        self.send(Command::Read { prompt, before: before.map(str::to_owned) })
    }

    /// What has happened since [`Editor::begin`].
    pub async fn event(&mut self) -> Event {
        self.events.recv().await.unwrap_or(Event::End)
    }

    pub fn remember(&self, entry: &str) -> Result<()> {
        self.send(Command::Remember(entry.to_owned()))
    }

    pub fn history(&self) -> Result<Vec<String>> {
        let (reply, answer) = channel();
        self.send(Command::History(reply))?;
        answer.recv().context("the line editor has ended")
    }

    fn send(&self, command: Command) -> Result<()> {
        self.commands.send(command).ok().context("the line editor has ended")
    }
}

fn edit(
    commands: &Receiver<Command>,
    events: &UnboundedSender<Event>,
    file: Option<PathBuf>,
    entries_max: usize,
) -> rustyline::Result<()> {
    let config = Config::builder()
        .max_history_size(entries_max)?
        .history_ignore_dups(true)?
        .completion_type(CompletionType::List)
        .auto_add_history(false)
        .build();
    let mut editor = rustyline::Editor::<Assistant, FileHistory>::with_config(config)?;
    editor.set_helper(Some(Assistant {
        events: events.clone(),
        before: RefCell::default(),
        styled: RefCell::default(),
    }));
    if let Some(file) = &file {
        // There is none the first time; one that can't be read is no reason not to work.
        drop(editor.load_history(file));
    }
    while let Ok(command) = commands.recv() {
        match command {
            Command::Read { prompt, before } => {
                if let Some(assistant) = editor.helper() {
                    assistant.before.replace(before);
                    assistant.styled.replace(prompt.styled);
                }
                let event = match editor.readline(&prompt.plain) {
                    Ok(line) => Event::Line(line),
                    Err(ReadlineError::Eof) => Event::End,
                    Err(ReadlineError::Interrupted) => Event::Interrupted,
                    Err(error) => return Err(error),
                };
                drop(events.send(event));
            }
            Command::Remember(entry) => {
                editor.add_history_entry(entry)?;
                if let Some(file) = &file {
                    // As with reading: the shell goes on without.
                    drop(editor.append_history(file));
                }
            }
            Command::History(reply) => drop(reply.send(editor.history().iter().cloned().collect())),
        }
    }
    Ok(())
}

struct Assistant {
    events: UnboundedSender<Event>,
    before: RefCell<Option<String>>,
    styled: RefCell<String>,
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let mut names = |wanted| {
            let (reply, answer) = channel();
            match self.events.send(Event::Wanted(wanted, reply)) {
                Ok(()) => answer.recv().unwrap_or_default(),
                Err(_) => Vec::new(),
            }
        };
        Ok(match &*self.before.borrow() {
            Some(before) => candidates(before, &line[..at], &mut names),
            // Data of a COPY has tabs between its fields. INVARIANT: the server waits for data now, and no query may
            // be sent.
            None => (at, vec!["\t".to_owned()]),
        })
    }
}

impl Highlighter for Assistant {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, default: bool) -> Cow<'b, str> {
        let styled = self.styled.borrow();
        if default && !styled.is_empty() { Cow::Owned(styled.clone()) } else { Cow::Borrowed(prompt) }
    }
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Validator for Assistant {}

impl Helper for Assistant {}

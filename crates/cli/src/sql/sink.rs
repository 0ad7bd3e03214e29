//! Where results go: standard output, or what `\o` and `\g` name: a file, or a command that reads them.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::output::Enough;

const BUFFER_BYTES: usize = 64 << 10;

enum To {
    Stdout,
    File(File),
    Pipe(Child),
}

pub struct Sink {
    to: To,
    buffer: Vec<u8>,
}

impl Sink {
    pub fn stdout() -> Sink {
        Sink { to: To::Stdout, buffer: Vec::new() }
    }

    /// A file's name, or `|` and a command.
    pub fn open(name: &str) -> io::Result<Sink> {
        let to = match name.strip_prefix('|') {
            Some(command) => To::Pipe(Command::new("sh").args(["-c", command.trim()]).stdin(Stdio::piped()).spawn()?),
            None => To::File(File::create(name)?),
        };
        Ok(Sink { to, buffer: Vec::new() })
    }

    pub fn is_stdout(&self) -> bool {
        matches!(self.to, To::Stdout)
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    pub fn flush(&mut self) -> Result<()> {
        let written = match &mut self.to {
            To::Stdout => {
                let mut stdout = io::stdout();
                stdout.write_all(&self.buffer).and_then(|()| stdout.flush())
            }
            To::File(file) => file.write_all(&self.buffer),
            To::Pipe(child) => match child.stdin.as_mut().map(|stdin| stdin.write_all(&self.buffer)) {
                // The command has seen enough, as `head` does.
                Some(Err(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
                written => written.unwrap_or(Ok(())),
            },
        };
        self.buffer.clear();
        match written {
            Err(error) if self.is_stdout() && error.kind() == ErrorKind::BrokenPipe => Err(Enough.into()),
            written => written.context("could not write the output"),
        }
    }

    /// Everything is written; a command has ended.
    pub fn close(mut self) -> Result<()> {
        self.flush()?;
        if let To::Pipe(child) = &mut self.to {
            drop(child.stdin.take());
            child.wait().context("wait for the command that reads the output")?;
        }
        Ok(())
    }
}

//! Where lines come from: a file, standard input, or the terminal.

use std::fs::File;
use std::io::{self, BufRead, BufReader, stdin};

pub enum Source {
    /// Somebody types: see `editor.rs`.
    Terminal,
    Lines(Lines),
}

enum From {
    /// Shared by everybody who reads standard input, so that nobody reads ahead of another.
    Stdin,
    File(BufReader<File>),
}

pub struct Lines {
    from: From,
    /// What messages call it, if they name it.
    pub name: Option<String>,
    pub number: u64,
}

impl Lines {
    pub fn stdin() -> Lines {
        Lines { from: From::Stdin, name: None, number: 0 }
    }

    pub fn open(path: &str) -> io::Result<Lines> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::other("Is a directory"));
        }
        Ok(Lines { from: From::File(BufReader::new(file)), name: Some(path.to_owned()), number: 0 })
    }

    /// The next line with its newline, if it has one: the data of a COPY is passed on as it is.
    pub fn next_bytes(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let read = match &mut self.from {
            From::Stdin => stdin().lock().read_until(b'\n', &mut line)?,
            From::File(file) => file.read_until(b'\n', &mut line)?,
        };
        self.number += u64::from(read > 0);
        Ok((read > 0).then_some(line))
    }

    /// The next line without it.
    pub fn next(&mut self) -> io::Result<Option<String>> {
        let Some(mut line) = self.next_bytes()? else { return Ok(None) };
        if line.ends_with(b"\n") {
            line.pop();
        }
        match String::from_utf8(line) {
            // Editors of some systems put a mark in front of UTF-8.
            Ok(line) if self.number == 1 => Ok(Some(line.trim_start_matches('\u{feff}').to_owned())),
            Ok(line) => Ok(Some(line)),
            Err(_) => Err(io::Error::other("the input is not UTF-8")),
        }
    }
}

/// What a mistake of the system is called, without Rust's number of it.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

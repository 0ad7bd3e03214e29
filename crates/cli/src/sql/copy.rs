//! COPY through the shell: data that stands in a script, is typed, or lies in a file beside the shell (`\copy`).

use std::fs::File;
use std::io::{BufReader, Read};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::query::{Place, Run};
use super::shell::Shell;
use super::sink::Sink;
use super::source::{Lines, Source, reason};
use super::wire::Message;

const PIECE_BYTES: usize = 64 << 10;

/// What `\copy` says.
#[derive(Debug, PartialEq)]
pub struct Copy {
    /// The table with its columns, or a query in parentheses.
    what: String,
    direction: Direction,
    end: End,
    options: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Direction {
    In,
    Out,
}

#[derive(Clone, Debug, PartialEq)]
enum End {
    File(String),
    Program(String),
    /// Where the command itself is read from, or where results go.
    Std,
    /// The process's own, whatever is being read.
    ProcessStd,
}

impl Copy {
    pub fn parse(text: &str) -> Result<Copy, String> {
        let words = words(text);
        let error = |at: usize| match words.get(at) {
            Some((_, word)) => format!("\\copy: parse error at \"{word}\""),
            None => "\\copy: parse error at end of line".to_owned(),
        };
        let keyword =
            |at: usize, keyword: &str| words.get(at).is_some_and(|(_, word)| word.eq_ignore_ascii_case(keyword));
        // Behind the table may be its columns.
        let at = 1 + usize::from(words.get(1).is_some_and(|(_, word)| word.starts_with('(')));
        if words.is_empty() {
            return Err("\\copy: arguments required".into());
        }
        if !keyword(at, "from") && !keyword(at, "to") {
            return Err(error(at));
        }
        let what = text[..words[at].0].trim().to_owned();
        let direction = if keyword(at, "from") { Direction::In } else { Direction::Out };
        if direction == Direction::In && what.starts_with('(') {
            return Err(error(at));
        }
        let (offset, word) = words.get(at + 1).ok_or_else(|| error(at + 1))?;
        let (end, last) = match &word.to_ascii_lowercase()[..] {
            "stdin" | "stdout" => (End::Std, at + 1),
            "pstdin" | "pstdout" => (End::ProcessStd, at + 1),
            "program" => {
                let (_, program) =
                    words.get(at + 2).filter(|(_, word)| word.starts_with('\'')).ok_or_else(|| error(at + 2))?;
                (End::Program(unquoted(program)), at + 2)
            }
            _ => {
                // A name without quotes goes to the next space.
                let name = match word.starts_with('\'') {
                    true => unquoted(word),
                    false => text[*offset..].split_whitespace().next().unwrap_or(word).to_owned(),
                };
                let end = offset + if word.starts_with('\'') { word.len() } else { name.len() };
                let name = name
                    .strip_prefix("~/")
                    .and_then(|rest| Some(format!("{}/{rest}", std::env::var("HOME").ok()?)))
                    .unwrap_or(name);
                return Ok(Copy { what, direction, end: End::File(name), options: text[end..].trim().to_owned() });
            }
        };
        let (offset, word) = words[last];
        Ok(Copy { what, direction, end, options: text[offset + word.len()..].trim().to_owned() })
    }

    fn sql(&self) -> String {
        let end = if self.direction == Direction::In { "FROM STDIN" } else { "TO STDOUT" };
        format!("COPY {} {end} {}", self.what, self.options).trim_end().to_owned()
    }
}

fn unquoted(word: &str) -> String {
    let inner = word.strip_prefix('\'').unwrap_or(word);
    inner.strip_suffix('\'').unwrap_or(inner).replace("''", "'")
}

/// Words with where they begin: what stands in parentheses or quotes is one.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let (mut begin, mut depth, mut quote) = (None, 0usize, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => {
                quote = Some(character);
                begin = begin.or(Some(at));
            }
            (None, '(') => {
                if depth == 0
                    && let Some(begin) = begin.take()
                {
                    words.push((begin, &text[begin..at]));
                }
                depth += 1;
                begin = begin.or(Some(at));
            }
            (None, ')') => {
                depth = depth.saturating_sub(1);
                if depth == 0
                    && let Some(begin) = begin.take()
                {
                    words.push((begin, &text[begin..=at]));
                }
            }
            (None, _) if character.is_whitespace() && depth == 0 => {
                if let Some(begin) = begin.take() {
                    words.push((begin, &text[begin..at]));
                }
            }
            (None, _) => begin = begin.or(Some(at)),
        }
    }
    words.extend(begin.map(|begin| (begin, &text[begin..])));
    words
}

/// Where the data of a COPY FROM STDIN comes from.
pub enum Data {
    /// Lines up to `\.`
    Lines(Option<Lines>),
    Whole(Box<dyn Read + Send>),
}

impl Shell {
    /// `\copy`
    pub async fn copy(&mut self, text: &str) -> Result<bool> {
        let copy = match Copy::parse(text) {
            Ok(copy) => copy,
            Err(error) => {
                self.complain(error)?;
                return Ok(false);
            }
        };
        let mut child: Option<Child> = None;
        let mut run = Run::default();
        let mut sink_before = None;
        let opened = match (copy.direction, &copy.end) {
            (Direction::In, End::File(name)) => Lines::open(name).map(|_| ()).and_then(|()| {
                self.copy_data = Some(Data::Whole(Box::new(File::open(name)?)));
                Ok(())
            }),
            (Direction::In, End::Program(program)) => {
                let started = Command::new("sh").args(["-c", program]).stdout(Stdio::piped()).spawn();
                started.map(|mut started| {
                    if let Some(stdout) = started.stdout.take() {
                        self.copy_data = Some(Data::Whole(Box::new(BufReader::new(stdout))));
                    }
                    child = Some(started);
                })
            }
            (Direction::In, End::Std) => Ok(()),
            (Direction::In, End::ProcessStd) => {
                self.copy_data = Some(Data::Lines(Some(Lines::stdin())));
                Ok(())
            }
            (Direction::Out, End::File(name)) => {
                run.to = Some(name.clone());
                Ok(())
            }
            (Direction::Out, End::Program(program)) => {
                run.to = Some(format!("|{program}"));
                Ok(())
            }
            (Direction::Out, End::Std) => Ok(()),
            (Direction::Out, End::ProcessStd) => {
                sink_before = Some(std::mem::replace(&mut self.sink, Sink::stdout()));
                Ok(())
            }
        };
        if let Err(error) = opened {
            let (End::File(name) | End::Program(name)) = &copy.end else { return Ok(false) };
            self.complain(format_args!("{name}: {}", reason(&error)))?;
            return Ok(false);
        }
        // The number of rows is told here: to a file it would be among the data.
        self.copy_tag_aside = run.to.is_some();
        let mut succeeded = self.send(&copy.sql(), run).await?;
        self.copy_tag_aside = false;
        self.copy_data = None;
        if let Some(before) = sink_before {
            std::mem::replace(&mut self.sink, before).close()?;
        }
        if let (Some(mut child), End::Program(program)) = (child, &copy.end) {
            let status = child.wait().context("wait for a program")?;
            if !status.success() {
                self.complain(format_args!("program \"{program}\" failed: {status}"))?;
                succeeded = false;
            }
        }
        Ok(succeeded)
    }

    /// The server waits for data.
    pub async fn copy_in(&mut self) -> Result<()> {
        match self.copy_data.take() {
            Some(Data::Whole(mut from)) => {
                let mut piece = vec![0; PIECE_BYTES];
                loop {
                    match from.read(&mut piece) {
                        Ok(0) => return Ok(self.live()?.copy_done().await?),
                        Ok(length) => self.live()?.copy_data(&piece[..length]).await?,
                        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                        Err(error) => {
                            let why = format!("aborted because of read failure: {}", reason(&error));
                            return Ok(self.live()?.copy_fail(&why).await?);
                        }
                    }
                    if self.is_cancelled() {
                        return Ok(self.live()?.copy_fail("canceled by user").await?);
                    }
                }
            }
            Some(Data::Lines(Some(lines))) => self.copy_lines(Some(lines)).await,
            _ if self.at_terminal() => self.copy_typed().await,
            _ if self.sources.is_empty() => self.copy_lines(Some(Lines::stdin())).await,
            _ => self.copy_lines(None).await,
        }
    }

    fn is_cancelled(&mut self) -> bool {
        let cancelled = self.interrupts.take();
        self.interrupted |= cancelled;
        cancelled
    }

    /// Lines of `own`, or of what is being read, up to `\.` or the end.
    async fn copy_lines(&mut self, mut own: Option<Lines>) -> Result<()> {
        loop {
            let lines = match (&mut own, self.sources.last_mut()) {
                (Some(own), _) => own,
                (None, Some(Source::Lines(lines))) => lines,
                (None, _) => break,
            };
            let line = match lines.next_bytes() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(error) => {
                    let why = format!("aborted because of read failure: {}", reason(&error));
                    return Ok(self.live()?.copy_fail(&why).await?);
                }
            };
            if matches!(&line[..], b"\\.\n" | b"\\.\r\n" | b"\\.") {
                break;
            }
            self.live()?.copy_data(&line).await?;
            if self.is_cancelled() {
                return Ok(self.live()?.copy_fail("canceled by user").await?);
            }
        }
        Ok(self.live()?.copy_done().await?)
    }

    async fn copy_typed(&mut self) -> Result<()> {
        self.tell(
            "Enter data to be copied followed by a newline.\nEnd with a backslash and a period on a line by itself, or an EOF signal.",
        )?;
        self.sink.flush()?;
        self.interrupts.end();
        loop {
            match self.type_data().await? {
                _ if self.interrupted => {
                    self.interrupts.begin();
                    return Ok(self.live()?.copy_fail("canceled by user").await?);
                }
                Some(line) if line != "\\." => self.live()?.copy_data(format!("{line}\n").as_bytes()).await?,
                _ => break,
            }
        }
        self.interrupts.begin();
        Ok(self.live()?.copy_done().await?)
    }

    /// The server sends data, up to its CopyDone or an error, which stays to be told.
    pub async fn copy_out(&mut self, place: &mut Place, sql: &str) -> Result<bool> {
        loop {
            match self.message().await? {
                Message::CopyData(data) => place.sink(&mut self.sink).write(&data)?,
                Message::CopyDone => return Ok(true),
                Message::Error(report) => {
                    self.failed(report, sql)?;
                    return Ok(false);
                }
                message => self.aside(message, sql)?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_read() {
        for (text, sql, end) in [
            ("t from 'a b.csv' csv", "COPY t FROM STDIN csv", End::File("a b.csv".into())),
            ("t (a, b) FROM x.tsv", "COPY t (a, b) FROM STDIN", End::File("x.tsv".into())),
            ("t(a) from stdin with (format csv)", "COPY t(a) FROM STDIN with (format csv)", End::Std),
            ("s.\"from\" to pstdout", "COPY s.\"from\" TO STDOUT", End::ProcessStd),
            (
                "(select 'x to y' from t) to program 'cat >''o'''",
                "COPY (select 'x to y' from t) TO STDOUT",
                End::Program("cat >'o'".into()),
            ),
            ("t to /tmp/(x) csv", "COPY t TO STDOUT csv", End::File("/tmp/(x)".into())),
        ] {
            let copy = Copy::parse(text).unwrap();
            assert_eq!((&copy.sql()[..], &copy.end), (sql, &end), "{text}");
        }
        for wrong in ["", "t", "t from", "(select 1) from x", "t to program x"] {
            assert!(Copy::parse(wrong).is_err(), "{wrong}");
        }
    }
}

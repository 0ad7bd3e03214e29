//! Commands about the statement that is being written, and how it is sent.

use std::fs;
use std::io::{Write, stderr};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::super::arguments::Kind;
use super::super::print::{Expanded, Options};
use super::super::query::{Run, Then};
use super::super::scanner::literal;
use super::super::shell::{Reading, Shell};
use super::super::sink::Sink;
use super::super::source::reason;
use super::{Mistake, Outcome, expanded, mistake, pset};

impl Shell {
    pub async fn buffer_command(&mut self, name: &str, reading: &mut Reading) -> Result<Outcome> {
        match name {
            "g" | "gx" => {
                let (options, to) = self.for_one_answer(name, reading)?;
                return Ok(run_statement(reading, Run { to, options, then: Then::Show }));
            }
            "gset" => {
                let prefix = self.argument(reading, Kind::Normal)?.unwrap_or_default();
                return Ok(run_statement(reading, Run { then: Then::Set(prefix), ..Run::default() }));
            }
            "gdesc" => return Ok(run_statement(reading, Run { then: Then::Describe, ..Run::default() })),
            "gexec" => return Ok(run_statement(reading, Run { then: Then::Execute, ..Run::default() })),
            "watch" => return self.watch(reading).await,
            "p" | "print" => {
                let text = if reading.statement.is_empty() { &reading.previous } else { &reading.statement };
                let text = if text.is_empty() { "Query buffer is empty." } else { text }.to_owned();
                self.say(text)?;
            }
            "r" | "reset" => {
                reading.statement.clear();
                reading.scanner.reset();
                self.tell("Query buffer reset (cleared).")?;
            }
            "w" | "write" => {
                let Some(to) = self.argument(reading, Kind::FileOrPipe)? else {
                    return mistake("\\w: missing required argument");
                };
                let text = if reading.statement.is_empty() { &reading.previous } else { &reading.statement };
                match Sink::open(&expanded(&to)) {
                    Ok(mut sink) => {
                        sink.write(format!("{text}\n").as_bytes())?;
                        sink.close()?;
                    }
                    Err(error) => return mistake(format_args!("{to}: {}", reason(&error))),
                }
            }
            "e" | "edit" => return self.edit(reading),
            _ => {
                let file = self.argument(reading, Kind::Normal)?;
                let Some(editor) = &self.editor else { return mistake("\\s: there is no history here") };
                let text = editor.history()?.join("\n");
                match file {
                    Some(file) => {
                        if let Err(error) = fs::write(expanded(&file), text + "\n") {
                            return mistake(format_args!(
                                "could not save history to file \"{file}\": {}",
                                reason(&error)
                            ));
                        }
                    }
                    None => self.say(text)?,
                }
            }
        }
        Ok(Outcome::Nothing)
    }

    /// `(name=value …)` and a file, both of which may be left out.
    fn for_one_answer(&self, name: &str, reading: &mut Reading) -> Result<(Option<Options>, Option<String>)> {
        let mut options = self.print.clone();
        if name == "gx" {
            options.expanded = Expanded::On;
        }
        reading.input.skip_space();
        if reading.input.peek() == Some('(') {
            reading.input.next();
            loop {
                let Some(word) = self.argument(reading, Kind::Normal)? else {
                    return mistake(format_args!("\\{name}: missing right parenthesis"));
                };
                let (word, last) = word.strip_suffix(')').map_or((&word[..], false), |word| (word, true));
                if !word.is_empty() {
                    let (option, value) = word.split_once('=').map_or((word, None), |(o, value)| (o, Some(value)));
                    pset::set(&mut options, option, value).map_err(Mistake)?;
                }
                if last {
                    break;
                }
            }
        }
        let to = self.argument(reading, Kind::FileOrPipe)?.map(|to| expanded(&to));
        Ok((Some(options), to))
    }

    /// Every so many seconds, until Ctrl-C or a failure.
    async fn watch(&mut self, reading: &mut Reading) -> Result<Outcome> {
        let seconds: f64 = match self.argument(reading, Kind::Normal)? {
            Some(text) => match text.parse() {
                Ok(seconds @ 0.0..1e6) => seconds,
                _ => return mistake(format_args!("\\watch: incorrect interval value \"{text}\"")),
            },
            None => 2.0,
        };
        if reading.statement.is_empty() {
            reading.statement.clone_from(&reading.previous);
        }
        let statement = std::mem::take(&mut reading.statement);
        reading.scanner.reset();
        if statement.trim().is_empty() {
            return mistake("\\watch cannot be used with an empty query");
        }
        reading.previous.clone_from(&statement);
        let user_title = self.print.title.clone().map(|title| format!("{title}\t")).unwrap_or_default();
        loop {
            let title = format!("{user_title}{} (every {seconds}s)\n", now());
            let run = Run { then: Then::Watch(title), ..Run::default() };
            if !self.send(&statement, run).await? || self.interrupted {
                return Ok(Outcome::Failed);
            }
            self.sink.flush()?;
            self.interrupts.begin();
            let stopped = tokio::select! {
                () = tokio::time::sleep(Duration::from_secs_f64(seconds)) => false,
                () = self.interrupts.pressed() => true,
            };
            self.interrupts.end();
            if stopped {
                drop(writeln!(stderr()));
                self.interrupted = !self.at_terminal();
                return Ok(Outcome::Nothing);
            }
        }
    }

    fn edit(&mut self, reading: &mut Reading) -> Result<Outcome> {
        let file = self.argument(reading, Kind::Normal)?.map(|file| expanded(&file));
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let editor = ["PSQL_EDITOR", "EDITOR", "VISUAL"].into_iter().find_map(variable).unwrap_or_else(|| "vi".into());
        let path = match &file {
            Some(file) => file.into(),
            None => std::env::temp_dir().join(format!("atoll.edit.{}.sql", std::process::id())),
        };
        let failed = |error: &std::io::Error| Mistake(format!("{}: {}", path.display(), reason(error)));
        if file.is_none() {
            let text = if reading.statement.is_empty() { &reading.previous } else { &reading.statement };
            let mut options = fs::OpenOptions::new();
            // What is edited may be nobody else's business.
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            // A file that is there already was put there by somebody else.
            drop(fs::remove_file(&path));
            let made = options.write(true).create_new(true).open(&path);
            made.and_then(|mut file| writeln!(file, "{text}")).map_err(|error| failed(&error))?;
        }
        self.sink.flush()?;
        let script = format!("exec {editor} {}", literal(&path.to_string_lossy()));
        let status = Command::new("sh").args(["-c", &script]).status();
        let edited = fs::read_to_string(&path);
        if file.is_none() {
            drop(fs::remove_file(&path));
        }
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => return mistake(format_args!("could not start editor \"{editor}\": {status}")),
            Err(error) => return mistake(format_args!("could not start editor \"{editor}\": {}", reason(&error))),
        }
        let edited = edited.map_err(|error| failed(&error))?;
        reading.statement.clear();
        reading.scanner.reset();
        let edited = edited.trim_end();
        self.say(edited)?;
        Ok(Outcome::Edited(edited.to_owned()))
    }
}

/// The statement, or the one before if there is none.
fn run_statement(reading: &mut Reading, run: Run) -> Outcome {
    if reading.statement.trim().is_empty() {
        reading.statement.clone_from(&reading.previous);
    }
    match reading.statement.is_empty() {
        true => Outcome::Nothing,
        false => Outcome::Send(run),
    }
}

/// The wall clock in UTC: what the shell knows without the system's time zones.
fn now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, second) = (since / 86400, since % 86400);
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(days % 7) as usize];
    let (year, month, day) = civil(days);
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month];
    format!("{weekday} {month} {day:2} {:02}:{:02}:{:02} {year} UTC", second / 3600, second / 60 % 60, second % 60)
}

/// Year, month from 0 and day from 1 of a number of days since 1970.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let mut year = 1970;
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_become_dates() {
        for (days, date) in [(0, (1970, 0, 1)), (59, (1970, 2, 1)), (11_016, (2000, 1, 29)), (20_778, (2026, 10, 21))] {
            assert_eq!(civil(days), date);
        }
    }
}

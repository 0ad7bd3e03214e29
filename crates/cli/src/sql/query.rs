//! A statement sent and its answer shown.
//!
//! Rows are shown in pages: a result larger than [`PAGE_BYTES`], or than `FETCH_COUNT` rows, is never held whole. The
//! columns of the aligned format are as wide as a page needs them.

use std::fmt::Write;
use std::io::{Write as _, stderr};
use std::mem;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::connection::{Connection, Lost};
use super::print::{self, Expanded, Format, Heading, Page};
use super::report;
use super::scanner::literal;
use super::shell::Shell;
use super::sink::Sink;
use super::source::reason;
use super::terminal;
use super::variables::{Echo, ShowContext};
use super::wire::{Column, Message, Report, Row};

const PAGE_BYTES: usize = 8 << 20;

/// What is done with a statement's answer, by the command that sent it.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// A file, or `|` and a command, for this answer alone.
    pub to: Option<String>,
    /// The format for this answer alone.
    pub options: Option<print::Options>,
    pub then: Then,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Then {
    #[default]
    Show,
    /// `\gset`: the values become variables with this before their names.
    Set(String),
    /// `\gdesc`: only the columns are told.
    Describe,
    /// `\gexec`: every value is a statement.
    Execute,
    /// `\watch`: with this above.
    Watch(String),
}

/// Of types whose values stand on the right: oid, int2, int4, int8, float4, float8, numeric, money, cid, xid, xid8.
fn is_number(type_oid: u32) -> bool {
    matches!(type_oid, 20 | 21 | 23 | 26 | 28 | 29 | 700 | 701 | 790 | 1700 | 5069)
}

/// A result as it comes in.
struct Table {
    columns: Vec<Column>,
    rows: Vec<Row>,
    bytes: usize,
    /// Rows that were shown before.
    before: usize,
    shown: bool,
}

impl Table {
    fn headings(&self) -> Vec<Heading> {
        let heading = |column: &Column| Heading { name: column.name.clone(), right: is_number(column.type_oid) };
        self.columns.iter().map(heading).collect()
    }

    fn count(&self) -> usize {
        self.before + self.rows.len()
    }
}

/// The sink of one answer: its own, or the shell's.
pub struct Place(Option<Sink>);

impl Place {
    pub fn sink<'a>(&'a mut self, shell: &'a mut Sink) -> &'a mut Sink {
        self.0.as_mut().unwrap_or(shell)
    }
}

impl Shell {
    /// Sends a statement and shows what comes of it; whether all went well.
    pub async fn send(&mut self, sql: &str, run: Run) -> Result<bool> {
        if self.connection.is_none() {
            self.complain("You are currently not connected to a database.")?;
            return Ok(false);
        }
        if self.variables.echo() == Echo::Queries {
            self.say(sql)?;
        }
        let Some(guarded) = self.begin_statement(sql).await? else { return Ok(false) };
        let begin = Instant::now();
        self.interrupts.begin();
        let succeeded = match run.then {
            Then::Describe => self.describe_columns(sql, &run).await,
            _ => self.run(sql, &run).await,
        };
        self.interrupts.end();
        let succeeded = match succeeded {
            Ok(succeeded) => succeeded,
            Err(error) => match error.downcast::<Lost>() {
                Ok(why) => {
                    self.lost(why).await?;
                    return Ok(false);
                }
                Err(error) => return Err(error),
            },
        };
        let took = begin.elapsed();
        if guarded && !self.end_statement().await? {
            return Ok(false);
        }
        if self.timing {
            self.say(spelt_duration(took))?;
        }
        if !succeeded && self.variables.echo() == Echo::Errors {
            self.warn(&format!("STATEMENT:  {sql}\n"))?;
        }
        Ok(succeeded)
    }

    /// The next message; Ctrl-C meanwhile becomes a cancel request, and the wait goes on.
    pub async fn message(&mut self) -> Result<Message> {
        let Some(connection) = &mut self.connection else { return Err(Lost("there is no connection".into()).into()) };
        loop {
            tokio::select! {
                message = connection.message() => return Ok(message?),
                () = self.interrupts.pressed() => {
                    self.interrupted = true;
                    match connection.cancel().await {
                        Ok(()) => drop(writeln!(stderr(), "Cancel request sent")),
                        Err(error) => drop(writeln!(stderr(), "Could not send cancel request: {}", reason(&error))),
                    }
                }
            }
        }
    }

    pub fn live(&mut self) -> Result<&mut Connection> {
        self.connection.as_mut().ok_or_else(|| Lost("there is no connection".into()).into())
    }

    async fn run(&mut self, sql: &str, run: &Run) -> Result<bool> {
        let mut place = Place(None);
        if let Some(name) = &run.to {
            match Sink::open(name) {
                Ok(sink) => place = Place(Some(sink)),
                Err(error) => {
                    self.complain(format_args!("{name}: {}", reason(&error)))?;
                    return Ok(false);
                }
            }
        }
        self.live()?.query(sql).await?;
        let (mut table, mut succeeded, mut made, mut copied) = (None, true, Vec::new(), false);
        let rows_max = self.variables.fetch_count().unwrap_or(usize::MAX);
        loop {
            match self.message().await? {
                Message::Columns(columns) => {
                    table = Some(Table { columns, rows: Vec::new(), bytes: 0, before: 0, shown: false });
                }
                Message::Row(row) => {
                    let Some(table) = &mut table else { continue };
                    table.bytes += row.bytes();
                    table.rows.push(row);
                    let shows = matches!(run.then, Then::Show | Then::Watch(_));
                    if shows && (table.bytes > PAGE_BYTES || table.rows.len() >= rows_max) {
                        self.show_page(table, false, run, &mut place)?;
                    }
                }
                Message::Complete(tag) => {
                    let count =
                        self.complete(table.take(), &tag, mem::take(&mut copied), run, &mut place, &mut made)?;
                    succeeded &= count.is_some();
                    self.succeeded(count.flatten().or_else(|| affected(&tag)));
                    if !tag.starts_with("SELECT") {
                        self.forget_names();
                    }
                    self.last_tag = tag;
                }
                Message::Empty => self.succeeded(None),
                Message::CopyIn => self.copy_in().await?,
                Message::CopyOut => {
                    copied = !self.copy_tag_aside;
                    succeeded &= self.copy_out(&mut place, sql).await?;
                }
                Message::Error(report) => {
                    succeeded = false;
                    // What had come so far is not shown, but for pages that were; they get no footer.
                    table = None;
                    self.failed(report, sql)?;
                }
                Message::Ready(_) => break,
                message => self.aside(message, sql)?,
            }
        }
        if let Place(Some(sink)) = place {
            sink.close()?;
        }
        for statement in made {
            if self.interrupted {
                break;
            }
            if self.variables.echo() == Echo::All {
                self.say(&statement)?;
            }
            // Each stands for itself: one that fails does not keep the others.
            succeeded &= Box::pin(self.run(&statement, &Run::default())).await?;
        }
        Ok(succeeded)
    }

    /// What may come at any time.
    pub fn aside(&mut self, message: Message, sql: &str) -> Result<()> {
        match message {
            Message::Notice(notice) => {
                let (verbosity, context) = (self.variables.verbosity(), self.variables.show_context());
                self.warn(&report::text(&notice, sql, verbosity, context, false))
            }
            Message::Notification { pid, channel, payload } => {
                let payload = if payload.is_empty() { String::new() } else { format!(" with payload \"{payload}\"") };
                self.say(format_args!(
                    "Asynchronous notification \"{channel}\"{payload} received from server process with PID {pid}."
                ))
            }
            _ => Ok(()),
        }
    }

    /// A command is done: its rows are shown, or its tag. None if that fails; within, the number of rows.
    fn complete(
        &mut self,
        table: Option<Table>,
        tag: &str,
        copied: bool,
        run: &Run,
        place: &mut Place,
        made: &mut Vec<String>,
    ) -> Result<Option<Option<usize>>> {
        let count = table.as_ref().map(Table::count);
        let mut tells_tag = true;
        if let Some(mut table) = table {
            // INSERT … RETURNING has both.
            tells_tag = ["INSERT", "UPDATE", "DELETE", "MERGE"].iter().any(|verb| tag.starts_with(verb));
            match &run.then {
                Then::Set(prefix) => {
                    if !self.set_from(&table, prefix)? {
                        return Ok(None);
                    }
                }
                Then::Execute => {
                    let cells =
                        table.rows.iter().flat_map(|row| (0..table.columns.len()).map(|column| row.get(column)));
                    made.extend(cells.flatten().map(str::to_owned));
                }
                Then::Show | Then::Watch(_) | Then::Describe => self.show_page(&mut table, true, run, place)?,
            }
        }
        // Not among the data that just went there.
        if tells_tag && !copied && self.copy_tag_aside {
            self.tell(tag)?;
            self.sink.flush()?;
        } else if tells_tag && !copied && !self.is_quiet() {
            place.sink(&mut self.sink).write(format!("{tag}\n").as_bytes())?;
        }
        Ok(Some(count))
    }

    fn show_page(&mut self, table: &mut Table, last: bool, run: &Run, place: &mut Place) -> Result<()> {
        let rows = mem::take(&mut table.rows);
        let headings = table.headings();
        let title = match &run.then {
            Then::Watch(title) => Some(&title[..]),
            _ => None,
        };
        let page = Page {
            title,
            headings: &headings,
            rows: &rows,
            footers: &[],
            before: table.before,
            first: !table.shown,
            last,
        };
        let options = run.options.clone().unwrap_or_else(|| self.print.clone());
        let to_stdout = place.sink(&mut self.sink).is_stdout();
        let text = self.printed(&page, options, to_stdout);
        if place.0.is_none()
            && page.first
            && matches!(run.then, Then::Show | Then::Describe)
            && let Some(pager) = self.pager_for(&text, last)
        {
            self.sink.flush()?;
            // Without it the answer is only longer than the screen.
            place.0 = Sink::open(&pager).ok();
        }
        place.sink(&mut self.sink).write(text.as_bytes())?;
        (table.shown, table.bytes) = (true, 0);
        table.before += rows.len();
        Ok(())
    }

    /// `to_stdout`: whether a terminal's width may matter.
    fn printed(&self, page: &Page, mut options: print::Options, to_stdout: bool) -> String {
        if options.expanded == Expanded::Auto {
            let columns = terminal::size().map(|(_, columns)| columns).filter(|_| to_stdout);
            let is_wide = options.format == Format::Aligned
                && columns.is_some_and(|columns| print::table_width(page, &options) > columns);
            options.expanded = if is_wide { Expanded::On } else { Expanded::Off };
        }
        let mut text = String::new();
        print::print(page, &options, &mut text);
        text
    }

    /// Shows a table that the shell has made itself.
    pub fn show(&mut self, title: Option<&str>, headings: &[Heading], rows: &[Row], footers: &[String]) -> Result<()> {
        let page = Page { title, headings, rows, footers, before: 0, first: true, last: true };
        let text = self.printed(&page, self.print.clone(), self.sink.is_stdout());
        self.show_text(&text)
    }

    /// Shows what may be longer than the screen.
    pub fn show_text(&mut self, text: &str) -> Result<()> {
        match self.pager_for(text, true).and_then(|pager| Sink::open(&pager).ok()) {
            Some(mut pager) => {
                self.sink.flush()?;
                pager.write(text.as_bytes())?;
                pager.close()
            }
            None => self.sink.write(text.as_bytes()),
        }
    }

    fn set_from(&mut self, table: &Table, prefix: &str) -> Result<bool> {
        let row = match &table.rows[..] {
            [row] => row,
            [] => {
                self.complain("no rows returned for \\gset")?;
                return Ok(false);
            }
            _ => {
                self.complain("more than one row returned for \\gset")?;
                return Ok(false);
            }
        };
        for (at, column) in table.columns.iter().enumerate() {
            let name = format!("{prefix}{}", column.name);
            let set = match row.get(at) {
                Some(value) => self.variables.set(&name, value),
                None => self.variables.unset(&name),
            };
            if let Err(error) = set {
                self.complain(error)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn succeeded(&mut self, rows: Option<usize>) {
        self.variables.put("ERROR", "false");
        self.variables.put("SQLSTATE", "00000");
        self.variables.put("ROW_COUNT", rows.unwrap_or(0).to_string());
    }

    pub fn failed(&mut self, report: Report, sql: &str) -> Result<()> {
        let text = report::text(&report, sql, self.variables.verbosity(), self.variables.show_context(), true);
        for (name, value) in [
            ("ERROR", "true"),
            ("SQLSTATE", report.sqlstate()),
            ("ROW_COUNT", "0"),
            ("LAST_ERROR_MESSAGE", report.message()),
            ("LAST_ERROR_SQLSTATE", report.sqlstate()),
        ] {
            self.variables.put(name, value);
        }
        self.last_error = Some((report, sql.to_owned()));
        self.warn(&text)
    }

    /// `\gdesc`
    async fn describe_columns(&mut self, sql: &str, run: &Run) -> Result<bool> {
        self.live()?.describe(sql).await?;
        let (mut columns, mut succeeded) = (Vec::new(), true);
        loop {
            match self.message().await? {
                Message::Columns(found) => columns = found,
                Message::Error(report) => {
                    succeeded = false;
                    self.failed(report, sql)?;
                }
                Message::Ready(_) => break,
                message => self.aside(message, sql)?,
            }
        }
        if !succeeded {
            return Ok(false);
        }
        if columns.is_empty() {
            self.say("The command has no result, or the result has no columns.")?;
            return Ok(true);
        }
        let mut types =
            String::from("SELECT name AS \"Column\", pg_catalog.format_type(type, modifier) AS \"Type\" FROM (VALUES ");
        for (at, Column { name, type_oid, modifier }) in columns.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(types, "{comma}({at}, {}, {type_oid}::pg_catalog.oid, {modifier})", literal(name))?;
        }
        types.push_str(") AS columns (number, name, type, modifier) ORDER BY number");
        Box::pin(self.run(&types, &Run { then: Then::Show, ..run.clone() })).await
    }

    // ---- questions of the shell itself ----

    /// The rows of a query of ours. None if it failed, which is told.
    pub async fn ask(&mut self, sql: &str) -> Result<Option<Vec<Row>>> {
        if self.connection.is_none() {
            self.complain("You are currently not connected to a database.")?;
            return Ok(None);
        }
        if self.variables.get("ECHO_HIDDEN") != Some("off") {
            self.say(format_args!("********* QUERY **********\n{sql}\n**************************\n"))?;
        }
        self.interrupts.begin();
        let answer = self.answer(sql).await;
        self.interrupts.end();
        match answer {
            Ok(Ok(rows)) => Ok(Some(rows)),
            Ok(Err(report)) => {
                let text = report::text(&report, sql, self.variables.verbosity(), ShowContext::Errors, true);
                self.warn(&text)?;
                Ok(None)
            }
            Err(error) => match error.downcast::<Lost>() {
                Ok(why) => {
                    self.lost(why).await?;
                    Ok(None)
                }
                Err(error) => Err(error),
            },
        }
    }

    /// Without a word if it fails.
    pub async fn ask_quietly(&mut self, sql: &str) -> Option<Vec<Row>> {
        match self.answer(sql).await {
            Ok(Ok(rows)) => Some(rows),
            _ => None,
        }
    }

    async fn answer(&mut self, sql: &str) -> Result<Result<Vec<Row>, Report>> {
        self.live()?.query(sql).await?;
        let (mut rows, mut failure) = (Vec::new(), None);
        loop {
            match self.message().await? {
                Message::Row(row) => rows.push(row),
                Message::Error(report) => failure = Some(report),
                Message::Ready(_) => break,
                message => self.aside(message, sql)?,
            }
        }
        Ok(match failure {
            Some(report) => Err(report),
            None => Ok(rows),
        })
    }
}

/// The number at the end of a tag.
fn affected(tag: &str) -> Option<usize> {
    tag.rsplit(' ').next()?.parse().ok()
}

pub fn spelt_duration(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1000.0;
    let whole = duration.as_secs();
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, duration.as_secs_f64() % 60.0);
    match whole {
        0 => format!("Time: {milliseconds:.3} ms"),
        1..3600 => format!("Time: {milliseconds:.3} ms ({minutes:02}:{seconds:06.3})"),
        3600..86400 => format!("Time: {milliseconds:.3} ms ({hours:02}:{minutes:02}:{seconds:06.3})"),
        _ => {
            let (days, hours) = (hours / 24, hours % 24);
            format!("Time: {milliseconds:.3} ms ({days} d {hours:02}:{minutes:02}:{seconds:06.3})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (milliseconds, expected) in [
            (1, "Time: 1.000 ms"),
            (1_500, "Time: 1500.000 ms (00:01.500)"),
            (61_000, "Time: 61000.000 ms (01:01.000)"),
            (3_600_000, "Time: 3600000.000 ms (01:00:00.000)"),
            (90_000_000, "Time: 90000000.000 ms (1 d 01:00:00.000)"),
        ] {
            assert_eq!(spelt_duration(Duration::from_millis(milliseconds)), expected);
        }
    }

    #[test]
    fn tags_count() {
        assert_eq!([affected("INSERT 0 5"), affected("BEGIN"), affected("SELECT 0")], [Some(5), None, Some(0)]);
    }
}

//! What a server's error or notice looks like: psql's lines, with the place in the statement.

use std::fmt::Write;

use super::print::width;
use super::variables::{ShowContext, Verbosity};
use super::wire::Report;

/// How much of a long line is shown around the place.
const COLUMNS: usize = 60;
/// At least so much is shown on the right of it.
const COLUMNS_RIGHT: usize = 10;

/// Ends with a newline. `is_error`: a notice has less to say.
pub fn text(report: &Report, sql: &str, verbosity: Verbosity, context: ShowContext, is_error: bool) -> String {
    let severity = report.field(b'S').unwrap_or("ERROR");
    let mut text = match verbosity {
        Verbosity::Sqlstate if is_error => return format!("{severity}:  {}\n", report.sqlstate()),
        Verbosity::Verbose => format!("{severity}:  {}: {}", report.sqlstate(), report.message()),
        _ => format!("{severity}:  {}", report.message()),
    };
    let position = |letter| report.field(letter).and_then(|position| position.parse::<usize>().ok());
    let internal = report.field(b'q');
    if verbosity == Verbosity::Terse || verbosity == Verbosity::Sqlstate {
        if let Some(position) = position(b'P').or(position(b'p')) {
            let _ = write!(text, " at character {position}");
        }
        text.push('\n');
        return text;
    }
    text.push('\n');
    if let Some(at) = position(b'P') {
        place(&mut text, sql, at);
    } else if let (Some(query), Some(at)) = (internal, position(b'p')) {
        place(&mut text, query, at);
    }
    let mut line = |label: &str, value: Option<&str>| {
        if let Some(value) = value {
            let _ = writeln!(text, "{label}:  {value}");
        }
    };
    line("DETAIL", report.field(b'D'));
    line("HINT", report.field(b'H'));
    line("QUERY", internal);
    if context == ShowContext::Always || context == ShowContext::Errors && is_error {
        line("CONTEXT", report.field(b'W'));
    }
    if verbosity == Verbosity::Verbose {
        line("SCHEMA NAME", report.field(b's'));
        line("TABLE NAME", report.field(b't'));
        line("COLUMN NAME", report.field(b'c'));
        line("DATATYPE NAME", report.field(b'd'));
        line("CONSTRAINT NAME", report.field(b'n'));
        let function = report.field(b'R').map(|function| format!("{function}, ")).unwrap_or_default();
        if let (Some(file), Some(line)) = (report.field(b'F'), report.field(b'L')) {
            let _ = writeln!(text, "LOCATION:  {function}{file}:{line}");
        }
    }
    text
}

/// The line of `sql` that the character number `position` is in, and a caret below it.
fn place(text: &mut String, sql: &str, position: usize) {
    let Some(at) = position.checked_sub(1) else { return };
    let characters: Vec<char> = sql.chars().collect();
    if at > characters.len() {
        return;
    }
    let before = &characters[..at];
    let mut begin = before.iter().rposition(|&character| character == '\n').map_or(0, |newline| newline + 1);
    let number = before.iter().filter(|&&character| character == '\n').count() + 1;
    let length = characters[begin..].iter().position(|&character| matches!(character, '\n' | '\r'));
    // A place behind the end of the line is the line's end.
    let mut end = length.map_or(characters.len(), |length| begin + length).max(at);
    let columns = |from: usize, to: usize| {
        characters[from..to].iter().map(|character| width(character.encode_utf8(&mut [0; 4]))).sum::<usize>()
    };
    let (mut cut_left, mut cut_right) = (false, false);
    if columns(begin, end) > COLUMNS {
        if columns(begin, at) + COLUMNS_RIGHT <= COLUMNS {
            while columns(begin, end) > COLUMNS {
                end -= 1;
                cut_right = true;
            }
        } else {
            while columns(at, end) > COLUMNS_RIGHT {
                end -= 1;
                cut_right = true;
            }
            while columns(begin, end) > COLUMNS {
                begin += 1;
                cut_left = true;
            }
        }
    }
    let shown = |from: usize, to: usize| -> String {
        characters[from..to].iter().map(|&character| if character == '\t' { ' ' } else { character }).collect()
    };
    let (left, right) = (if cut_left { "..." } else { "" }, if cut_right { "..." } else { "" });
    let label = format!("LINE {number}: {left}");
    let _ = writeln!(text, "{label}{}{right}", shown(begin, end));
    let _ = writeln!(text, "{}^", " ".repeat(label.len() + width(&shown(begin, at))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(sql: &str, position: usize) -> String {
        let mut text = String::new();
        place(&mut text, sql, position);
        text
    }

    #[test]
    fn the_place_is_shown() {
        assert_eq!(placed("select foo", 8), "LINE 1: select foo\n               ^\n");
        assert_eq!(placed("select\n\tx,\n y", 9), "LINE 2:  x,\n         ^\n");
        assert_eq!(placed("select 深, x", 11), "LINE 1: select 深, x\n                   ^\n");
        assert_eq!(placed("sel", 4), "LINE 1: sel\n           ^\n");
        assert_eq!(placed("sel", 9), "");
    }

    #[test]
    fn long_lines_are_cut() {
        let long = format!("select {}, foo, {}", "a".repeat(50), "b".repeat(50));
        let text = placed(&long, 60);
        let shown = format!("{}, foo, bbbbb", "a".repeat(48));
        assert_eq!(text, format!("LINE 1: ...{shown}...\n{}^\n", " ".repeat("LINE 1: ...".len() + 50)));
        let text = placed(&long, 8);
        assert!(text.starts_with("LINE 1: select aaa") && text.contains("...\n               ^"), "{text}");
        assert_eq!(text.lines().next().unwrap().len(), "LINE 1: ".len() + COLUMNS + 3);
    }
}

//! What is asked of the person at the terminal aside from statements: passwords and answers to `\prompt`.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write, stdin, stdout};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcgetwinsize, tcsetattr};

/// Rows and columns of the terminal that results go to, if they go to one.
pub fn size() -> Option<(usize, usize)> {
    let stdout = stdout();
    let size = stdout.is_terminal().then(|| tcgetwinsize(&stdout).ok()).flatten()?;
    Some((size.ws_row.into(), size.ws_col.into())).filter(|(rows, columns)| *rows > 0 && *columns > 0)
}

fn terminal() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

/// Asks without showing what is typed: on the terminal, or, if there is none, a line of standard input. Ctrl-C gives up
/// with [`io::ErrorKind::Interrupted`].
pub fn password(question: &str) -> io::Result<String> {
    let Ok(mut terminal) = terminal() else { return line_of(&mut stdin().lock()) };
    terminal.write_all(question.as_bytes())?;
    let before = tcgetattr(&terminal)?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
    tcsetattr(&terminal, OptionalActions::Flush, &quiet)?;
    let answer = hidden_line(&terminal);
    // Whatever came of it, the terminal shows again what is typed.
    tcsetattr(&terminal, OptionalActions::Flush, &before)?;
    terminal.write_all(b"\n")?;
    answer
}

fn hidden_line(mut terminal: &File) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match terminal.read(&mut byte)? {
            0 => break,
            _ => match byte[0] {
                b'\n' | b'\r' | 0x04 => break,
                0x03 => return Err(io::ErrorKind::Interrupted.into()),
                0x08 | 0x7f => {
                    // A whole character, however many bytes it has.
                    while line.pop().is_some_and(|byte: u8| byte & 0xc0 == 0x80) {}
                }
                other => line.push(other),
            },
        }
    }
    String::from_utf8(line).map_err(io::Error::other)
}

/// Asks on the terminal.
pub fn question(question: &str) -> io::Result<Option<String>> {
    let Ok(mut terminal) = terminal() else { return Ok(None) };
    terminal.write_all(question.as_bytes())?;
    line_of(&mut BufReader::new(&terminal)).map(Some)
}

fn line_of(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\n', '\r']).len());
    Ok(line)
}

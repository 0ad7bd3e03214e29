//! One value as the lines that it takes on a terminal, with their widths.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

pub struct Line<'a> {
    pub text: Cow<'a, str>,
    pub width: usize,
}

/// At least one. Characters that would move the cursor are spelt out.
pub fn lines(value: &str) -> impl Iterator<Item = Line<'_>> {
    value.split('\n').map(line)
}

fn line(text: &str) -> Line<'_> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Line { text: text.into(), width: text.len() };
    }
    let (mut shown, mut width) = (String::with_capacity(text.len() + 8), 0);
    for character in text.chars() {
        match character {
            '\r' => {
                shown.push_str("\\r");
                width += 2;
            }
            '\t' => loop {
                shown.push(' ');
                width += 1;
                if width % 8 == 0 {
                    break;
                }
            },
            // Terminals differ about the soft hyphen; this is psql's opinion.
            '\u{ad}' => {
                shown.push(character);
                width += 1;
            }
            _ => match character.width() {
                Some(wide) => {
                    shown.push(character);
                    width += wide;
                }
                None => {
                    let from = shown.len();
                    // A String takes everything.
                    let _ = match character.is_ascii() {
                        true => write!(shown, "\\x{:02X}", u32::from(character)),
                        false => write!(shown, "\\u{:04X}", u32::from(character)),
                    };
                    width += shown.len() - from;
                }
            },
        }
    }
    Line { text: shown.into(), width }
}

/// Of the widest line.
pub fn width(value: &str) -> usize {
    lines(value).map(|line| line.width).max().unwrap_or(0)
}

pub fn pad(out: &mut String, count: usize) {
    repeat(out, ' ', count);
}

pub fn repeat(out: &mut String, character: char, count: usize) {
    out.extend(std::iter::repeat_n(character, count));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_a_terminal() {
        for (value, shown, expected) in [
            ("", "", 0),
            ("abc", "abc", 3),
            ("深い", "深い", 4),
            ("e\u{301}", "e\u{301}", 1),
            ("q\tz", "q       z", 9),
            ("\u{1}\r", "\\x01\\r", 6),
            ("a\u{ad}b", "a\u{ad}b", 3),
            ("\u{85}", "\\u0085", 6),
        ] {
            let text: Vec<String> = lines(value).map(|line| line.text.into_owned()).collect();
            assert_eq!((&text[0][..], width(value)), (shown, expected), "{value:?}");
        }
        assert_eq!(width("a\nlonger\n"), 6);
        assert_eq!(lines("a\n").count(), 2);
    }
}

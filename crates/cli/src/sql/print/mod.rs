//! Results on paper: what psql's formats look like.
//!
//! A table comes in one or several pages, so that a large result needn't be held whole. Widths are those of a page;
//! most results have one.
//!
//! | format | one line a row | a line a value |
//! | --- | --- | --- |
//! | aligned | `aligned.rs` | `vertical.rs` |
//! | unaligned, csv | `plain.rs` | `plain.rs` |

mod aligned;
mod cell;
mod plain;
mod vertical;

use super::wire::Row;

pub use cell::width;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Aligned,
    Unaligned,
    Csv,
}

impl Format {
    pub const ALL: [(&'static str, Format); 3] =
        [("aligned", Format::Aligned), ("csv", Format::Csv), ("unaligned", Format::Unaligned)];

    pub fn name(self) -> &'static str {
        Format::ALL.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expanded {
    Off,
    On,
    /// Where the lines would be too long for the terminal.
    Auto,
}

/// What borders and the ends of lines that go on are drawn with.
#[derive(Debug, PartialEq, Eq)]
pub struct LineStyle {
    pub name: &'static str,
    dash: char,
    bar: char,
    /// Left, middle and right of the rules on top, in the middle and at the bottom.
    corners: [[char; 3]; 3],
    goes_on: char,
}

#[derive(Clone, Copy)]
enum Rule {
    Top,
    Middle,
    Bottom,
}

impl LineStyle {
    pub const ASCII: LineStyle = LineStyle { name: "ascii", dash: '-', bar: '|', corners: [['+'; 3]; 3], goes_on: '+' };
    pub const UNICODE: LineStyle = LineStyle {
        name: "unicode",
        dash: '─',
        bar: '│',
        corners: [['┌', '┬', '┐'], ['├', '┼', '┤'], ['└', '┴', '┘']],
        goes_on: '↵',
    };

    fn corners(&self, rule: Rule) -> [char; 3] {
        self.corners[rule as usize]
    }
}

#[derive(Clone, Debug)]
pub struct Options {
    pub format: Format,
    pub border: u8,
    pub line_style: &'static LineStyle,
    pub expanded: Expanded,
    pub null: String,
    pub field_separator: String,
    pub record_separator: String,
    pub csv_separator: char,
    pub tuples_only: bool,
    /// Whether a number of rows is told.
    pub footer: bool,
    pub title: Option<String>,
    /// Whether long answers go through a pager at a terminal.
    pub pager: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            format: Format::Aligned,
            border: 1,
            line_style: &LineStyle::ASCII,
            expanded: Expanded::Off,
            null: String::new(),
            field_separator: "|".into(),
            record_separator: "\n".into(),
            csv_separator: ',',
            tuples_only: false,
            footer: true,
            title: None,
            pager: true,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Heading {
    pub name: String,
    /// Numbers stand on the right.
    pub right: bool,
}

impl Heading {
    pub fn left(name: &str) -> Heading {
        Heading { name: name.to_owned(), right: false }
    }
}

/// A page of a table.
pub struct Page<'a> {
    pub title: Option<&'a str>,
    pub headings: &'a [Heading],
    pub rows: &'a [Row],
    /// Lines below; without any, the number of rows.
    pub footers: &'a [String],
    /// How many rows came before this page.
    pub before: usize,
    /// This page is the first, or the last.
    pub first: bool,
    pub last: bool,
}

impl Page<'_> {
    fn value<'r>(&self, row: &'r Row, column: usize, options: &'r Options) -> &'r str {
        row.get(column).unwrap_or(&options.null)
    }

    fn title<'t>(&'t self, options: &'t Options) -> Option<&'t str> {
        let title = self.title.or(options.title.as_deref());
        title.filter(|_| self.first && !options.tuples_only)
    }

    /// What is written below the last row.
    fn footers(&self, options: &Options) -> Vec<String> {
        match self.rows.len() + self.before {
            _ if !self.last || options.tuples_only => Vec::new(),
            _ if !self.footers.is_empty() => self.footers.to_vec(),
            _ if !options.footer => Vec::new(),
            1 => vec!["(1 row)".into()],
            count => vec![format!("({count} rows)")],
        }
    }
}

/// How wide the longest line of an aligned table is.
pub fn table_width(page: &Page, options: &Options) -> usize {
    aligned::table_width(page, options)
}

pub fn print(page: &Page, options: &Options, out: &mut String) {
    match (options.format, options.expanded == Expanded::On) {
        (Format::Aligned, false) => aligned::print(page, options, out),
        (Format::Aligned, true) => vertical::print(page, options, out),
        (Format::Unaligned, false) => plain::unaligned(page, options, out),
        (Format::Unaligned, true) => plain::unaligned_vertical(page, options, out),
        (Format::Csv, false) => plain::csv(page, options, out),
        (Format::Csv, true) => plain::csv_vertical(page, options, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(options: &Options, headings: &[(&str, bool)], rows: &[&[Option<&str>]]) -> String {
        let headings: Vec<Heading> =
            headings.iter().map(|(name, right)| Heading { name: (*name).into(), right: *right }).collect();
        let rows: Vec<Row> = rows.iter().map(|row| Row::from(row.iter().copied())).collect();
        let page =
            Page { title: None, headings: &headings, rows: &rows, footers: &[], before: 0, first: true, last: true };
        let mut out = String::new();
        print(&page, options, &mut out);
        out
    }

    const HEADINGS: [(&str, bool); 2] = [("number", true), ("a\nname", false)];
    const ROWS: [&[Option<&str>]; 3] =
        [&[Some("1"), Some("x\nlonger")], &[None, Some("深い")], &[Some("-12345678"), Some("tab\t| ")]];

    #[test]
    fn aligned() {
        let mut options = Options { null: "-".into(), ..Options::default() };
        let expected = [
            "  number   |     a     +",
            "           |    name    ",
            "-----------+------------",
            "         1 | x         +",
            "           | longer",
            "         - | 深い",
            " -12345678 | tab     | ",
            "(3 rows)",
            "",
            "",
        ];
        assert_eq!(printed(&options, &HEADINGS, &ROWS), expected.join("\n"));
        options.border = 2;
        options.tuples_only = true;
        assert_eq!(printed(&options, &HEADINGS[..1], &[&[Some("1")]]), "|      1 |\n+--------+\n\n");
        options.border = 0;
        options.tuples_only = false;
        let text = printed(&options, &[("a", true), ("b", false)], &[&[Some("10"), None]]);
        assert_eq!(text, "a  b \n-- -\n10 -\n(1 row)\n\n");
        assert_eq!(printed(&Options::default(), &[], &[&[], &[]]), "--\n(2 rows)\n\n");
    }

    #[test]
    fn vertical() {
        let mut options = Options { expanded: Expanded::On, ..Options::default() };
        let rows: [&[Option<&str>]; 2] = [&[Some("1"), Some("x\nlonger")], &[None, Some("深い")]];
        let expected = [
            "-[ RECORD 1 ]--",
            "number | 1",
            "a     +| x     +",
            "name   | longer",
            "-[ RECORD 2 ]--",
            "number | ",
            "a     +| 深い",
            "name   |",
            "",
            "",
        ];
        assert_eq!(printed(&options, &HEADINGS, &rows), expected.join("\n"));
        options.tuples_only = true;
        assert_eq!(printed(&options, &[("a", true)], &[&[Some("1")], &[Some("2")]]), "a | 1\n--+--\na | 2\n\n");
        options.border = 0;
        options.tuples_only = false;
        assert_eq!(printed(&options, &[("a", true)], &[&[Some("1")]]), "* Record 1\na 1\n\n");
    }

    #[test]
    fn plain() {
        let mut options = Options { format: Format::Unaligned, null: "~".into(), ..Options::default() };
        assert_eq!(printed(&options, &HEADINGS, &ROWS[..2]), "number|a\nname\n1|x\nlonger\n~|深い\n(2 rows)\n");
        options.expanded = Expanded::On;
        assert_eq!(
            printed(&options, &[("a", true), ("b", false)], &[&[Some("1"), None], &[Some("2"), None]]),
            "a|1\nb|~\n\na|2\nb|~\n"
        );
        options.format = Format::Csv;
        assert_eq!(printed(&options, &[("a", true)], &[&[Some("x,\"y\"")]]), "a,\"x,\"\"y\"\"\"\n");
        options.expanded = Expanded::Off;
        options.null = String::new();
        assert_eq!(
            printed(&options, &[("a b", true), ("c", false)], &[&[Some("\\."), Some("two\nlines")], &[None, Some("")]]),
            "a b,c\n\"\\.\",\"two\nlines\"\n,\n"
        );
        options.tuples_only = true;
        assert_eq!(printed(&options, &[("a", true)], &[&[Some("1")]]), "1\n");
    }

    #[test]
    fn pages_join() {
        let headings = [Heading::left("a")];
        let (first, second) = ([Row::from([Some("1")])], [Row::from([Some("2")])]);
        for (format, expected) in
            [(Format::Aligned, " a \n---\n 1\n 2\n(2 rows)\n\n"), (Format::Unaligned, "a\n1\n2\n(2 rows)\n")]
        {
            let options = Options { format, ..Options::default() };
            let mut out = String::new();
            let page = Page {
                title: None,
                headings: &headings,
                rows: &first,
                footers: &[],
                before: 0,
                first: true,
                last: false,
            };
            print(&page, &options, &mut out);
            print(&Page { rows: &second, before: 1, first: false, last: true, ..page }, &options, &mut out);
            assert_eq!(out, expected);
        }
    }
}

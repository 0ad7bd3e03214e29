//! The aligned format, expanded: a line for each value, with the column's name on its left.

use super::cell::{Line, lines, pad, repeat};
use super::{LineStyle, Options, Page, Rule};

pub fn print(page: &Page, options: &Options, out: &mut String) {
    if let Some(title) = page.title(options) {
        out.push_str(title);
        out.push('\n');
    }
    if page.rows.is_empty() && page.first && page.last {
        let footers = page.footers(options);
        for footer in &footers {
            out.push_str(footer);
            out.push('\n');
        }
        out.push('\n');
        return;
    }
    let widest = |texts: &mut dyn Iterator<Item = &str>| texts.map(super::width).max().unwrap_or(0);
    let names = widest(&mut page.headings.iter().map(|heading| &heading.name[..]));
    let columns = page.headings.len();
    let values =
        widest(&mut page.rows.iter().flat_map(|row| (0..columns).map(move |column| page.value(row, column, options))));
    let shape = Shape {
        names,
        values,
        border: options.border,
        style: options.line_style,
        names_wrap: page.headings.iter().any(|heading| heading.name.contains('\n')),
    };
    for (at, row) in page.rows.iter().enumerate() {
        let which = if at == 0 && page.first { Rule::Top } else { Rule::Middle };
        if !options.tuples_only {
            shape.rule(Some(page.before + at + 1), which, out);
        } else if at > 0 || !page.first || options.border == 2 {
            shape.rule(None, which, out);
        }
        for (column, heading) in page.headings.iter().enumerate() {
            let name: Vec<Line> = lines(&heading.name).collect();
            let value: Vec<Line> = lines(page.value(row, column, options)).collect();
            shape.pair(&name, &value, out);
        }
    }
    if page.last {
        if options.border == 2 {
            shape.rule(None, Rule::Bottom, out);
        }
        if !page.footers.is_empty() && !options.tuples_only {
            out.push('\n');
            for footer in page.footers {
                out.push_str(footer);
                out.push('\n');
            }
        }
        out.push('\n');
    }
}

struct Shape {
    names: usize,
    values: usize,
    border: u8,
    style: &'static LineStyle,
    names_wrap: bool,
}

impl Shape {
    /// Above a record, with its number, or between records without.
    fn rule(&self, record: Option<usize>, which: Rule, out: &mut String) {
        let [left, middle, right] = self.style.corners(which);
        let dash = if self.border == 0 { ' ' } else { self.style.dash };
        let label = match (record, self.border) {
            (None, _) => String::new(),
            (Some(number), 0) => format!("* Record {number}"),
            (Some(number), 1) => format!("{dash}[ RECORD {number} ]"),
            (Some(number), _) => format!("[ RECORD {number} ]"),
        };
        let mut line = String::new();
        repeat(&mut line, dash, self.names);
        if self.border > 0 {
            line.extend([dash, middle, dash]);
        }
        repeat(&mut line, dash, self.values);
        if self.border == 2 {
            out.extend([left, dash]);
        }
        out.push_str(&label);
        // The label lies over what the line has there, and may be the longer one.
        out.extend(line.chars().skip(label.chars().count()));
        if self.border == 2 {
            out.extend([dash, right]);
        }
        out.push('\n');
    }

    fn pair(&self, name: &[Line], value: &[Line], out: &mut String) {
        for at in 0..name.len().max(value.len()) {
            if self.border == 2 {
                out.extend([self.style.bar, ' ']);
            }
            match name.get(at) {
                Some(line) => {
                    out.push_str(&line.text);
                    pad(out, self.names - line.width);
                    if at + 1 < name.len() {
                        out.push(self.style.goes_on);
                    } else if self.border > 0 || self.names_wrap {
                        out.push(' ');
                    }
                }
                None => pad(out, self.names + usize::from(self.border > 0 || self.names_wrap)),
            }
            if self.border > 0 {
                out.push(self.style.bar);
            }
            match value.get(at) {
                Some(line) => {
                    out.push(' ');
                    out.push_str(&line.text);
                    if at + 1 < value.len() {
                        pad(out, self.values - line.width);
                        out.push(self.style.goes_on);
                    } else if self.border == 2 {
                        pad(out, self.values - line.width);
                        out.push(' ');
                    }
                }
                None if self.border == 2 => pad(out, self.values + 2),
                None => {}
            }
            if self.border == 2 {
                out.push(self.style.bar);
            }
            out.push('\n');
        }
    }
}

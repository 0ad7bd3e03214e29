//! The formats for other programs: unaligned, and CSV after RFC 4180.

use super::{Options, Page};

pub fn unaligned(page: &Page, options: &Options, out: &mut String) {
    let (field, record) = (&options.field_separator, &options.record_separator);
    let mut lines: Vec<String> = Vec::new();
    lines.extend(page.title(options).map(str::to_owned));
    if page.first && !options.tuples_only {
        let names: Vec<&str> = page.headings.iter().map(|heading| &heading.name[..]).collect();
        lines.push(names.join(field));
    }
    for row in page.rows {
        let values: Vec<&str> = (0..page.headings.len()).map(|column| page.value(row, column, options)).collect();
        lines.push(values.join(field));
    }
    lines.extend(page.footers(options));
    finish(page, lines, record, out);
}

pub fn unaligned_vertical(page: &Page, options: &Options, out: &mut String) {
    let (field, record) = (&options.field_separator, &options.record_separator);
    let mut blocks: Vec<String> = Vec::new();
    for row in page.rows {
        let pairs = page.headings.iter().enumerate();
        let pairs: Vec<String> = pairs
            .map(|(column, heading)| format!("{}{field}{}", heading.name, page.value(row, column, options)))
            .collect();
        blocks.push(pairs.join(record));
    }
    let mut lines: Vec<String> = page.title(options).map(str::to_owned).into_iter().collect();
    for block in blocks {
        // Whatever is above, an empty line is between.
        if !lines.is_empty() || !page.first {
            lines.push(String::new());
        }
        lines.push(block);
    }
    if page.last && !options.tuples_only && !page.footers.is_empty() {
        lines.push(String::new());
        lines.extend(page.footers.iter().cloned());
    }
    finish(page, lines, record, out);
}

/// Separators stand between records; the last one of all is followed by a newline.
fn finish(page: &Page, lines: Vec<String>, separator: &str, out: &mut String) {
    if lines.is_empty() {
        if page.last && !page.first {
            out.push('\n');
        }
        return;
    }
    if !page.first {
        out.push_str(separator);
    }
    out.push_str(&lines.join(separator));
    if page.last {
        out.push_str(if separator == "\0" { "\0" } else { "\n" });
    }
}

pub fn csv(page: &Page, options: &Options, out: &mut String) {
    if page.first && !options.tuples_only {
        line(page.headings.iter().map(|heading| &heading.name[..]), options, out);
    }
    for row in page.rows {
        line((0..page.headings.len()).map(|column| page.value(row, column, options)), options, out);
    }
}

pub fn csv_vertical(page: &Page, options: &Options, out: &mut String) {
    for row in page.rows {
        for (column, heading) in page.headings.iter().enumerate() {
            line([&heading.name[..], page.value(row, column, options)].into_iter(), options, out);
        }
    }
}

fn line<'a>(values: impl Iterator<Item = &'a str>, options: &Options, out: &mut String) {
    for (at, value) in values.enumerate() {
        if at > 0 {
            out.push(options.csv_separator);
        }
        let special = |character: char| matches!(character, '"' | '\n' | '\r') || character == options.csv_separator;
        // `\.` alone would end the data of a COPY.
        if value == "\\." || value.contains(special) {
            out.push('"');
            out.push_str(&value.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(value);
        }
    }
    out.push('\n');
}

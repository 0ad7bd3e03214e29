//! The aligned format: columns as wide as their widest line, headings in the middle, numbers on the right.

use super::cell::{Line, lines, pad, repeat};
use super::{LineStyle, Options, Page, Rule};
use crate::sql::wire::Row;

pub fn table_width(page: &Page, options: &Options) -> usize {
    total(&widths(page, options), options.border)
}

fn total(widths: &[usize], border: u8) -> usize {
    let between = match border {
        0 => widths.len(),
        1 => (widths.len() * 3).saturating_sub(1),
        _ => widths.len() * 3 + 1,
    };
    widths.iter().sum::<usize>() + between
}

fn widths(page: &Page, options: &Options) -> Vec<usize> {
    let mut widths: Vec<usize> = page.headings.iter().map(|heading| super::width(&heading.name)).collect();
    for row in page.rows {
        for (column, width) in widths.iter_mut().enumerate() {
            *width = super::width(page.value(row, column, options)).max(*width);
        }
    }
    widths
}

pub fn print(page: &Page, options: &Options, out: &mut String) {
    let widths = widths(page, options);
    let (border, style) = (options.border, options.line_style);
    if page.first && !options.tuples_only {
        if let Some(title) = page.title(options) {
            pad(out, total(&widths, border).saturating_sub(super::width(title)) / 2);
            out.push_str(title);
            out.push('\n');
        }
        if border == 2 {
            rule(&widths, border, style, Rule::Top, out);
        }
        headings(page, &widths, border, style, out);
        rule(&widths, border, style, Rule::Middle, out);
    }
    for row in page.rows {
        values(page, row, &widths, options, out);
    }
    if page.last {
        if border == 2 {
            rule(&widths, border, style, Rule::Bottom, out);
        }
        for footer in page.footers(options) {
            out.push_str(&footer);
            out.push('\n');
        }
        out.push('\n');
    }
}

fn rule(widths: &[usize], border: u8, style: &LineStyle, which: Rule, out: &mut String) {
    let [left, middle, right] = style.corners(which);
    let dash = style.dash;
    match border {
        0 => {}
        1 => out.push(dash),
        _ => out.extend([left, dash]),
    }
    for (column, width) in widths.iter().enumerate() {
        match (column, border) {
            (0, _) => {}
            (_, 0) => out.push(' '),
            _ => out.extend([dash, middle, dash]),
        }
        repeat(out, dash, *width);
    }
    match border {
        0 => {}
        1 => out.push(dash),
        _ => out.extend([dash, right]),
    }
    out.push('\n');
}

fn headings(page: &Page, widths: &[usize], border: u8, style: &LineStyle, out: &mut String) {
    let cells: Vec<Vec<Line>> = page.headings.iter().map(|heading| lines(&heading.name).collect()).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    for at in 0..height {
        if border == 2 {
            out.push(style.bar);
        }
        for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
            if border > 0 {
                out.push(' ');
            }
            let room = width - cell.get(at).map_or(0, |line| line.width);
            pad(out, room / 2);
            out.push_str(cell.get(at).map_or("", |line| &line.text));
            pad(out, room.div_ceil(2));
            out.push(if at + 1 < cell.len() { style.goes_on } else { ' ' });
            if border > 0 && column + 1 < cells.len() {
                out.push(style.bar);
            }
        }
        if border == 2 {
            out.push(style.bar);
        }
        out.push('\n');
    }
}

fn values(page: &Page, row: &Row, widths: &[usize], options: &Options, out: &mut String) {
    let (border, style) = (options.border, options.line_style);
    let cells: Vec<Vec<Line>> =
        (0..widths.len()).map(|column| lines(page.value(row, column, options)).collect()).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    for at in 0..height {
        if border == 2 {
            out.push(style.bar);
        }
        for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let inner = border == 2 || column + 1 < cells.len();
            let goes_on = at + 1 < cell.len();
            if border > 0 {
                out.push(' ');
            }
            match cell.get(at) {
                Some(line) if page.headings[column].right => {
                    pad(out, width - line.width);
                    out.push_str(&line.text);
                }
                Some(line) => {
                    out.push_str(&line.text);
                    if inner || goes_on {
                        pad(out, width - line.width);
                    }
                }
                None if inner => pad(out, *width),
                None => {}
            }
            if goes_on {
                out.push(style.goes_on);
            } else if inner {
                out.push(' ');
            }
            if border > 0 && column + 1 < cells.len() {
                out.push(style.bar);
            }
        }
        if border == 2 {
            out.push(style.bar);
        }
        out.push('\n');
    }
}

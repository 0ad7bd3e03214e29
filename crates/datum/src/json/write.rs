//! From `jsonb` to text, and from a string to JSON's notation of it.

use std::fmt::Write;

use super::binary::{Kind, Node};

/// With the blanks that PostgreSQL puts: `{"a": 1, "b": [2, 3]}`.
pub fn compact(node: Node, out: &mut String) {
    if let Some(array) = node.as_array() {
        out.push('[');
        for (at, element) in array.iter().enumerate() {
            out.push_str(if at > 0 { ", " } else { "" });
            compact(element, out);
        }
        out.push(']');
    } else if let Some(object) = node.as_object() {
        out.push('{');
        for (at, (key, value)) in object.iter().enumerate() {
            out.push_str(if at > 0 { ", " } else { "" });
            string(key, out);
            out.push_str(": ");
            compact(value, out);
        }
        out.push('}');
    } else {
        scalar(node, out);
    }
}

/// As `jsonb_pretty` does: one member a line, indented by four blanks.
pub fn pretty(node: Node, depth: usize, out: &mut String) {
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("    ", depth));
    };
    if let Some(array) = node.as_array() {
        out.push('[');
        for (at, element) in array.iter().enumerate() {
            out.push_str(if at > 0 { "," } else { "" });
            new_line(out, depth + 1);
            pretty(element, depth + 1, out);
        }
        new_line(out, depth);
        out.push(']');
    } else if let Some(object) = node.as_object() {
        out.push('{');
        for (at, (key, value)) in object.iter().enumerate() {
            out.push_str(if at > 0 { "," } else { "" });
            new_line(out, depth + 1);
            string(key, out);
            out.push_str(": ");
            pretty(value, depth + 1, out);
        }
        new_line(out, depth);
        out.push('}');
    } else {
        scalar(node, out);
    }
}

fn scalar(node: Node, out: &mut String) {
    match node.as_str() {
        Some(text) => string(text, out),
        None => bare_scalar(node, out),
    }
}

fn bare_scalar(node: Node, out: &mut String) {
    match (node.as_number(), node.as_bool()) {
        (Some(number), _) => write!(out, "{number}").expect("a String takes everything"),
        (_, Some(true)) => out.push_str("true"),
        (_, Some(false)) => out.push_str("false"),
        _ => out.push_str("null"),
    }
}

/// As `->>` and its kin answer: a string without quotes, JSON's null as none.
pub fn as_text(node: Node) -> Option<String> {
    let mut out = String::new();
    match node.kind() {
        Kind::Null => return None,
        Kind::String => out.push_str(node.as_str().unwrap_or_default()),
        _ => compact(node, &mut out),
    }
    Some(out)
}

/// With quotes and escapes.
pub fn string(text: &str, out: &mut String) {
    out.push('"');
    let mut copied_to = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[copied_to..at]);
        copied_to = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => write!(out, "\\u{control:04x}").expect("a String takes everything"),
        }
    }
    out.push_str(&text[copied_to..]);
    out.push('"');
}

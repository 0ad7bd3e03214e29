//! PostgreSQL's canonical form. Brackets go by what an expression begins with, not by what follows it: of
//! `1 > ($.a + 2).b` none are left, in PostgreSQL neither.

use std::fmt::Write;

use super::{Expression, Head, Operator, Path, Predicate, Regex, Step};
use crate::json::write::string;

/// What binds more tightly comes later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Priority {
    Or,
    And,
    Comparison,
    Sum,
    Product,
    Sign,
    Highest,
}

fn of_head(head: &Head) -> Priority {
    match head {
        Head::Arithmetic(Operator::Add | Operator::Subtract, ..) => Priority::Sum,
        Head::Arithmetic(..) => Priority::Product,
        Head::Signed(..) => Priority::Sign,
        Head::Predicate(predicate) => of_predicate(predicate),
        _ => Priority::Highest,
    }
}

fn of_predicate(predicate: &Predicate) -> Priority {
    match predicate {
        Predicate::Or(..) => Priority::Or,
        Predicate::And(..) => Priority::And,
        Predicate::Compare(..) | Predicate::StartsWith(..) => Priority::Comparison,
        _ => Priority::Highest,
    }
}

pub fn path(path: &Path, out: &mut String) {
    out.push_str(if path.lax { "" } else { "strict " });
    expression(&path.root, true, out);
}

fn expression(of: &Expression, brackets: bool, out: &mut String) {
    match &of.head {
        Head::Null => out.push_str("null"),
        Head::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Head::Number(number) if of.steps.is_empty() => push(number, out),
        Head::Number(number) => push(format_args!("({number})"), out),
        Head::Text(text) => string(text, out),
        Head::Variable(name) => {
            out.push('$');
            string(name, out);
        }
        Head::Root => out.push('$'),
        Head::Current => out.push('@'),
        Head::Last => out.push_str("last"),
        Head::Signed(sign, operand) => bracketed(brackets, out, |out| {
            out.push(sign.symbol());
            expression(operand, of_head(&operand.head) <= Priority::Sign, out);
        }),
        Head::Arithmetic(operator, left, right) => bracketed(brackets, out, |out| {
            let priority = of_head(&of.head);
            expression(left, of_head(&left.head) <= priority, out);
            push(format_args!(" {} ", operator.symbol()), out);
            expression(right, of_head(&right.head) <= priority, out);
        }),
        Head::Predicate(inner) => predicate(inner, brackets, out),
    }
    of.steps.iter().for_each(|next| step(next, out));
}

fn bracketed(brackets: bool, out: &mut String, write: impl FnOnce(&mut String)) {
    out.push_str(if brackets { "(" } else { "" });
    write(out);
    out.push_str(if brackets { ")" } else { "" });
}

fn push(what: impl std::fmt::Display, out: &mut String) {
    write!(out, "{what}").expect("a String takes everything");
}

fn predicate(of: &Predicate, brackets: bool, out: &mut String) {
    let priority = of_predicate(of);
    let two = |left: &Predicate, symbol: &str, right: &Predicate, out: &mut String| {
        bracketed(brackets, out, |out| {
            predicate(left, of_predicate(left) <= priority, out);
            out.push_str(symbol);
            predicate(right, of_predicate(right) <= priority, out);
        });
    };
    let two_expressions = |left: &Expression, symbol: &str, right: &Expression, out: &mut String| {
        bracketed(brackets, out, |out| {
            expression(left, of_head(&left.head) <= priority, out);
            push(format_args!(" {symbol} "), out);
            expression(right, of_head(&right.head) <= priority, out);
        });
    };
    match of {
        Predicate::And(left, right) => two(left, " && ", right, out),
        Predicate::Or(left, right) => two(left, " || ", right, out),
        Predicate::Not(inner) => {
            out.push('!');
            bracketed(true, out, |out| predicate(inner, false, out));
        }
        Predicate::IsUnknown(inner) => {
            bracketed(true, out, |out| predicate(inner, false, out));
            out.push_str(" is unknown");
        }
        Predicate::Exists(inner) => {
            out.push_str("exists ");
            bracketed(true, out, |out| expression(inner, false, out));
        }
        Predicate::Compare(comparison, left, right) => two_expressions(left, comparison.symbol(), right, out),
        Predicate::StartsWith(left, right) => two_expressions(left, "starts with", right, out),
        Predicate::LikeRegex(left, regex) => bracketed(brackets, out, |out| {
            expression(left, of_head(&left.head) <= priority, out);
            like_regex(regex, out);
        }),
    }
}

fn like_regex(regex: &Regex, out: &mut String) {
    out.push_str(" like_regex ");
    string(&regex.pattern, out);
    let flags = &regex.flags;
    let letters = [
        (flags.ignore_case, 'i'),
        (flags.dot_all, 's'),
        (flags.multi_line, 'm'),
        (flags.expanded, 'x'),
        (flags.quoted, 'q'),
    ];
    let letters: String = letters.iter().filter(|(given, _)| *given).map(|(_, letter)| *letter).collect();
    if !letters.is_empty() {
        push(format_args!(" flag \"{letters}\""), out);
    }
}

fn step(of: &Step, out: &mut String) {
    match of {
        Step::Key(key) => {
            out.push('.');
            string(key, out);
        }
        Step::AnyKey => out.push_str(".*"),
        Step::AnyElement => out.push_str("[*]"),
        Step::Elements(ranges) => {
            out.push('[');
            for (at, range) in ranges.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                expression(&range.from, false, out);
                if let Some(to) = &range.to {
                    out.push_str(" to ");
                    expression(to, false, out);
                }
            }
            out.push(']');
        }
        Step::Levels { first: Some(0), last: None } => out.push_str(".**"),
        Step::Levels { first, last } => {
            let level = |level: &Option<u32>| level.map_or_else(|| "last".to_owned(), |level| level.to_string());
            push(format_args!(".**{{{}", level(first)), out);
            if first != last {
                push(format_args!(" to {}", level(last)), out);
            }
            out.push('}');
        }
        Step::Filter(inner) => {
            out.push('?');
            bracketed(true, out, |out| predicate(inner, false, out));
        }
        Step::Method(method) => push(format_args!(".{}()", method.name()), out),
        Step::DateTime(template) => {
            out.push_str(".datetime(");
            template.iter().for_each(|template| string(template, out));
            out.push(')');
        }
    }
}

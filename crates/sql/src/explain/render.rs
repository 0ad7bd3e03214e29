//! Nodes as text, JSON, YAML or XML.

use std::time::Duration;

use super::tree::{Node, Value};
use super::{Format, Options};

/// Times that are shown below the plan.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    pub planning: Option<Duration>,
    pub execution: Option<Duration>,
}

/// A property of the structured forms.
enum Item {
    Value(Value),
    Group(Vec<(String, Item)>),
    Groups(Vec<Vec<(String, Item)>>),
}

/// One text a row: the lines of the text form, or all of the others.
pub fn render(root: &Node, summary: Summary, options: &Options) -> Vec<String> {
    match options.format {
        Format::Text => text(root, summary, options),
        Format::Json => vec![format!("[\n  {}\n]", json(&document(root, summary, options), 1))],
        Format::Yaml => vec![format!("- {}", yaml(&document(root, summary, options), 1).trim_start())],
        Format::Xml => {
            let inside = xml(&document(root, summary, options), 2);
            vec![format!(
                "<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n  <Query>\n{inside}  </Query>\n</explain>"
            )]
        }
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

// ----------------------------------------------------------------------------------------------------------------- text

fn text(root: &Node, summary: Summary, options: &Options) -> Vec<String> {
    let mut lines = Vec::new();
    text_node(root, 0, options, &mut lines);
    for (name, time) in [("Planning Time", summary.planning), ("Execution Time", summary.execution)] {
        if let Some(time) = time {
            lines.push(format!("{name}: {:.3} ms", ms(time)));
        }
    }
    lines
}

fn text_node(node: &Node, mut indent: usize, options: &Options, lines: &mut Vec<String>) {
    if let Some(label) = &node.label {
        lines.push(format!("{}{label}", "  ".repeat(indent)));
        indent += 1;
    }
    let mut line = "  ".repeat(indent);
    if indent > 0 {
        line.push_str("->  ");
        indent += 2;
    }
    line.push_str(&node.title);
    if options.costs {
        let estimate = &node.estimate;
        line.push_str(&format!(
            "  (cost={:.2}..{:.2} rows={:.0} width={:.0})",
            estimate.startup, estimate.total, estimate.rows, estimate.width
        ));
    }
    match node.actual {
        Some(Some(counter)) => {
            let loops = counter.loops.max(1) as f64;
            let rows = counter.rows as f64 / loops;
            let time = match options.timing {
                true => format!("time={:.3}..{:.3} ", ms(counter.startup) / loops, ms(counter.total) / loops),
                false => String::new(),
            };
            line.push_str(&format!(" (actual {time}rows={rows:.0} loops={})", counter.loops));
        }
        Some(None) => line.push_str(" (never executed)"),
        None => {}
    }
    lines.push(line);
    indent += 1;
    for (name, value) in &node.details {
        lines.push(format!("{}{name}: {}", "  ".repeat(indent), plain(value)));
    }
    for child in &node.children {
        text_node(child, indent, options, lines);
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Number(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::List(items) => items.join(", "),
    }
}

// ------------------------------------------------------------------------------------------------------------- document

fn document(root: &Node, summary: Summary, options: &Options) -> Vec<(String, Item)> {
    let mut document = vec![("Plan".to_owned(), Item::Group(properties(root, options)))];
    for (name, time) in [("Planning Time", summary.planning), ("Execution Time", summary.execution)] {
        if let Some(time) = time {
            document.push((name.to_owned(), number(format!("{:.3}", ms(time)))));
        }
    }
    document
}

fn number(text: String) -> Item {
    Item::Value(Value::Number(text))
}

fn properties(node: &Node, options: &Options) -> Vec<(String, Item)> {
    let mut found: Vec<(String, Item)> = Vec::new();
    let mut push = |name: &str, item: Item| found.push((name.to_owned(), item));
    let text = |text: &str| Item::Value(Value::Text(text.to_owned()));
    const FIRST: [&str; 4] = ["Node Type", "Strategy", "Partial Mode", "Operation"];
    let mut fields: Vec<_> = node.fields.iter().collect();
    fields.sort_by_key(|(name, _)| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()));
    let firsts = node.fields.iter().filter(|(name, _)| FIRST.contains(name)).count();
    for (place, (name, value)) in fields.into_iter().enumerate() {
        push(name, Item::Value(value.clone()));
        if place + 1 != firsts {
            continue;
        }
        if !node.relationship.is_empty() {
            push("Parent Relationship", text(node.relationship));
        }
        if let Some(label) = &node.label {
            push("Subplan Name", text(label));
        }
        push("Parallel Aware", Item::Value(Value::Bool(false)));
        push("Async Capable", Item::Value(Value::Bool(false)));
    }
    if options.costs {
        let estimate = &node.estimate;
        push("Startup Cost", number(format!("{:.2}", estimate.startup)));
        push("Total Cost", number(format!("{:.2}", estimate.total)));
        push("Plan Rows", number(format!("{:.0}", estimate.rows)));
        push("Plan Width", number(format!("{:.0}", estimate.width)));
    }
    if let Some(counter) = node.actual {
        let counter = counter.unwrap_or_default();
        let loops = counter.loops.max(1) as f64;
        if options.timing {
            push("Actual Startup Time", number(format!("{:.3}", ms(counter.startup) / loops)));
            push("Actual Total Time", number(format!("{:.3}", ms(counter.total) / loops)));
        }
        push("Actual Rows", number(format!("{:.0}", counter.rows as f64 / loops)));
        push("Actual Loops", number(counter.loops.to_string()));
    }
    for (name, value) in &node.details {
        push(name, Item::Value(value.clone()));
    }
    if !node.children.is_empty() {
        let children = node.children.iter().map(|child| properties(child, options)).collect();
        push("Plans", Item::Groups(children));
    }
    found
}

// ----------------------------------------------------------------------------------------------------------------- JSON

fn json_text(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn json(group: &[(String, Item)], indent: usize) -> String {
    let (inner, outer) = ("  ".repeat(indent + 1), "  ".repeat(indent));
    let lines = group.iter().map(|(name, item)| {
        let value = match item {
            Item::Value(Value::Text(text)) => json_text(text),
            Item::Value(Value::Number(text)) => text.clone(),
            Item::Value(Value::Bool(value)) => value.to_string(),
            Item::Value(Value::List(items)) => {
                format!("[{}]", items.iter().map(|item| json_text(item)).collect::<Vec<_>>().join(", "))
            }
            Item::Group(group) => json(group, indent + 1),
            Item::Groups(groups) => {
                let each = groups.iter().map(|group| format!("{inner}  {}", json(group, indent + 2)));
                format!("[\n{}\n{inner}]", each.collect::<Vec<_>>().join(",\n"))
            }
        };
        format!("{inner}{}: {value}", json_text(name))
    });
    format!("{{\n{}\n{outer}}}", lines.collect::<Vec<_>>().join(",\n"))
}

// ----------------------------------------------------------------------------------------------------------------- YAML

fn yaml(group: &[(String, Item)], indent: usize) -> String {
    let margin = "  ".repeat(indent);
    let lines = group.iter().map(|(name, item)| match item {
        Item::Value(Value::Text(text)) => format!("{margin}{name}: {}", json_text(text)),
        Item::Value(Value::Number(text)) => format!("{margin}{name}: {text}"),
        Item::Value(Value::Bool(value)) => format!("{margin}{name}: {value}"),
        Item::Value(Value::List(items)) => {
            let items = items.iter().map(|item| format!("\n{margin}  - {}", json_text(item)));
            format!("{margin}{name}: {}", items.collect::<String>())
        }
        Item::Group(group) => format!("{margin}{name}: \n{}", yaml(group, indent + 1)),
        Item::Groups(groups) => {
            let each = groups.iter().map(|group| format!("\n{margin}  - {}", yaml(group, indent + 2).trim_start()));
            format!("{margin}{name}: {}", each.collect::<String>())
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

// ------------------------------------------------------------------------------------------------------------------ XML

fn xml_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#x0d;")
}

fn xml(group: &[(String, Item)], indent: usize) -> String {
    let margin = "  ".repeat(indent);
    let mut out = String::new();
    for (name, item) in group {
        let tag: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
        match item {
            Item::Value(Value::List(items)) => {
                let items = items.iter().map(|item| format!("{margin}  <Item>{}</Item>\n", xml_text(item)));
                out.push_str(&format!("{margin}<{tag}>\n{}{margin}</{tag}>\n", items.collect::<String>()));
            }
            Item::Value(value) => {
                out.push_str(&format!("{margin}<{tag}>{}</{tag}>\n", xml_text(&plain(value))));
            }
            Item::Group(group) => {
                out.push_str(&format!("{margin}<{tag}>\n{}{margin}</{tag}>\n", xml(group, indent + 1)));
            }
            Item::Groups(groups) => {
                let each = groups
                    .iter()
                    .map(|group| format!("{margin}  <Plan>\n{}{margin}  </Plan>\n", xml(group, indent + 2)));
                out.push_str(&format!("{margin}<{tag}>\n{}{margin}</{tag}>\n", each.collect::<String>()));
            }
        }
    }
    out
}

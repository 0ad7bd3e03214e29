//! How results look.

use anyhow::Result;

use super::super::arguments::Kind;
use super::super::print::{Expanded, Format, LineStyle, Options};
use super::super::shell::{Reading, Shell};
use super::super::variables::boolean;
use super::{Mistake, mistake};

/// What psql can change and this shell has in one way only.
const FIXED: [(&str, &str, &str); 2] =
    [("columns", "0", "Target width is unset."), ("numericlocale", "off", "Locale-adjusted numeric output is off.")];

const NAMES: [&str; 15] = [
    "border",
    "csv_fieldsep",
    "expanded",
    "fieldsep",
    "fieldsep_zero",
    "footer",
    "format",
    "linestyle",
    "null",
    "pager",
    "recordsep",
    "recordsep_zero",
    "title",
    "tuples_only",
    "x",
];

pub fn names() -> Vec<String> {
    NAMES.iter().copied().chain(FIXED.iter().map(|(name, ..)| *name)).map(str::to_owned).collect()
}

/// Changes an option, toggles it, or lets it be: what is to be told of it.
pub fn set(options: &mut Options, name: &str, value: Option<&str>) -> Result<String, String> {
    let switch = |value: Option<&str>, before: bool| match value {
        None => Ok(!before),
        Some(text) => {
            boolean(text).ok_or_else(|| format!("unrecognized value \"{text}\" for \"{name}\": Boolean expected"))
        }
    };
    match name {
        "format" => {
            if let Some(value) = value {
                let found: Vec<Format> =
                    Format::ALL.iter().filter(|(name, _)| name.starts_with(value)).map(|(_, format)| *format).collect();
                match found[..] {
                    [format] if !value.is_empty() => options.format = format,
                    _ => return Err("\\pset: allowed formats are aligned, csv, unaligned".into()),
                }
            }
        }
        "border" => {
            if let Some(value) = value {
                options.border = match value.parse::<u8>() {
                    Ok(border) => border.min(2),
                    Err(_) => {
                        return Err(format!("\\pset: invalid value \"{value}\" for \"border\": 0, 1 or 2 expected"));
                    }
                };
            }
        }
        "linestyle" => {
            if let Some(value) = value {
                let styles = [&LineStyle::ASCII, &LineStyle::UNICODE];
                let style = styles.into_iter().find(|style| !value.is_empty() && style.name.starts_with(value));
                options.line_style = style.ok_or("\\pset: allowed line styles are ascii, unicode")?;
            }
        }
        "x" | "expanded" | "vertical" => {
            options.expanded = match value {
                Some("auto") => Expanded::Auto,
                value => match switch(value, options.expanded == Expanded::On) {
                    Ok(true) => Expanded::On,
                    Ok(false) => Expanded::Off,
                    Err(_) => {
                        let value = value.unwrap_or("");
                        return Err(format!(
                            "unrecognized value \"{value}\" for \"{name}\"\nAvailable values are: on, off, auto."
                        ));
                    }
                },
            };
        }
        "null" => options.null = value.map_or_else(|| options.null.clone(), str::to_owned),
        "fieldsep" => options.field_separator = value.map_or_else(|| options.field_separator.clone(), str::to_owned),
        "fieldsep_zero" => options.field_separator = "\0".into(),
        "recordsep" => options.record_separator = value.map_or_else(|| options.record_separator.clone(), str::to_owned),
        "recordsep_zero" => options.record_separator = "\0".into(),
        "csv_fieldsep" => {
            if let Some(value) = value {
                let mut characters = value.chars();
                options.csv_separator = match (characters.next(), characters.next()) {
                    (Some('"' | '\n' | '\r'), None) => {
                        return Err(
                            "\\pset: csv_fieldsep cannot be a double quote, a newline, or a carriage return".into()
                        );
                    }
                    (Some(separator), None) if separator.is_ascii() => separator,
                    _ => return Err("\\pset: csv_fieldsep must be a single one-byte character".into()),
                };
            }
        }
        "t" | "tuples_only" => options.tuples_only = switch(value, options.tuples_only)?,
        "pager" => options.pager = switch(value, options.pager)?,
        "footer" => options.footer = switch(value, options.footer)?,
        "title" | "C" => options.title = value.map(str::to_owned).filter(|title| !title.is_empty()),
        _ => {
            let Some((_, only, _)) = FIXED.iter().find(|(fixed, ..)| *fixed == name) else {
                return Err(format!("\\pset: unknown option: {name}"));
            };
            let same = |value: &str| value == *only || boolean(value).is_some() && boolean(value) == boolean(only);
            if !value.is_none_or(same) {
                return Err(format!("\\pset: \"{name}\" can't be changed in this shell: it is always {only}"));
            }
        }
    }
    Ok(match (name, value) {
        // psql 15 has no words for these.
        ("t" | "tuples_only" | "footer", Some(_)) => String::new(),
        _ => told(options, name),
    })
}

fn told(options: &Options, name: &str) -> String {
    let on = |value: bool| if value { "on" } else { "off" };
    let separator = |what: &str, value: &str| match value {
        "\0" => format!("{what} is zero byte."),
        "\n" => format!("{what} is <newline>."),
        value => format!("{what} is \"{value}\"."),
    };
    match name {
        "format" => format!("Output format is {}.", options.format.name()),
        "linestyle" => format!("Line style is {}.", options.line_style.name),
        "border" => format!("Border style is {}.", options.border),
        "x" | "expanded" | "vertical" => match options.expanded {
            Expanded::Auto => "Expanded display is used automatically.".into(),
            expanded => format!("Expanded display is {}.", on(expanded == Expanded::On)),
        },
        "null" => format!("Null display is \"{}\".", options.null),
        "fieldsep" | "fieldsep_zero" => separator("Field separator", &options.field_separator),
        "recordsep" | "recordsep_zero" => separator("Record separator", &options.record_separator),
        "csv_fieldsep" => format!("Field separator for CSV is \"{}\".", options.csv_separator),
        "t" | "tuples_only" => format!("Tuples only is {}.", on(options.tuples_only)),
        "footer" => format!("Default footer is {}.", on(options.footer)),
        "pager" if options.pager => "Pager is used for long output.".into(),
        "pager" => "Pager usage is off.".into(),
        "title" | "C" => match &options.title {
            Some(title) => format!("Title is \"{title}\"."),
            None => "Title is unset.".into(),
        },
        _ => FIXED.iter().find(|(fixed, ..)| *fixed == name).map_or("", |(_, _, told)| told).into(),
    }
}

/// Every option with its value.
fn listed(options: &Options) -> String {
    let on = |value: bool| if value { "on" } else { "off" }.to_owned();
    let quoted = |value: &str| format!("'{}'", value.replace('\'', "\\'").replace('\n', "\\n"));
    let zero = |value: &str| on(value == "\0");
    let mut all = vec![
        ("border", options.border.to_string()),
        ("csv_fieldsep", quoted(&options.csv_separator.to_string())),
        (
            "expanded",
            if options.expanded == Expanded::Auto { "auto".into() } else { on(options.expanded == Expanded::On) },
        ),
        ("fieldsep", quoted(&options.field_separator)),
        ("fieldsep_zero", zero(&options.field_separator)),
        ("footer", on(options.footer)),
        ("format", options.format.name().to_owned()),
        ("linestyle", options.line_style.name.to_owned()),
        ("null", quoted(&options.null)),
        ("pager", on(options.pager)),
        ("recordsep", quoted(&options.record_separator)),
        ("recordsep_zero", zero(&options.record_separator)),
        ("title", options.title.as_deref().map(quoted).unwrap_or_default()),
        ("tuples_only", on(options.tuples_only)),
    ];
    all.extend(FIXED.iter().map(|(name, value, _)| (*name, (*value).to_owned())));
    all.sort();
    let lines: Vec<String> = all.into_iter().map(|(name, value)| format!("{name:24} {value}")).collect();
    lines.join("\n")
}

impl Shell {
    pub fn format_command(&mut self, name: &str, reading: &mut Reading) -> Result<()> {
        let told = match name {
            "a" => {
                let format = if self.print.format == Format::Aligned { "unaligned" } else { "aligned" };
                set(&mut self.print, "format", Some(format))
            }
            "timing" => {
                self.timing = match self.argument(reading, Kind::Normal)? {
                    None => !self.timing,
                    Some(text) => match boolean(&text) {
                        Some(value) => value,
                        None => {
                            return mistake(format_args!(
                                "unrecognized value \"{text}\" for \"\\timing\": Boolean expected"
                            ));
                        }
                    },
                };
                Ok(format!("Timing is {}.", if self.timing { "on" } else { "off" }))
            }
            "pset" => {
                let Some(option) = self.argument(reading, Kind::Normal)? else {
                    let text = listed(&self.print);
                    return self.say(text);
                };
                let value = self.argument(reading, Kind::Normal)?;
                set(&mut self.print, &option, value.as_deref())
            }
            _ => {
                let value = self.argument(reading, Kind::Normal)?;
                let option = match name {
                    "f" => "fieldsep",
                    "t" => "tuples_only",
                    "x" => "expanded",
                    _ => "title",
                };
                set(&mut self.print, option, value.as_deref())
            }
        };
        match &told.map_err(Mistake)?[..] {
            "" => Ok(()),
            told => self.tell(told),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_changed_toggled_and_told() {
        let mut options = Options::default();
        for (name, value, expected) in [
            ("format", Some("una"), "Output format is unaligned."),
            ("border", Some("7"), "Border style is 2."),
            ("expanded", None, "Expanded display is on."),
            ("x", Some("auto"), "Expanded display is used automatically."),
            ("null", Some("~"), "Null display is \"~\"."),
            ("recordsep", None, "Record separator is <newline>."),
            ("fieldsep_zero", None, "Field separator is zero byte."),
            ("tuples_only", None, "Tuples only is on."),
            ("footer", Some("on"), ""),
            ("footer", None, "Default footer is off."),
            ("title", Some("x"), "Title is \"x\"."),
            ("title", None, "Title is unset."),
            ("pager", Some("0"), "Pager usage is off."),
        ] {
            assert_eq!(set(&mut options, name, value).unwrap(), expected, "{name}");
        }
        for (name, value) in
            [("format", "html"), ("border", "x"), ("csv_fieldsep", "ab"), ("columns", "80"), ("no", "x")]
        {
            assert!(set(&mut options, name, Some(value)).is_err(), "{name}");
        }
        assert_eq!(listed(&options).lines().count(), names().len() - 1);
    }
}

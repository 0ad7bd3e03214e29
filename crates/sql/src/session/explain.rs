//! EXPLAIN and EXPLAIN ANALYZE.

use atoll_datum::{Datum, Error, sqlstate};
use atoll_syntax::ast::{self, Setting, SettingValue};

use super::Session;
use super::client::Client;
use super::control::text_column;
use super::run::Output;
use super::statement::is_planned;
use crate::exec::{self, Failure};

type Outcome = std::result::Result<(), Failure>;

#[derive(Default)]
struct Options {
    analyze: bool,
    verbose: bool,
    costs: bool,
    timing: bool,
    summary: Option<bool>,
    json: bool,
}

fn options(settings: &[Setting]) -> Result<Options, Error> {
    let mut options = Options { costs: true, timing: true, ..Options::default() };
    for setting in settings {
        let name = setting.name.as_str();
        let text = match &setting.value {
            None => "true".to_owned(),
            Some(SettingValue::Text(text) | SettingValue::Number(text)) => text.to_lowercase(),
            Some(_) => String::new(),
        };
        let on = || match text.as_str() {
            "true" | "on" | "1" => Ok(true),
            "false" | "off" | "0" => Ok(false),
            _ => Err(Error::new(sqlstate::SYNTAX_ERROR, format!("{name} requires a Boolean value"))),
        };
        match name {
            "analyze" => options.analyze = on()?,
            "verbose" => options.verbose = on()?,
            "costs" => options.costs = on()?,
            "timing" => options.timing = on()?,
            "summary" => options.summary = Some(on()?),
            // Nothing is kept of these yet, and nothing is shown.
            "buffers" | "wal" | "settings" => {
                if on()? {
                    return Err(Error::unsupported(format!("EXPLAIN option {}", name.to_uppercase())));
                }
            }
            "format" => match text.as_str() {
                "text" => options.json = false,
                "json" => options.json = true,
                "xml" | "yaml" => return Err(Error::unsupported(format!("EXPLAIN format {}", text.to_uppercase()))),
                _ => {
                    let message = format!("unrecognized value for EXPLAIN option \"format\": \"{text}\"");
                    return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message));
                }
            },
            _ => {
                let message = format!("unrecognized EXPLAIN option \"{name}\"");
                return Err(Error::new(sqlstate::SYNTAX_ERROR, message).at(setting.name.at.offset()));
            }
        }
    }
    Ok(options)
}

impl Session {
    pub(super) async fn explain_statement(
        &mut self,
        explain: &ast::Explain,
        parameters: &[Datum],
        describe: bool,
        client: &mut dyn Client,
    ) -> Outcome {
        let options = options(&explain.options)?;
        if !is_planned(&explain.statement) {
            return Err(Error::unsupported("EXPLAIN of this statement").into());
        }
        let clock = self.node.env.clock.clone();
        let began = clock.mono();
        let bound = self.ready(&explain.statement, &[], None).await?;
        let planned = clock.mono() - began;
        let began = clock.mono();
        if options.analyze {
            let scope = self.scope();
            let analyze = exec::cursor::Options { analyze: true, ..self.exec_options() };
            let mut cursor = exec::run(&bound.query, &scope, analyze)?;
            let mut rows = Vec::new();
            self.begin_statement(bound.query.command != crate::plan::CommandKind::Select).await?;
            loop {
                rows.clear();
                let mut output = Output::Rows(&mut rows);
                if self.drive(&scope, &mut cursor, parameters, &mut output, 1024).await?.ended {
                    break;
                }
            }
        }
        let ran = clock.mono() - began;
        if options.json {
            return Err(Error::unsupported("EXPLAIN format JSON").into());
        }
        let mut lines: Vec<String> = bound.query.plan.to_string().lines().map(str::to_owned).collect();
        if options.summary.unwrap_or(options.analyze) {
            lines.push(format!("Planning Time: {:.3} ms", planned.as_secs_f64() * 1000.0));
            if options.analyze {
                lines.push(format!("Execution Time: {:.3} ms", ran.as_secs_f64() * 1000.0));
            }
        }
        let rows: Vec<Vec<Datum>> = lines.into_iter().map(|line| vec![Datum::text(line)]).collect();
        self.send_rows(&[text_column("QUERY PLAN")], &rows, describe, client)?;
        client.complete("EXPLAIN");
        Ok(())
    }
}

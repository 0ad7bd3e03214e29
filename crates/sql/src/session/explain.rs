//! EXPLAIN: finds the plan that is meant, runs it if that is wanted, and has it [shown](crate::explain).

use std::sync::Arc;

use atoll_datum::{Datum, Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast::{self, Setting, SettingValue, Statement};

use super::client::{Client, Column};
use super::control::{is_select_into, text_column};
use super::run::Output;
use super::statement::is_planned;
use super::{Session, find_prepared};
use crate::ddl::view::of_select_into;
use crate::exec::{self, Failure};
use crate::explain::deparse::Deparser;
use crate::explain::render::{Summary, render};
use crate::explain::tree::Tree;
use crate::explain::{Format, Options};
use crate::optimize;
use crate::plan::estimate::Estimator;
use crate::plan::{CommandKind, Query};
use crate::session::Scope;
use crate::types::Type;

type Outcome = std::result::Result<(), Failure>;

/// Rows of an EXPLAIN ANALYZE that are made, and thrown away, at once.
const BATCH_ROWS: u64 = 1024;

fn text_of(setting: &Setting) -> String {
    match &setting.value {
        None => "true".to_owned(),
        Some(SettingValue::Text(text) | SettingValue::Number(text)) => text.to_lowercase(),
        Some(_) => String::new(),
    }
}

fn is_on(setting: &Setting) -> Result<bool> {
    match text_of(setting).as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(Error::new(sqlstate::SYNTAX_ERROR, format!("{} requires a Boolean value", setting.name))),
    }
}

fn options(settings: &[Setting]) -> Result<Options> {
    let (mut analyze, mut verbose, mut costs) = (false, false, true);
    let (mut timing, mut summary, mut wal) = (None, None, false);
    let mut format = Format::Text;
    for setting in settings {
        let name = setting.name.as_str();
        match name {
            "analyze" => analyze = is_on(setting)?,
            "verbose" => verbose = is_on(setting)?,
            "costs" => costs = is_on(setting)?,
            "timing" => timing = Some(is_on(setting)?),
            "summary" => summary = Some(is_on(setting)?),
            "wal" => wal = is_on(setting)?,
            // What is shared between sessions is not read in pages that could be counted.
            "buffers" if is_on(setting)? => return Err(Error::unsupported("EXPLAIN option BUFFERS")),
            "buffers" => {}
            // Only those that change plans are listed, and none does.
            "settings" => drop(is_on(setting)?),
            "format" => {
                format = match text_of(setting).as_str() {
                    "text" => Format::Text,
                    "json" => Format::Json,
                    "yaml" => Format::Yaml,
                    "xml" => Format::Xml,
                    other => {
                        let message = format!("unrecognized value for EXPLAIN option \"format\": \"{other}\"");
                        let error = Error::new(sqlstate::INVALID_PARAMETER_VALUE, message);
                        return Err(error.at(setting.name.at.offset()));
                    }
                }
            }
            _ => {
                let message = format!("unrecognized EXPLAIN option \"{name}\"");
                return Err(Error::new(sqlstate::SYNTAX_ERROR, message).at(setting.name.at.offset()));
            }
        }
    }
    for (name, wanted) in [("WAL", wal), ("TIMING", timing == Some(true))] {
        if wanted && !analyze {
            let message = format!("EXPLAIN option {name} requires ANALYZE");
            return Err(Error::new(sqlstate::INVALID_PARAMETER_VALUE, message));
        }
    }
    if wal {
        return Err(Error::unsupported("EXPLAIN option WAL"));
    }
    let (timing, summary) = (timing.unwrap_or(true), summary.unwrap_or(analyze));
    Ok(Options { analyze, verbose, costs, timing, summary, format })
}

/// Of the result; whatever is wrong with the options is told when the statement is run.
pub(super) fn result_column(explain: &ast::Explain) -> Column {
    let column = text_column("QUERY PLAN");
    match options(&explain.options).map(|options| options.format) {
        Ok(Format::Json) => Column { ty: Type::new(oid::JSON), ..column },
        _ => column,
    }
}

/// The statement whose plan is meant, with the types and values of its parameters.
struct Subject {
    statement: Arc<Statement>,
    types: Vec<Oid>,
    parameters: Vec<Datum>,
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
        if options.analyze && makes_table(&explain.statement) {
            return self.explain_table(explain, &options, describe, client).await;
        }
        let subject = self.subject(&explain.statement, parameters).await?;
        let clock = self.node.env.clock.clone();
        let began = clock.mono();
        let bound = self.ready(&subject.statement, &subject.types, None).await?;
        let mut summary = Summary { planning: options.summary.then(|| clock.mono() - began), execution: None };
        let query = &bound.query;
        let began = clock.mono();
        let scope = self.scope();
        let mut cursor = None;
        if options.analyze {
            let analyze = exec::cursor::Options { analyze: true, ..self.exec_options() };
            let running = cursor.insert(exec::run(query, &scope, analyze)?);
            let mut rows = Vec::new();
            self.begin_statement(query.command != CommandKind::Select, &query.uses).await?;
            loop {
                rows.clear();
                let mut output = Output::Rows(&mut rows);
                if self.drive(&scope, running, &subject.parameters, &mut output, BATCH_ROWS).await?.ended {
                    break;
                }
            }
            summary.execution = options.summary.then(|| clock.mono() - began);
        }
        let rows = shown(&scope, query, cursor.as_ref().and_then(exec::Cursor::counters), summary, &options);
        self.send_rows(&[result_column(explain)], &rows, describe, client)?;
        client.complete("EXPLAIN");
        Ok(())
    }

    /// EXPLAIN ANALYZE of CREATE TABLE AS and its like: the table is made.
    async fn explain_table(
        &mut self,
        explain: &ast::Explain,
        options: &Options,
        describe: bool,
        client: &mut dyn Client,
    ) -> Outcome {
        let (statement, mut filling) = self.filling(&explain.statement).await?;
        let source = match &*statement {
            Statement::CreateTableAs(create) => create.source.clone(),
            Statement::Query(query) => of_select_into(query)?.source,
            _ => return Err(Error::internal("a statement that makes no table").into()),
        };
        let clock = self.node.env.clock.clone();
        let began = clock.mono();
        self.ready(&Arc::new(source), &filling.types, None).await?;
        let mut summary = Summary { planning: options.summary.then(|| clock.mono() - began), execution: None };
        let began = clock.mono();
        filling.analyze = true;
        let (_, filling) = self.carry_out(&statement, filling, client).await?;
        summary.execution = options.summary.then(|| clock.mono() - began);
        let scope = self.scope();
        // None if the table was there already, and may be.
        let rows = match &filling.analyzed {
            Some((query, counters)) => shown(&scope, query, counters.as_ref(), summary, options),
            None => Vec::new(),
        };
        self.send_rows(&[result_column(explain)], &rows, describe, client)?;
        client.complete("EXPLAIN");
        Ok(())
    }

    async fn subject(&mut self, statement: &Statement, parameters: &[Datum]) -> std::result::Result<Subject, Failure> {
        let plain = |statement: Statement| Subject {
            statement: Arc::new(statement),
            types: Vec::new(),
            parameters: parameters.to_vec(),
        };
        match statement {
            statement if is_planned(statement) => Ok(plain(statement.clone())),
            Statement::Query(query) if is_select_into(statement) => Ok(plain(of_select_into(query)?.source)),
            Statement::CreateTableAs(create) => match &create.source {
                source @ Statement::Execute(_) => Box::pin(self.subject(source, parameters)).await,
                source => Ok(plain(source.clone())),
            },
            Statement::DeclareCursor(declare) => Ok(plain(Statement::Query(Box::new(declare.query.clone())))),
            Statement::Execute(execute) => {
                let prepared = find_prepared(&self.prepared, execute.name.as_str())?;
                let (types, found) = (prepared.parameters.to_vec(), prepared.statement.clone());
                let Some(statement) = found.filter(|statement| is_planned(statement)) else {
                    return Err(Error::unsupported("EXPLAIN of this statement").into());
                };
                let parameters = self.arguments_of(execute, &types).await?;
                Ok(Subject { statement, types, parameters })
            }
            _ => Err(Error::unsupported("EXPLAIN of this statement").into()),
        }
    }
}

fn makes_table(statement: &Statement) -> bool {
    matches!(statement, Statement::CreateTableAs(_)) || is_select_into(statement)
}

/// The plan's lines, with what was counted while it ran.
fn shown(
    scope: &Scope,
    query: &Query,
    counters: Option<&exec::Counters>,
    summary: Summary,
    options: &Options,
) -> Vec<Vec<Datum>> {
    let statistics = |table: Oid| optimize::statistics(scope, table);
    let deparser = Deparser::new(scope, &query.plan, &query.names, options.verbose);
    let estimator = Estimator::new(&query.plan, &statistics);
    let root = Tree::new(scope, deparser, estimator, counters, options.verbose).node(&query.plan);
    render(&root, summary, options).into_iter().map(|text| vec![Datum::text(text)]).collect()
}

//! COPY: rows in and out as they come, in constant memory but for what the transaction itself keeps.
//!
//! - [`options`]: what stands behind WITH
//! - [`filter`]: WHERE, which leaves rows out
//! - [`decode`], [`encode`]: bytes to fields, rows to bytes

mod decode;
mod encode;
mod filter;
mod options;

use std::sync::Arc;

use atoll_datum::io::Form;
use atoll_datum::{Datum, Error, Oid, Result, sqlstate};
use atoll_syntax::ast::{self, CopyDirection, CopyEndpoint, CopySubject, Statement};

use super::Session;
use super::client::{Client, Format};
use super::run::gone;
use crate::catalog::{Column, RelationKind, Table};
use crate::exec::{self, Exec, Failure, Rows};
use crate::mutate;
use crate::plan::Plan;
use decode::{Decoder, Field, SIGNATURE};
use encode::Encoder;
use options::{Header, Kind, Options};

type Outcome = std::result::Result<(), Failure>;

/// Rows that go to the table together.
const BATCH_ROWS: usize = 1024;

impl Session {
    pub(super) async fn copy_statement(&mut self, copy: &ast::Copy, client: &mut dyn Client) -> Outcome {
        if copy.endpoint != CopyEndpoint::Client {
            let what = "COPY to or from a file of the server";
            return Err(Error::unsupported(what)
                .hint("Use STDIN or STDOUT; psql's \\copy reads and writes files.")
                .into());
        }
        let options = options::parse(&copy.options, copy.direction)?;
        match copy.direction {
            CopyDirection::From => self.copy_from(copy, options, client).await,
            CopyDirection::To => self.copy_to(copy, &options, client).await,
        }
    }

    // ------------------------------------------------------------------------------------------------------------ from

    async fn copy_from(&mut self, copy: &ast::Copy, options: Options, client: &mut dyn Client) -> Outcome {
        let CopySubject::Table { name, columns } = &copy.subject else {
            return Err(Error::new(sqlstate::SYNTAX_ERROR, "COPY query must have a returning clause").into());
        };
        // An INSERT of the same columns says what is to be done with each row; its own source is not run.
        let statement = Arc::new(self.copy_as_insert(name, columns)?);
        let bound = self.ready(&statement, &[], None).await?;
        let Plan::Insert(insert) = &bound.query.plan else {
            return Err(Error::internal("COPY FROM was not bound as an INSERT").into());
        };
        let scope = self.scope();
        let table = insert.table.clone();
        let wanted = wanted_columns(&table, columns)?;
        for (columns, what) in [(&options.force_not_null, "FORCE_NOT_NULL"), (&options.force_null, "FORCE_NULL")] {
            let names = wanted.iter().map(|column| column.name.as_str());
            columns.check_among(names, what)?;
        }
        let mut forms = Vec::with_capacity(wanted.len());
        for column in &wanted {
            forms.push(super::form_of(&scope, Oid(column.type_oid))?);
        }
        let filter = copy.filter.as_ref().map(|filter| filter::bound(&scope, &table, filter)).transpose()?;
        self.begin_statement(true, &bound.query.uses).await?;
        let format = if options.kind == Kind::Binary { Format::Binary } else { Format::Text };
        client.copy_in(format, wanted.len());
        client.flush().await.map_err(|error| Failure::Sql(gone(error)))?;

        let mut into = mutate::copy_in(insert, filter.as_ref(), &scope)?;
        let reader = Reader { table: &table, columns: &wanted, forms: &forms, options: &options };
        let mut decoder = Decoder::new(options.clone());
        let mut header = options.header;
        let mut batch = Rows::with_capacity(wanted.len(), BATCH_ROWS);
        let cancel = self.cancel.clone();
        loop {
            let piece = client.copy_data().await?;
            let last = piece.is_none();
            decoder.feed(piece.as_deref().unwrap_or_default());
            while let Some(fields) = decoder.next(last).map_err(|error| reader.context(error, decoder.line, None))? {
                if header != Header::None {
                    reader.check_header(&fields, header)?;
                    header = Header::None;
                    continue;
                }
                batch.push_owned(reader.row(fields, decoder.line, &scope)?);
                if batch.len() >= BATCH_ROWS {
                    let full = std::mem::replace(&mut batch, Rows::with_capacity(wanted.len(), BATCH_ROWS));
                    let txn = self.transaction_txn().await?;
                    let mut exec = Exec::new(&scope, txn.as_mut(), &[], &cancel);
                    into.push(&full, &mut exec).await?;
                }
            }
            if last {
                break;
            }
        }
        let txn = self.transaction_txn().await?;
        let mut exec = Exec::new(&scope, txn.as_mut(), &[], &cancel);
        if !batch.is_empty() {
            into.push(&batch, &mut exec).await?;
        }
        let (count, deferred, tally) = into.finish(&mut exec).await?;
        self.defer(deferred);
        self.tally(tally);
        client.complete(&format!("COPY {count}"));
        Ok(())
    }

    /// `INSERT INTO name (columns) SELECT NULL, …`
    fn copy_as_insert(&mut self, name: &ast::QualifiedName, columns: &[ast::Name]) -> Result<Statement> {
        let scope = self.scope();
        let found = crate::bind::relation(&scope, name)?;
        let missing = || Error::new(sqlstate::WRONG_OBJECT_TYPE, "cannot copy to this kind of relation");
        let table = scope.catalog.table(found.oid()).cloned().ok_or_else(missing)?;
        let refused = |what: &str| {
            let message = format!("cannot copy to {what} \"{}\"", table.name);
            Error::new(sqlstate::WRONG_OBJECT_TYPE, message)
        };
        match table.kind() {
            RelationKind::Table => {}
            RelationKind::View => {
                let hint = "To enable copying to a view, provide an INSTEAD OF INSERT trigger.";
                return Err(refused("view").hint(hint));
            }
            RelationKind::MaterializedView => return Err(refused("materialized view")),
            RelationKind::Sequence => return Err(refused("sequence")),
        }
        let wanted = wanted_columns(&table, columns)?;
        let names: Vec<String> = wanted.iter().map(|column| atoll_syntax::print::identifier(&column.name)).collect();
        let target: Vec<String> = name.iter().map(|part| atoll_syntax::print::identifier(part.as_str())).collect();
        let nulls = vec!["NULL"; names.len()].join(", ");
        let list = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        let overriding = wanted.iter().any(|column| column.identity.is_some());
        let clause = if overriding { " OVERRIDING SYSTEM VALUE" } else { "" };
        let text = format!("INSERT INTO {}{list}{clause} SELECT {nulls}", target.join("."));
        let mut parsed = atoll_syntax::parse(&text)?;
        parsed.pop().map(|parsed| parsed.statement).ok_or_else(|| Error::internal("COPY was not to be put as INSERT"))
    }

    // -------------------------------------------------------------------------------------------------------------- to

    async fn copy_to(&mut self, copy: &ast::Copy, options: &Options, client: &mut dyn Client) -> Outcome {
        let statement = match &copy.subject {
            CopySubject::Statement(statement) => (**statement).clone(),
            CopySubject::Table { name, columns } => self.copy_as_select(name, columns)?,
        };
        let statement = Arc::new(statement);
        if !super::statement::is_planned(&statement) {
            return Err(Error::unsupported("COPY of this statement").into());
        }
        let bound = self.ready(&statement, &[], None).await?;
        let scope = self.scope();
        let columns = &bound.columns;
        let mut forms = Vec::with_capacity(columns.len());
        for column in columns.iter() {
            forms.push(super::form_of(&scope, column.ty.oid)?);
        }
        options.force_quote.check_among(columns.iter().map(|column| column.name.as_str()), "FORCE_QUOTE")?;
        let force_quote = columns.iter().map(|column| options.force_quote.has(&column.name)).collect();
        let encoder = Encoder { options, settings: &scope.settings, forms: &forms, force_quote };
        let format = if options.kind == Kind::Binary { Format::Binary } else { Format::Text };
        client.copy_out(format, columns.len());
        let mut bytes = Vec::new();
        if options.kind == Kind::Binary {
            // In one message with what follows: clients read it there.
            bytes.extend_from_slice(SIGNATURE);
            bytes.extend_from_slice(&[0; 8]);
        } else if options.header != Header::None {
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            encoder.header(&names, &mut bytes);
            client.copy_row(&bytes);
            bytes.clear();
        }
        self.begin_statement(true, &bound.query.uses).await?;
        let mut cursor = exec::run(&bound.query, &scope, self.exec_options())?;
        let mut count = 0;
        let mut rows = Vec::new();
        loop {
            rows.clear();
            let mut output = super::run::Output::Rows(&mut rows);
            let ran = self.drive(&scope, &mut cursor, &[], &mut output, BATCH_ROWS as u64).await?;
            for row in &rows {
                encoder.row(row, &mut bytes);
                client.copy_row(&bytes);
                bytes.clear();
            }
            count += rows.len();
            client.relieve().await.map_err(|error| Failure::Sql(gone(error)))?;
            if ran.ended {
                break;
            }
        }
        if options.kind == Kind::Binary {
            bytes.extend_from_slice(&(-1i16).to_be_bytes());
            client.copy_row(&bytes);
        }
        client.copy_done();
        client.complete(&format!("COPY {count}"));
        Ok(())
    }

    fn copy_as_select(&mut self, name: &ast::QualifiedName, columns: &[ast::Name]) -> Result<Statement> {
        let scope = self.scope();
        let found = crate::bind::relation(&scope, name)?;
        let target: Vec<String> = name.iter().map(|part| atoll_syntax::print::identifier(part.as_str())).collect();
        let names: Vec<String> = match scope.catalog.table(found.oid()) {
            Some(table) => {
                let wanted = wanted_columns(table, columns)?;
                wanted.iter().map(|column| atoll_syntax::print::identifier(&column.name)).collect()
            }
            None if columns.is_empty() => vec!["*".to_owned()],
            None => columns.iter().map(|column| atoll_syntax::print::identifier(column.as_str())).collect(),
        };
        let text = format!("SELECT {} FROM {}", names.join(", "), target.join("."));
        let mut parsed = atoll_syntax::parse(&text)?;
        parsed.pop().map(|parsed| parsed.statement).ok_or_else(|| Error::internal("COPY was not to be put as SELECT"))
    }
}

/// Those that were named, or all that are neither hidden nor generated.
fn wanted_columns(table: &Arc<Table>, names: &[ast::Name]) -> Result<Vec<Column>> {
    if names.is_empty() {
        return Ok(table.visible_columns().filter(|column| column.generated.is_none()).cloned().collect());
    }
    let mut wanted: Vec<Column> = Vec::with_capacity(names.len());
    for name in names {
        let missing = || {
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
            Error::new(sqlstate::UNDEFINED_COLUMN, message).at(name.at.offset())
        };
        let column = table.column_named(name.as_str()).ok_or_else(missing)?;
        if wanted.iter().any(|known| known.ordinal == column.ordinal) {
            let message = format!("column \"{name}\" specified more than once");
            return Err(Error::new(sqlstate::DUPLICATE_COLUMN, message).at(name.at.offset()));
        }
        if column.generated.is_some() {
            let error =
                Error::new(sqlstate::INVALID_COLUMN_REFERENCE, format!("column \"{name}\" is a generated column"));
            return Err(error.detail("Generated columns cannot be used in COPY."));
        }
        wanted.push(column.clone());
    }
    Ok(wanted)
}

/// From fields to values of the columns.
struct Reader<'a> {
    table: &'a Table,
    columns: &'a [Column],
    forms: &'a [Form],
    options: &'a Options,
}

impl Reader<'_> {
    fn row(&self, fields: Vec<Field>, line: u64, scope: &super::Scope) -> Result<Vec<Datum>> {
        if fields.len() > self.columns.len() {
            let error = Error::new(sqlstate::BAD_COPY_FILE_FORMAT, "extra data after last expected column");
            return Err(self.context(error, line, None));
        }
        if fields.len() < self.columns.len() {
            let message = format!("missing data for column \"{}\"", self.columns[fields.len()].name);
            return Err(self.context(Error::new(sqlstate::BAD_COPY_FILE_FORMAT, message), line, None));
        }
        let mut row = Vec::with_capacity(fields.len());
        for ((field, column), form) in fields.into_iter().zip(self.columns).zip(self.forms) {
            let value = match &field {
                Field::Null if self.options.force_not_null.has(&column.name) => {
                    form.parse(&self.options.null, column.type_modifier, &scope.settings)
                }
                Field::Null => Ok(Datum::Null),
                Field::Text { text, quoted: true }
                    if *text == self.options.null && self.options.force_null.has(&column.name) =>
                {
                    Ok(Datum::Null)
                }
                Field::Text { text, .. } => form.parse(text, column.type_modifier, &scope.settings),
                Field::Binary(bytes) => form.receive(bytes, column.type_modifier),
            };
            row.push(value.map_err(|error| self.context(error, line, Some((&column.name, &field))))?);
        }
        Ok(row)
    }

    fn check_header(&self, fields: &[Field], header: Header) -> Result<()> {
        if header != Header::Match {
            return Ok(());
        }
        let bad = |message: String| Err(Error::new(sqlstate::BAD_COPY_FILE_FORMAT, message));
        if fields.len() != self.columns.len() {
            return bad(format!(
                "wrong number of fields in header line: got {}, expected {}",
                fields.len(),
                self.columns.len()
            ));
        }
        for (at, (field, column)) in fields.iter().zip(self.columns).enumerate() {
            let Field::Text { text, .. } = field else {
                return bad(format!(
                    "column name mismatch in header line field {}: got null value, expected \"{}\"",
                    at + 1,
                    column.name
                ));
            };
            if *text != column.name {
                return bad(format!(
                    "column name mismatch in header line field {}: got \"{text}\", expected \"{}\"",
                    at + 1,
                    column.name
                ));
            }
        }
        Ok(())
    }

    /// `COPY t, line 3, column a: "x"`.
    fn context(&self, error: Error, line: u64, at: Option<(&str, &Field)>) -> Error {
        let mut context = format!("COPY {}, line {line}", self.table.name);
        if let Some((column, field)) = at {
            context.push_str(&format!(", column {column}"));
            if let Field::Text { text, .. } = field {
                let shown: String = text.chars().take(100).collect();
                context.push_str(&format!(": \"{shown}\""));
            }
        }
        error.context(context)
    }
}

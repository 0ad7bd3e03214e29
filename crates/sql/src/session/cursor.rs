//! Statements that are kept and statements that are being run: PREPARE, EXECUTE, DECLARE, FETCH, and portals in parts.

use std::ops::Range;
use std::sync::Arc;

use atoll_datum::{Datum, Error, Oid, Result, sqlstate};
use atoll_syntax::ast::{self, FetchCount, FetchDirection, Statement};

use super::client::{Client, Column, Format};
use super::prepared::{Bound, Held, Kept, Made, Portal, PortalState, Running};
use super::run::{Output, tag};
use super::statement::is_planned;
use super::{Scope, Session, find_portal, find_prepared};
use crate::bind;
use crate::exec::{self, Failure, Memory, Rows};
use crate::types::Type;

type Outcome = std::result::Result<(), Failure>;

impl Session {
    // ------------------------------------------------------------------------------------------------ PREPARE, EXECUTE

    pub(super) fn prepare_statement(
        &mut self,
        text: &Arc<str>,
        prepare: &ast::Prepare,
        client: &mut dyn Client,
    ) -> Result<()> {
        let name = prepare.name.as_str();
        if self.prepared.contains_key(name) {
            let message = format!("prepared statement \"{name}\" already exists");
            return Err(Error::new(sqlstate::DUPLICATE_PREPARED_STATEMENT, message));
        }
        let scope = self.scope();
        let mut declared = Vec::with_capacity(prepare.parameters.len());
        for ty in &prepare.parameters {
            declared.push(bind::type_name(&scope, ty)?.oid);
        }
        let statement = Arc::new(prepare.statement.clone());
        let prepared = self.prepare(name, text.clone(), Some(statement), declared, true)?;
        self.prepared.insert(name.to_owned(), prepared);
        client.complete("PREPARE");
        Ok(())
    }

    pub(super) async fn execute_statement(
        &mut self,
        execute: &ast::Execute,
        describe: bool,
        client: &mut dyn Client,
    ) -> Outcome {
        let name = execute.name.as_str();
        let prepared = find_prepared(&self.prepared, name)?;
        let (types, known, text) = (prepared.parameters.clone(), prepared.bound.clone(), prepared.text.clone());
        let Some(statement) = prepared.statement.clone() else {
            client.complete_empty();
            return Ok(());
        };
        let values = self.arguments_of(execute, &types).await?;
        if !is_planned(&statement) {
            return self.command(&text, &statement, values, describe, client).await;
        }
        let bound = self.ready(&statement, &types, known.as_ref()).await?;
        self.keep_bound(name, &statement, &bound);
        self.run_and_send(&bound, &values, None, describe, client).await
    }

    /// The values that EXECUTE gives for parameters of these types.
    pub(super) async fn arguments_of(
        &mut self,
        execute: &ast::Execute,
        types: &[Oid],
    ) -> std::result::Result<Vec<Datum>, Failure> {
        let name = &execute.name;
        if execute.arguments.len() != types.len() {
            let message = format!("wrong number of parameters for prepared statement \"{name}\"");
            let detail = format!("Expected {} parameters but got {}.", types.len(), execute.arguments.len());
            return Err(Error::new(sqlstate::SYNTAX_ERROR, message).detail(detail).into());
        }
        let mut values = Vec::with_capacity(types.len());
        for (argument, ty) in execute.arguments.iter().zip(types) {
            values.push(self.value_of(argument, Type::new(*ty)).await?);
        }
        Ok(values)
    }

    /// An expression without columns, evaluated: arguments of EXECUTE, of AS OF SYSTEM TIME.
    pub(super) async fn value_of(&mut self, expr: &ast::Expr, ty: Type) -> std::result::Result<Datum, Failure> {
        let scope = self.scope();
        let query = bind::value(&scope, expr, ty)?;
        let mut rows = Vec::new();
        self.transaction_txn().await?;
        self.run(&query, &Kept::default(), &scope, &[], &mut Output::Rows(&mut rows)).await?;
        Ok(rows.pop().and_then(|mut row| row.pop()).unwrap_or(Datum::Null))
    }

    pub(super) fn deallocate_statement(&mut self, name: Option<&ast::Name>, client: &mut dyn Client) -> Result<()> {
        match name {
            None => {
                self.prepared.clear();
                client.complete("DEALLOCATE ALL");
            }
            Some(name) => {
                find_prepared(&self.prepared, name.as_str())?;
                self.prepared.remove(name.as_str());
                client.complete("DEALLOCATE");
            }
        }
        Ok(())
    }

    /// Result columns of statements that have no plan of their own.
    pub(super) fn columns_of_command(&mut self, statement: &Statement) -> Result<Option<Arc<[Column]>>> {
        let text = super::control::text_column;
        Ok(match statement {
            Statement::Show(ast::Show::Parameter(name)) => Some([text(name.as_str())].into()),
            Statement::Show(ast::Show::All) => Some(["name", "setting", "description"].map(text).into()),
            Statement::Explain(explain) => Some([super::explain::result_column(explain)].into()),
            Statement::Execute(execute) => find_prepared(&self.prepared, execute.name.as_str())?.columns.clone(),
            Statement::Fetch(fetch) if !fetch.only_move => match self.portals.get(fetch.cursor.as_str()) {
                Some(portal) => portal.columns.clone(),
                None => None,
            },
            _ => None,
        })
    }

    // -------------------------------------------------------------------------------------------------------- portals

    pub(super) fn add_portal(&mut self, portal: Portal) {
        let number = self.portals_made;
        self.portals_made += 1;
        self.portals.insert(portal.name.clone(), Portal { number, ..portal });
    }

    /// An Execute message that wants some of the rows, or goes on where one stopped.
    pub(super) async fn execute_part(
        &mut self,
        name: &str,
        statement: &Arc<Statement>,
        rows_max: u32,
        client: &mut dyn Client,
    ) -> Outcome {
        self.start_portal(name, statement).await?;
        let rows_max = if rows_max == 0 { u64::MAX } else { u64::from(rows_max) };
        let Some(mut portal) = self.portals.remove(name) else { return Ok(()) };
        let result = self.portal_rows(&mut portal, rows_max, true, client).await;
        let is_done = matches!(portal.state, PortalState::Done);
        let (sent, command) = match (&result, &portal.bound) {
            (Ok(sent), Some(bound)) => (*sent, bound.query.command),
            _ => (0, crate::plan::CommandKind::Select),
        };
        if result.is_err() {
            portal.state = PortalState::Broken;
        }
        self.portals.insert(name.to_owned(), portal);
        result?;
        if is_done {
            client.complete(&tag(command, &super::run::Ran { rows: sent, changed: sent, ended: true }));
        } else {
            client.suspend();
        }
        Ok(())
    }

    async fn start_portal(&mut self, name: &str, statement: &Arc<Statement>) -> Outcome {
        let portal = find_portal(&self.portals, name)?;
        match portal.state {
            PortalState::Ready => {}
            PortalState::Broken => {
                let message = format!("portal \"{name}\" cannot be run");
                return Err(Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message).into());
            }
            _ => return Ok(()),
        }
        let (types, known) = (portal.parameter_types.clone(), portal.bound.clone());
        let bound = self.ready(statement, &types, known.as_ref()).await?;
        self.begin_statement(bound.query.command != crate::plan::CommandKind::Select, &bound.query.uses).await?;
        let scope = self.scope();
        let cursor = exec::run(&bound.query, &scope, self.exec_options())?;
        if let Some(portal) = self.portals.get_mut(name) {
            portal.bound = Some(bound);
            portal.state = PortalState::Running(Box::new(Running { cursor, rest: Vec::new(), sent: 0 }));
        }
        Ok(())
    }

    /// Makes the rows that portals have left.
    pub(super) async fn finish_portals(&mut self) -> Outcome {
        let is_running = |portal: &Portal| match &portal.state {
            PortalState::Running(_) => true,
            PortalState::Held(held) => held.rest.is_some(),
            _ => false,
        };
        let names: Vec<String> =
            self.portals.values().filter(|portal| is_running(portal)).map(|portal| portal.name.clone()).collect();
        for name in names {
            let Some(mut portal) = self.portals.remove(&name) else { continue };
            let scope = self.scope();
            let result = match &mut portal.state {
                PortalState::Running(running) => {
                    let mut output = Output::Rows(&mut running.rest);
                    let ran = self.drive(&scope, &mut running.cursor, &portal.parameters, &mut output, u64::MAX).await;
                    ran.map(drop)
                }
                PortalState::Held(held) => match self.make(&scope, held, u64::MAX).await {
                    // Whoever never asks for these rows never hears of it.
                    Err(Failure::Sql(error)) if self.cancel.check().is_ok() => {
                        (held.rest, held.failed) = (None, Some(error));
                        Ok(())
                    }
                    made => made,
                },
                _ => Ok(()),
            };
            if result.is_err() {
                portal.state = PortalState::Broken;
            }
            self.portals.insert(name, portal);
            result?;
        }
        Ok(())
    }

    /// Sends at most so many rows, or passes them over; how many it were. The portal is done when there are no more.
    async fn portal_rows(
        &mut self,
        portal: &mut Portal,
        rows_max: u64,
        show: bool,
        client: &mut dyn Client,
    ) -> std::result::Result<u64, Failure> {
        let scope = self.scope();
        let columns = portal.columns.clone().unwrap_or_default();
        let encoding = Session::encoding(&scope, &columns, &portal.formats)?;
        let PortalState::Running(running) = &mut portal.state else { return Ok(0) };
        let mut sent = 0;
        loop {
            let take = running.rest.len().min((rows_max - sent) as usize);
            for row in running.rest.drain(..take).filter(|_| show) {
                client.row(&encoding, &row);
            }
            sent += take as u64;
            client.relieve().await.map_err(super::run::gone)?;
            if sent == rows_max {
                break;
            }
            let mut rows = Vec::new();
            let parameters = portal.parameters.clone();
            // One row more than wanted tells whether the portal is done.
            let wanted = rows_max.saturating_sub(sent).min(1024);
            let ran = {
                let mut output = Output::Rows(&mut rows);
                self.drive(&scope, &mut running.cursor, &parameters, &mut output, wanted).await?
            };
            running.rest = rows;
            if running.rest.is_empty() && ran.ended {
                portal.state = PortalState::Done;
                break;
            }
        }
        Ok(sent)
    }

    // -------------------------------------------------------------------------------------------------------- cursors

    pub(super) async fn declare_cursor(
        &mut self,
        text: &Arc<str>,
        declare: &ast::DeclareCursor,
        client: &mut dyn Client,
    ) -> Outcome {
        let name = declare.name.as_str();
        if !declare.hold {
            self.require_block("DECLARE CURSOR")?;
        }
        if self.portals.contains_key(name) {
            return Err(Error::new(sqlstate::DUPLICATE_CURSOR, format!("cursor \"{name}\" already exists")).into());
        }
        let statement = Arc::new(Statement::Query(Box::new(declare.query.clone())));
        let bound: Bound = self.ready(&statement, &[], None).await?;
        let scope = self.scope();
        let format = if declare.binary { Format::Binary } else { Format::Text };
        let formats = vec![format; bound.columns.len()].into();
        let options = self.exec_options();
        let memory = Memory::of(&self.node.memory, options.memory_bytes, options.work_bytes);
        let mut held = Held { made: Made::new(memory), rest: None, failed: None, shown: None, position: 0 };
        if exec::only_reads(&bound.query) && !declare.hold {
            let cursor = exec::run(&bound.query, &scope, options)?;
            self.begin_statement(false, &bound.query.uses).await?;
            held.rest = Some(cursor);
        } else {
            // Nobody makes the rows of a cursor that outlives its transaction later, nor locks what it shows.
            self.run(&bound.query, &bound.kept, &scope, &[], &mut Output::Made(&mut held.made)).await?;
        }
        let portal = Portal {
            name: name.to_owned(),
            text: text.clone(),
            statement: Some(statement),
            parameters: Arc::default(),
            parameter_types: Arc::default(),
            columns: Some(bound.columns.clone()),
            formats,
            prepared: String::new(),
            bound: Some(bound),
            state: PortalState::Held(Box::new(held)),
            hold: declare.hold,
            scroll: declare.scroll != Some(false),
            binary: declare.binary,
            from_sql: true,
            created_micros: self.statement_micros,
            number: 0,
        };
        self.add_portal(portal);
        client.complete("DECLARE CURSOR");
        Ok(())
    }

    pub(super) async fn fetch_statement(
        &mut self,
        fetch: &ast::Fetch,
        describe: bool,
        client: &mut dyn Client,
    ) -> Outcome {
        let name = fetch.cursor.as_str();
        let missing = || Error::new(sqlstate::INVALID_CURSOR_NAME, format!("cursor \"{name}\" does not exist"));
        let portal = self.portals.get(name).ok_or_else(missing)?;
        let PortalState::Held(held) = &portal.state else {
            return self.fetch_from_portal(fetch, describe, client).await;
        };
        if goes_backward(fetch, held.position) && !portal.scroll {
            let error = Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward");
            return Err(error.hint("Declare it with SCROLL option to enable backward scan.").into());
        }
        let Some(mut portal) = self.portals.remove(name) else { return Ok(()) };
        let result = self.fetch_held(&mut portal, fetch, describe, client).await;
        if result.is_err() {
            portal.state = PortalState::Broken;
        }
        self.portals.insert(name.to_owned(), portal);
        result
    }

    async fn fetch_held(
        &mut self,
        portal: &mut Portal,
        fetch: &ast::Fetch,
        describe: bool,
        client: &mut dyn Client,
    ) -> Outcome {
        let PortalState::Held(held) = &mut portal.state else { return Ok(()) };
        let scope = self.scope();
        let wanted = reach(fetch.direction, fetch.count, held.position).saturating_sub(held.made.rows() as u64);
        self.make(&scope, held, wanted).await?;
        let passed = step(&mut held.position, held.made.rows(), fetch.direction, fetch.count);
        if fetch.only_move {
            client.complete(&format!("MOVE {}", passed.rows.len()));
            return Ok(());
        }
        let columns = portal.columns.clone().unwrap_or_default();
        let encoding = Session::encoding(&scope, &columns, &portal.formats)?;
        if describe {
            client.describe(&columns, &portal.formats);
        }
        for at in passed.iter() {
            let is_in = |(begin, rows): &(usize, Rows)| (*begin..*begin + rows.len()).contains(&at);
            if !held.shown.as_ref().is_some_and(is_in) {
                client.relieve().await.map_err(super::run::gone)?;
                self.cancel.check()?;
                held.shown = held.made.batch(at).await?;
            }
            let gone = || Error::internal("a row of a cursor is gone");
            let (begin, rows) = held.shown.as_ref().ok_or_else(gone)?;
            client.row(&encoding, rows.row(at - begin));
        }
        client.complete(&format!("FETCH {}", passed.rows.len()));
        Ok(())
    }

    /// Makes at least so many rows more of a cursor, if there are.
    async fn make(&mut self, scope: &Scope, held: &mut Held, wanted: u64) -> Outcome {
        if wanted == 0 {
            return Ok(());
        }
        let Some(rest) = &mut held.rest else {
            return held.failed.clone().map_or(Ok(()), |error| Err(error.into()));
        };
        let ran = self.drive(scope, rest, &[], &mut Output::Made(&mut held.made), wanted).await?;
        if ran.ended {
            held.rest = None;
        }
        Ok(())
    }

    /// FETCH and MOVE of what Bind made, which goes on where Execute stopped.
    async fn fetch_from_portal(&mut self, fetch: &ast::Fetch, describe: bool, client: &mut dyn Client) -> Outcome {
        let name = fetch.cursor.as_str();
        let rows_max = match (fetch.direction, fetch.count) {
            (FetchDirection::Forward, FetchCount::All) => u64::MAX,
            (FetchDirection::Forward | FetchDirection::Relative, FetchCount::Rows(1)) => 1,
            (FetchDirection::Forward, FetchCount::Rows(count)) if count > 0 => u64::from(count.unsigned_abs()),
            _ => {
                let error = Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward");
                return Err(error.hint("Declare it with SCROLL option to enable backward scan.").into());
            }
        };
        let portal = find_portal(&self.portals, name)?;
        let Some(statement) = portal.statement.clone().filter(|statement| is_planned(statement)) else {
            let message = format!("portal \"{name}\" is not a cursor");
            return Err(Error::new(sqlstate::INVALID_CURSOR_STATE, message).into());
        };
        if describe && !fetch.only_move {
            client.describe(portal.columns.as_deref().unwrap_or_default(), &portal.formats);
        }
        self.start_portal(name, &statement).await?;
        let Some(mut portal) = self.portals.remove(name) else { return Ok(()) };
        let result = self.portal_rows(&mut portal, rows_max, !fetch.only_move, client).await;
        if result.is_err() {
            portal.state = PortalState::Broken;
        }
        self.portals.insert(name.to_owned(), portal);
        let what = if fetch.only_move { "MOVE" } else { "FETCH" };
        client.complete(&format!("{what} {}", result?));
        Ok(())
    }

    pub(super) fn close_cursor(&mut self, name: Option<&ast::Name>, client: &mut dyn Client) -> Result<()> {
        match name {
            None => {
                self.portals.retain(|_, portal| !portal.from_sql);
                client.complete("CLOSE CURSOR ALL");
            }
            Some(name) => {
                if self.portals.remove(name.as_str()).is_none() {
                    let message = format!("cursor \"{name}\" does not exist");
                    return Err(Error::new(sqlstate::INVALID_CURSOR_NAME, message));
                }
                client.complete("CLOSE CURSOR");
            }
        }
        Ok(())
    }
}

fn goes_backward(fetch: &ast::Fetch, position: usize) -> bool {
    match (fetch.direction, fetch.count) {
        (FetchDirection::Backward, FetchCount::Rows(count)) => count > 0,
        (FetchDirection::Backward, FetchCount::All) => true,
        (FetchDirection::Forward | FetchDirection::Relative, FetchCount::Rows(count)) => count < 0,
        (FetchDirection::Absolute, FetchCount::Rows(count)) => count < 0 || (count as usize) < position,
        (_, FetchCount::All) => false,
    }
}

/// How many rows have to be there for the cursor to move as if all were.
fn reach(direction: FetchDirection, count: FetchCount, position: usize) -> u64 {
    let FetchCount::Rows(count) = count else {
        return if direction == FetchDirection::Backward { position as u64 } else { u64::MAX };
    };
    let to = match direction {
        FetchDirection::Absolute if count < 0 => return u64::MAX,
        FetchDirection::Absolute => i64::from(count),
        FetchDirection::Backward => position as i64 - i64::from(count),
        _ => position as i64 + i64::from(count),
    };
    to.max(position as i64) as u64
}

/// The rows that a cursor has passed, and whether the last comes first.
#[derive(Debug, PartialEq, Eq)]
struct Passed {
    rows: Range<usize>,
    backward: bool,
}

impl Passed {
    fn iter(&self) -> impl Iterator<Item = usize> {
        let (Range { start, end }, backward) = (self.rows.clone(), self.backward);
        (0..self.rows.len()).map(move |at| if backward { end - 1 - at } else { start + at })
    }
}

/// Moves the cursor over this many rows.
fn step(position: &mut usize, rows: usize, direction: FetchDirection, count: FetchCount) -> Passed {
    let (at, after) = (*position as i64, rows as i64 + 1);
    // The row at a position has the number before it.
    let mut to = |to: i64| {
        let to = to.clamp(0, after);
        *position = to as usize;
        to
    };
    let (forward, wanted) = match (direction, count) {
        (FetchDirection::Absolute, FetchCount::Rows(count)) if count < 0 => (None, after + i64::from(count)),
        (FetchDirection::Absolute, FetchCount::Rows(count)) => (None, i64::from(count)),
        (FetchDirection::Relative, FetchCount::Rows(count)) => (None, at + i64::from(count)),
        (_, FetchCount::Rows(0)) => (None, at),
        (FetchDirection::Backward, FetchCount::Rows(count)) => (Some(count < 0), i64::from(count).abs()),
        (FetchDirection::Backward, FetchCount::All) => (Some(false), after),
        (_, FetchCount::Rows(count)) => (Some(count > 0), i64::from(count).abs()),
        (_, FetchCount::All) => (Some(true), after),
    };
    let (first, end) = match forward {
        None => {
            let here = to(wanted);
            if (1..after).contains(&here) { (here - 1, here) } else { (0, 0) }
        }
        Some(true) => (at, to(at + wanted).min(after - 1)),
        Some(false) => ((to(at - wanted) - 1).max(0), at - 1),
    };
    let rows = first.min(end.max(0)) as usize..end.max(0) as usize;
    Passed { rows, backward: forward == Some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_move_as_postgresql_moves_them() {
        use FetchCount::*;
        use FetchDirection::*;
        let mut position = 0;
        let mut seen = |direction, count| {
            let passed: Vec<usize> = step(&mut position, 3, direction, count).iter().collect();
            (passed, position)
        };
        assert_eq!(seen(Forward, Rows(2)), (vec![0, 1], 2));
        assert_eq!(seen(Forward, Rows(0)), (vec![1], 2));
        assert_eq!(seen(Forward, Rows(5)), (vec![2], 4));
        assert_eq!(seen(Forward, All), (vec![], 4));
        assert_eq!(seen(Backward, Rows(1)), (vec![2], 3));
        assert_eq!(seen(Backward, All), (vec![1, 0], 0));
        assert_eq!(seen(Backward, Rows(2)), (vec![], 0));
        assert_eq!(seen(Absolute, Rows(-1)), (vec![2], 3));
        assert_eq!(seen(Relative, Rows(-2)), (vec![0], 1));
        assert_eq!(seen(Absolute, Rows(9)), (vec![], 4));
        assert_eq!(seen(Forward, Rows(-1)), (vec![2], 3));
        assert_eq!(seen(Forward, Rows(-2)), (vec![1, 0], 1));
        assert_eq!(seen(Forward, All), (vec![1, 2], 4));
    }

    #[test]
    fn no_more_rows_are_made_than_a_move_needs() {
        use FetchCount::*;
        use FetchDirection::*;
        assert_eq!(reach(Forward, Rows(10), 5), 15);
        assert_eq!(reach(Backward, Rows(-10), 5), 15);
        assert_eq!(reach(Relative, Rows(3), 5), 8);
        assert_eq!(reach(Absolute, Rows(3), 5), 5);
        assert_eq!(reach(Absolute, Rows(8), 5), 8);
        assert_eq!(reach(Absolute, Rows(-1), 5), u64::MAX);
        assert_eq!(reach(Forward, All, 5), u64::MAX);
        assert_eq!(reach(Backward, All, 5), 5);
        assert_eq!(reach(Forward, Rows(-3), 5), 5);
    }
}

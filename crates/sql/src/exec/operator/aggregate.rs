//! GROUP BY, grouping sets, and aggregates without either.
//!
//! Groups are found by hash and come out in the order in which they were first met. An aggregate that wants its rows in
//! order, or only different ones, keeps a group's rows until the end.

use std::collections::VecDeque;
use std::sync::Arc;

use atoll_datum::function::{self, AggregateEntry, Call};
use atoll_datum::misc::ordered_set::{OrderedSet, Standing};
use atoll_datum::{Datum, Error, Oid, Result as SqlResult};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::scan_aggregate::scan_aggregate;
use super::{BoxOperator, Operator};
use crate::exec::expr::{Columns, Context, Evaluator, integer};
use crate::exec::keyed::{Keyed, Sense};
use crate::exec::order::{self, Direction};
use crate::exec::spill::merge::{self, Merge};
use crate::exec::spill::partitions::{Level, Partitions};
use crate::exec::spill::{Reader, Run, Temporary, Writer};
use crate::exec::{Builder, Exec, Result, Rows, State};
use crate::plan::{self, Body};

/// What one group's state of one aggregate takes, roughly.
const STATE_BYTES: usize = 64;

struct Aggregate {
    input: BoxOperator,
    keys: Vec<Evaluator>,
    sets: Vec<Set>,
    calls: Vec<AggregateCall>,
    groupings: Vec<Vec<usize>>,
    input_width: usize,
    /// Some expression waits.
    waits: bool,
    /// Once the input is read: the next set and group to put out.
    output: Option<(usize, usize)>,
    account: usize,
    aside: Option<Aside>,
    /// Groups that came back, by grouping set.
    sorted: Option<VecDeque<Merge>>,
}

/// Rows whose groups there was no memory for, by grouping set. Each is followed by its keys and its number. As long as
/// this is there no group is made; there were none of these rows' groups before.
struct Aside {
    file: Arc<Temporary>,
    sets: Vec<Partitions>,
    level: Level,
}

/// What is read: the input, or what was laid aside of it for one grouping set.
struct Part {
    set: usize,
    rows: Reader,
    level: Level,
}

/// One grouping set.
struct Set {
    /// Positions in the keys.
    positions: Vec<usize>,
    groups: Keyed,
    /// The numbers of the groups' first rows.
    firsts: Vec<i64>,
    /// As many of each group as there are calls.
    states: Vec<CallState>,
}

impl Set {
    fn clear(&mut self) {
        self.groups.clear();
        self.firsts.clear();
        self.states.clear();
    }
}

/// A row of the input on its way.
struct Arrival<'r> {
    row: &'r [Datum],
    keys: &'r [Datum],
    number: i64,
}

/// No group, or none yet.
const NOWHERE: usize = usize::MAX;

enum CallState {
    Running(Box<dyn function::Aggregate>),
    /// Arguments, then sort keys; with the direct arguments.
    Kept(Rows, Vec<Datum>),
}

pub(super) struct AggregateCall {
    body: CallBody,
    pub arguments: Vec<Evaluator>,
    direct: Vec<Evaluator>,
    distinct: bool,
    order: Vec<Evaluator>,
    /// Of the sort keys, then of the arguments if equal ones are to be told.
    directions: Vec<Direction>,
    argument_senses: Vec<Sense>,
    pub filter: Option<Evaluator>,
    types: Vec<Oid>,
    result: Oid,
    /// The state holds all that it was given.
    gathers: bool,
}

enum CallBody {
    Plain(AggregateEntry),
    OrderedSet(OrderedSet),
    Hypothetical(&'static str),
}

pub fn aggregate(plan: &plan::Aggregate, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    match scan_aggregate(plan, builder)? {
        Some(operator) => Ok(operator),
        None => aggregate_rows(plan, builder),
    }
}

pub(super) fn aggregate_rows(plan: &plan::Aggregate, builder: &mut Builder<'_>) -> SqlResult<BoxOperator> {
    let input = builder.plan(&plan.input)?;
    let columns = Columns::from(plan.input.columns());
    let keys = builder.exprs(plan.keys.iter().map(|(_, expr)| expr), &columns)?;
    // Direct arguments may read the keys under their own ids.
    let with_keys = [columns.ids(), &plan.keys.iter().map(|(id, _)| *id).collect::<Vec<_>>()].concat();
    let with_keys = Columns::from(with_keys);
    let mut calls = Vec::with_capacity(plan.calls.len());
    for (_, call) in &plan.calls {
        calls.push(AggregateCall::new(call, &columns, &with_keys, builder)?);
    }
    let set = |positions: &Vec<usize>| {
        let senses: Vec<Sense> = positions.iter().map(|at| Sense::of(plan.keys[*at].1.ty.oid)).collect();
        Set { positions: positions.clone(), groups: Keyed::new(senses), firsts: Vec::new(), states: Vec::new() }
    };
    let waits = keys.iter().chain(calls.iter().flat_map(AggregateCall::evaluators)).any(Evaluator::waits);
    Ok(Box::new(Aggregate {
        input,
        keys,
        sets: plan.sets.iter().map(set).collect(),
        calls,
        groupings: plan.groupings.iter().map(|(_, positions)| positions.clone()).collect(),
        input_width: columns.len(),
        waits,
        output: None,
        account: 0,
        aside: None,
        sorted: None,
    }))
}

impl AggregateCall {
    fn new(
        call: &plan::AggregateCall,
        columns: &Columns,
        with_keys: &Columns,
        builder: &mut Builder<'_>,
    ) -> SqlResult<AggregateCall> {
        let row = call.function.row;
        let body = match call.function.body {
            Body::Aggregate(entry) => CallBody::Plain(entry),
            Body::OrderedSet(function) => CallBody::OrderedSet(function),
            Body::Hypothetical => CallBody::Hypothetical(row.name),
            _ => return Err(Error::internal(format!("{} is no aggregate", row.name))),
        };
        let keys = builder.sort_keys(&call.order_by, columns)?;
        let argument_senses: Vec<Sense> = call.arguments.iter().map(|argument| Sense::of(argument.ty.oid)).collect();
        let mut directions = keys.directions;
        if call.distinct {
            directions.extend(argument_senses.iter().map(|sense| Direction::ascending(*sense)));
        }
        let types = match body {
            CallBody::Plain(_) => call.arguments.iter().map(|argument| argument.ty.oid).collect(),
            _ => call.direct.iter().chain(call.order_by.iter().map(|key| &key.value)).map(|expr| expr.ty.oid).collect(),
        };
        let gathers = row.name.ends_with("_agg");
        Ok(AggregateCall {
            body,
            arguments: builder.exprs(&call.arguments, columns)?,
            direct: builder.exprs(&call.direct, with_keys)?,
            distinct: call.distinct,
            order: keys.values,
            directions,
            argument_senses,
            filter: call.filter.as_ref().map(|filter| builder.expr(filter, columns)).transpose()?,
            types,
            result: call.ty.oid,
            gathers,
        })
    }

    /// Of an aggregate that is called over frames: no order, not DISTINCT.
    pub(super) fn over_frames(
        call: &plan::WindowCall,
        columns: &Columns,
        builder: &mut Builder<'_>,
    ) -> SqlResult<Self> {
        let plain = plan::AggregateCall {
            function: call.function,
            arguments: call.arguments.clone(),
            direct: Vec::new(),
            distinct: false,
            order_by: Vec::new(),
            filter: call.filter.clone(),
            ty: call.ty,
            level: 0,
        };
        AggregateCall::new(&plain, columns, columns, builder)
    }

    fn evaluators(&self) -> impl Iterator<Item = &Evaluator> {
        self.arguments.iter().chain(&self.direct).chain(&self.order).chain(&self.filter)
    }

    fn keeps_rows(&self) -> bool {
        self.distinct || !self.order.is_empty() || !matches!(self.body, CallBody::Plain(_))
    }

    pub(super) fn call<'a>(&'a self, settings: &'a function::Settings) -> Call<'a> {
        Call { settings, argument_types: &self.types, result_type: self.result }
    }

    /// A new state of a plain aggregate.
    pub(super) fn start(&self, call: &Call<'_>) -> SqlResult<Box<dyn function::Aggregate>> {
        match self.body {
            CallBody::Plain(entry) => Ok((entry.new)(call)),
            _ => Err(Error::internal("an ordered-set aggregate has no running state")),
        }
    }

    /// Whether the aggregate is told of a row with these arguments.
    pub(super) fn takes(&self, arguments: &[Datum]) -> bool {
        match self.body {
            CallBody::Plain(entry) => !entry.skips_nulls || !arguments.iter().any(Datum::is_null),
            _ => true,
        }
    }

    /// The result over rows that were kept.
    fn finish_kept(&self, rows: &Rows, direct: &[Datum], settings: &function::Settings) -> SqlResult<Datum> {
        let call = self.call(settings);
        let arguments = self.arguments.len();
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        let keys = |at: u32| {
            let row = rows.row(at as usize);
            let (arguments, keys) = row.split_at(arguments);
            keys.iter().chain(if self.distinct { arguments } else { &[] })
        };
        order.sort_by(|a, b| {
            let pairs = self.directions.iter().zip(keys(*a).zip(keys(*b)));
            pairs
                .map(|(direction, (a, b))| direction.compare(a, b))
                .find(|order| order.is_ne())
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        let sorted = order.iter().map(|at| rows.row(*at as usize));
        match &self.body {
            CallBody::Plain(_) => {
                let mut state = self.start(&call)?;
                let mut last: Option<&[Datum]> = None;
                for row in sorted {
                    let row = &row[..arguments];
                    let is_same = last.is_some_and(|last| self.are_equal(last, row));
                    if !(self.distinct && is_same) {
                        state.step(&call, row)?;
                    }
                    last = Some(row);
                }
                state.finish(&call)
            }
            CallBody::OrderedSet(function) => {
                let values = sorted.filter_map(|row| row.get(arguments)).filter(|value| !value.is_null());
                function(&call, direct, &values.cloned().collect::<Vec<_>>())
            }
            CallBody::Hypothetical(name) => {
                let mut standing = Standing::default();
                let mut last: Option<&[Datum]> = None;
                for row in sorted {
                    let keys = &row[arguments..];
                    let is_new = last.is_none_or(|last| order::compare(&self.directions, last, keys).is_ne());
                    standing.step(order::compare(&self.directions, keys, direct), is_new);
                    last = Some(keys);
                }
                standing.result(name).ok_or_else(|| Error::internal(format!("{name} is no hypothetical aggregate")))
            }
        }
    }

    fn are_equal(&self, a: &[Datum], b: &[Datum]) -> bool {
        a.iter().zip(b).zip(&self.argument_senses).all(|((a, b), sense)| sense.compare(a, b).is_eq())
    }
}

fn eval_all(evaluators: &[Evaluator], row: &[Datum], context: &Context<'_>, out: &mut Vec<Datum>) -> SqlResult<()> {
    for evaluator in evaluators {
        out.push(evaluator.eval(row, context)?.into_owned());
    }
    Ok(())
}

impl Aggregate {
    /// The row's group in each set, into `numbers`: in one set only, if `part` is of that.
    async fn find_groups(
        &mut self,
        arrival: &Arrival<'_>,
        part: Option<&Part>,
        numbers: &mut Vec<usize>,
        exec: &mut Exec<'_>,
    ) -> Result<()> {
        numbers.clear();
        let mut own = Vec::new();
        for at in 0..self.sets.len() {
            let set = &mut self.sets[at];
            if part.is_some_and(|part| part.set != at) {
                numbers.push(NOWHERE);
                continue;
            }
            let keys = if set.positions.iter().copied().eq(0..arrival.keys.len()) {
                arrival.keys
            } else {
                own.clear();
                own.extend(set.positions.iter().map(|position| arrival.keys[*position].clone()));
                &own
            };
            let Some(aside) = self.aside.as_mut().filter(|_| !keys.is_empty()) else {
                let (number, is_new) = set.groups.insert(keys);
                numbers.push(number);
                if is_new {
                    self.add_group(at, arrival, part, exec).await?;
                }
                continue;
            };
            let known = set.groups.find(keys);
            if known.is_none() {
                let row = arrival.row.iter().chain(arrival.keys);
                aside.sets[at].push(set.groups.hash(keys), row.chain([&Datum::Int8(arrival.number)])).await?;
            }
            numbers.push(known.unwrap_or(NOWHERE));
        }
        Ok(())
    }

    /// States for a group that was just found.
    async fn add_group(
        &mut self,
        set: usize,
        arrival: &Arrival<'_>,
        part: Option<&Part>,
        exec: &mut Exec<'_>,
    ) -> Result<()> {
        let settings = &exec.scope.settings;
        let set = &mut self.sets[set];
        set.firsts.push(arrival.number);
        let bytes = Keyed::bytes_of(set.groups.key(set.groups.len() - 1)) + STATE_BYTES * self.calls.len();
        for call in &self.calls {
            let state = if call.keeps_rows() {
                let mut direct = Vec::with_capacity(call.direct.len());
                if !call.direct.is_empty() {
                    exec.eval_into(&call.direct, &[arrival.row, arrival.keys].concat(), &mut direct).await?;
                }
                CallState::Kept(Rows::new(call.arguments.len() + call.order.len()), direct)
            } else {
                CallState::Running(call.start(&call.call(settings))?)
            };
            set.states.push(state);
        }
        self.grow(bytes, part, exec).await
    }

    /// Books memory; if it is short, there will be no more groups.
    async fn grow(&mut self, bytes: usize, part: Option<&Part>, exec: &mut Exec<'_>) -> Result<()> {
        let has_groups = self.sets.iter().any(|set| !set.positions.is_empty());
        let level = part.map_or(Some(Level::default()), |part| part.level.next()).filter(|_| has_groups);
        match (&self.aside, level) {
            (None, Some(level)) => {
                if !exec.state.try_grow(&mut self.account, bytes)? {
                    let file = exec.temporary().await?;
                    let width = self.input_width + self.keys.len() + 1;
                    let sets = self.sets.iter().map(|_| Partitions::new(&file, width, level)).collect();
                    self.aside = Some(Aside { file, sets, level });
                }
                Ok(())
            }
            _ => exec.state.grow(&mut self.account, bytes),
        }
    }

    /// Reads the input, or a part of it.
    async fn read(&mut self, mut part: Option<Part>, exec: &mut Exec<'_>) -> Result<()> {
        let settings = &exec.scope.settings;
        let (mut keys, mut numbers, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let mut count = 0;
        loop {
            exec.check_cancel().await?;
            let rows = match &mut part {
                None => self.input.next(exec).await?,
                Some(part) => part.rows.next().await?,
            };
            let Some(rows) = rows else { break };
            for row in rows.iter() {
                let (row, rest) = row.split_at(self.input_width);
                let arrival = match rest {
                    [known @ .., number] => Arrival { row, keys: known, number: integer(number).unwrap_or_default() },
                    [] => {
                        keys.clear();
                        if self.waits {
                            exec.eval_into(&self.keys, row, &mut keys).await?;
                        } else {
                            eval_all(&self.keys, row, &exec.context(), &mut keys)?;
                        }
                        count += 1;
                        Arrival { row, keys: &keys, number: count }
                    }
                };
                self.find_groups(&arrival, part.as_ref(), &mut numbers, exec).await?;
                if numbers.iter().all(|number| *number == NOWHERE) {
                    continue;
                }
                for at in 0..self.calls.len() {
                    let call = &self.calls[at];
                    values.clear();
                    if self.waits {
                        if let Some(filter) = &call.filter
                            && !exec.test(filter, row).await?
                        {
                            continue;
                        }
                        exec.eval_into(&call.arguments, row, &mut values).await?;
                        exec.eval_into(&call.order, row, &mut values).await?;
                    } else {
                        let context = exec.context();
                        if let Some(filter) = &call.filter
                            && !filter.test(row, &context)?
                        {
                            continue;
                        }
                        eval_all(&call.arguments, row, &context, &mut values)?;
                        eval_all(&call.order, row, &context, &mut values)?;
                    }
                    if !call.takes(&values[..call.arguments.len()]) {
                        continue;
                    }
                    if call.gathers || call.keeps_rows() {
                        let bytes = values.iter().map(Datum::bytes).sum::<usize>() * self.sets.len();
                        self.grow(bytes, part.as_ref(), exec).await?;
                    }
                    let (call, count) = (&self.calls[at], self.calls.len());
                    for (set, number) in self.sets.iter_mut().zip(&numbers).filter(|(_, number)| **number != NOWHERE) {
                        match &mut set.states[number * count + at] {
                            CallState::Running(state) => state.step(&call.call(settings), &values)?,
                            CallState::Kept(rows, _) => rows.push(&values),
                        }
                    }
                }
            }
        }
        for at in 0..self.sets.len() {
            if part.is_none() && self.sets[at].positions.is_empty() && self.sets[at].groups.is_empty() {
                let (row, keys) = (vec![Datum::Null; self.input_width], vec![Datum::Null; self.keys.len()]);
                self.sets[at].groups.insert(&[]);
                self.add_group(at, &Arrival { row: &row, keys: &keys, number: 0 }, None, exec).await?;
            }
        }
        Ok(())
    }

    fn width(&self) -> usize {
        self.keys.len() + self.calls.len() + self.groupings.len()
    }

    /// Aggregates what was laid aside, part by part. All groups go to disk, with their numbers, and come back in order.
    async fn read_parts(&mut self, exec: &mut Exec<'_>) -> Result<()> {
        let Some(file) = self.aside.as_ref().map(|aside| aside.file.clone()) else { return Ok(()) };
        let mut groups: Vec<Vec<Run>> = self.sets.iter().map(|_| Vec::new()).collect();
        let mut parts: Vec<Part> = Vec::new();
        loop {
            for (set, groups) in groups.iter_mut().enumerate() {
                if !self.sets[set].groups.is_empty() {
                    groups.push(self.write(set, &file, exec).await?);
                }
            }
            self.sets.iter_mut().for_each(Set::clear);
            exec.state.memory.release(&mut self.account);
            if let Some(aside) = self.aside.take() {
                for (set, partitions) in aside.sets.into_iter().enumerate() {
                    let runs = partitions.finish().await?;
                    let total: u64 = runs.iter().map(Run::rows).sum();
                    for run in runs.into_iter().filter(|run| !run.is_empty()) {
                        let level = if run.rows() == total { Level::LAST } else { aside.level };
                        parts.push(Part { set, rows: run.read(), level });
                    }
                }
            }
            let Some(part) = parts.pop() else { break };
            self.read(Some(part), exec).await?;
        }
        let mut sorted = VecDeque::new();
        for runs in groups {
            sorted.push_back(Merge::new(runs, self.width() + 1, merge::by_number(), &file, exec).await?);
        }
        self.sorted = Some(sorted);
        Ok(())
    }

    async fn write(&mut self, set: usize, file: &Arc<Temporary>, exec: &mut Exec<'_>) -> Result<Run> {
        let (mut writer, mut row) = (Writer::new(file, self.width() + 1), Vec::new());
        for group in 0..self.sets[set].groups.len() {
            row.clear();
            self.push_group(&self.sets[set], group, &mut row, &exec.scope.settings)?;
            row.push(Datum::Int8(self.sets[set].firsts[group]));
            if writer.push(&row) {
                exec.check_cancel().await?;
                writer.flush().await?;
            }
        }
        writer.finish().await
    }

    fn push_group(
        &self,
        set: &Set,
        number: usize,
        out: &mut Vec<Datum>,
        settings: &function::Settings,
    ) -> SqlResult<()> {
        let from = out.len();
        out.resize(from + self.keys.len(), Datum::Null);
        for (position, value) in set.positions.iter().zip(set.groups.key(number)) {
            out[from + position] = value.clone();
        }
        for (at, call) in self.calls.iter().enumerate() {
            out.push(match &set.states[number * self.calls.len() + at] {
                CallState::Running(state) => state.finish(&call.call(settings))?,
                CallState::Kept(rows, direct) => call.finish_kept(rows, direct, settings)?,
            });
        }
        for positions in &self.groupings {
            let bits = positions.iter().fold(0, |bits, key| bits << 1 | i32::from(!set.positions.contains(key)));
            out.push(Datum::Int4(bits));
        }
        Ok(())
    }

    async fn batch(&mut self, exec: &mut Exec<'_>) -> Result<Option<Rows>> {
        exec.check_cancel().await?;
        let (mut set, mut group) = match self.output {
            Some(next) => next,
            None => {
                self.read(None, exec).await?;
                self.read_parts(exec).await?;
                (0, 0)
            }
        };
        self.output = Some((set, group));
        if let Some(sorted) = &mut self.sorted {
            while let Some(merge) = sorted.front_mut() {
                match merge.next(exec).await? {
                    Some(rows) => {
                        return Ok(Some(rows.narrowed(self.width())));
                    }
                    None => drop(sorted.pop_front()),
                }
            }
            return Ok(None);
        }
        let mut rows = Rows::new(self.width());
        while let Some(groups) = self.sets.get(set)
            && !rows.is_full()
        {
            if group == groups.groups.len() {
                (set, group) = (set + 1, 0);
                continue;
            }
            self.push_group(groups, group, rows.open_row(), &exec.scope.settings)?;
            rows.end_row();
            group += 1;
        }
        self.output = Some((set, group));
        Ok((!rows.is_empty()).then_some(rows))
    }
}

impl Operator for Aggregate {
    fn next<'a>(&'a mut self, exec: &'a mut Exec<'_>) -> BoxFuture<'a, Result<Option<Rows>>> {
        self.batch(exec).boxed()
    }

    fn rewind(&mut self, state: &mut State) {
        self.input.rewind(state);
        self.sets.iter_mut().for_each(Set::clear);
        (self.output, self.aside, self.sorted) = (None, None, None);
        state.memory.release(&mut self.account);
    }
}

//! What a path finds in a value.
//!
//! [`Run::item`] does one step to one item and goes on with the next step for each thing that comes of it, so that a path
//! whose first result is enough ends there: without a list to fill (`found`), the answer is only whether there is any.
//!
//! Two kinds of errors. Those that a path provokes are [`Status::Failed`] where they are to be silent or make a condition
//! unknown, and errors otherwise; those that no one can silence, such as a variable that is not given, are errors always.
//!
//! INVARIANT: the steps of PostgreSQL's executor, in its order: it shows in what is found before an error.

use std::cell::OnceCell;

use super::{Expression, Head, Method, Operator, Path, Range, Sign, Step, too_deep};
use crate::error::{Error, Result};
use crate::function::Settings;
use crate::json::binary::{Builder, Elements, Jsonb, Members, Node};
use crate::json::path::moment::Moment;
use crate::json::path::predicate::Truth;
use crate::numeric::Numeric;
use crate::sqlstate::{self, SqlState};

/// How much of the stack this may take, of the two megabytes that a thread has.
const STACK_BYTES_MAX: usize = 1 << 20;

#[derive(Clone)]
pub enum Item<'a> {
    Node(Node<'a>),
    Null,
    Bool(bool),
    Number(Numeric),
    Text(&'a str),
    Moment(Moment),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    Found,
    NotFound,
    Failed,
}

/// Where results go. None: whether there is one is all that is asked.
pub type Found<'f, 'a> = Option<&'f mut Vec<Item<'a>>>;

/// How a path is run.
#[derive(Clone, Copy)]
pub struct Manner<'a> {
    pub vars: Option<Node<'a>>,
    pub silent: bool,
    /// Comparisons may depend on the session's time zone.
    pub zoned: bool,
    pub settings: &'a Settings,
}

/// Values that a path makes (by `.keyvalue()`) and then looks into.
#[derive(Default)]
pub struct Made(OnceCell<Box<Link>>);

struct Link {
    json: Jsonb,
    next: Made,
}

impl Drop for Made {
    /// One after the other, however many they are.
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut link) = next {
            next = link.next.0.take();
        }
    }
}

/// What the ids of `.keyvalue()` are counted from.
#[derive(Clone, Copy)]
pub struct Base<'a> {
    pub value: Option<Node<'a>>,
    pub id: i64,
}

pub struct Run<'a> {
    pub lax: bool,
    pub manner: Manner<'a>,
    root: Node<'a>,
    pub current: Item<'a>,
    pub base: Base<'a>,
    /// The id of the next value that is made.
    pub next_id: i64,
    made: &'a Made,
    /// Of the array whose subscript is being computed.
    array_length: Option<usize>,
    /// What is not there, or of another kind, is nothing.
    pub forgives: bool,
    pub throws: bool,
    stack: usize,
}

/// Runs a path on a value. `made` keeps what is made meanwhile.
pub fn run<'a>(
    path: &'a Path,
    root: Node<'a>,
    manner: Manner<'a>,
    made: &'a Made,
    found: Found<'_, 'a>,
) -> Result<Status> {
    if manner.vars.is_some_and(|vars| vars.as_object().is_none()) {
        let error = Error::new(sqlstate::INVALID_PARAMETER_VALUE, "\"vars\" argument is not an object");
        return Err(error.detail("Jsonpath parameters should be encoded as key-value pairs of \"vars\" object."));
    }
    let here = 0u8;
    let mut run = Run {
        lax: path.lax,
        manner,
        root,
        current: Item::Node(root),
        base: Base { value: None, id: 0 },
        next_id: if manner.vars.is_some() { 2 } else { 1 },
        made,
        array_length: None,
        forgives: path.lax,
        throws: !manner.silent,
        stack: std::ptr::from_ref(&here).addr(),
    };
    match found {
        None if !path.lax => run.exists_strictly(&path.root),
        found => run.evaluate(&path.root, found),
    }
}

impl<'a> Item<'a> {
    pub fn array(&self) -> Option<Elements<'a>> {
        if let Item::Node(node) = self { node.as_array() } else { None }
    }

    pub fn object(&self) -> Option<Members<'a>> {
        if let Item::Node(node) = self { node.as_object() } else { None }
    }

    pub fn number(&self) -> Option<Numeric> {
        match self {
            Item::Node(node) => node.as_number(),
            Item::Number(number) => Some(number.clone()),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&'a str> {
        match self {
            Item::Node(node) => node.as_str(),
            Item::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn bool(&self) -> Option<bool> {
        match self {
            Item::Node(node) => node.as_bool(),
            Item::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        match self {
            Item::Node(node) => node.is_null(),
            item => matches!(item, Item::Null),
        }
    }

    pub fn write(&self, out: &mut Builder) {
        match self {
            Item::Node(node) => out.node(*node),
            Item::Null => out.null(),
            Item::Bool(value) => out.bool(*value),
            Item::Number(number) => out.number(number),
            Item::Text(text) => out.string(text),
            Item::Moment(moment) => out.string(&moment.text()),
        }
    }

    pub fn to_jsonb(&self) -> Jsonb {
        let mut out = Builder::new();
        self.write(&mut out);
        out.finish()
    }
}

/// `$.**{2 to 3}` and its simpler kin: which members of a container, at which levels below it.
struct Levels<'a> {
    /// What is done with them: a step of an expression, or nothing.
    next: Option<(&'a Expression, usize)>,
    first: Option<u32>,
    last: Option<u32>,
    forgives: bool,
    unwraps: bool,
}

impl Levels<'_> {
    fn wants(&self, level: u32, node: Node) -> bool {
        match (self.first, self.last) {
            (Some(first), _) => level >= first,
            (None, None) => !node.is_container(),
            (None, Some(_)) => false,
        }
    }
}

impl<'a> Run<'a> {
    fn check_stack(&self) -> Result<()> {
        let here = 0u8;
        let used = self.stack.abs_diff(std::ptr::from_ref(&here).addr());
        if used > STACK_BYTES_MAX { Err(too_deep()) } else { Ok(()) }
    }

    pub fn fail(&self, state: SqlState, message: impl FnOnce() -> String) -> Result<Status> {
        if self.throws { Err(Error::new(state, message())) } else { Ok(Status::Failed) }
    }

    /// The same where a structure that is not as expected may be nothing.
    pub fn fail_structure(&self, state: SqlState, message: impl FnOnce() -> String) -> Result<Status> {
        if self.forgives { Ok(Status::NotFound) } else { self.fail(state, message) }
    }

    /// Keeps a value, to look into it.
    pub fn keep(&mut self, json: Jsonb) -> Node<'a> {
        let link = self.made.0.get_or_init(|| Box::new(Link { json, next: Made::default() }));
        self.made = &link.next;
        link.json.root()
    }

    /// In strict mode all has to be looked at: an error further on is one.
    fn exists_strictly(&mut self, of: &'a Expression) -> Result<Status> {
        let mut found = Vec::new();
        Ok(match self.evaluate(of, Some(&mut found))? {
            Status::Failed => Status::Failed,
            _ if found.is_empty() => Status::NotFound,
            _ => Status::Found,
        })
    }

    pub fn evaluate(&mut self, of: &'a Expression, found: Found<'_, 'a>) -> Result<Status> {
        self.check_stack()?;
        let is_alone = of.steps.is_empty() && found.is_none();
        let item = match &of.head {
            Head::Root => {
                let root = Base { value: Some(self.root), id: 0 };
                return self.with_base(root, |run| run.next(of, 0, Item::Node(run.root), found));
            }
            Head::Variable(name) => {
                let (base, value) = self.variable(name)?;
                return self.with_base(base, |run| run.next(of, 0, Item::Node(value), found));
            }
            Head::Current => self.current.clone(),
            Head::Signed(sign, operand) => return self.signed(of, *sign, operand, found),
            Head::Arithmetic(operator, left, right) => return self.arithmetic(of, *operator, left, right, found),
            Head::Predicate(predicate) => {
                let truth = self.truth(predicate)?;
                match truth {
                    _ if is_alone => return Ok(Status::Found),
                    Truth::Unknown => Item::Null,
                    truth => Item::Bool(truth == Truth::True),
                }
            }
            Head::Last => match self.array_length {
                Some(length) => Item::Number(Numeric::from_i64(length as i64 - 1)),
                None => return Err(Error::internal("evaluating jsonpath LAST outside of array subscript")),
            },
            _ if is_alone => return Ok(Status::Found),
            Head::Null => Item::Null,
            Head::Bool(value) => Item::Bool(*value),
            Head::Number(number) => Item::Number(number.clone()),
            Head::Text(text) => Item::Text(text),
        };
        self.next(of, 0, item, found)
    }

    pub fn with_base<T>(&mut self, base: Base<'a>, run: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.base, base);
        let result = run(self);
        self.base = outer;
        result
    }

    fn variable(&self, name: &str) -> Result<(Base<'a>, Node<'a>)> {
        match self.manner.vars.and_then(|vars| Some((vars, vars.as_object()?.get(name)?))) {
            Some((vars, value)) => Ok((Base { value: Some(vars), id: 1 }, value)),
            None => {
                let message = format!("could not find jsonpath variable \"{name}\"");
                Err(Error::new(sqlstate::UNDEFINED_OBJECT, message))
            }
        }
    }

    /// Goes on with an item that came of the head (`done` is 0) or of so many steps.
    pub fn next(&mut self, of: &'a Expression, done: usize, item: Item<'a>, found: Found<'_, 'a>) -> Result<Status> {
        if done < of.steps.len() {
            return self.item(of, done, item, found, self.lax);
        }
        if let Some(found) = found {
            found.push(item);
        }
        Ok(Status::Found)
    }

    /// Does the step `at` to an item. `unwraps`: to the elements of an array where the step is not for arrays.
    fn item(
        &mut self,
        of: &'a Expression,
        at: usize,
        item: Item<'a>,
        found: Found<'_, 'a>,
        unwraps: bool,
    ) -> Result<Status> {
        self.check_stack()?;
        let step = &of.steps[at];
        let is_for_arrays = match step {
            Step::AnyElement | Step::Elements(_) | Step::Levels { .. } => true,
            Step::Method(method) => matches!(method, Method::Type | Method::Size),
            Step::Key(_) | Step::AnyKey | Step::Filter(_) | Step::DateTime(_) => false,
        };
        if unwraps && !is_for_arrays && item.array().is_some() {
            return self.unwrapped(Some((of, at)), item, found, false);
        }
        match step {
            Step::Key(key) => self.key(of, at, key, item, found),
            Step::AnyKey if item.object().is_some() => self.members(of, at, item, found),
            Step::AnyKey => self.fail_structure(sqlstate::SQL_JSON_OBJECT_NOT_FOUND, || {
                "jsonpath wildcard member accessor can only be applied to an object".to_owned()
            }),
            Step::AnyElement if item.array().is_some() => self.members(of, at, item, found),
            Step::AnyElement if self.lax => self.next(of, at + 1, item, found),
            Step::AnyElement => self.fail_structure(sqlstate::SQL_JSON_ARRAY_NOT_FOUND, || {
                "jsonpath wildcard array accessor can only be applied to an array".to_owned()
            }),
            Step::Elements(ranges) if item.array().is_some() || self.lax => self.elements(of, at, ranges, item, found),
            Step::Elements(_) => self.fail_structure(sqlstate::SQL_JSON_ARRAY_NOT_FOUND, || {
                "jsonpath array accessor can only be applied to an array".to_owned()
            }),
            Step::Levels { first, last } => self.levels(of, at, (*first, *last), item, found),
            Step::Filter(filter) => {
                let outer = std::mem::replace(&mut self.current, item.clone());
                let truth = self.truth(filter);
                self.current = outer;
                match truth? {
                    Truth::True => self.next(of, at + 1, item, found),
                    _ => Ok(Status::NotFound),
                }
            }
            Step::Method(method) => self.method(of, at, *method, item, found),
            Step::DateTime(template) => self.date_time(of, at, template.as_deref(), item, found),
        }
    }

    fn key(
        &mut self,
        of: &'a Expression,
        at: usize,
        key: &str,
        item: Item<'a>,
        found: Found<'_, 'a>,
    ) -> Result<Status> {
        let Some(object) = item.object() else {
            return self.fail_structure(sqlstate::SQL_JSON_MEMBER_NOT_FOUND, || {
                "jsonpath member accessor can only be applied to an object".to_owned()
            });
        };
        match object.get(key) {
            Some(value) => self.next(of, at + 1, Item::Node(value), found),
            None => self.fail_structure(sqlstate::SQL_JSON_MEMBER_NOT_FOUND, || {
                format!("JSON object does not contain key \"{key}\"")
            }),
        }
    }

    /// All members of a container.
    fn members(&mut self, of: &'a Expression, at: usize, item: Item<'a>, found: Found<'_, 'a>) -> Result<Status> {
        self.unwrapped((at + 1 < of.steps.len()).then_some((of, at + 1)), item, found, self.lax)
    }

    /// Does a step, or nothing more, to each member of a container.
    pub fn unwrapped(
        &mut self,
        next: Option<(&'a Expression, usize)>,
        item: Item<'a>,
        found: Found<'_, 'a>,
        unwraps: bool,
    ) -> Result<Status> {
        let Item::Node(container) = item else { return Ok(Status::NotFound) };
        let levels = Levels { next, first: Some(1), last: Some(1), forgives: false, unwraps };
        self.any(&levels, container, found)
    }

    fn levels(
        &mut self,
        of: &'a Expression,
        at: usize,
        (first, last): (Option<u32>, Option<u32>),
        item: Item<'a>,
        mut found: Found<'_, 'a>,
    ) -> Result<Status> {
        let mut status = Status::NotFound;
        if first == Some(0) {
            let forgives = std::mem::replace(&mut self.forgives, true);
            let result = self.next(of, at + 1, item.clone(), found.as_deref_mut());
            self.forgives = forgives;
            status = result?;
            if status == Status::Found && found.is_none() {
                return Ok(status);
            }
        }
        match item {
            Item::Node(container) if container.is_container() => {
                let next = (at + 1 < of.steps.len()).then_some((of, at + 1));
                let levels = Levels { next, first, last, forgives: true, unwraps: self.lax };
                self.any(&levels, container, found)
            }
            _ => Ok(status),
        }
    }

    /// From the outside in, and from the first member to the last. Not by recursion: values may be deep.
    fn any(&mut self, levels: &Levels<'a>, container: Node<'a>, mut found: Found<'_, 'a>) -> Result<Status> {
        self.check_stack()?;
        let mut status = Status::NotFound;
        if levels.last == Some(0) {
            return Ok(status);
        }
        let mut ahead = Vec::new();
        for member in members(container) {
            ahead.push((member, 1));
            while let Some((node, level)) = ahead.pop() {
                if levels.wants(level, node) {
                    status = self.reached(levels, node, found.as_deref_mut())?;
                    if status == Status::Failed || (status == Status::Found && found.is_none()) {
                        return Ok(status);
                    }
                }
                if levels.last.is_none_or(|last| level < last) {
                    let begun = ahead.len();
                    ahead.extend(members(node).map(|member| (member, level + 1)));
                    ahead[begun..].reverse();
                }
            }
        }
        Ok(status)
    }

    fn reached(&mut self, levels: &Levels<'a>, node: Node<'a>, found: Found<'_, 'a>) -> Result<Status> {
        let Some((of, at)) = levels.next else {
            found.into_iter().for_each(|found| found.push(Item::Node(node)));
            return Ok(Status::Found);
        };
        let forgives = self.forgives;
        self.forgives |= levels.forgives;
        let result = self.item(of, at, Item::Node(node), found, levels.unwraps);
        self.forgives = forgives;
        result
    }

    /// In lax mode what is no array is one of itself.
    fn elements(
        &mut self,
        of: &'a Expression,
        at: usize,
        ranges: &'a [Range],
        item: Item<'a>,
        mut found: Found<'_, 'a>,
    ) -> Result<Status> {
        let array = item.array();
        let length = array.map_or(1, |array| array.len());
        let outer = self.array_length.replace(length);
        let mut status = Status::NotFound;
        let mut result = Ok(());
        'ranges: for range in ranges {
            let (first, last) = match self.bounds(range, length) {
                Ok(Some(bounds)) => bounds,
                Ok(None) => {
                    status = Status::Failed;
                    break;
                }
                Err(error) => {
                    result = Err(error);
                    break;
                }
            };
            status = Status::NotFound;
            for index in first..last {
                let element = array.and_then(|array| array.get(index)).map_or_else(|| item.clone(), Item::Node);
                match self.next(of, at + 1, element, found.as_deref_mut()) {
                    Ok(next) => status = next,
                    Err(error) => result = Err(error),
                }
                if result.is_err() || status == Status::Failed || (status == Status::Found && found.is_none()) {
                    break 'ranges;
                }
            }
        }
        self.array_length = outer;
        result.map(|()| status)
    }

    /// The first index of a range and the one behind its last. None if they can't be told, silently.
    fn bounds(&mut self, range: &'a Range, length: usize) -> Result<Option<(usize, usize)>> {
        let Some(from) = self.index(&range.from)? else { return Ok(None) };
        let to = match &range.to {
            Some(to) => self.index(to)?,
            None => Some(from),
        };
        let Some(to) = to else { return Ok(None) };
        let length = length as i64;
        let (from, to) = (i64::from(from), i64::from(to));
        if !self.forgives && (from < 0 || from > to || to >= length) {
            let message = "jsonpath array subscript is out of bounds";
            return self.fail(sqlstate::INVALID_SQL_JSON_SUBSCRIPT, || message.to_owned()).map(|_| None);
        }
        Ok(Some((from.max(0) as usize, (to + 1).clamp(0, length) as usize)))
    }

    fn index(&mut self, of: &'a Expression) -> Result<Option<i32>> {
        let mut found = Vec::new();
        if self.evaluate(of, Some(&mut found))? == Status::Failed {
            return Ok(None);
        }
        let number = if let [item] = &found[..] { item.number() } else { None };
        let state = sqlstate::INVALID_SQL_JSON_SUBSCRIPT;
        let Some(number) = number else {
            let message = "jsonpath array subscript is not a single numeric value";
            return self.fail(state, || message.to_owned()).map(|_| None);
        };
        match number.trunc(0).to_i64().and_then(|index| i32::try_from(index).ok()) {
            Some(index) => Ok(Some(index)),
            None => {
                let message = "jsonpath array subscript is out of integer range";
                self.fail(state, || message.to_owned()).map(|_| None)
            }
        }
    }

    /// The values of an operand; in lax mode of arrays among them the elements.
    pub fn operand(&mut self, of: &'a Expression, unwraps: bool, found: &mut Vec<Item<'a>>) -> Result<Status> {
        if !unwraps || !self.lax {
            return self.evaluate(of, Some(found));
        }
        let mut values = Vec::new();
        if self.evaluate(of, Some(&mut values))? == Status::Failed {
            return Ok(Status::Failed);
        }
        for item in values {
            match item.array() {
                Some(array) => found.extend(array.iter().map(Item::Node)),
                None => found.push(item),
            }
        }
        Ok(Status::Found)
    }

    fn arithmetic(
        &mut self,
        of: &'a Expression,
        operator: Operator,
        left: &'a Expression,
        right: &'a Expression,
        found: Found<'_, 'a>,
    ) -> Result<Status> {
        let (mut lefts, mut rights) = (Vec::new(), Vec::new());
        if self.operand(left, true, &mut lefts)? == Status::Failed
            || self.operand(right, true, &mut rights)? == Status::Failed
        {
            return Ok(Status::Failed);
        }
        let single = |items: &[Item]| if let [item] = items { item.number() } else { None };
        let refuse = |side: &str| {
            let message = || {
                let symbol = operator.symbol();
                format!("{side} operand of jsonpath operator {symbol} is not a single numeric value")
            };
            self.fail(sqlstate::SINGLETON_SQL_JSON_ITEM_REQUIRED, message)
        };
        let Some(left) = single(&lefts) else { return refuse("left") };
        let Some(right) = single(&rights) else { return refuse("right") };
        let result = match operator {
            Operator::Add => left.add(&right),
            Operator::Subtract => left.sub(&right),
            Operator::Multiply => left.mul(&right),
            Operator::Divide => left.div(&right),
            Operator::Remainder => left.rem(&right),
        };
        match result {
            Ok(number) => self.next(of, 0, Item::Number(number), found),
            Err(error) if self.throws => Err(error),
            Err(_) => Ok(Status::Failed),
        }
    }

    fn signed(
        &mut self,
        of: &'a Expression,
        sign: Sign,
        operand: &'a Expression,
        mut found: Found<'_, 'a>,
    ) -> Result<Status> {
        let mut values = Vec::new();
        if self.operand(operand, true, &mut values)? == Status::Failed {
            return Ok(Status::Failed);
        }
        let is_alone = of.steps.is_empty() && found.is_none();
        let mut status = Status::NotFound;
        for item in values {
            let number = match item.number() {
                Some(_) if is_alone => return Ok(Status::Found),
                None if is_alone => continue,
                Some(number) => {
                    if sign == Sign::Minus {
                        number.neg()
                    } else {
                        number
                    }
                }
                None => {
                    let symbol = sign.symbol();
                    return self.fail(sqlstate::SQL_JSON_NUMBER_NOT_FOUND, || {
                        format!("operand of unary jsonpath operator {symbol} is not a numeric value")
                    });
                }
            };
            match self.next(of, 0, Item::Number(number), found.as_deref_mut())? {
                Status::Failed => return Ok(Status::Failed),
                Status::Found if found.is_none() => return Ok(Status::Found),
                Status::Found => status = Status::Found,
                Status::NotFound => {}
            }
        }
        Ok(status)
    }
}

/// Elements, or values of keys.
fn members<'a>(container: Node<'a>) -> impl Iterator<Item = Node<'a>> {
    let elements = container.as_array().into_iter().flat_map(|array| array.iter());
    let values = container.as_object().into_iter().flat_map(|object| object.iter().map(|(_, value)| value));
    elements.chain(values)
}

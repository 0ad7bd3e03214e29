//! The bytes of a `jsonb` value: read in place, copied whole.
//!
//! ```text
//! node     header byte, then by kind (its low three bits):
//!   null, false, true    nothing
//!   number               as Numeric::encode_value writes it
//!   string               UTF-8
//!   array                depth, n, n ends; elements
//!   object               depth, n, n ends of keys, n ends of values; keys, values
//! ```
//! Depth, `n` and the ends are 1, 2 or 4 bytes wide each (the header's next two bits), little-endian; an end is counted
//! from where the first element, key or value begins; the depth of a container of scalars is 1. Whoever holds a node knows how long it is, from the ends around it. A
//! node does not say where it stands, so that parts of values are copied into others as they are.
//!
//! INVARIANT: the keys of an object ascend strictly by length, then bytes, which is PostgreSQL's order; lookups halve.
//! INVARIANT: a [`Jsonb`] holds well-formed bytes: written by [`Builder`] and the functions here, or checked by
//! [`Jsonb::decode`]. Readers of nodes rely on it, and treat a broken one as a bug.

use std::cmp::Ordering;
use std::sync::Arc;

use super::lex::{DEPTH_MAX, Scalar, Sink, check_depth};
use crate::error::{Error, Result};
use crate::numeric::Numeric;
use crate::sqlstate;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const NUMBER: u8 = 3;
const STRING: u8 = 4;
const ARRAY: u8 = 5;
const OBJECT: u8 = 6;
const KIND_BITS: u32 = 3;
const KIND_MASK: u8 = 7;

/// Cheap to clone: the bytes are shared.
#[derive(Clone)]
pub struct Jsonb(Arc<[u8]>);

/// A value inside a [`Jsonb`], or the whole.
#[derive(Clone, Copy)]
pub struct Node<'a>(&'a [u8]);

/// In the order in which values of different kinds compare.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Null,
    String,
    Number,
    Bool,
    Array,
    Object,
}

#[derive(Clone, Copy)]
pub struct Elements<'a> {
    ends: Ends<'a>,
    payload: &'a [u8],
}

#[derive(Clone, Copy)]
pub struct Members<'a> {
    key_ends: Ends<'a>,
    value_ends: Ends<'a>,
    keys: &'a [u8],
    values: &'a [u8],
}

#[derive(Clone, Copy)]
struct Ends<'a> {
    bytes: &'a [u8],
    width: usize,
}

impl Jsonb {
    /// Of bytes from storage; none if they are not what [`Jsonb::as_bytes`] gave.
    pub fn decode(bytes: &[u8]) -> Option<Jsonb> {
        is_valid(bytes, 0).then(|| Jsonb(bytes.into()))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn root(&self) -> Node<'_> {
        Node(&self.0)
    }

    pub fn heap_bytes(&self) -> usize {
        self.0.len() + 16
    }
}

impl<'a> Node<'a> {
    pub fn kind(self) -> Kind {
        match self.tag() {
            NULL => Kind::Null,
            FALSE | TRUE => Kind::Bool,
            NUMBER => Kind::Number,
            STRING => Kind::String,
            ARRAY => Kind::Array,
            _ => Kind::Object,
        }
    }

    fn tag(self) -> u8 {
        self.0[0] & KIND_MASK
    }

    pub fn is_container(self) -> bool {
        self.tag() >= ARRAY
    }

    /// How many containers lie in one another here.
    fn depth(self) -> usize {
        if self.is_container() { open(self.0).expect("checked when it came in").depth } else { 0 }
    }

    pub fn is_null(self) -> bool {
        self.tag() == NULL
    }

    pub fn as_bool(self) -> Option<bool> {
        match self.tag() {
            FALSE => Some(false),
            TRUE => Some(true),
            _ => None,
        }
    }

    pub fn as_number(self) -> Option<Numeric> {
        (self.tag() == NUMBER).then(|| Numeric::decode_value(&self.0[1..]).expect("checked when it came in"))
    }

    pub fn as_str(self) -> Option<&'a str> {
        (self.tag() == STRING).then(|| std::str::from_utf8(&self.0[1..]).expect("checked when it came in"))
    }

    pub fn as_array(self) -> Option<Elements<'a>> {
        (self.tag() == ARRAY).then(|| Elements::open(self.0).expect("checked when it came in"))
    }

    pub fn as_object(self) -> Option<Members<'a>> {
        (self.tag() == OBJECT).then(|| Members::open(self.0).expect("checked when it came in"))
    }

    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    pub fn to_jsonb(self) -> Jsonb {
        Jsonb(self.0.into())
    }
}

impl<'a> Ends<'a> {
    fn len(self) -> usize {
        self.bytes.len() / self.width
    }

    fn get(self, at: usize) -> usize {
        little_endian(self.bytes, at, self.width)
    }

    fn start(self, at: usize) -> usize {
        if at == 0 { 0 } else { self.get(at - 1) }
    }

    fn last(self) -> usize {
        self.start(self.len())
    }
}

fn little_endian(bytes: &[u8], at: usize, width: usize) -> usize {
    match width {
        1 => usize::from(bytes[at]),
        2 => usize::from(u16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]])),
        _ => {
            let bytes = &bytes[4 * at..4 * at + 4];
            u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize
        }
    }
}

/// What the containers begin with, and the bytes behind it.
struct Opened<'a> {
    width: usize,
    depth: usize,
    count: usize,
    rest: &'a [u8],
}

fn open(node: &[u8]) -> Option<Opened<'_>> {
    let width = match node[0] >> KIND_BITS {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => return None,
    };
    let (head, rest) = node[1..].split_at_checked(2 * width)?;
    Some(Opened { width, depth: little_endian(head, 0, width), count: little_endian(head, 1, width), rest })
}

impl<'a> Elements<'a> {
    fn open(node: &'a [u8]) -> Option<Elements<'a>> {
        let Opened { width, count, rest, .. } = open(node)?;
        let (bytes, payload) = rest.split_at_checked(count.checked_mul(width)?)?;
        Some(Elements { ends: Ends { bytes, width }, payload })
    }

    pub fn len(self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub fn get(self, at: usize) -> Option<Node<'a>> {
        (at < self.len()).then(|| Node(&self.payload[self.ends.start(at)..self.ends.get(at)]))
    }

    pub fn iter(self) -> impl DoubleEndedIterator<Item = Node<'a>> + Clone {
        (0..self.len()).map(move |at| Node(&self.payload[self.ends.start(at)..self.ends.get(at)]))
    }
}

impl<'a> Members<'a> {
    fn open(node: &'a [u8]) -> Option<Members<'a>> {
        let Opened { width, count, rest, .. } = open(node)?;
        let table = count.checked_mul(width)?;
        let (key_ends, rest) = rest.split_at_checked(table)?;
        let (value_ends, rest) = rest.split_at_checked(table)?;
        let key_ends = Ends { bytes: key_ends, width };
        let (keys, values) = rest.split_at_checked(key_ends.last())?;
        Some(Members { key_ends, value_ends: Ends { bytes: value_ends, width }, keys, values })
    }

    pub fn len(self) -> usize {
        self.key_ends.len()
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    fn key_bytes(self, at: usize) -> &'a [u8] {
        &self.keys[self.key_ends.start(at)..self.key_ends.get(at)]
    }

    pub fn key(self, at: usize) -> &'a str {
        std::str::from_utf8(self.key_bytes(at)).expect("checked when it came in")
    }

    pub fn value(self, at: usize) -> Node<'a> {
        Node(&self.values[self.value_ends.start(at)..self.value_ends.get(at)])
    }

    pub fn find(self, key: &str) -> std::result::Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match compare_keys(self.key_bytes(middle), key.as_bytes()) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    pub fn get(self, key: &str) -> Option<Node<'a>> {
        self.find(key).ok().map(|at| self.value(at))
    }

    pub fn iter(self) -> impl Iterator<Item = (&'a str, Node<'a>)> + Clone {
        (0..self.len()).map(move |at| (self.key(at), self.value(at)))
    }
}

/// Members of one object in PostgreSQL's order.
pub fn compare_keys(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn is_valid(node: &[u8], depth: usize) -> bool {
    let Some((header, rest)) = node.split_first() else { return false };
    match header & KIND_MASK {
        NULL | FALSE | TRUE => *header <= TRUE && rest.is_empty(),
        NUMBER => *header == NUMBER && Numeric::decode_value(rest).is_ok(),
        STRING => *header == STRING && std::str::from_utf8(rest).is_ok(),
        ARRAY if depth < DEPTH_MAX => {
            let Some(array) = Elements::open(node) else { return false };
            ends_fit(array.ends, array.payload)
                && array.iter().all(|element| is_valid(element.0, depth + 1))
                && depth_fits(node, array.iter())
        }
        OBJECT if depth < DEPTH_MAX => {
            let Some(object) = Members::open(node) else { return false };
            let mut values = (0..object.len()).map(|at| object.value(at));
            ends_fit(object.key_ends, object.keys)
                && ends_fit(object.value_ends, object.values)
                && (0..object.len()).all(|at| std::str::from_utf8(object.key_bytes(at)).is_ok())
                && (1..object.len()).all(|at| compare_keys(object.key_bytes(at - 1), object.key_bytes(at)).is_lt())
                && values.clone().all(|value| is_valid(value.0, depth + 1))
                && depth_fits(node, &mut values)
        }
        _ => false,
    }
}

fn depth_fits<'a>(node: &[u8], members: impl Iterator<Item = Node<'a>>) -> bool {
    Node(node).depth() == 1 + members.map(Node::depth).max().unwrap_or(0)
}

fn ends_fit(ends: Ends, payload: &[u8]) -> bool {
    (0..ends.len()).all(|at| ends.start(at) <= ends.get(at)) && ends.last() == payload.len()
}

/// Writes one value. Containers that are open lie on a stack, each with what it holds so far.
#[derive(Clone, Default)]
pub struct Builder {
    open: Vec<Container>,
    /// The finished value.
    done: Vec<u8>,
}

#[derive(Clone, Default)]
struct Container {
    payload: Vec<u8>,
    ends: Vec<usize>,
    /// Of the deepest member.
    depth: usize,
    /// Of an object: all keys in order of arrival, and where each ends.
    keys: Vec<u8>,
    key_ends: Vec<usize>,
}

impl Builder {
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Of the one value that was written.
    pub fn finish(self) -> Jsonb {
        debug_assert!(self.open.is_empty() && !self.done.is_empty());
        Jsonb(self.done.into())
    }

    fn push(&mut self, depth: usize, write: impl FnOnce(&mut Vec<u8>)) {
        match self.open.last_mut() {
            Some(container) => {
                write(&mut container.payload);
                container.ends.push(container.payload.len());
                container.depth = container.depth.max(depth);
            }
            None => write(&mut self.done),
        }
    }

    pub fn null(&mut self) {
        self.push(0, |out| out.push(NULL));
    }

    pub fn bool(&mut self, value: bool) {
        self.push(0, |out| out.push(if value { TRUE } else { FALSE }));
    }

    pub fn number(&mut self, value: &Numeric) {
        self.push(0, |out| {
            out.push(NUMBER);
            value.encode_value(out);
        });
    }

    pub fn string(&mut self, value: &str) {
        self.push(0, |out| {
            out.push(STRING);
            out.extend_from_slice(value.as_bytes());
        });
    }

    /// A copy of a value that exists.
    pub fn node(&mut self, node: Node) {
        self.push(node.depth(), |out| out.extend_from_slice(node.0));
    }

    /// Of what is written so far, roughly.
    pub fn bytes(&self) -> usize {
        self.open
            .iter()
            .map(|container| container.payload.len() + container.keys.len() + 8 * container.ends.len())
            .sum()
    }

    pub fn member(&mut self, key: &str, value: Node) {
        self.key(key);
        self.node(value);
    }
}

impl Sink for Builder {
    fn begin_array(&mut self) {
        self.open.push(Container::default());
    }

    fn end_array(&mut self) -> Result<()> {
        let array = self.open.pop().expect("a container is open");
        let depth = array.depth + 1;
        check_depth(depth)?;
        let width = width_of(array.ends.len().max(array.payload.len()), "array")?;
        self.push(depth, |out| {
            out.reserve(1 + width * (2 + array.ends.len()) + array.payload.len());
            out.push(header(ARRAY, width));
            push_number(out, width, depth);
            push_number(out, width, array.ends.len());
            array.ends.iter().for_each(|end| push_number(out, width, *end));
            out.extend_from_slice(&array.payload);
        });
        Ok(())
    }

    fn begin_object(&mut self) {
        self.open.push(Container::default());
    }

    fn key(&mut self, key: &str) {
        let object = self.open.last_mut().expect("a container is open");
        object.keys.extend_from_slice(key.as_bytes());
        object.key_ends.push(object.keys.len());
    }

    /// Of members with one key the last stays.
    fn end_object(&mut self) -> Result<()> {
        let object = self.open.pop().expect("a container is open");
        let key = |at: usize| part(&object.keys, &object.key_ends, at);
        let value = |at: usize| part(&object.payload, &object.ends, at);
        let mut order: Vec<usize> = (0..object.ends.len()).collect();
        if !(1..order.len()).all(|at| compare_keys(key(at - 1), key(at)).is_lt()) {
            order.sort_unstable_by(|a, b| compare_keys(key(*a), key(*b)).then(b.cmp(a)));
            order.dedup_by(|a, b| key(*a) == key(*b));
        }
        // Not that of the container, whose deepest member may just have gone.
        let depth = 1 + order.iter().map(|at| Node(value(*at)).depth()).max().unwrap_or(0);
        check_depth(depth)?;

        let keys_bytes = order.iter().map(|at| key(*at).len()).sum::<usize>();
        let values_bytes = order.iter().map(|at| value(*at).len()).sum::<usize>();
        let width = width_of(order.len().max(keys_bytes).max(values_bytes), "object")?;
        self.push(depth, |out| {
            out.reserve(1 + 2 * width * (1 + order.len()) + keys_bytes + values_bytes);
            out.push(header(OBJECT, width));
            push_number(out, width, depth);
            push_number(out, width, order.len());
            push_ends(out, width, order.iter().map(|at| key(*at).len()));
            push_ends(out, width, order.iter().map(|at| value(*at).len()));
            order.iter().for_each(|at| out.extend_from_slice(key(*at)));
            order.iter().for_each(|at| out.extend_from_slice(value(*at)));
        });
        Ok(())
    }

    fn scalar(&mut self, scalar: Scalar) -> Result<()> {
        match scalar {
            Scalar::Null => self.null(),
            Scalar::Bool(value) => self.bool(value),
            Scalar::Number(text) => self.number(&Numeric::parse(text)?),
            Scalar::String(text) => self.string(text),
        }
        Ok(())
    }
}

fn part<'a>(bytes: &'a [u8], ends: &[usize], at: usize) -> &'a [u8] {
    &bytes[if at == 0 { 0 } else { ends[at - 1] }..ends[at]]
}

fn header(kind: u8, width: usize) -> u8 {
    kind | (width.trailing_zeros() as u8) << KIND_BITS
}

fn push_number(out: &mut Vec<u8>, width: usize, value: usize) {
    out.extend_from_slice(&value.to_le_bytes()[..width]);
}

fn push_ends(out: &mut Vec<u8>, width: usize, lengths: impl Iterator<Item = usize>) {
    let mut end = 0;
    for length in lengths {
        end += length;
        push_number(out, width, end);
    }
}

/// Wide enough for the largest number of a container; its depth is smaller than its bytes.
fn width_of(max: usize, what: &str) -> Result<usize> {
    // PostgreSQL's own limit.
    const BYTES_MAX: usize = 0x0fff_ffff;
    match max {
        0..=0xff => Ok(1),
        0x100..=0xffff => Ok(2),
        0x1_0000..=BYTES_MAX => Ok(4),
        _ => {
            let message = format!("total size of jsonb {what} elements exceeds the maximum of {BYTES_MAX} bytes");
            Err(Error::new(sqlstate::PROGRAM_LIMIT_EXCEEDED, message))
        }
    }
}

//! PostgreSQL's advanced (and extended) regular expressions, parsed into a tree.
//!
//! The tree keeps what decides between several matches at one place: each node's *preference*. PostgreSQL prefers the
//! longest match of a whole expression, or the shortest, and derives which from the first quantifier in it; see
//! [`Prefer`]. Case folding and the newline options are already applied to the character sets.
//!
//! Characters are classed as in locale C: only ASCII letters are letters.
//!
//! What it deliberately does not do: basic regular expressions (option `b`), named collating elements.
//!
//! Follows "POSIX Regular Expressions" of PostgreSQL's chapter Pattern Matching.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use crate::error::{Error, Result};
use crate::sqlstate;

/// What may be said with flags (`'in'`) or at the start of a pattern (`(?in)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    pub flavor: Flavor,
    pub ignore_case: bool,
    /// White space and comments in the pattern mean nothing.
    pub expanded: bool,
    /// `.` and `[^...]` do not match a newline.
    pub newline_stops: bool,
    /// `^` and `$` match at newlines too.
    pub newline_anchors: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    Advanced,
    Extended,
    Basic,
    /// The pattern is a plain string.
    Literal,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            flavor: Flavor::Advanced,
            ignore_case: false,
            expanded: false,
            newline_stops: false,
            newline_anchors: false,
        }
    }
}

impl Options {
    /// One letter of the flags or of `(?...)`; `false` if it is none.
    pub fn set(&mut self, letter: char) -> bool {
        match letter {
            'b' => self.flavor = Flavor::Basic,
            'c' => self.ignore_case = false,
            'e' => self.flavor = Flavor::Extended,
            'i' => self.ignore_case = true,
            'm' | 'n' => (self.newline_stops, self.newline_anchors) = (true, true),
            'p' => (self.newline_stops, self.newline_anchors) = (true, false),
            'q' => self.flavor = Flavor::Literal,
            's' => (self.newline_stops, self.newline_anchors) = (false, false),
            't' => self.expanded = false,
            'w' => (self.newline_stops, self.newline_anchors) = (false, true),
            'x' => self.expanded = true,
            _ => return false,
        }
        true
    }
}

/// The length that a part of an expression prefers, if it can choose.
///
/// A quantifier decides for what it quantifies, except `{n}`, which passes on what its operand prefers. A sequence
/// prefers what the first of its items does that prefers anything. Alternatives prefer the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefer {
    Nothing,
    Longest,
    Shortest,
}

impl Prefer {
    fn or(self, other: Prefer) -> Prefer {
        if self == Prefer::Nothing { other } else { self }
    }
}

#[derive(Debug)]
pub struct Node {
    pub kind: Kind,
    pub prefer: Prefer,
    /// Groups or references to groups are within, so that a match must be taken apart.
    pub has_groups: bool,
}

#[derive(Debug)]
pub enum Kind {
    Empty,
    Set(Set),
    At(Place),
    Around(Around),
    Reference(Reference),
    Sequence(Vec<Node>),
    Alternatives(Vec<Node>),
    Repeat(Repeat),
    /// Numbered from 1.
    Group(usize, Box<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    WordStart,
    WordEnd,
    WordEdge,
    NotWordEdge,
}

/// `(?=`, `(?!`, `(?<=`, `(?<!`.
#[derive(Debug)]
pub struct Around {
    pub node: Box<Node>,
    pub ahead: bool,
    pub negative: bool,
}

/// What the group of this number matched, so many times.
#[derive(Debug)]
pub struct Reference {
    pub number: usize,
    pub min: u32,
    pub max: Option<u32>,
}

#[derive(Debug)]
pub struct Repeat {
    pub node: Box<Node>,
    pub min: u32,
    pub max: Option<u32>,
}

/// Characters of which one matches.
#[derive(Debug, Clone)]
pub struct Set {
    class: ClassUnicode,
    /// The same below 128, as bits.
    ascii: u128,
}

impl Set {
    fn new(class: ClassUnicode) -> Set {
        let mut ascii = 0;
        for range in class.ranges() {
            for code in range.start() as u32..=(range.end() as u32).min(127) {
                ascii |= 1 << code;
            }
        }
        Set { class, ascii }
    }

    pub fn contains(&self, character: char) -> bool {
        let code = character as u32;
        if code < 128 {
            return self.ascii >> code & 1 == 1;
        }
        let ranges = self.class.ranges();
        let after = ranges.partition_point(|range| range.start() <= character);
        after > 0 && ranges[after - 1].end() >= character
    }

    pub fn class(&self) -> &ClassUnicode {
        &self.class
    }
}

#[derive(Debug)]
pub struct Tree {
    pub root: Node,
    pub groups: usize,
    pub ignore_case: bool,
    pub has_references: bool,
    pub has_arounds: bool,
}

/// 2201B, in the words of PostgreSQL's regular expression library.
pub fn invalid(what: &str) -> Error {
    Error::new(sqlstate::INVALID_REGULAR_EXPRESSION, format!("invalid regular expression: {what}"))
}

const BAD_REPEAT: &str = "quantifier operand invalid";
const BAD_BOUND: &str = "invalid repetition count(s)";
const BAD_BRACE: &str = "braces {} not balanced";
const BAD_BRACKET: &str = "brackets [] not balanced";
const BAD_CLASS: &str = "invalid character class";
const BAD_COLLATING: &str = "invalid collating element";
const BAD_ESCAPE: &str = "invalid escape \\ sequence";
const BAD_OPTION: &str = "invalid embedded option";
const BAD_PAREN: &str = "parentheses () not balanced";
const BAD_PATTERN: &str = "invalid regexp (reg version 0.8)";
const BAD_RANGE: &str = "invalid character range";
const BAD_REFERENCE: &str = "invalid backreference number";
pub const TOO_COMPLEX: &str = "regular expression is too complex";

const REPEAT_MAX: u32 = 255;
/// Of parentheses; what walks the tree recurses this deep.
const DEPTH_MAX: usize = 200;
/// Parts of one sequence that a match is taken apart into; taking apart recurses once a part.
const PARTS_MAX: usize = 500;

pub fn parse(pattern: &str, options: Options) -> Result<Tree> {
    let mut parser = Parser {
        rest: pattern.chars().collect(),
        at: 0,
        options,
        opened: 0,
        closed: Vec::new(),
        depth: 0,
        around_depth: 0,
        has_references: false,
        has_arounds: false,
    };
    parser.prefix()?;
    let root = match parser.options.flavor {
        Flavor::Basic => return Err(Error::unsupported("a basic regular expression (option \"b\")")),
        Flavor::Literal => {
            let characters = std::mem::take(&mut parser.rest);
            let items = characters[parser.at..].iter().map(|character| parser.literal(*character)).collect();
            sequence(items)?
        }
        Flavor::Advanced | Flavor::Extended => {
            let root = parser.alternatives()?;
            if parser.at < parser.rest.len() {
                return Err(invalid(BAD_PAREN));
            }
            root
        }
    };
    Ok(Tree {
        root,
        groups: parser.opened,
        ignore_case: parser.options.ignore_case,
        has_references: parser.has_references,
        has_arounds: parser.has_arounds,
    })
}

struct Parser {
    rest: Vec<char>,
    at: usize,
    options: Options,
    opened: usize,
    /// Numbers of groups whose end has been seen: only those can be referred to.
    closed: Vec<usize>,
    depth: usize,
    around_depth: usize,
    has_references: bool,
    has_arounds: bool,
}

struct Quantifier {
    min: u32,
    max: Option<u32>,
    /// Of what is quantified, as a whole.
    prefer: Prefer,
}

/// What an escape stands for.
enum Escape {
    Character(char),
    Class(ClassUnicode),
    At(Place),
    Reference(usize),
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn looks_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(offset, character)| self.rest.get(self.at + offset) == Some(&character))
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.looks_at(text);
        if found {
            self.at += text.chars().count();
        }
        found
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += 1;
        Some(character)
    }

    fn is_advanced(&self) -> bool {
        self.options.flavor == Flavor::Advanced
    }

    /// Directors (`***=`) and embedded options (`(?i)`), which only stand at the start.
    fn prefix(&mut self) -> Result<()> {
        if self.options.flavor == Flavor::Literal {
            return Ok(());
        }
        if self.take("***") {
            match self.next() {
                Some('=') => {
                    self.options.flavor = Flavor::Literal;
                    return Ok(());
                }
                Some(':') => self.options.flavor = Flavor::Advanced,
                Some('?') => return Err(invalid(BAD_PATTERN)),
                _ => return Err(invalid(BAD_REPEAT)),
            }
        }
        let lettered = self.rest.get(self.at + 2).is_some_and(char::is_ascii_alphabetic);
        if self.is_advanced() && self.looks_at("(?") && lettered {
            self.at += 2;
            loop {
                match self.next() {
                    Some(')') => break,
                    Some(letter) if self.options.set(letter) => {}
                    _ => return Err(invalid(BAD_OPTION)),
                }
            }
            if self.options.flavor == Flavor::Literal {
                (self.options.newline_stops, self.options.newline_anchors) = (false, false);
            }
        }
        Ok(())
    }

    /// Skips what an expanded pattern may be decorated with, and comments.
    fn skip(&mut self) -> Result<()> {
        loop {
            match self.peek() {
                Some(character) if self.options.expanded && is_space(character) => self.at += 1,
                Some('#') if self.options.expanded => {
                    while self.peek().is_some_and(|character| character != '\n') {
                        self.at += 1;
                    }
                }
                Some('(') if self.is_advanced() && self.looks_at("(?#") => {
                    while self.peek().is_some_and(|character| character != ')') {
                        self.at += 1;
                    }
                    self.at = self.rest.len().min(self.at + 1);
                }
                _ => return Ok(()),
            }
        }
    }

    fn alternatives(&mut self) -> Result<Node> {
        let mut branches = vec![self.branch()?];
        while self.take("|") {
            branches.push(self.branch()?);
        }
        if branches.len() == 1 {
            return Ok(branches.remove(0));
        }
        let has_groups = branches.iter().any(|branch| branch.has_groups);
        Ok(Node { kind: Kind::Alternatives(branches), prefer: Prefer::Longest, has_groups })
    }

    fn branch(&mut self) -> Result<Node> {
        let mut items = Vec::new();
        loop {
            self.skip()?;
            match self.peek() {
                None | Some('|') => break,
                Some(')') if self.depth > 0 || self.is_advanced() => break,
                Some(character) => items.push(self.item(character)?),
            }
        }
        sequence(items)
    }

    /// One atom with its quantifier, or one constraint.
    fn item(&mut self, character: char) -> Result<Node> {
        self.at += 1;
        let atom = match character {
            '*' | '+' | '?' => return Err(invalid(BAD_REPEAT)),
            '{' if self.peek().is_some_and(|next| next.is_ascii_digit()) => return Err(invalid(BAD_REPEAT)),
            '^' if self.options.newline_anchors => return Ok(place(Place::LineStart)),
            '^' => return Ok(place(Place::TextStart)),
            '$' if self.options.newline_anchors => return Ok(place(Place::LineEnd)),
            '$' => return Ok(place(Place::TextEnd)),
            '.' if self.options.newline_stops => set(everything_but_newline()),
            '.' => set(everything()),
            '[' if self.take("[:<:]]") => return Ok(place(Place::WordStart)),
            '[' if self.take("[:>:]]") => return Ok(place(Place::WordEnd)),
            '[' => set(self.bracket()?),
            '(' => {
                let is_around = self.looks_at("?") && !self.looks_at("?:");
                let node = self.parenthesis()?;
                if is_around {
                    return Ok(node);
                }
                node
            }
            '\\' => match self.escape()? {
                Escape::Character(character) => self.literal(character),
                Escape::Class(class) => set(class),
                Escape::At(at) => return Ok(place(at)),
                Escape::Reference(group) => {
                    if self.around_depth > 0 || !self.closed.contains(&group) {
                        return Err(invalid(BAD_REFERENCE));
                    }
                    self.has_references = true;
                    return self.quantified_reference(group);
                }
            },
            plain => self.literal(plain),
        };
        self.quantified(atom)
    }

    fn parenthesis(&mut self) -> Result<Node> {
        let mut around = None;
        let mut captures = self.around_depth == 0;
        if self.is_advanced() && self.take("?") {
            captures = false;
            let behind = self.take("<");
            match self.next() {
                Some(':') if !behind => {}
                Some('=') => around = Some((!behind, false)),
                Some('!') => around = Some((!behind, true)),
                _ => return Err(invalid(BAD_REPEAT)),
            }
        }
        self.opened += usize::from(captures);
        let number = self.opened;
        self.depth += 1;
        self.around_depth += usize::from(around.is_some());
        if self.depth > DEPTH_MAX {
            return Err(invalid(TOO_COMPLEX));
        }
        let node = self.alternatives()?;
        if !self.take(")") {
            return Err(invalid(BAD_PAREN));
        }
        self.depth -= 1;
        self.around_depth -= usize::from(around.is_some());
        if captures {
            self.closed.push(number);
            let prefer = node.prefer;
            return Ok(Node { kind: Kind::Group(number, Box::new(node)), prefer, has_groups: true });
        }
        Ok(match around {
            Some((ahead, negative)) => {
                self.has_arounds = true;
                let kind = Kind::Around(Around { node: Box::new(node), ahead, negative });
                Node { kind, prefer: Prefer::Nothing, has_groups: false }
            }
            None => node,
        })
    }

    fn quantified(&mut self, atom: Node) -> Result<Node> {
        let Some(Quantifier { min, max, prefer }) = self.quantifier(atom.prefer)? else { return Ok(atom) };
        if max == Some(0) {
            return Ok(empty());
        }
        // Once is no repetition, but the preference stays.
        if (min, max) == (1, Some(1)) && (atom.prefer == prefer || atom.prefer == Prefer::Nothing) {
            return Ok(Node { prefer, ..atom });
        }
        let has_groups = atom.has_groups;
        Ok(Node { kind: Kind::Repeat(Repeat { node: Box::new(atom), min, max }), prefer, has_groups })
    }

    fn quantified_reference(&mut self, number: usize) -> Result<Node> {
        let once = Quantifier { min: 1, max: Some(1), prefer: Prefer::Nothing };
        let Quantifier { min, max, prefer } = self.quantifier(Prefer::Nothing)?.unwrap_or(once);
        if max == Some(0) {
            return Ok(empty());
        }
        Ok(Node { kind: Kind::Reference(Reference { number, min, max }), prefer, has_groups: true })
    }

    /// What follows an atom of this preference.
    fn quantifier(&mut self, atom: Prefer) -> Result<Option<Quantifier>> {
        self.skip()?;
        let (min, max, chooses) = match self.peek() {
            Some('*') => (0, None, true),
            Some('+') => (1, None, true),
            Some('?') => (0, Some(1), true),
            Some('{') if self.rest.get(self.at + 1).is_some_and(char::is_ascii_digit) => self.bound()?,
            _ => return Ok(None),
        };
        self.at += 1;
        let shortest = self.is_advanced() && self.take("?");
        let own = if shortest { Prefer::Shortest } else { Prefer::Longest };
        Ok(Some(Quantifier { min, max, prefer: if chooses { own } else { atom } }))
    }

    /// `{m}`, `{m,}` or `{m,n}`, up to its brace; the last tells whether it chooses a length (even `{m,m}` does).
    fn bound(&mut self) -> Result<(u32, Option<u32>, bool)> {
        self.at += 1;
        let min = self.bound_number()?;
        let (max, chooses) = match self.peek() {
            Some(',') => {
                self.at += 1;
                let bounded = self.peek().is_some_and(|next| next.is_ascii_digit());
                (if bounded { Some(self.bound_number()?) } else { None }, true)
            }
            _ => (Some(min), false),
        };
        match self.peek() {
            None => Err(invalid(BAD_BRACE)),
            Some('}') if max.is_none_or(|max| min <= max) => Ok((min, max, chooses)),
            Some(_) => Err(invalid(BAD_BOUND)),
        }
    }

    fn bound_number(&mut self) -> Result<u32> {
        let mut number = 0;
        while let Some(digit) = self.peek().and_then(|next| next.to_digit(10)) {
            number = number * 10 + digit;
            if number > REPEAT_MAX {
                return Err(invalid(BAD_BOUND));
            }
            self.at += 1;
        }
        Ok(number)
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<Escape> {
        let Some(letter) = self.next() else { return Err(invalid(BAD_ESCAPE)) };
        if !letter.is_ascii_alphanumeric() || !self.is_advanced() {
            return Ok(Escape::Character(letter));
        }
        Ok(match letter {
            'a' => Escape::Character('\x07'),
            'b' => Escape::Character('\x08'),
            'B' => Escape::Character('\\'),
            'c' => {
                let Some(of) = self.next() else { return Err(invalid(BAD_ESCAPE)) };
                Escape::Character(char::from((of as u32 & 0x1f) as u8))
            }
            'e' => Escape::Character('\x1b'),
            'f' => Escape::Character('\x0c'),
            'n' => Escape::Character('\n'),
            'r' => Escape::Character('\r'),
            't' => Escape::Character('\t'),
            'v' => Escape::Character('\x0b'),
            'u' => Escape::Character(self.code(16, 4, 4)?),
            'U' => Escape::Character(self.code(16, 8, 8)?),
            'x' => Escape::Character(self.code(16, 1, 255)?),
            '0' => {
                self.at -= 1;
                Escape::Character(self.octal()?)
            }
            '1'..='9' => self.reference_or_octal(letter)?,
            'd' | 's' | 'w' => Escape::Class(named(letter)),
            'D' | 'S' | 'W' => {
                let mut class = named(letter.to_ascii_lowercase());
                class.negate();
                Escape::Class(class)
            }
            'A' => Escape::At(Place::TextStart),
            'Z' => Escape::At(Place::TextEnd),
            'm' => Escape::At(Place::WordStart),
            'M' => Escape::At(Place::WordEnd),
            'y' => Escape::At(Place::WordEdge),
            'Y' => Escape::At(Place::NotWordEdge),
            _ => return Err(invalid(BAD_ESCAPE)),
        })
    }

    /// One digit always refers to a group; more do if there are so many groups, else they are an octal code.
    fn reference_or_octal(&mut self, first: char) -> Result<Escape> {
        let start = self.at;
        let mut number = first.to_digit(10).map_or(0, |digit| digit as usize);
        while let Some(digit) = self.peek().and_then(|next| next.to_digit(10)) {
            number = number.saturating_mul(10).saturating_add(digit as usize);
            self.at += 1;
        }
        if self.at == start || number <= self.opened {
            return Ok(Escape::Reference(number));
        }
        self.at = start - 1;
        Ok(Escape::Character(self.octal()?))
    }

    fn octal(&mut self) -> Result<char> {
        let start = self.at;
        let code = self.code(8, 1, 3)?;
        if code as u32 <= 0xff {
            return Ok(code);
        }
        self.at = start;
        self.code(8, 1, 2)
    }

    /// A character by its number, in at least and at most so many digits.
    fn code(&mut self, base: u32, least: usize, most: usize) -> Result<char> {
        let (mut code, mut digits) = (0u32, 0);
        while digits < most {
            let Some(digit) = self.peek().and_then(|next| next.to_digit(base)) else { break };
            code = code.saturating_mul(base).saturating_add(digit);
            digits += 1;
            self.at += 1;
        }
        let character = char::from_u32(code).filter(|_| digits >= least);
        character.ok_or_else(|| invalid(BAD_ESCAPE))
    }

    fn literal(&self, character: char) -> Node {
        let mut class = ClassUnicode::new([ClassUnicodeRange::new(character, character)]);
        self.fold(&mut class);
        set(class)
    }

    fn fold(&self, class: &mut ClassUnicode) {
        if !self.options.ignore_case {
            return;
        }
        let shifted = |from: char, to: char, by: i32| {
            let mut letters = class.clone();
            letters.intersect(&range(from, to));
            let shift = |letter: char| char::from((letter as i32 + by) as u8);
            ClassUnicode::new(
                letters.ranges().iter().map(|part| ClassUnicodeRange::new(shift(part.start()), shift(part.end()))),
            )
        };
        let (upper, lower) = (shifted('a', 'z', -32), shifted('A', 'Z', 32));
        class.union(&upper);
        class.union(&lower);
    }

    /// What follows `[`, its closing bracket included.
    fn bracket(&mut self) -> Result<ClassUnicode> {
        let negative = self.take("^");
        let mut class = ClassUnicode::empty();
        let mut first = true;
        loop {
            if self.at >= self.rest.len() {
                return Err(invalid(BAD_BRACKET));
            }
            if !first && self.take("]") {
                break;
            }
            // A hyphen is itself at the start and at the end.
            if self.looks_at("-") && !first && self.rest.get(self.at + 1) != Some(&']') {
                return Err(invalid(BAD_RANGE));
            }
            first = false;
            match self.bracket_part()? {
                Err(part) => class.union(&part),
                Ok(start) => {
                    let mut end = start;
                    if self.looks_at("-") && self.rest.get(self.at + 1).is_some_and(|next| *next != ']') {
                        self.at += 1;
                        end = self.bracket_part()?.map_err(|_| invalid(BAD_RANGE))?;
                    }
                    if start > end {
                        return Err(invalid(BAD_RANGE));
                    }
                    class.push(ClassUnicodeRange::new(start, end));
                }
            }
        }
        self.fold(&mut class);
        if negative {
            class.negate();
            if self.options.newline_stops {
                class.difference(&range('\n', '\n'));
            }
        }
        Ok(class)
    }

    /// One character, or else a class.
    fn bracket_part(&mut self) -> Result<std::result::Result<char, ClassUnicode>> {
        let Some(character) = self.next() else { return Err(invalid(BAD_BRACKET)) };
        match (character, self.peek()) {
            ('[', Some(kind @ ('.' | '=' | ':'))) => {
                self.at += 1;
                let name = self.bracket_name(kind)?;
                if kind == ':' {
                    let either = self.options.ignore_case && matches!(name.as_str(), "lower" | "upper");
                    let class = class_named(if either { "alpha" } else { &name });
                    return class.map(Err).ok_or_else(|| invalid(BAD_CLASS));
                }
                let mut characters = name.chars();
                match (characters.next(), characters.next()) {
                    (Some(only), None) => Ok(Ok(only)),
                    _ => Err(invalid(BAD_COLLATING)),
                }
            }
            ('\\', _) if self.is_advanced() => match self.escape()? {
                Escape::Character(character) => Ok(Ok(character)),
                Escape::Class(class) => Ok(Err(class)),
                Escape::At(_) | Escape::Reference(_) => Err(invalid(BAD_ESCAPE)),
            },
            (character, _) => Ok(Ok(character)),
        }
    }

    /// Up to `:]` and its like.
    fn bracket_name(&mut self, kind: char) -> Result<String> {
        let mut name = String::new();
        loop {
            match self.next() {
                None => return Err(invalid(BAD_BRACKET)),
                Some(end) if end == kind && self.take("]") => return Ok(name),
                Some(character) => name.push(character),
            }
        }
    }
}

/// Items one after the other. Neighbours without groups whose preferences don't clash become one part, as a match is
/// taken apart only at groups.
fn sequence(items: Vec<Node>) -> Result<Node> {
    let mut parts: Vec<Vec<Node>> = Vec::new();
    let mut preferred = Prefer::Nothing;
    for item in items {
        let clashes = item.prefer.or(preferred) != preferred.or(item.prefer);
        match parts.last_mut() {
            Some(part) if !item.has_groups && !clashes && !part[0].has_groups => {
                preferred = preferred.or(item.prefer);
                part.push(item);
            }
            _ => {
                preferred = item.prefer;
                parts.push(vec![item]);
            }
        }
    }
    if parts.len() > PARTS_MAX {
        return Err(invalid(TOO_COMPLEX));
    }
    Ok(joined(parts.into_iter().map(joined).collect()))
}

fn joined(mut items: Vec<Node>) -> Node {
    match items.len() {
        0 => empty(),
        1 => items.remove(0),
        _ => Node {
            prefer: items.iter().fold(Prefer::Nothing, |prefer, item| prefer.or(item.prefer)),
            has_groups: items.iter().any(|item| item.has_groups),
            kind: Kind::Sequence(items),
        },
    }
}

fn empty() -> Node {
    Node { kind: Kind::Empty, prefer: Prefer::Nothing, has_groups: false }
}

fn set(class: ClassUnicode) -> Node {
    Node { kind: Kind::Set(Set::new(class)), prefer: Prefer::Nothing, has_groups: false }
}

fn place(place: Place) -> Node {
    Node { kind: Kind::At(place), prefer: Prefer::Nothing, has_groups: false }
}

fn range(start: char, end: char) -> ClassUnicode {
    ClassUnicode::new([ClassUnicodeRange::new(start, end)])
}

fn everything() -> ClassUnicode {
    range('\0', char::MAX)
}

fn everything_but_newline() -> ClassUnicode {
    let mut class = everything();
    class.difference(&range('\n', '\n'));
    class
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r')
}

fn named(letter: char) -> ClassUnicode {
    let name = match letter {
        'd' => "digit",
        's' => "space",
        _ => "word",
    };
    class_named(name).expect("one of the names below")
}

/// The classes of locale C.
fn class_named(name: &str) -> Option<ClassUnicode> {
    let ranges: &[(char, char)] = match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\x7f')],
        "blank" => &[(' ', ' '), ('\t', '\t')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "digit" => &[('0', '9')],
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    };
    Some(ClassUnicode::new(ranges.iter().map(|(start, end)| ClassUnicodeRange::new(*start, *end))))
}

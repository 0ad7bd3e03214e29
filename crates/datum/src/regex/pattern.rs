//! A compiled expression, and the search for its matches.
//!
//! Three tools, each used where it is right:
//!
//! 1. an automaton that finds where the leftmost match begins (and whether there is one, all that `~` asks);
//! 2. an automaton anchored there that finds how long the longest match is, or the shortest; PostgreSQL takes the
//!    longest as POSIX does, where the first automaton stops as Perl would;
//! 3. the [`Matcher`], for groups, references and looking around. Expressions with the last two are searched by the
//!    first automaton as if there were no condition, and each place it finds is then examined.
//!
//! Compiled expressions are kept a thread, the last used first: most calls use a constant pattern.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::meta;
use regex_automata::nfa::thompson;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::{Class, Hir, Look, Repetition};

use super::matcher::{Matcher, Span, group};
use super::syntax::{Kind, Node, Options, Place, Prefer, Reference, TOO_COMPLEX, Tree, invalid, parse};
use crate::error::{Error, Result};

const KEPT: usize = 32;
const AUTOMATON_BYTES_MAX: usize = 8 << 20;
/// Of a tree with its references replaced by copies of their groups.
const HIR_NODES_MAX: usize = 100_000;

pub struct Pattern {
    tree: Tree,
    finder: meta::Regex,
    ends: OnceCell<Ends>,
}

/// A lazily built automaton of all matches, with the memory it builds itself in.
struct Ends {
    automaton: DFA,
    cache: RefCell<Cache>,
}

/// Where an expression matched; groups are counted from 1.
#[derive(Debug, Clone)]
pub struct Match {
    pub start: usize,
    pub end: usize,
    pub groups: Vec<Span>,
}

impl Match {
    /// Of a group, or of the whole as 0.
    pub fn span(&self, group: usize) -> Span {
        match group {
            0 => Some((self.start, self.end)),
            group => self.groups.get(group - 1).copied().flatten(),
        }
    }
}

struct Kept {
    pattern: String,
    options: Options,
    compiled: Rc<Pattern>,
}

thread_local! {
    static LAST_USED: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

impl Pattern {
    pub fn new(pattern: &str, options: Options) -> Result<Pattern> {
        let tree = parse(pattern, options)?;
        let mut nodes = 0;
        let hir = hir(&tree, &tree.root, &mut nodes)?;
        let config = meta::Config::new().nfa_size_limit(Some(AUTOMATON_BYTES_MAX));
        let finder = meta::Builder::new().configure(config).build_from_hir(&hir).map_err(|_| invalid(TOO_COMPLEX))?;
        Ok(Pattern { tree, finder, ends: OnceCell::new() })
    }

    /// The same, unless it is kept from an earlier call.
    pub fn kept(pattern: &str, options: Options) -> Result<Rc<Pattern>> {
        let found = LAST_USED.with_borrow_mut(|kept| {
            let at = kept.iter().position(|entry| entry.options == options && entry.pattern == pattern)?;
            kept[..=at].rotate_right(1);
            Some(kept[0].compiled.clone())
        });
        if let Some(compiled) = found {
            return Ok(compiled);
        }
        let compiled = Rc::new(Pattern::new(pattern, options)?);
        LAST_USED.with_borrow_mut(|kept| {
            kept.truncate(KEPT - 1);
            kept.insert(0, Kept { pattern: pattern.to_owned(), options, compiled: compiled.clone() });
        });
        Ok(compiled)
    }

    pub fn groups(&self) -> usize {
        self.tree.groups
    }

    pub fn is_match(&self, text: &str) -> Result<bool> {
        if self.needs_examination() {
            return Ok(self.find(text, 0)?.is_some());
        }
        Ok(self.finder.is_match(text))
    }

    /// The leftmost match that begins at or after `from`, without its groups.
    pub fn find(&self, text: &str, from: usize) -> Result<Option<(usize, usize)>> {
        if !self.needs_examination() {
            let Some(found) = self.finder.search(&Input::new(text).range(from..)) else { return Ok(None) };
            let end = self.end_from(text, found.start())?;
            return Ok(Some((found.start(), end.unwrap_or(found.end()))));
        }
        let mut from = from;
        while let Some(found) = self.finder.search(&Input::new(text).range(from..)) {
            let start = found.start();
            if let Some(end) = Matcher::new(&self.tree, text).match_at(start)? {
                return Ok(Some((start, end)));
            }
            let Some(character) = text[start..].chars().next() else { break };
            from = start + character.len_utf8();
        }
        Ok(None)
    }

    /// The same with its groups.
    pub fn find_groups(&self, text: &str, from: usize) -> Result<Option<Match>> {
        let Some((start, end)) = self.find(text, from)? else { return Ok(None) };
        let mut groups = Vec::new();
        if self.tree.groups > 0 {
            let mut matcher = Matcher::new(&self.tree, text);
            matcher.groups_of(start, end)?;
            groups = matcher.into_spans();
        }
        Ok(Some(Match { start, end, groups }))
    }

    /// What the automata are not able to tell: references and looking around.
    fn needs_examination(&self) -> bool {
        self.tree.has_references || self.tree.has_arounds
    }

    /// Of the match that begins at `start`: the longest, or the shortest if the expression prefers that.
    fn end_from(&self, text: &str, start: usize) -> Result<Option<usize>> {
        let ends = match self.ends.get() {
            Some(ends) => ends,
            None => {
                let built = self.build_ends()?;
                self.ends.get_or_init(|| built)
            }
        };
        let shortest = self.tree.root.prefer == Prefer::Shortest;
        let input = Input::new(text).range(start..).anchored(Anchored::Yes).earliest(shortest);
        let mut cache = ends.cache.borrow_mut();
        let found = ends.automaton.try_search_fwd(&mut cache, &input);
        // It gives up for reasons that it has to be configured for.
        let found = found.map_err(|error| Error::internal(format!("regular expression failed: {error}")))?;
        Ok(found.map(|half| half.offset()))
    }

    fn build_ends(&self) -> Result<Ends> {
        let hir = hir(&self.tree, &self.tree.root, &mut 0)?;
        let config = thompson::Config::new().nfa_size_limit(Some(AUTOMATON_BYTES_MAX));
        let states = thompson::Compiler::new().configure(config).build_from_hir(&hir);
        let states = states.map_err(|_| invalid(TOO_COMPLEX))?;
        let config = DFA::config().match_kind(MatchKind::All).skip_cache_capacity_check(true);
        let automaton = DFA::builder().configure(config).build_from_nfa(states).map_err(|_| invalid(TOO_COMPLEX))?;
        let cache = RefCell::new(automaton.create_cache());
        Ok(Ends { automaton, cache })
    }
}

/// What automata are made of. Looking around is always true in it, and a reference is a copy of its group: it matches
/// at least what the tree does.
fn hir(tree: &Tree, node: &Node, nodes: &mut usize) -> Result<Hir> {
    *nodes += 1;
    if *nodes > HIR_NODES_MAX {
        return Err(invalid(TOO_COMPLEX));
    }
    Ok(match &node.kind {
        Kind::Empty | Kind::Around(_) => Hir::empty(),
        Kind::Set(set) => Hir::class(Class::Unicode(set.class().clone())),
        Kind::At(place) => Hir::look(match place {
            Place::TextStart => Look::Start,
            Place::TextEnd => Look::End,
            Place::LineStart => Look::StartLF,
            Place::LineEnd => Look::EndLF,
            Place::WordStart => Look::WordStartAscii,
            Place::WordEnd => Look::WordEndAscii,
            Place::WordEdge => Look::WordAscii,
            Place::NotWordEdge => Look::WordAsciiNegate,
        }),
        Kind::Reference(Reference { number, min, max }) => match group(&tree.root, *number) {
            Some(referred) => repetition(*min, *max, node.prefer, hir(tree, referred, nodes)?),
            None => Hir::fail(),
        },
        Kind::Sequence(items) => Hir::concat(all(tree, items, nodes)?),
        Kind::Alternatives(branches) => Hir::alternation(all(tree, branches, nodes)?),
        Kind::Repeat(repeat) => repetition(repeat.min, repeat.max, node.prefer, hir(tree, &repeat.node, nodes)?),
        Kind::Group(_, node) => hir(tree, node, nodes)?,
    })
}

fn repetition(min: u32, max: Option<u32>, prefer: Prefer, of: Hir) -> Hir {
    Hir::repetition(Repetition { min, max, greedy: prefer != Prefer::Shortest, sub: Box::new(of) })
}

fn all(tree: &Tree, items: &[Node], nodes: &mut usize) -> Result<Vec<Hir>> {
    items.iter().map(|item| hir(tree, item, nodes)).collect()
}

//! Whatever the text, there is an answer, and what is accepted survives being printed.

use atoll_syntax::ast::Statement;
use atoll_syntax::{parse, parse_expression, parse_type, print};

/// A small generator of its own: tests are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

fn corpus() -> Vec<&'static str> {
    include_str!("../corpus.sql").lines().filter(|line| !line.is_empty() && !line.starts_with("--")).collect()
}

fn check(text: &str) {
    let _ = parse_expression(text);
    let _ = parse_type(text);
    match parse(text) {
        Err(error) => {
            if let Some(position) = error.fields().position {
                assert!(text.is_char_boundary(position), "{text}: {error:?}");
            }
        }
        Ok(statements) => {
            for parsed in statements {
                if contains_unsupported(&parsed.statement) {
                    continue;
                }
                let printed = print::statement(&parsed.statement);
                let again = parse(&printed).unwrap_or_else(|error| panic!("{text}\n{printed}\n{error:?}"));
                assert_eq!(again.len(), 1, "{text}\n{printed}");
                assert_eq!(again[0].statement, parsed.statement, "{text}\n{printed}");
            }
        }
    }
}

fn contains_unsupported(statement: &Statement) -> bool {
    match statement {
        Statement::Unsupported { .. } => true,
        Statement::CreateSchema(schema) => schema.elements.iter().any(contains_unsupported),
        _ => false,
    }
}

#[test]
fn statements_cut_anywhere() {
    for line in corpus() {
        for (end, _) in line.char_indices() {
            check(&line[..end]);
        }
        for (start, _) in line.char_indices().step_by(7) {
            check(&line[start..]);
        }
    }
}

#[test]
fn words_in_any_order() {
    let lines = corpus();
    let words: Vec<&str> = lines.iter().flat_map(|line| line.split(' ')).collect();
    let mut random = Random(42);
    for _ in 0..20_000 {
        let count = 1 + random.below(12);
        let text: Vec<&str> = (0..count).map(|_| words[random.below(words.len())]).collect();
        check(&text.join(" "));
    }
}

#[test]
fn statements_with_a_word_changed() {
    let lines = corpus();
    let words: Vec<&str> = lines.iter().flat_map(|line| line.split(' ')).collect();
    let mut random = Random(43);
    for _ in 0..20_000 {
        let mut text: Vec<&str> = lines[random.below(lines.len())].split(' ').collect();
        let place = random.below(text.len());
        match random.below(3) {
            0 => text[place] = words[random.below(words.len())],
            1 => text.insert(place, words[random.below(words.len())]),
            _ => {
                text.remove(place);
            }
        }
        check(&text.join(" "));
    }
}

#[test]
fn any_characters() {
    let characters: Vec<char> = "abeEuUxXnN019.,;:'\"\\$&|/*-+=<>!@#%^~`?()[]{} \n\t\r\0ä€😀".chars().collect();
    let mut random = Random(44);
    for _ in 0..50_000 {
        let count = random.below(24);
        let text: String = (0..count).map(|_| characters[random.below(characters.len())]).collect();
        check(&text);
        check(&format!("select {text}"));
    }
}

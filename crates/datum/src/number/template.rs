//! The templates of `to_char` and `to_number` for numbers: `9,990.00`, `S9.99`, `FMRN`.
//!
//! A template is read once from left to right into [`Item`]s and a summary of them, which says how many digits there are
//! before and after the point and where signs go. Patterns are all upper case or all lower case; what is neither is text.

use crate::error::{Error, Result};
use crate::sqlstate;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// `9`
    Digit,
    /// `0`
    Zero,
    /// `.` and, in the locale's form, `D`
    Point,
    /// `,` and, in the locale's form, `G`
    Comma {
        of_locale: bool,
    },
    /// `L`
    Currency,
    /// `MI`
    Minus,
    /// `PL`
    Plus,
    /// `SG`
    Sign,
    /// `RN`
    Roman {
        upper: bool,
    },
    /// `TH`
    Ordinal {
        upper: bool,
    },
    Text(char),
    /// What only changes the summary: `B`, `C`, `EEEE`, `FM`, `PR`, `S`, `SP`, `V`.
    Nothing,
}

/// Where `S` stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SignPlace {
    #[default]
    None,
    Before,
    After,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Template {
    pub items: Vec<Item>,
    /// Digits before the point, and after it.
    pub pre: i32,
    pub post: i32,
    /// Digits after `V`.
    pub shift: i32,
    /// The digits counted up to the first `0`, itself included; 0 if there is none.
    pub zero_start: i32,
    /// The digits counted up to the last `0`.
    pub zero_end: i32,
    pub sign: SignPlace,
    /// How many digits were before `S`.
    pub digits_before_sign: i32,
    pub has_point: bool,
    pub has_zero: bool,
    pub has_sign: bool,
    pub has_minus: bool,
    pub has_plus: bool,
    pub has_brackets: bool,
    pub has_shift: bool,
    pub is_blank: bool,
    pub is_filled: bool,
    pub is_roman: bool,
    pub is_scientific: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Pattern {
    Item(&'static Item),
    Blank,
    FillMode,
    Brackets,
    Sign,
    Shift,
    Scientific,
    Ignored,
}

/// Longer ones before those that begin them.
const PATTERNS: &[(&str, Pattern)] = &[
    (",", Pattern::Item(&Item::Comma { of_locale: false })),
    (".", Pattern::Item(&Item::Point)),
    ("0", Pattern::Item(&Item::Zero)),
    ("9", Pattern::Item(&Item::Digit)),
    ("B", Pattern::Blank),
    ("C", Pattern::Ignored),
    ("D", Pattern::Item(&Item::Point)),
    ("EEEE", Pattern::Scientific),
    ("FM", Pattern::FillMode),
    ("G", Pattern::Item(&Item::Comma { of_locale: true })),
    ("L", Pattern::Item(&Item::Currency)),
    ("MI", Pattern::Item(&Item::Minus)),
    ("PL", Pattern::Item(&Item::Plus)),
    ("PR", Pattern::Brackets),
    ("RN", Pattern::Item(&Item::Roman { upper: true })),
    ("SG", Pattern::Item(&Item::Sign)),
    ("SP", Pattern::Ignored),
    ("S", Pattern::Sign),
    ("TH", Pattern::Item(&Item::Ordinal { upper: true })),
    ("V", Pattern::Shift),
];

fn syntax(message: &str) -> Error {
    Error::new(sqlstate::SYNTAX_ERROR, message)
}

impl Template {
    pub fn parse(text: &str) -> Result<Template> {
        let mut template = Template::default();
        let mut rest = text;
        let mut quoted = false;
        while let Some(first) = rest.chars().next() {
            if quoted {
                let escaped = if first == '\\' { rest[1..].chars().next() } else { None };
                rest = &rest[first.len_utf8() + escaped.map_or(0, char::len_utf8)..];
                match (first, escaped) {
                    ('"', _) => quoted = false,
                    _ => template.items.push(Item::Text(escaped.unwrap_or(first))),
                }
            } else if let Some((pattern, upper, length)) = pattern_at(rest) {
                template.take(pattern, upper)?;
                rest = &rest[length..];
            } else if first == '"' {
                quoted = true;
                rest = &rest[1..];
            } else {
                // A backslash only matters before a quotation mark.
                let text = if rest.starts_with("\\\"") { '"' } else { first };
                rest = &rest[if text == first { first.len_utf8() } else { 2 }..];
                template.items.push(Item::Text(text));
            }
        }
        Ok(template)
    }

    fn take(&mut self, pattern: Pattern, upper: bool) -> Result<()> {
        if self.is_scientific && pattern != Pattern::Scientific {
            return Err(syntax("\"EEEE\" must be the last pattern used"));
        }
        match pattern {
            Pattern::Item(item) => self.take_item(item)?,
            Pattern::Blank => self.is_blank |= self.pre == 0 && self.post == 0 && !self.has_zero,
            Pattern::FillMode => self.is_filled = true,
            Pattern::Ignored => {}
            Pattern::Brackets if self.has_sign || self.has_plus || self.has_minus => {
                return Err(syntax("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
            }
            Pattern::Brackets => self.has_brackets = true,
            Pattern::Shift if self.has_point => {
                return Err(syntax("cannot use \"V\" and decimal point together"));
            }
            Pattern::Shift => self.has_shift = true,
            Pattern::Sign => self.take_sign()?,
            Pattern::Scientific => self.take_scientific()?,
        }
        self.items.push(match pattern {
            Pattern::Item(Item::Roman { .. }) => Item::Roman { upper },
            Pattern::Item(Item::Ordinal { .. }) => Item::Ordinal { upper },
            Pattern::Item(item) => item.clone(),
            _ => Item::Nothing,
        });
        Ok(())
    }

    fn take_item(&mut self, item: &Item) -> Result<()> {
        match item {
            Item::Digit if self.has_brackets => return Err(syntax("\"9\" must be ahead of \"PR\"")),
            Item::Digit if self.has_shift => self.shift += 1,
            Item::Digit if self.has_point => self.post += 1,
            Item::Digit => self.pre += 1,
            Item::Zero if self.has_brackets => return Err(syntax("\"0\" must be ahead of \"PR\"")),
            Item::Zero => {
                if !self.has_zero && !self.has_point {
                    self.has_zero = true;
                    self.zero_start = self.pre + 1;
                }
                *(if self.has_point { &mut self.post } else { &mut self.pre }) += 1;
                self.zero_end = self.pre + self.post;
            }
            Item::Point if self.has_point => return Err(syntax("multiple decimal points")),
            Item::Point if self.has_shift => return Err(syntax("cannot use \"V\" and decimal point together")),
            Item::Point => self.has_point = true,
            Item::Minus if self.has_sign => return Err(syntax("cannot use \"S\" and \"MI\" together")),
            Item::Minus => self.has_minus = true,
            Item::Plus if self.has_sign => return Err(syntax("cannot use \"S\" and \"PL\" together")),
            Item::Plus => self.has_plus = true,
            Item::Sign if self.has_sign => return Err(syntax("cannot use \"S\" and \"SG\" together")),
            Item::Sign => (self.has_minus, self.has_plus) = (true, true),
            Item::Roman { .. } => self.is_roman = true,
            Item::Comma { .. } | Item::Currency | Item::Ordinal { .. } | Item::Text(_) | Item::Nothing => {}
        }
        Ok(())
    }

    fn take_sign(&mut self) -> Result<()> {
        if self.has_sign {
            return Err(syntax("cannot use \"S\" twice"));
        }
        if self.has_plus || self.has_minus || self.has_brackets {
            return Err(syntax("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together"));
        }
        self.has_sign = true;
        if self.has_point {
            self.sign = SignPlace::After;
        } else {
            (self.sign, self.digits_before_sign) = (SignPlace::Before, self.pre);
        }
        Ok(())
    }

    fn take_scientific(&mut self) -> Result<()> {
        if self.is_scientific {
            return Err(syntax("cannot use \"EEEE\" twice"));
        }
        let signs = self.has_sign || self.has_brackets || self.has_minus || self.has_plus;
        if signs || self.is_blank || self.is_filled || self.is_roman || self.has_shift {
            let detail = "\"EEEE\" may only be used together with digit and decimal point patterns.";
            return Err(syntax("\"EEEE\" is incompatible with other formats").detail(detail));
        }
        self.is_scientific = true;
        Ok(())
    }
}

/// The pattern that the text begins with, if it is upper case, and its length.
fn pattern_at(text: &str) -> Option<(Pattern, bool, usize)> {
    PATTERNS.iter().find_map(|(name, pattern)| {
        let begin = text.get(..name.len())?;
        let upper = begin == *name;
        let lower = begin.eq_ignore_ascii_case(name) && !begin.bytes().any(|byte| byte.is_ascii_uppercase());
        (upper || lower).then_some((*pattern, upper, name.len()))
    })
}

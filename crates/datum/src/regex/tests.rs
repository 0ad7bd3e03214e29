//! Calls, and what PostgreSQL 15 answers to them.

use super::pattern::Pattern;
use super::syntax::Options;
use crate::text::tests::*;

#[test]
fn functions_of_regular_expressions() {
    check(REGEX_CASES);
}

/// An expression is not refused for its size as long as it can be compiled, and never overruns the stack.
#[test]
fn large_expressions() {
    let refused = |pattern: &str| {
        Pattern::new(pattern, Options::default()).map(|_| ()).map_err(|error| error.message().to_owned())
    };
    let deep = |depth: usize| ["(".repeat(depth), "a".to_owned(), ")".repeat(depth)].concat();
    assert_eq!(refused(&deep(150)), Ok(()));
    let too_complex = Err("invalid regular expression: regular expression is too complex".to_owned());
    assert_eq!(refused(&deep(5000)), too_complex);
    assert_eq!(refused(&"(a)".repeat(5000)), too_complex);
    assert_eq!(refused("((((.{255}){255}){255}){255}){255}"), too_complex);
    assert_eq!(refused(&"abc".repeat(5000)), Ok(()));
}

/// What would take a backtracking search for ever.
#[test]
fn long_texts() {
    let text = "a".repeat(20_000) + "b";
    let find = |pattern: &str| {
        let pattern = Pattern::new(pattern, Options::default()).expect("an expression");
        pattern.find_groups(&text, 0).expect("a search").map(|found| found.groups)
    };
    assert_eq!(find("(a|aa)+$"), None);
    assert_eq!(find("(a*)*b$"), Some(vec![Some((0, 20_000))]));
    assert_eq!(find("(a)*(b)"), Some(vec![Some((19_999, 20_000)), Some((20_000, 20_001))]));
    assert_eq!(find("(.*)(.*)b"), Some(vec![Some((0, 20_000)), Some((20_000, 20_000))]));
}

#[rustfmt::skip]
const REGEX_CASES: &[Case] = &[
    ("regexp_match_no_flags", &[T("aXbYbZ"), T("(a.*?b)(.*)")], "{aXb,\"\"}"),
    ("regexp_match_no_flags", &[T("foobarbaz"), T("(foo|foobar)(.*)")], "{foobar,baz}"),
    ("regexp_match_no_flags", &[T("abcd"), T("(a|ab)(c|bcd)(d*)")], "{ab,c,d}"),
    ("regexp_match_no_flags", &[T("XY1234Z"), T("Y*([0-9]{1,3})")], "{123}"),
    ("regexp_match_no_flags", &[T("XY1234Z"), T("Y*?([0-9]{1,3})")], "{1}"),
    ("regexp_match_no_flags", &[T("xyz0123xyz"), T("(?:(.*?)(\\d+)(.*)){1,1}")], "{xyz,0123,xyz}"),
    ("regexp_match_no_flags", &[T("xyz0123xyz"), T("(.*?)(\\d+)(.*)")], "{xyz,0,\"\"}"),
    ("regexp_match_no_flags", &[T("xyz0123xyz"), T("(.*)(\\d+)(.*)")], "{xyz012,3,xyz}"),
    ("regexp_match_no_flags", &[T("2021-03-04"), T("(\\d+)-(\\d+)-(\\d+)")], "{2021,03,04}"),
    ("regexp_match_no_flags", &[T("aab"), T("(a|ab)*(b?)")], "{ab,\"\"}"),
    ("regexp_match_no_flags", &[T("b"), T("(a*)*b")], "{\"\"}"),
    ("regexp_match_no_flags", &[T("b"), T("(a*?)*b")], "{NULL}"),
    ("regexp_match_no_flags", &[T("aaa"), T("(a){0}a")], "{NULL}"),
    ("regexp_match", &[T("abc"), T("B"), T("i")], "{b}"),
    ("regexp_match_no_flags", &[T("abc"), T("x")], "NULL"),
    ("regexp_match", &[T("abc"), T("b"), T("g")], "!22023 regexp_match() does not support the \"global\" option"),
    ("regexp_match", &[T("abc"), T("b"), T("z")], "!22023 invalid regular expression option: \"z\""),
    ("regexp_match_no_flags", &[T("abab"), T("^(ab)\\1$")], "{ab}"),
    ("regexp_match", &[T("aBAb"), T("(ab)\\1"), T("i")], "{aB}"),
    ("regexp_matches", &[T("foobarbequebaz"), T("b[^b]+"), T("g")], "{{bar}|{beque}|{baz}}"),
    ("regexp_matches", &[T("foobarbequebaz"), T("(b)(a)"), T("g")], "{{b,a}|{b,a}}"),
    ("regexp_matches_no_flags", &[T("abc"), T("x")], "{}"),
    ("regexp_like_no_flags", &[T("foobar"), T("^foo(?=bar)")], "t"),
    ("regexp_like_no_flags", &[T("foobar"), T("(?<=foo)bar")], "t"),
    ("regexp_like_no_flags", &[T("foobar"), T("(?<!foo)bar")], "f"),
    ("regexp_like_no_flags", &[T("password1"), T("^(?=.*\\d)(?!.*\\s).{8,}$")], "t"),
    ("regexp_like_no_flags", &[T("a\nb"), T("^b$")], "f"),
    ("regexp_like", &[T("a\nb"), T("^b$"), T("n")], "t"),
    ("regexp_like_no_flags", &[T("a\nb"), T("a.b")], "t"),
    ("regexp_like", &[T("a\nb"), T("a.b"), T("p")], "f"),
    ("regexp_like", &[T("a\nb"), T("a[^x]b"), T("n")], "f"),
    ("regexp_like", &[T("a\nb"), T("^b"), T("w")], "t"),
    ("regexp_like", &[T("ab"), T(" a  b # c"), T("x")], "t"),
    ("regexp_like", &[T("a.c"), T("a.c"), T("q")], "t"),
    ("regexp_like", &[T("abc"), T("a.c"), T("q")], "f"),
    ("regexp_like_no_flags", &[T("a*b"), T("***=a*b")], "t"),
    ("regexp_like_no_flags", &[T("AB"), T("(?i)ab")], "t"),
    ("regexp_like_no_flags", &[T("ab"), T("***:(?x)a b")], "t"),
    ("regexp_like", &[T("É"), T("é"), T("i")], "f"),
    ("regexp_like_no_flags", &[T("é"), T("\\w")], "f"),
    ("regexp_like_no_flags", &[T("É"), T("[[:upper:]]")], "f"),
    ("regexp_like_no_flags", &[T("one two"), T("\\mtwo\\M")], "t"),
    ("regexp_like_no_flags", &[T("one two"), T("[[:<:]]two[[:>:]]")], "t"),
    ("regexp_like_no_flags", &[T("onetwo"), T("\\ytwo")], "f"),
    ("regexp_like_no_flags", &[T("a]b"), T("[]]")], "t"),
    ("regexp_like_no_flags", &[T("a-b"), T("[x-]")], "t"),
    ("regexp_like_no_flags", &[T("é"), T("\\u00e9")], "t"),
    ("regexp_like_no_flags", &[T("A"), T("\\x41")], "t"),
    ("regexp_like_no_flags", &[T("A"), T("\\101")], "t"),
    ("regexp_like_no_flags", &[T("a{,5}"), T("a{,5}")], "t"),
    ("regexp_like_no_flags", &[T("a"), T("*a")], "!2201B invalid regular expression: quantifier operand invalid"),
    ("regexp_like_no_flags", &[T("a"), T("a**")], "!2201B invalid regular expression: quantifier operand invalid"),
    ("regexp_like_no_flags", &[T("a"), T("^*")], "!2201B invalid regular expression: quantifier operand invalid"),
    ("regexp_like_no_flags", &[T("a"), T("a{1")], "!2201B invalid regular expression: braces {} not balanced"),
    ("regexp_like_no_flags", &[T("a"), T("a{2,1}")], "!2201B invalid regular expression: invalid repetition count(s)"),
    ("regexp_like_no_flags", &[T("a"), T("a{256}")], "!2201B invalid regular expression: invalid repetition count(s)"),
    ("regexp_like_no_flags", &[T("a"), T("[a")], "!2201B invalid regular expression: brackets [] not balanced"),
    ("regexp_like_no_flags", &[T("a"), T("(a")], "!2201B invalid regular expression: parentheses () not balanced"),
    ("regexp_like_no_flags", &[T("a"), T("a)")], "!2201B invalid regular expression: parentheses () not balanced"),
    ("regexp_like_no_flags", &[T("a"), T("[b-a]")], "!2201B invalid regular expression: invalid character range"),
    ("regexp_like_no_flags", &[T("a"), T("[a-c-e]")], "!2201B invalid regular expression: invalid character range"),
    ("regexp_like_no_flags", &[T("a"), T("[[:foo:]]")], "!2201B invalid regular expression: invalid character class"),
    ("regexp_like_no_flags", &[T("a"), T("[[.foo.]]")], "!2201B invalid regular expression: invalid collating element"),
    ("regexp_like_no_flags", &[T("a"), T("\\")], "!2201B invalid regular expression: invalid escape \\ sequence"),
    ("regexp_like_no_flags", &[T("a"), T("\\q")], "!2201B invalid regular expression: invalid escape \\ sequence"),
    ("regexp_like_no_flags", &[T("a"), T("(a)\\2")], "!2201B invalid regular expression: invalid backreference number"),
    ("regexp_like_no_flags", &[T("a"), T("(?z)a")], "!2201B invalid regular expression: invalid embedded option"),
    ("regexp_like_no_flags", &[T("a"), T("a(?i)b")], "!2201B invalid regular expression: quantifier operand invalid"),
    ("regexp_like_no_flags", &[T("a"), T("***a")], "!2201B invalid regular expression: quantifier operand invalid"),
    ("regexp_like_no_flags", &[T("a"), T("[\\A]")], "!2201B invalid regular expression: invalid escape \\ sequence"),
    ("regexp_like", &[T("abc"), T("b"), T("g")], "!22023 regexp_like() does not support the \"global\" option"),
    ("regexp_count_no_start", &[T("abcabc"), T("[bc]")], "4"),
    ("regexp_count_no_flags", &[T("abcabc"), T("[bc]"), I(3)], "3"),
    ("regexp_count", &[T("ABC"), T("b"), I(1), T("i")], "1"),
    ("regexp_count_no_start", &[T("abc"), T("x*")], "4"),
    ("regexp_count_no_flags", &[T("abc"), T("b"), I(0)], "!22023 invalid value for parameter \"start\": 0"),
    ("regexp_count_no_flags", &[T("abc"), T("x*"), I(4)], "1"),
    ("regexp_count_no_flags", &[T("abc"), T("x*"), I(5)], "0"),
    ("regexp_instr_no_start", &[T("éabcabc"), T("bc")], "3"),
    ("regexp_instr_no_endoption", &[T("éabcabc"), T("bc"), I(1), I(2)], "6"),
    ("regexp_instr_no_flags", &[T("éabcabc"), T("bc"), I(1), I(2), I(1)], "8"),
    ("regexp_instr", &[T("éabcabc"), T("(b)(c)"), I(1), I(1), I(0), T(""), I(2)], "4"),
    ("regexp_instr", &[T("abc"), T("(b)"), I(1), I(1), I(0), T(""), I(2)], "0"),
    ("regexp_instr_no_endoption", &[T("abc"), T("b"), I(1), I(0)], "!22023 invalid value for parameter \"n\": 0"),
    ("regexp_instr_no_flags", &[T("abc"), T("b"), I(1), I(1), I(2)], "!22023 invalid value for parameter \"endoption\": 2"),
    ("regexp_instr", &[T("abc"), T("b"), I(1), I(1), I(0), T(""), I(-1)], "!22023 invalid value for parameter \"subexpr\": -1"),
    ("regexp_substr_no_start", &[T("abcabd"), T("ab.")], "abc"),
    ("regexp_substr_no_flags", &[T("abcabd"), T("ab."), I(1), I(2)], "abd"),
    ("regexp_substr", &[T("abcabd"), T("A(b)."), I(1), I(2), T("i"), I(1)], "b"),
    ("regexp_substr_no_start", &[T("abc"), T("x")], "NULL"),
    ("regexp_substr_no_flags", &[T("abc"), T("b"), I(1), I(0)], "!22023 invalid value for parameter \"n\": 0"),
    ("textregexreplace", &[T("baaac"), T("a*"), T("-"), T("g")], "-b--c-"),
    ("textregexreplace_noopt", &[T("abc"), T("(b)"), T("<\\1\\&\\\\\\x\\2>")], "a<bb\\\\x>c"),
    ("textregexreplace", &[T("foobarbaz"), T("b(..)"), T("X\\1Y"), T("g")], "fooXarYXazY"),
    ("textregexreplace", &[T("1234567"), T("(\\d)(?=(\\d{3})+$)"), T("\\1,"), T("g")], "1,234,567"),
    ("textregexreplace", &[T("<b>x</b>"), T("<.*?>"), T(""), T("g")], "x"),
    ("textregexreplace_noopt", &[T("foobar"), T("foo|foobar"), T("x")], "x"),
    ("textregexreplace_extended_no_n", &[T("hello"), T("l"), T("L"), I(4)], "helLo"),
    ("textregexreplace_extended_no_flags", &[T("hello"), T("l"), T("L"), I(1), I(2)], "helLo"),
    ("textregexreplace_extended_no_flags", &[T("hello"), T("l"), T("L"), I(1), I(0)], "heLLo"),
    ("textregexreplace_extended", &[T("hello"), T("L"), T("x"), I(1), I(2), T("i")], "helxo"),
    ("textregexreplace_extended_no_n", &[T("hello"), T("l"), T("L"), I(10)], "hello"),
    ("textregexreplace", &[T("abc"), T("b"), T("x"), T("1")], "!22023 invalid regular expression option: \"1\""),
    ("textregexreplace", &[T("abc"), T("b"), T("x"), T("gz")], "!22023 invalid regular expression option: \"z\""),
    ("textregexreplace_extended_no_n", &[T("abc"), T("b"), T("x"), I(0)], "!22023 invalid value for parameter \"start\": 0"),
    ("textregexreplace_extended_no_flags", &[T("abc"), T("b"), T("x"), I(1), I(-1)], "!22023 invalid value for parameter \"n\": -1"),
    ("regexp_split_to_array_no_flags", &[T("abc"), T("")], "{a,b,c}"),
    ("regexp_split_to_array_no_flags", &[T("a, b,c"), T(",\\s*")], "{a,b,c}"),
    ("regexp_split_to_array_no_flags", &[T(",a,"), T(",")], "{\"\",a,\"\"}"),
    ("regexp_split_to_array_no_flags", &[T(""), T(",")], "{\"\"}"),
    ("regexp_split_to_array", &[T("aXbxc"), T("x"), T("i")], "{a,b,c}"),
    ("regexp_split_to_array", &[T("abc"), T("b"), T("g")], "!22023 regexp_split_to_array() does not support the \"global\" option"),
    ("regexp_split_to_table_no_flags", &[T("the quick  fox"), T("\\s+")], "{the|quick|fox}"),
    ("regexp_split_to_table_no_flags", &[T("the"), T("\\s*")], "{t|h|e}"),
    ("textregexsubstr", &[T("foobar"), T("o(.)b")], "o"),
    ("textregexsubstr", &[T("foobar"), T("o.b")], "oob"),
    ("substring:25 25 25", &[T("foobar"), T("%#\"o_b#\"%"), T("#")], "oob"),
    ("substring:25 25 25", &[T("foobar"), T("#\"o_b#\"%"), T("#")], "NULL"),
    ("substring:25 25 25", &[T("abcdefg"), T("a#\"%#\"x|g"), T("#")], "bcdef"),
    ("similar_to_escape_2", &[T("a%b_c(d|e)[^x\\]y.$^\\d"), T("\\")], "^(?:a.*b.c(?:d|e)[^x\\]y.$^\\d)$"),
    ("similar_to_escape_2", &[T("a#\"%#\"b"), T("#")], "^(?:a){1,1}?(.*){1,1}(?:b)$"),
    ("similar_to_escape_1", &[T("a\\%b")], "^(?:a\\%b)$"),
    ("similar_to_escape_2", &[T("a#\"b#\"c#\"d"), T("#")], "!2200C SQL regular expression may not contain more than two escape-double-quote separators"),
    ("similar_to_escape_2", &[T("a"), T("##")], "!22025 invalid escape string"),
    ("similar_to_escape_2", &[T("a##\""), T("#")], "^(?:a\\#\")$"),
    ("similar_to_escape_1", &[T("[a%_]%")], "^(?:[a%_].*)$"),
    ("similar_to_escape_1", &[T("[]a]")], "^(?:[]a])$"),
    ("similar_to_escape_1", &[T("a\\")], "^(?:a)$"),
    ("similar_to_escape_2", &[T("(a.b)"), T("")], "^(?:(?:a\\.b))$"),
    ("similar_escape", &[T("a"), Null], "^(?:a)$"),
    ("similar_escape", &[Null, T("x")], "NULL"),
];

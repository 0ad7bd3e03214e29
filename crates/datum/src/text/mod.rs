//! Text: `text`, `varchar`, `bpchar`, `name`, `"char"`, and what is done with them.
//!
//! - [`io`]: forms, lengths, casts
//! - [`compare`]: order and hashes
//! - [`like`]: LIKE and ILIKE
//! - [`string`]: lengths, parts, case, padding, replacing
//! - [`split`]: strings to lists and back
//! - [`mod@format`]: values of other types within text, quoting
//! - [`encoding`]: encodings, forms of Unicode
//! - [`size`]: sizes as people write them
//! - [`aggregate`]: `string_agg`, `min`, `max`
//!
//! Regular expressions are [`crate::regex`]. All of it is UTF-8 in collation C: texts are ordered by their bytes, and
//! only ASCII letters have a case.
//!
//! INVARIANT: what is called here was resolved by the tables of [`crate::builtin`], so that a datum of another type
//! than the function takes is a bug of the caller, and panics.

pub mod aggregate;
pub mod compare;
pub mod encoding;
pub mod format;
pub mod io;
pub mod like;
pub mod size;
pub mod split;
pub mod string;
#[cfg(test)]
pub(crate) mod tests;

use std::cmp::Ordering;

pub use like::Like;
use string::Side;

use crate::datum::Datum;
use crate::function::{AggregateTable, ScalarTable, SetTable};
use crate::io::IoTable;
use crate::oid;

pub(crate) fn str_of(value: &Datum) -> &str {
    match value {
        Datum::Text(text) => text,
        other => panic!("{other:?} is not a text"),
    }
}

pub(crate) fn bytes_of(value: &Datum) -> &[u8] {
    match value {
        Datum::Bytea(bytes) => bytes,
        other => panic!("{other:?} is not a bytea"),
    }
}

pub(crate) fn int_of(value: &Datum) -> i32 {
    match value {
        Datum::Int4(value) => *value,
        other => panic!("{other:?} is not an integer"),
    }
}

pub const IO: IoTable = &[
    (oid::TEXT, io::TEXT),
    (oid::VARCHAR, io::VARCHAR),
    (oid::BPCHAR, io::BPCHAR),
    (oid::NAME, io::NAME),
    (oid::CHAR, io::CHAR),
    (oid::UNKNOWN, io::TEXT),
    (oid::CSTRING, io::TEXT),
    (oid::REFCURSOR, io::TEXT),
];

pub const SCALARS: ScalarTable = &[
    // Lengths and casts.
    ("varchar", |_, a| io::varchar(a)),
    ("bpchar", |_, a| io::bpchar(a)),
    ("rtrim1", |_, a| string::trim(a, Side::Right)),
    ("name_text", |_, a| Ok(a[0].clone())),
    ("name_bpchar", |_, a| Ok(a[0].clone())),
    ("text_name", |_, a| io::text_to_name(a)),
    ("bpchar_name", |_, a| io::bpchar_to_name(a)),
    ("nameconcatoid", |_, a| io::name_concat_oid(a)),
    ("text_char", |_, a| io::text_to_char(a)),
    ("char_text", |_, a| io::char_to_text(a)),
    ("char_bpchar", |_, a| io::char_to_text(a)),
    ("chartoi4", |_, a| io::char_to_int(a)),
    ("i4tochar", |_, a| io::int_to_char(a)),
    // Order.
    ("texteq", |_, a| Ok(Datum::Bool(compare::texts_equal(a)))),
    ("textne", |_, a| Ok(Datum::Bool(!compare::texts_equal(a)))),
    ("text_lt", |_, a| compare::texts(a, |order| order.is_lt())),
    ("text_le", |_, a| compare::texts(a, |order| order.is_le())),
    ("text_gt", |_, a| compare::texts(a, |order| order.is_gt())),
    ("text_ge", |_, a| compare::texts(a, |order| order.is_ge())),
    ("bttextcmp", |_, a| compare::order(compare::compare_texts(a))),
    ("text_larger", |_, a| compare::choose(a, compare::compare_texts(a), Ordering::Greater)),
    ("text_smaller", |_, a| compare::choose(a, compare::compare_texts(a), Ordering::Less)),
    ("text_pattern_lt", |_, a| compare::texts(a, |order| order.is_lt())),
    ("text_pattern_le", |_, a| compare::texts(a, |order| order.is_le())),
    ("text_pattern_gt", |_, a| compare::texts(a, |order| order.is_gt())),
    ("text_pattern_ge", |_, a| compare::texts(a, |order| order.is_ge())),
    ("bttext_pattern_cmp", |_, a| compare::order(compare::compare_texts(a))),
    ("nameeq", |_, a| Ok(Datum::Bool(compare::texts_equal(a)))),
    ("namene", |_, a| Ok(Datum::Bool(!compare::texts_equal(a)))),
    ("namelt", |_, a| compare::texts(a, |order| order.is_lt())),
    ("namele", |_, a| compare::texts(a, |order| order.is_le())),
    ("namegt", |_, a| compare::texts(a, |order| order.is_gt())),
    ("namege", |_, a| compare::texts(a, |order| order.is_ge())),
    ("btnamecmp", |_, a| compare::order(compare::compare_texts(a))),
    ("nameeqtext", |_, a| Ok(Datum::Bool(compare::texts_equal(a)))),
    ("namenetext", |_, a| Ok(Datum::Bool(!compare::texts_equal(a)))),
    ("namelttext", |_, a| compare::texts(a, |order| order.is_lt())),
    ("nameletext", |_, a| compare::texts(a, |order| order.is_le())),
    ("namegttext", |_, a| compare::texts(a, |order| order.is_gt())),
    ("namegetext", |_, a| compare::texts(a, |order| order.is_ge())),
    ("btnametextcmp", |_, a| compare::order(compare::compare_texts(a))),
    ("texteqname", |_, a| Ok(Datum::Bool(compare::texts_equal(a)))),
    ("textnename", |_, a| Ok(Datum::Bool(!compare::texts_equal(a)))),
    ("textltname", |_, a| compare::texts(a, |order| order.is_lt())),
    ("textlename", |_, a| compare::texts(a, |order| order.is_le())),
    ("textgtname", |_, a| compare::texts(a, |order| order.is_gt())),
    ("textgename", |_, a| compare::texts(a, |order| order.is_ge())),
    ("bttextnamecmp", |_, a| compare::order(compare::compare_texts(a))),
    ("bpchareq", |_, a| compare::bpchars(a, |order| order.is_eq())),
    ("bpcharne", |_, a| compare::bpchars(a, |order| order.is_ne())),
    ("bpcharlt", |_, a| compare::bpchars(a, |order| order.is_lt())),
    ("bpcharle", |_, a| compare::bpchars(a, |order| order.is_le())),
    ("bpchargt", |_, a| compare::bpchars(a, |order| order.is_gt())),
    ("bpcharge", |_, a| compare::bpchars(a, |order| order.is_ge())),
    ("bpcharcmp", |_, a| compare::order(compare::compare_bpchars(a))),
    ("bpchar_larger", |_, a| compare::choose(a, compare::compare_bpchars(a), Ordering::Greater)),
    ("bpchar_smaller", |_, a| compare::choose(a, compare::compare_bpchars(a), Ordering::Less)),
    ("bpchar_pattern_lt", |_, a| compare::bpchars(a, |order| order.is_lt())),
    ("bpchar_pattern_le", |_, a| compare::bpchars(a, |order| order.is_le())),
    ("bpchar_pattern_gt", |_, a| compare::bpchars(a, |order| order.is_gt())),
    ("bpchar_pattern_ge", |_, a| compare::bpchars(a, |order| order.is_ge())),
    ("btbpchar_pattern_cmp", |_, a| compare::order(compare::compare_bpchars(a))),
    ("chareq", |_, a| compare::chars(a, |order| order.is_eq())),
    ("charne", |_, a| compare::chars(a, |order| order.is_ne())),
    ("charlt", |_, a| compare::chars(a, |order| order.is_lt())),
    ("charle", |_, a| compare::chars(a, |order| order.is_le())),
    ("chargt", |_, a| compare::chars(a, |order| order.is_gt())),
    ("charge", |_, a| compare::chars(a, |order| order.is_ge())),
    ("btcharcmp", |_, a| compare::char_difference(a)),
    ("hashtext", |_, a| compare::hash(str_of(&a[0]).as_bytes())),
    ("hashtextextended", |_, a| compare::hash_extended(str_of(&a[0]).as_bytes(), &a[1])),
    ("hashname", |_, a| compare::hash(str_of(&a[0]).as_bytes())),
    ("hashnameextended", |_, a| compare::hash_extended(str_of(&a[0]).as_bytes(), &a[1])),
    ("hashbpchar", |_, a| compare::hash(compare::unpadded(&a[0]).as_bytes())),
    ("hashbpcharextended", |_, a| compare::hash_extended(compare::unpadded(&a[0]).as_bytes(), &a[1])),
    ("hashchar", |_, a| compare::hash_char(&a[0], None)),
    ("hashcharextended", |_, a| compare::hash_char(&a[0], Some(&a[1]))),
    // Patterns.
    ("textlike", |_, a| like::like(a, false)),
    ("textnlike", |_, a| like::like(a, true)),
    ("texticlike", |_, a| like::like_ignoring_case(a, false)),
    ("texticnlike", |_, a| like::like_ignoring_case(a, true)),
    ("namelike", |_, a| like::like(a, false)),
    ("namenlike", |_, a| like::like(a, true)),
    ("nameiclike", |_, a| like::like_ignoring_case(a, false)),
    ("nameicnlike", |_, a| like::like_ignoring_case(a, true)),
    ("like_escape", |_, a| like::like_escape(a)),
    // One string.
    ("textlen", |_, a| string::length(str_of(&a[0]))),
    ("bpcharlen", |_, a| string::bpchar_length(a)),
    ("textoctetlen", |_, a| string::bytes(&a[0])),
    ("bpcharoctetlen", |_, a| string::bytes(&a[0])),
    ("bit_length:25", |_, a| string::bits(str_of(&a[0]).len())),
    ("textcat", |_, a| string::concat(&a[0], &a[1])),
    ("text_substr", |_, a| string::substr(a)),
    ("text_substr_no_len", |_, a| string::substr(a)),
    ("textoverlay", |_, a| string::overlay(a)),
    ("textoverlay_no_len", |_, a| string::overlay(a)),
    ("textpos", |_, a| string::position(a)),
    ("lower", |_, a| string::lower(a)),
    ("upper", |_, a| string::upper(a)),
    ("initcap", |_, a| string::initcap(a)),
    ("btrim", |_, a| string::trim(a, Side::Both)),
    ("btrim1", |_, a| string::trim(a, Side::Both)),
    ("ltrim", |_, a| string::trim(a, Side::Left)),
    ("ltrim1", |_, a| string::trim(a, Side::Left)),
    ("rtrim", |_, a| string::trim(a, Side::Right)),
    ("lpad", |_, a| string::pad(a, Side::Left)),
    ("rpad", |_, a| string::pad(a, Side::Right)),
    ("lpad:25 23", |_, a| string::pad(a, Side::Left)),
    ("rpad:25 23", |_, a| string::pad(a, Side::Right)),
    ("text_left", |_, a| string::left(a)),
    ("text_right", |_, a| string::right(a)),
    ("repeat", |_, a| string::repeat(a)),
    ("replace_text", |_, a| string::replace(a)),
    ("translate", |_, a| string::translate(a)),
    ("text_reverse", |_, a| string::reverse(a)),
    ("text_starts_with", |_, a| string::starts_with(a)),
    ("ascii", |_, a| string::ascii(a)),
    ("chr", |_, a| string::chr(a)),
    ("to_hex32", |_, a| string::to_hex(a)),
    ("to_hex64", |_, a| string::to_hex(a)),
    // Lists.
    ("split_part", |_, a| split::split_part(a)),
    ("text_to_array", |_, a| split::string_to_array(a)),
    ("text_to_array_null", |_, a| split::string_to_array(a)),
    ("array_to_text", split::array_to_string),
    ("array_to_text_null", split::array_to_string),
    ("parse_ident", |_, a| split::parse_ident(a)),
    // Values of other types.
    ("textanycat:25 2776", format::concat_any),
    ("anytextcat:2776 25", format::concat_any),
    ("text_concat", format::concat_all),
    ("text_concat_ws", format::concat_ws),
    ("text_format", format::format),
    ("text_format_nv", format::format),
    ("quote_ident", |_, a| format::quote_ident(a)),
    ("quote_literal", format::quote_literal),
    ("quote_nullable", format::quote_nullable),
    ("quote_literal:2283", format::quote_literal),
    ("quote_nullable:2283", format::quote_nullable),
    // Encodings and sizes.
    ("pg_convert_from", |_, a| encoding::convert_from(a)),
    ("pg_convert_to", |_, a| encoding::convert_to(a)),
    ("pg_convert", |_, a| encoding::convert_bytes(a)),
    ("length_in_encoding", |_, a| encoding::length_in(a)),
    ("PG_char_to_encoding", |_, a| encoding::encoding_to_number(a)),
    ("PG_encoding_to_char", |_, a| encoding::number_to_encoding(a)),
    ("getdatabaseencoding", |_, _| encoding::database_encoding()),
    ("unicode_normalize_func", |_, a| encoding::normalize(a)),
    ("unicode_is_normalized", |_, a| encoding::is_normalized(a)),
    ("unistr", |_, a| encoding::unistr(a)),
    ("pg_size_pretty", |_, a| size::pretty_int(&a[0])),
    ("pg_size_pretty_numeric", |call, a| size::pretty_numeric(call, &a[0])),
    ("pg_size_bytes", |_, a| size::size_bytes(a)),
];

pub const SETS: SetTable =
    &[("text_to_table", |_, a| split::string_to_table(a)), ("text_to_table_null", |_, a| split::string_to_table(a))];

pub const AGGREGATES: AggregateTable = &[
    ("string_agg", "25 25", aggregate::STRING_AGG),
    ("string_agg", "17 17", aggregate::BYTES_AGG),
    ("min", "25", aggregate::MIN_TEXT),
    ("max", "25", aggregate::MAX_TEXT),
    ("min", "1042", aggregate::MIN_BPCHAR),
    ("max", "1042", aggregate::MAX_BPCHAR),
];

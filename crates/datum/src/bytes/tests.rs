//! Calls, and what PostgreSQL 15 answers to them.

use crate::datum::Datum;
use crate::function::{ByteaOutput, Settings};
use crate::io::Form;
use crate::oid;
use crate::text::tests::*;

#[test]
fn functions_of_bytes() {
    check(BYTES_CASES);
}

#[test]
fn forms() {
    let hex = Settings::default();
    let escape = Settings { bytea_output: ByteaOutput::Escape, ..Settings::default() };
    let form = Form::of(oid::BYTEA).expect("bytea");
    let cases = [
        (r"\x12 34", r"\x1234", r"\0224"),
        (r"\xABcd", r"\xabcd", r"\253\315"),
        (r"a\\b\001\377", r"\x615c6201ff", r"a\\b\001\377"),
        ("", r"\x", ""),
    ];
    for (text, as_hex, as_escape) in cases {
        let value = form.parse(text, -1, &hex).expect("bytes");
        assert_eq!(formatted(oid::BYTEA, &value, &hex), as_hex);
        assert_eq!(formatted(oid::BYTEA, &value, &escape), as_escape);
        let mut sent = Vec::new();
        form.send(&value, &mut sent);
        assert_eq!(form.receive(&sent, -1), Ok(value));
    }
    for (text, message) in [
        (r"\x1", "invalid hexadecimal data: odd number of digits"),
        (r"\xzz", "invalid hexadecimal digit: \"z\""),
        (r"\x1 2", "invalid hexadecimal digit: \" \""),
        (r"a\b", "invalid input syntax for type bytea"),
        (r"\400", "invalid input syntax for type bytea"),
    ] {
        let got = form.parse(text, -1, &hex).map_err(|error| error.message().to_owned());
        assert_eq!(got, Err::<Datum, _>(message.to_owned()));
    }
}

#[rustfmt::skip]
const BYTES_CASES: &[Case] = &[
    ("byteacat", &[Y(b"\x00"), Y(b"\xff")], "\\x00ff"),
    ("byteaeq", &[Y(b"\x61"), Y(b"\x61")], "t"),
    ("bytealt", &[Y(b"\x61"), Y(b"\x61\x62")], "t"),
    ("byteacmp", &[Y(b"\x62"), Y(b"\x61")], "1"),
    ("bytealike", &[Y(b"\x61\xff\x63"), Y(b"\x61\x5f\x63")], "t"),
    ("bytealike", &[Y(b"\x61\x25\x63"), Y(b"\x61\x5c\x25\x63")], "t"),
    ("like_escape_bytea", &[Y(b"\x61\x23\x25"), Y(b"\x23")], "\\x615c25"),
    ("like_escape_bytea", &[Y(b"\x61"), Y(b"\x23\x23")], "!22025 invalid escape string"),
    ("byteaoctetlen", &[Y(b"\x61\x62\x63")], "3"),
    ("bit_length:17", &[Y(b"\x61\x62\x63")], "24"),
    ("bytea_substr", &[Y(b"\x12\x34\x56"), I(0), I(2)], "\\x12"),
    ("bytea_substr_no_len", &[Y(b"\x12\x34\x56"), I(2)], "\\x3456"),
    ("bytea_substr", &[Y(b"\x12\x34\x56"), I(2), I(-1)], "!22011 negative substring length not allowed"),
    ("byteaoverlay_no_len", &[Y(b"\x12\x34\x56"), Y(b"\xff"), I(2)], "\\x12ff56"),
    ("byteaoverlay", &[Y(b"\x12\x34\x56"), Y(b"\xff"), I(2), I(2)], "\\x12ff"),
    ("byteaoverlay_no_len", &[Y(b"\x12\x34\x56"), Y(b"\xff"), I(0)], "!22011 negative substring length not allowed"),
    ("byteapos", &[Y(b"\x12\x34"), Y(b"\x34")], "2"),
    ("byteapos", &[Y(b"\x12"), Y(b"")], "1"),
    ("byteatrim", &[Y(b"\x00\x12\x00\x34"), Y(b"\x00\x34")], "\\x12"),
    ("bytealtrim", &[Y(b"\x00\x12"), Y(b"\x00")], "\\x12"),
    ("byteartrim", &[Y(b"\x00\x12"), Y(b"\x12")], "\\x00"),
    ("byteaGetByte", &[Y(b"\x12\x34"), I(1)], "52"),
    ("byteaGetByte", &[Y(b"\x12\x34"), I(2)], "!2202E index 2 out of valid range, 0..1"),
    ("byteaGetByte", &[Y(b"\x12\x34"), I(-1)], "!2202E index -1 out of valid range, 0..1"),
    ("byteaGetByte", &[Y(b""), I(0)], "!2202E index 0 out of valid range, 0..-1"),
    ("byteaSetByte", &[Y(b"\x12\x34"), I(0), I(300)], "\\x2c34"),
    ("byteaSetByte", &[Y(b"\x12\x34"), I(2), I(0)], "!2202E index 2 out of valid range, 0..1"),
    ("byteaGetBit", &[Y(b"\x12\x34"), L(1)], "1"),
    ("byteaGetBit", &[Y(b"\x12\x34"), L(16)], "!2202E index 16 out of valid range, 0..15"),
    ("byteaSetBit", &[Y(b"\x12\x34"), L(0), I(1)], "\\x1334"),
    ("byteaSetBit", &[Y(b"\x12\x34"), L(10), I(0)], "\\x1230"),
    ("byteaSetBit", &[Y(b"\x12\x34"), L(0), I(2)], "!22023 new bit must be 0 or 1"),
    ("byteaSetBit", &[Y(b"\x12\x34"), L(-1), I(2)], "!2202E index -1 out of valid range, 0..15"),
    ("bytea_bit_count", &[Y(b"\x12\x34\xff")], "13"),
    ("md5_bytea", &[Y(b"\x61\x62\x63")], "900150983cd24fb0d6963f7d28e17f72"),
    ("sha224_bytea", &[Y(b"\x61\x62\x63")], "\\x23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
    ("sha256_bytea", &[Y(b"")], "\\xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("sha384_bytea", &[Y(b"\x61\x62\x63")], "\\xcb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"),
    ("sha512_bytea", &[Y(b"\x61\x62\x63")], "\\xddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"),
    ("binary_encode", &[Y(b"\x00\xff\x10"), T("hex")], "00ff10"),
    ("binary_encode", &[Y(b"\x00\xff\x10"), T("BASE64")], "AP8Q"),
    ("binary_encode", &[Y(b"\x00\xff\x10\x5c\x27\x0a"), T("escape")], "\\000\\377\\\\'\n"),
    ("binary_encode", &[Y(b"\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab"), T("base64")], "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6ur\nqw=="),
    ("binary_encode", &[Y(b"\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab"), T("base64")], "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6ur\n"),
    ("binary_encode", &[Y(b"\x61"), T("foo")], "!22023 unrecognized encoding: \"foo\""),
    ("binary_decode", &[T("aB 01"), T("hex")], "\\xab01"),
    ("binary_decode", &[T("a"), T("hex")], "!22023 invalid hexadecimal data: odd number of digits"),
    ("binary_decode", &[T("ag"), T("hex")], "!22023 invalid hexadecimal digit: \"g\""),
    ("binary_decode", &[T("é"), T("hex")], "!22023 invalid hexadecimal digit: \"é\""),
    ("binary_decode", &[T("YW Jj\nZA=="), T("base64")], "\\x61626364"),
    ("binary_decode", &[T("YWJ"), T("base64")], "!22023 invalid base64 end sequence"),
    ("binary_decode", &[T("Y*Jj"), T("base64")], "!22023 invalid symbol \"*\" found while decoding base64 sequence"),
    ("binary_decode", &[T("Y="), T("base64")], "!22023 unexpected \"=\" while decoding base64 sequence"),
    ("binary_decode", &[T("YQ=x"), T("base64")], "\\x61"),
    ("binary_decode", &[T("YQ==YQ=="), T("base64")], "\\x6161"),
    ("binary_decode", &[T("YWJjé"), T("base64")], "!22023 invalid symbol \"é\" found while decoding base64 sequence"),
    ("binary_decode", &[T("a\\001\\\\x"), T("escape")], "\\x61015c78"),
    ("binary_decode", &[T("a\\x"), T("escape")], "!22P02 invalid input syntax for type bytea"),
    ("binary_decode", &[T("a"), T("Foo")], "!22023 unrecognized encoding: \"Foo\""),
];

//! Random values of every type, for tests of encodings: many are edges, and many repeat.

use std::sync::Arc;

use crate::array::{Array, Dimension};
use crate::builtin::builtin;
use crate::datum::Datum;
use crate::io::{ArrayForm, Form, TypeIo};
use crate::json;
use crate::numeric::Numeric;
use crate::oid::{self, Oid};
use crate::time::{Interval, TimeTz};

const SCALARS: [Oid; 24] = [
    oid::BOOL,
    oid::CHAR,
    oid::INT2,
    oid::INT4,
    oid::INT8,
    oid::OID,
    oid::REGCLASS,
    oid::FLOAT4,
    oid::FLOAT8,
    oid::NUMERIC,
    oid::TEXT,
    oid::VARCHAR,
    oid::NAME,
    oid::BYTEA,
    oid::DATE,
    oid::TIME,
    oid::TIMETZ,
    oid::TIMESTAMP,
    oid::TIMESTAMPTZ,
    oid::INTERVAL,
    oid::UUID,
    oid::JSON,
    oid::JSONB,
    oid::JSONPATH,
];

/// The encodings need no forms but those of arrays.
const NO_IO: TypeIo =
    TypeIo { parse: |_, _, _| Ok(Datum::Null), format: |_, _, _| {}, receive: |_, _| Ok(Datum::Null), send: |_, _| {} };

pub fn types() -> Vec<(Oid, Form)> {
    let array = |element_type: Oid| {
        let of = builtin().type_by_oid(element_type).expect("a built-in type").array;
        let form = ArrayForm { element_type, element: Form::Scalar(&NO_IO), delimiter: b',' };
        (of, Form::Array(Arc::new(form)))
    };
    let scalars = SCALARS.map(|of| (of, Form::Scalar(&NO_IO)));
    scalars.into_iter().chain(SCALARS.map(array)).collect()
}

pub fn types_with_keys() -> Vec<(Oid, Form)> {
    types().into_iter().filter(|(of, _)| *of != oid::JSONB && *of != oid::JSONB_ARRAY).collect()
}

/// Marsaglia's xorshift: the same values for the same seed.
pub struct Samples(u64);

impl Samples {
    pub fn new(seed: u64) -> Samples {
        Samples(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 32) % limit
    }

    /// Small, large, or on an edge.
    fn integer(&mut self) -> i64 {
        match self.below(8) {
            0 => i64::MIN,
            1 => i64::MAX,
            2 => 0,
            3..=5 => self.below(7) as i64 - 3,
            _ => self.next() as i64 >> self.below(64),
        }
    }

    fn int4(&mut self) -> i32 {
        self.integer().clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
    }

    pub fn bytes(&mut self, limit: u64) -> Vec<u8> {
        const EDGES: [u8; 6] = [0, 0, 1, 2, 0xfe, 0xff];
        let length = self.below(limit);
        (0..length)
            .map(|_| if self.below(2) == 0 { EDGES[self.below(6) as usize] } else { self.next() as u8 })
            .collect()
    }

    fn text(&mut self) -> String {
        const CHARACTERS: [char; 8] = ['a', 'b', ' ', '\u{1}', '\u{0}', 'é', '😀', '\u{7f}'];
        (0..self.below(6)).map(|_| CHARACTERS[self.below(8) as usize]).collect()
    }

    fn float(&mut self) -> f64 {
        const EDGES: [f64; 8] =
            [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, f64::MAX, -1.5];
        match self.below(3) {
            0 => EDGES[self.below(8) as usize],
            1 => self.integer() as f64,
            _ => f64::from_bits(self.next()),
        }
    }

    fn numeric(&mut self) -> Numeric {
        match self.below(6) {
            0 => Numeric::NAN,
            1 => Numeric::INFINITY,
            2 => Numeric::NEGATIVE_INFINITY,
            3 => Numeric::from_i128(i128::from(self.integer()) * i128::from(self.integer()), self.below(40) as u16),
            _ => Numeric::from_i128(i128::from(self.integer()), self.below(6) as u16),
        }
    }

    fn json(&mut self, depth: u64) -> String {
        let members = self.below(4);
        match self.below(if depth > 3 { 4 } else { 6 }) {
            0 => "null".into(),
            1 => (self.below(2) == 0).to_string(),
            2 => self.integer().to_string(),
            3 => format!("\"{}\"", self.text().replace(|c: char| c < ' ', "")),
            4 => format!("[{}]", (0..members).map(|_| self.json(depth + 1)).collect::<Vec<_>>().join(",")),
            _ => {
                let member = |samples: &mut Samples| {
                    format!("\"{}\":{}", samples.text().replace(|c: char| c < ' ', ""), samples.json(depth + 1))
                };
                format!("{{{}}}", (0..members).map(|_| member(self)).collect::<Vec<_>>().join(","))
            }
        }
    }

    /// NULL sometimes.
    pub fn value(&mut self, of: Oid, form: &Form) -> Datum {
        if self.below(10) == 0 {
            return Datum::Null;
        }
        if let Form::Array(form) = form {
            return self.array(form);
        }
        match of {
            oid::BOOL => Datum::Bool(self.below(2) == 0),
            oid::CHAR => Datum::Char(self.next() as u8),
            oid::INT2 => Datum::Int2(self.integer().clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16),
            oid::INT4 => Datum::Int4(self.int4()),
            oid::INT8 => Datum::Int8(self.integer()),
            oid::OID | oid::REGCLASS => Datum::Oid(Oid(self.int4() as u32)),
            oid::FLOAT4 => Datum::Float4(self.float() as f32),
            oid::FLOAT8 => Datum::Float8(self.float()),
            oid::NUMERIC => Datum::Numeric(self.numeric()),
            oid::TEXT | oid::VARCHAR | oid::NAME | oid::JSON | oid::JSONPATH => Datum::text(self.text()),
            oid::BYTEA => Datum::Bytea(self.bytes(8).into()),
            oid::DATE => Datum::Date(self.int4()),
            oid::TIME => Datum::Time(self.below(86_400_000_001) as i64),
            oid::TIMETZ => {
                let (micros, hour) = (self.below(5) as i64 * 3_600_000_000, self.below(5) as i32 - 2);
                Datum::TimeTz(TimeTz { micros, west_seconds: hour * 3600 })
            }
            oid::TIMESTAMP => Datum::Timestamp(self.integer()),
            oid::TIMESTAMPTZ => Datum::TimestampTz(self.integer()),
            oid::INTERVAL => {
                Datum::Interval(Interval { micros: self.integer(), days: self.int4(), months: self.int4() })
            }
            oid::UUID => {
                let mut uuid = [0; 16];
                uuid[self.below(16) as usize] = self.next() as u8;
                Datum::Uuid(uuid)
            }
            oid::JSONB => Datum::Jsonb(json::parse(&self.json(0)).expect("it was made as JSON")),
            other => panic!("no samples of type {other}"),
        }
    }

    fn array(&mut self, form: &ArrayForm) -> Datum {
        let mut dimensions = Vec::new();
        for _ in 0..self.below(3) {
            dimensions.push(Dimension { length: 1 + self.below(3) as i32, lower: self.below(3) as i32 - 1 });
        }
        let total = if dimensions.is_empty() { 0 } else { dimensions.iter().map(|one| one.length).product() };
        let elements = (0..total).map(|_| self.value(form.element_type, &form.element)).collect();
        let array = Array::with_dimensions(form.element_type, dimensions, elements).expect("it is small");
        Datum::Array(Arc::new(array))
    }

    /// A byte changed, cut off, or put in; maybe several.
    pub fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len() as u64) as usize;
            match self.below(4) {
                0 => bytes.truncate(at),
                1 => bytes[at] ^= 1 << self.below(8),
                2 => bytes[at] = self.next() as u8,
                _ => bytes.insert(at, self.next() as u8),
            }
        }
    }
}

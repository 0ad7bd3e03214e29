//! What a session needs of whoever speaks to the client: the protocol, a shell, a test.

use std::io;
use std::sync::Arc;

use atoll_datum::function::Settings;
use atoll_datum::io::Form;
use atoll_datum::{Datum, Error, Oid};
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;

use super::variables::Severity;
use crate::types::Type;

/// A column of a result, as RowDescription tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    pub name: String,
    pub ty: Type,
    /// pg_type.typlen.
    pub size: i16,
    /// Table and attribute number, 0 if it comes from no table.
    pub table: Oid,
    pub attribute: i16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    #[default]
    Text,
    Binary,
}

/// How the rows of one result are put into bytes.
pub struct Encoding {
    pub forms: Arc<[Form]>,
    pub formats: Arc<[Format]>,
    pub settings: Settings,
}

/// Where a field is made before its length is known.
#[derive(Debug, Default)]
pub struct Scratch {
    text: String,
    binary: Vec<u8>,
}

impl Encoding {
    /// Appends each field as the protocol has it: four bytes of length, -1 for NULL, then the value.
    pub fn encode(&self, row: &[Datum], scratch: &mut Scratch, out: &mut BytesMut) {
        let Scratch { text, binary } = scratch;
        for (value, (form, format)) in row.iter().zip(self.forms.iter().zip(&*self.formats)) {
            if value.is_null() {
                out.extend_from_slice(&(-1i32).to_be_bytes());
                continue;
            }
            let bytes = match format {
                Format::Text => {
                    text.clear();
                    form.format(value, &self.settings, text);
                    text.as_bytes()
                }
                Format::Binary => {
                    binary.clear();
                    form.send(value, binary);
                    &binary[..]
                }
            };
            out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
            out.extend_from_slice(bytes);
        }
    }
}

/// A place in what was put out, to go back to: see [`Client::mark`].
#[derive(Clone, Copy, Debug)]
pub struct Mark(pub u64);

/// Messages to the client, in the order of the calls. Nothing needs to leave before [`Client::flush`], or before much has
/// gathered; a call never waits, only `relieve` and `flush` do.
pub trait Client: Send {
    /// RowDescription (only when the protocol wants one here: simple queries and Describe).
    fn describe(&mut self, columns: &[Column], formats: &[Format]);
    /// NoData.
    fn describe_nothing(&mut self);
    /// ParameterDescription.
    fn describe_parameters(&mut self, types: &[Oid]);
    /// One DataRow.
    fn row(&mut self, encoding: &Encoding, row: &[Datum]);
    /// CommandComplete: `SELECT 3`, `INSERT 0 1`.
    fn complete(&mut self, tag: &str);
    /// The commit that the last CommandComplete counted on has failed: the client is to be told of that alone.
    fn retract_complete(&mut self);
    /// EmptyQueryResponse.
    fn complete_empty(&mut self);
    /// PortalSuspended.
    fn suspend(&mut self);
    fn parse_complete(&mut self);
    fn bind_complete(&mut self);
    fn close_complete(&mut self);
    /// NoticeResponse.
    fn notice(&mut self, severity: Severity, notice: &Error);
    /// ParameterStatus.
    fn parameter(&mut self, name: &str, value: &str);

    /// Waits while the client takes less than it is given.
    fn relieve(&mut self) -> BoxFuture<'_, io::Result<()>>;
    /// Sends all there is.
    fn flush(&mut self) -> BoxFuture<'_, io::Result<()>>;

    /// Where the output stands now.
    fn mark(&self) -> Mark;
    /// Takes back everything since the mark, if none of it has left yet; else does nothing and says `false`.
    fn take_back(&mut self, mark: Mark) -> bool;

    /// COPY FROM STDIN begins: CopyInResponse.
    fn copy_in(&mut self, format: Format, columns: usize);
    /// The next piece; none at CopyDone. An error if the client gives up (CopyFail: 57014) or is gone.
    fn copy_data(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, Error>>;
    /// COPY TO STDOUT begins: CopyOutResponse.
    fn copy_out(&mut self, format: Format, columns: usize);
    /// One CopyData.
    fn copy_row(&mut self, bytes: &[u8]);
    /// CopyDone, of either direction.
    fn copy_done(&mut self);
}

//! What a session sees of its client: messages out, the data of a COPY in.
//!
//! Messages gather in a buffer. INVARIANT: only `relieve`, `flush` and the conversation's own flushes send them, so what a
//! mark stands before can be taken back until then. A client that reads slowly costs at most this buffer: who fills it
//! waits in `relieve`.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use atoll_datum::{Datum, Error, Oid, sqlstate};
use atoll_sql::exec::Cancel;
use atoll_sql::session::client::Mark;
use atoll_sql::session::variables::Severity;
use atoll_sql::session::{Client, Column, Encoding, Format, Scratch, Status};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::message::{Fields, Frame, violation};
use crate::reply::{self, TooLong};
use crate::server::{Orders, OrdersReceiver};
use crate::socket::Socket;

/// What gathers before it is sent without being asked to.
const OUT_BYTES: usize = 64 << 10;
/// A buffer that once had to be larger than this is given back when it is empty.
const OUT_BYTES_KEPT: usize = 4 * OUT_BYTES;

pub struct Wire<'a, S> {
    pub socket: &'a Socket<S>,
    orders: OrdersReceiver,
    message_bytes_max: usize,
    /// What stops the running statement, once there is a session.
    cancel: Option<Arc<Cancel>>,
    out: BytesMut,
    scratch: Scratch,
    /// Bytes that have left already.
    sent: u64,
    /// Where the last CommandComplete begins.
    completed: Option<Mark>,
    /// A message could not be put out; the client waits for it in vain.
    torn: bool,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin + Send> Wire<'a, S> {
    pub fn new(socket: &'a Socket<S>, orders: OrdersReceiver, message_bytes_max: usize) -> Wire<'a, S> {
        let (out, scratch, sent, torn) = (BytesMut::new(), Scratch::default(), 0, false);
        Wire { socket, orders, message_bytes_max, cancel: None, out, scratch, sent, completed: None, torn }
    }

    /// Those for this connection, once it is one of the node's.
    pub fn set_orders(&mut self, orders: OrdersReceiver) {
        self.orders = orders;
    }

    pub fn set_cancel(&mut self, cancel: Arc<Cancel>) {
        self.cancel = Some(cancel);
    }

    pub fn put(&mut self, message: impl FnOnce(&mut BytesMut) -> Result<(), TooLong>) {
        if message(&mut self.out).is_err() {
            self.torn = true;
        }
    }

    fn put_empty(&mut self, tag: u8) {
        self.put(|out| reply::message(out, tag, |_| ()));
    }

    pub fn ready_for_query(&mut self, status: Status) {
        self.put(|out| reply::ready_for_query(out, status));
    }

    pub fn error(&mut self, error: &Error, text: Option<&str>) {
        self.put(|out| reply::error(out, "ERROR", error, text));
    }

    /// The next frame that has arrived in full.
    pub fn take_frame(&self) -> Result<Option<Frame>, Error> {
        self.socket.take_frame(self.message_bytes_max)
    }

    /// The last word, if the client takes it.
    pub async fn end(&mut self, error: Option<&Error>) -> io::Result<()> {
        if let Some(error) = error {
            self.put(|out| reply::error(out, "FATAL", error, None));
        }
        self.send().await?;
        std::future::poll_fn(|cx| self.socket.poll_shutdown(cx)).await
    }

    /// Sends all there is. Given up when the connection is ordered to end, but not before one try: what is left then is
    /// what the client didn't take.
    pub async fn send(&mut self) -> io::Result<()> {
        if self.torn {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too long for the protocol"));
        }
        let Wire { socket, orders, out, sent, .. } = self;
        let writing = std::future::poll_fn(|cx| {
            while !out.is_empty() {
                let written = ready!(socket.poll_write(cx, out))?;
                out.advance(written);
                *sent += written as u64;
            }
            socket.poll_flush(cx)
        });
        tokio::select! {
            biased;
            written = writing => written?,
            () = Orders::end(orders) => return Err(io::ErrorKind::ConnectionAborted.into()),
        }
        if self.out.capacity() > OUT_BYTES_KEPT {
            self.out = BytesMut::new();
        }
        Ok(())
    }

    /// The next frame of a COPY FROM STDIN.
    async fn copy_frame(&mut self) -> Result<Frame, Error> {
        if let Some(frame) = self.take_frame()? {
            return Ok(frame);
        }
        self.send().await.map_err(|_| vanished())?;
        let (cancel, socket, bytes_max) = (self.cancel.clone(), self.socket, self.message_bytes_max);
        // Woken for every order, of which a cancel request is one; then the flag says what it was.
        let mut ordered = pin!(async {
            while self.orders.changed().await.is_ok() {}
            std::future::pending::<()>().await
        });
        std::future::poll_fn(|cx| {
            loop {
                if let Some(cancel) = &cancel {
                    cancel.check()?;
                }
                if let Some(frame) = socket.take_frame(bytes_max)? {
                    return Poll::Ready(Ok(frame));
                }
                match socket.poll_fill(cx) {
                    Poll::Ready(Ok(true)) => {}
                    Poll::Ready(Ok(false) | Err(_)) => return Poll::Ready(Err(vanished())),
                    Poll::Pending => {
                        // Registers for the next order; there is no last one.
                        let _pending = ordered.as_mut().poll(cx);
                        return Poll::Pending;
                    }
                }
            }
        })
        .await
    }

    async fn copy_next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let frame = self.copy_frame().await?;
            match frame.tag {
                b'd' => return Ok(Some(frame.body)),
                b'c' => return Ok(None),
                b'f' => {
                    let mut fields = Fields::new(&frame.body);
                    let why = fields.text()?;
                    fields.end()?;
                    let message = format!("COPY from stdin failed: {why}");
                    return Err(Error::new(sqlstate::QUERY_CANCELED, message));
                }
                // Of a client that sends its pipeline's end before it learns that it is to copy.
                b'H' | b'S' => {}
                tag => return Err(violation(format!("unexpected message type 0x{tag:02X} during COPY from stdin"))),
            }
        }
    }
}

fn vanished() -> Error {
    Error::new(sqlstate::CONNECTION_FAILURE, "unexpected EOF on client connection with an open transaction")
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Client for Wire<'_, S> {
    fn describe(&mut self, columns: &[Column], formats: &[Format]) {
        self.put(|out| reply::row_description(out, columns, formats));
    }

    fn describe_nothing(&mut self) {
        self.put_empty(b'n');
    }

    fn describe_parameters(&mut self, types: &[Oid]) {
        self.put(|out| reply::parameter_description(out, types));
    }

    fn row(&mut self, encoding: &Encoding, row: &[Datum]) {
        self.torn |= reply::data_row(&mut self.out, &mut self.scratch, encoding, row).is_err();
    }

    fn complete(&mut self, tag: &str) {
        self.completed = Some(self.mark());
        self.put(|out| reply::message(out, b'C', |out| reply::put_text(out, tag)));
    }

    fn retract_complete(&mut self) {
        // Nothing is sent between a statement's end and its commit.
        if let Some(mark) = self.completed.take() {
            self.take_back(mark);
        }
    }

    fn complete_empty(&mut self) {
        self.put_empty(b'I');
    }

    fn suspend(&mut self) {
        self.put_empty(b's');
    }

    fn parse_complete(&mut self) {
        self.put_empty(b'1');
    }

    fn bind_complete(&mut self) {
        self.put_empty(b'2');
    }

    fn close_complete(&mut self) {
        self.put_empty(b'3');
    }

    fn notice(&mut self, severity: Severity, notice: &Error) {
        self.put(|out| reply::notice(out, severity, notice));
    }

    fn parameter(&mut self, name: &str, value: &str) {
        self.put(|out| reply::parameter_status(out, name, value));
    }

    fn relieve(&mut self) -> BoxFuture<'_, io::Result<()>> {
        if self.out.len() < OUT_BYTES && !self.torn { Box::pin(std::future::ready(Ok(()))) } else { self.flush() }
    }

    fn flush(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(self.send())
    }

    fn mark(&self) -> Mark {
        Mark(self.sent + self.out.len() as u64)
    }

    fn take_back(&mut self, mark: Mark) -> bool {
        let kept = mark.0.checked_sub(self.sent).and_then(|kept| usize::try_from(kept).ok());
        let Some(kept) = kept.filter(|kept| *kept <= self.out.len()) else { return false };
        self.out.truncate(kept);
        true
    }

    fn copy_in(&mut self, format: Format, columns: usize) {
        self.put(|out| reply::copy_response(out, b'G', format, columns));
    }

    fn copy_data(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, Error>> {
        Box::pin(self.copy_next())
    }

    fn copy_out(&mut self, format: Format, columns: usize) {
        self.put(|out| reply::copy_response(out, b'H', format, columns));
    }

    fn copy_row(&mut self, bytes: &[u8]) {
        self.put(|out| reply::message(out, b'd', |out| out.extend_from_slice(bytes)));
    }

    fn copy_done(&mut self) {
        self.put_empty(b'c');
    }
}

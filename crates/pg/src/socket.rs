//! One client's stream, and what has been read ahead from it.
//!
//! Shared by the conversation, which takes messages, and by whoever watches over a running statement, which must learn
//! that the client is gone. Both are one task, so the lock is never contended.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use atoll_datum::Result;
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::message::{self, Frame};

const READ_BYTES: usize = 8 << 10;
/// While a statement runs, no more than this is read of what the client sends meanwhile.
const AHEAD_BYTES_MAX: usize = 64 << 10;

pub struct Socket<S> {
    inner: Mutex<Inner<S>>,
}

struct Inner<S> {
    stream: S,
    input: BytesMut,
    /// The buffer has grown beyond what reading ahead needs.
    grown: bool,
    /// The client has closed its side.
    ended: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// `input` was read from the stream before.
    pub fn new(stream: S, input: BytesMut) -> Socket<S> {
        Socket { inner: Mutex::new(Inner { stream, input, grown: false, ended: false }) }
    }

    pub fn take_frame(&self, large_bytes_max: usize) -> Result<Option<Frame>> {
        message::take_frame(&mut self.inner.lock().input, large_bytes_max)
    }

    pub fn take_password(&self) -> Result<Option<Bytes>> {
        message::take_password(&mut self.inner.lock().input)
    }

    /// Reads once. False at the end of the stream.
    pub fn poll_fill(&self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.inner.lock().poll_fill(cx)
    }

    pub async fn fill(&self) -> io::Result<bool> {
        std::future::poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Ready when nobody is there to read an answer, reading ahead to find that out. A client that has closed its side
    /// after sending more than is done yet has not vanished: it wants that done.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.inner.lock();
        loop {
            if inner.ended {
                return if inner.input.is_empty() { Poll::Ready(()) } else { Poll::Pending };
            }
            if inner.input.len() >= AHEAD_BYTES_MAX {
                return Poll::Pending;
            }
            if ready!(inner.poll_fill(cx)).is_err() {
                return Poll::Ready(());
            }
        }
    }

    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner.lock().stream).poll_write(cx, bytes))?;
        Poll::Ready(if written == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(written) })
    }

    pub fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner.lock().stream).poll_flush(cx)
    }

    pub fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner.lock().stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> Inner<S> {
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.ended {
            return Poll::Ready(Ok(false));
        }
        if self.input.is_empty() && std::mem::take(&mut self.grown) {
            // One large message doesn't stay in memory for as long as the client is connected.
            self.input = BytesMut::new();
        }
        self.input.reserve(READ_BYTES);
        let read = ready!(pin!(self.stream.read_buf(&mut self.input)).poll(cx))?;
        self.grown |= self.input.len() > AHEAD_BYTES_MAX;
        self.ended = read == 0;
        Poll::Ready(Ok(!self.ended))
    }
}

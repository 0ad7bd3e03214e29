//! Who the client is: by its word where the node trusts its address, else by a password (SCRAM).

use std::io;
use std::sync::Arc;

use atoll_datum::{Error, sqlstate};
use atoll_env::Entropy;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, Bytes};
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::message::{Fields, violation};
use crate::reply;
use crate::scram::{Binding, Exchange, Key, MECHANISM, MECHANISM_PLUS, Verifier};
use crate::wire::Wire;

const OK: i32 = 0;
const SASL: i32 = 10;
const SASL_CONTINUE: i32 = 11;
const SASL_FINAL: i32 = 12;
const NONCE_BYTES: usize = 18;

/// What of a role decides whether it gets in.
#[derive(Clone, Debug)]
pub struct Role {
    /// `SCRAM-SHA-256$…`; none if it has no password.
    pub verifier: Option<String>,
    /// May use the connections that are kept for such roles.
    pub superuser: bool,
}

/// Finds a role by name. Whether it may log in at all is asked of the session.
pub type Roles = Arc<dyn Fn(&str) -> BoxFuture<'static, Result<Option<Role>, Error>> + Send + Sync>;

/// Why nobody was let in.
#[derive(Debug)]
pub enum Failure {
    Refused(Error),
    /// Nobody is there to be told.
    Gone(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Refused(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Gone(error)
    }
}

/// AuthenticationOk: goes out with what follows it.
pub fn put_ok<S: AsyncRead + AsyncWrite + Unpin + Send>(wire: &mut Wire<'_, S>) {
    wire.put(|out| reply::authentication(out, OK, &[]));
}

/// Returns when the client has shown that it knows the password.
pub async fn ask_password<S: AsyncRead + AsyncWrite + Unpin + Send>(
    wire: &mut Wire<'_, S>,
    user: &str,
    role: Option<&Role>,
    end_point: Option<&[u8]>,
    mock_secret: &Key,
    entropy: &Entropy,
) -> Result<(), Failure> {
    let stored = role.and_then(|role| role.verifier.as_deref());
    let verifier = stored.and_then(Verifier::parse).unwrap_or_else(|| Verifier::mock(mock_secret, user));
    let mechanisms = match end_point {
        Some(_) => format!("{MECHANISM_PLUS}\0{MECHANISM}\0\0"),
        None => format!("{MECHANISM}\0\0"),
    };
    wire.put(|out| reply::authentication(out, SASL, mechanisms.as_bytes()));

    let initial = read_password(wire).await?;
    let mut fields = Fields::new(&initial);
    let mechanism = fields.text()?;
    let chosen = mechanism == MECHANISM_PLUS && end_point.is_some();
    if !chosen && mechanism != MECHANISM {
        return Err(violation("client selected an invalid SASL authentication mechanism").into());
    }
    let length = fields.i32()?;
    let data = fields.rest();
    if usize::try_from(length) != Ok(data.len()) {
        return Err(violation("invalid message format").into());
    }
    let mut nonce = [0; NONCE_BYTES];
    entropy.secret(&mut nonce);
    let binding = Binding { end_point, chosen };
    let exchange = Exchange::begin(verifier, text(data)?, &STANDARD.encode(nonce), binding)?;
    wire.put(|out| reply::authentication(out, SASL_CONTINUE, exchange.server_first().as_bytes()));

    let response = read_password(wire).await?;
    let last = exchange.finish(text(&response)?)?.ok_or_else(|| wrong_password(user))?;
    wire.put(|out| reply::authentication(out, SASL_FINAL, last.as_bytes()));
    Ok(())
}

fn text(data: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(data).map_err(|_| violation("malformed SCRAM message"))
}

fn wrong_password(user: &str) -> Error {
    Error::new(sqlstate::INVALID_PASSWORD, format!("password authentication failed for user \"{user}\""))
}

async fn read_password<S: AsyncRead + AsyncWrite + Unpin + Send>(wire: &mut Wire<'_, S>) -> Result<Bytes, Failure> {
    wire.send().await?;
    loop {
        if let Some(body) = wire.socket.take_password()? {
            return Ok(body);
        }
        if !wire.socket.fill().await? {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

/// BackendKeyData: what a cancel request must name.
pub fn put_key<S: AsyncRead + AsyncWrite + Unpin + Send>(wire: &mut Wire<'_, S>, pid: i32, secret: [u8; 4]) {
    wire.put(|out| {
        reply::message(out, b'K', |out| {
            out.put_i32(pid);
            out.put_slice(&secret);
        })
    });
}

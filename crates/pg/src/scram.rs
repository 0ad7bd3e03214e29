//! SCRAM-SHA-256, the server's side: texts in, texts out.
//!
//! ```text
//! client-first   n,,n=user,r=NONCE            gs2 header: channel binding no (n), not offered by us (y), yes (p=…)
//! server-first   r=NONCE+OURS,s=SALT,i=4096
//! client-final   c=HEADER,r=NONCE+OURS,p=PROOF
//! server-final   v=SIGNATURE
//! ```
//! A verifier as roles store it: `SCRAM-SHA-256$ITERATIONS:SALT$STORED_KEY:SERVER_KEY`, from which no password can be
//! told, and nobody can log in with it.
//!
//! INVARIANT: whether a role exists, or has a password, shows neither in the messages nor in the work done for them: a
//! mock verifier stands in and never fits.

use atoll_datum::{Error, Result, sqlstate};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::message::violation;

pub const MECHANISM: &str = "SCRAM-SHA-256";
pub const MECHANISM_PLUS: &str = "SCRAM-SHA-256-PLUS";
const BINDING: &str = "tls-server-end-point";
const ITERATIONS: u32 = 4096;
const MOCK_SALT_BYTES: usize = 16;

pub type Key = [u8; 32];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    iterations: u32,
    /// As stored, which is as sent.
    salt: String,
    stored_key: Key,
    server_key: Key,
    /// Stands for a role without a password, and fits none.
    mock: bool,
}

impl Verifier {
    pub fn parse(text: &str) -> Option<Verifier> {
        let rest = text.strip_prefix(MECHANISM)?.strip_prefix('$')?;
        let (salting, keys) = rest.split_once('$')?;
        let (iterations, salt) = salting.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let key = |text: &str| Key::try_from(STANDARD.decode(text).ok()?).ok();
        STANDARD.decode(salt).ok()?;
        Some(Verifier {
            iterations: iterations.parse().ok().filter(|iterations| *iterations > 0)?,
            salt: salt.to_owned(),
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
            mock: false,
        })
    }

    /// The same for the same name each time, as a real one.
    pub fn mock(secret: &Key, user: &str) -> Verifier {
        let salt = STANDARD.encode(&hmac(secret, &[user.as_bytes()])[..MOCK_SALT_BYTES]);
        Verifier { iterations: ITERATIONS, salt, stored_key: [0; 32], server_key: [0; 32], mock: true }
    }
}

/// Between the server's first message and the client's last.
pub struct Exchange {
    verifier: Verifier,
    /// What the client must say in `c=`.
    binding: String,
    nonce: String,
    client_first_bare: String,
    server_first: String,
}

/// What the connection can offer: the hash of the server's certificate, if there is TLS and a known one.
#[derive(Clone, Copy)]
pub struct Binding<'a> {
    pub end_point: Option<&'a [u8]>,
    /// The client chose the mechanism that binds.
    pub chosen: bool,
}

impl Exchange {
    /// Reads the client's first message. `nonce` is ours.
    pub fn begin(verifier: Verifier, client_first: &str, nonce: &str, binding: Binding<'_>) -> Result<Exchange> {
        let (flag, rest) = client_first.split_once(',').ok_or_else(malformed)?;
        let (identity, bare) = rest.split_once(',').ok_or_else(malformed)?;
        let bound = match (flag, binding) {
            ("n", Binding { chosen: false, .. }) => &[][..],
            ("y", Binding { chosen: false, end_point: None }) => &[][..],
            ("y", Binding { chosen: false, end_point: Some(_) }) => {
                // Somebody in between has hidden that we offer it.
                return Err(refused("SCRAM channel binding negotiation error").detail(
                    "The client supports SCRAM channel binding but thinks the server does not.  However, this server \
                     does support channel binding.",
                ));
            }
            (flag, Binding { chosen: true, end_point: Some(hash) }) if flag.strip_prefix("p=") == Some(BINDING) => hash,
            _ => return Err(malformed()),
        };
        if !identity.is_empty() {
            return Err(Error::new(
                sqlstate::FEATURE_NOT_SUPPORTED,
                "client uses authorization identity, but it is not supported",
            ));
        }
        let mut attributes = bare.split(',');
        let user = attributes.next().ok_or_else(malformed)?;
        if user.starts_with("m=") {
            return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, "client requires an unsupported SCRAM extension"));
        }
        // The name is not looked at: who wants in was said at startup.
        let theirs = attributes.next().and_then(|nonce| nonce.strip_prefix("r="));
        let theirs = theirs.filter(|nonce| !nonce.is_empty() && nonce.bytes().all(|byte| byte.is_ascii_graphic()));
        let (true, Some(theirs)) = (user.starts_with("n="), theirs) else { return Err(malformed()) };
        let nonce = format!("{theirs}{nonce}");
        let server_first = format!("r={nonce},s={},i={}", verifier.salt, verifier.iterations);
        let mut header = format!("{flag},,").into_bytes();
        header.extend_from_slice(bound);
        Ok(Exchange {
            verifier,
            binding: STANDARD.encode(header),
            nonce,
            client_first_bare: bare.to_owned(),
            server_first,
        })
    }

    pub fn server_first(&self) -> &str {
        &self.server_first
    }

    /// Reads the client's last message and gives ours, none if the password is wrong.
    pub fn finish(self, client_final: &str) -> Result<Option<String>> {
        let (unproved, proof) = client_final.rsplit_once(",p=").ok_or_else(malformed)?;
        let mut attributes = unproved.split(',');
        let binding = attributes.next().and_then(|binding| binding.strip_prefix("c=")).ok_or_else(malformed)?;
        let nonce = attributes.next().and_then(|nonce| nonce.strip_prefix("r=")).ok_or_else(malformed)?;
        let proof = STANDARD.decode(proof).ok().and_then(|proof| Key::try_from(proof).ok()).ok_or_else(malformed)?;
        if binding != self.binding {
            return Err(refused("SCRAM channel binding check failed"));
        }
        if nonce != self.nonce {
            return Err(violation("invalid SCRAM response").detail("Nonce does not match."));
        }
        let said = format!("{},{},{unproved}", self.client_first_bare, self.server_first);
        let signature = hmac(&self.verifier.stored_key, &[said.as_bytes()]);
        let client_key: Key = std::array::from_fn(|at| proof[at] ^ signature[at]);
        let fits = Sha256::digest(client_key).as_slice().ct_eq(&self.verifier.stored_key);
        let server_signature = hmac(&self.verifier.server_key, &[said.as_bytes()]);
        let right = bool::from(fits) & !self.verifier.mock;
        Ok(right.then(|| format!("v={}", STANDARD.encode(server_signature))))
    }
}

pub fn hmac(key: &[u8], data: &[&[u8]]) -> Key {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("keys of this hash have any length");
    data.iter().for_each(|data| mac.update(data));
    mac.finalize().into_bytes().into()
}

fn malformed() -> Error {
    violation("malformed SCRAM message")
}

fn refused(message: &str) -> Error {
    Error::new(sqlstate::INVALID_AUTHORIZATION_SPECIFICATION, message)
}

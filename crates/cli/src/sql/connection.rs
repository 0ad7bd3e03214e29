//! One session with a server: bytes of a socket on one side, messages on the other.
//!
//! Nothing reads the socket while the shell waits for input: what the server says meanwhile is seen at the next
//! statement. INVARIANT: nothing is ever sent twice; whoever gets [`Lost`] knows that the outcome is unknown.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::target::{SslMode, Target, place};
use super::tls;
use super::wire::{self, Authentication, Message, Report, Transaction};

/// Statements and COPY data go out in pieces of about this size.
const WRITE_BYTES: usize = 64 << 10;

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

pub struct Connection {
    stream: Stream,
    input: BytesMut,
    output: BytesMut,
    parameters: BTreeMap<String, String>,
    pid: i32,
    secret: i32,
    transaction: Transaction,
    host: String,
    address: SocketAddr,
}

/// The server has gone away.
#[derive(Debug)]
pub struct Lost(pub String);

impl Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Lost {}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Lost {
        Lost(format!("could not talk to the server: {error}"))
    }
}

fn closed() -> Lost {
    Lost("server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n\tbefore or while processing the request.".into())
}

/// Why there is no connection.
#[derive(Debug)]
pub enum Refused {
    /// Asked for, and none was given.
    Password,
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Refused {
    fn from(error: E) -> Refused {
        Refused::Failed(error.into())
    }
}

impl Connection {
    /// Tries every host in turn.
    pub async fn open(target: &Target) -> Result<Connection, Refused> {
        let mut failures = Vec::new();
        for (host, port) in target.hosts()? {
            let opened = Connection::open_at(target, &host, port, target.ssl_mode()?);
            let opened = match target.get("connect_timeout").and_then(|seconds| seconds.trim().parse().ok()) {
                Some(seconds @ 1..) => match tokio::time::timeout(Duration::from_secs(seconds), opened).await {
                    Ok(opened) => opened,
                    Err(_) => {
                        let place = place(&host, None, port);
                        Err(anyhow!("connection to server at {place} failed: timeout expired").into())
                    }
                },
                _ => opened.await,
            };
            match opened {
                Err(Refused::Failed(error)) => failures.push(format!("{error:#}")),
                opened => return opened,
            }
        }
        Err(Refused::Failed(anyhow!(failures.join("\n"))))
    }

    async fn open_at(target: &Target, host: &str, port: u16, mode: SslMode) -> Result<Connection, Refused> {
        let failed = |address, error: &dyn Display| {
            anyhow!("connection to server at {} failed: {error}", place(host, address, port))
        };
        let addresses: Vec<SocketAddr> = match tokio::net::lookup_host((host, port)).await {
            Ok(addresses) => addresses.collect(),
            Err(_) => {
                let text = format!("could not translate host name \"{host}\" to address: Name or service not known");
                return Err(anyhow!(text).into());
            }
        };
        let mut failures = Vec::new();
        for address in addresses {
            let stream = match TcpStream::connect(address).await {
                Ok(stream) => stream,
                Err(error) => {
                    let text = match error.kind() {
                        io::ErrorKind::ConnectionRefused => {
                            "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?"
                                .to_owned()
                        }
                        _ => error.to_string(),
                    };
                    failures.push(failed(Some(address), &text).to_string());
                    continue;
                }
            };
            return match Connection::begin(target, host, stream, address, mode).await {
                // As libpq does: better in the clear than not at all, unless the user said otherwise.
                Err(Begin::Tls(_)) if mode == SslMode::Prefer => {
                    Box::pin(Connection::open_at(target, host, port, SslMode::Disable)).await
                }
                Err(Begin::Tls(error)) => Err(failed(Some(address), &format!("{error:#}")).into()),
                Err(Begin::Refused(Refused::Failed(error))) => Err(failed(Some(address), &format!("{error:#}")).into()),
                Err(Begin::Refused(refused)) => Err(refused),
                Ok(connection) => Ok(connection),
            };
        }
        Err(anyhow!(failures.join("\n")).into())
    }

    async fn begin(
        target: &Target,
        host: &str,
        mut stream: TcpStream,
        address: SocketAddr,
        mode: SslMode,
    ) -> Result<Connection, Begin> {
        stream.set_nodelay(true)?;
        let mut output = BytesMut::new();
        let mut offered = false;
        if mode != SslMode::Disable {
            frontend::ssl_request(&mut output);
            stream.write_all_buf(&mut output).await?;
            offered = stream.read_u8().await? == b'S';
            if !offered && mode != SslMode::Prefer {
                return Err(anyhow!("server does not support SSL, but SSL was required").into());
            }
        }
        let stream = match offered {
            true => {
                let stream = tls::handshake(stream, host, mode, target.get("sslrootcert")).await;
                Stream::Tls(stream.map_err(Begin::Tls)?)
            }
            false => Stream::Plain(stream),
        };
        let mut connection = Connection {
            stream,
            input: BytesMut::new(),
            output,
            parameters: BTreeMap::new(),
            pid: 0,
            secret: 0,
            transaction: Transaction::Idle,
            host: host.to_owned(),
            address,
        };
        connection.start(target).await.map_err(Begin::Refused)?;
        Ok(connection)
    }

    /// The startup packet, the password if one is wanted, and everything up to the first ReadyForQuery.
    async fn start(&mut self, target: &Target) -> Result<(), Refused> {
        let name = target.get("application_name").or(target.get("fallback_application_name")).unwrap_or("atoll sql");
        let mut parameters = vec![
            ("user", target.user()),
            ("database", target.database()),
            ("application_name", name),
            ("client_encoding", "UTF8"),
        ];
        parameters.extend(target.get("options").map(|options| ("options", options)));
        frontend::startup_message(parameters, &mut self.output)?;
        self.flush().await?;
        let mut scram = None;
        loop {
            match self.message().await? {
                Message::Authentication(wanted) => self.authenticate(wanted, target, &mut scram).await?,
                Message::Key { pid, secret } => (self.pid, self.secret) = (pid, secret),
                Message::Error(report) => {
                    let severity = report.field(b'S').unwrap_or("FATAL");
                    return Err(anyhow!("{severity}:  {}", report.message()).into());
                }
                Message::Ready(_) => return Ok(()),
                _ => {}
            }
        }
    }

    async fn authenticate(
        &mut self,
        wanted: Authentication,
        target: &Target,
        scram: &mut Option<ScramSha256>,
    ) -> Result<(), Refused> {
        let password = || target.get("password").filter(|password| !password.is_empty()).ok_or(Refused::Password);
        match wanted {
            Authentication::Done => return Ok(()),
            Authentication::Clear => {
                // Anybody on the way could read it, or stand in for the server to get it.
                if let Stream::Plain(_) = self.stream
                    && !self.address.ip().is_loopback()
                {
                    return Err(anyhow!("the server wants the password in the clear: not without TLS").into());
                }
                frontend::password_message(password()?.as_bytes(), &mut self.output)?;
            }
            Authentication::Md5(salt) => {
                let hash = md5_hash(target.user().as_bytes(), password()?.as_bytes(), salt);
                frontend::password_message(hash.as_bytes(), &mut self.output)?;
            }
            Authentication::Sasl(mechanisms) => {
                const MECHANISM: &str = "SCRAM-SHA-256";
                if !mechanisms.iter().any(|mechanism| mechanism == MECHANISM) {
                    return Err(anyhow!("none of the server's SASL authentication mechanisms are supported").into());
                }
                let exchange = ScramSha256::new(password()?.as_bytes(), ChannelBinding::unsupported());
                frontend::sasl_initial_response(MECHANISM, exchange.message(), &mut self.output)?;
                *scram = Some(exchange);
            }
            Authentication::Continue(data) => {
                let exchange = scram.as_mut().context("SCRAM goes on that has not begun")?;
                exchange.update(&data)?;
                frontend::sasl_response(exchange.message(), &mut self.output)?;
            }
            Authentication::Final(data) => {
                // The server proves that it knows the password, too.
                scram.as_mut().context("SCRAM ends that has not begun")?.finish(&data)?;
                return Ok(());
            }
            Authentication::Other(number) => {
                return Err(anyhow!("authentication method {number} is not supported").into());
            }
        }
        Ok(self.flush().await?)
    }

    /// A statement, or several, in the simple protocol. What comes of it, [`Connection::message`] tells.
    pub async fn query(&mut self, sql: &str) -> Result<(), Lost> {
        // Only a zero byte can't be sent; to the server it would be the text's end anyway.
        let sql = sql.split('\0').next().unwrap_or("");
        frontend::query(sql, &mut self.output)?;
        self.flush().await
    }

    /// Asks what columns a statement would have, without running it.
    pub async fn describe(&mut self, sql: &str) -> Result<(), Lost> {
        let sql = sql.split('\0').next().unwrap_or("");
        frontend::parse("", sql, [], &mut self.output)?;
        frontend::describe(b'S', "", &mut self.output)?;
        frontend::sync(&mut self.output);
        self.flush().await
    }

    pub async fn copy_data(&mut self, data: &[u8]) -> Result<(), Lost> {
        frontend::CopyData::new(data)?.write(&mut self.output);
        if self.output.len() >= WRITE_BYTES { self.flush().await } else { Ok(()) }
    }

    pub async fn copy_done(&mut self) -> Result<(), Lost> {
        frontend::copy_done(&mut self.output);
        self.flush().await
    }

    pub async fn copy_fail(&mut self, why: &str) -> Result<(), Lost> {
        frontend::copy_fail(why, &mut self.output)?;
        self.flush().await
    }

    /// The next message. Dropping the future loses nothing.
    pub async fn message(&mut self) -> Result<Message, Lost> {
        loop {
            match wire::take(&mut self.input).map_err(|error| Lost(format!("{error:#}")))? {
                Some(Message::Parameter(name, value)) => drop(self.parameters.insert(name, value)),
                Some(message) => {
                    if let Message::Ready(transaction) = message {
                        self.transaction = transaction;
                    }
                    return Ok(message);
                }
                None => {
                    let read = match &mut self.stream {
                        Stream::Plain(stream) => stream.read_buf(&mut self.input).await,
                        Stream::Tls(stream) => stream.read_buf(&mut self.input).await,
                    };
                    match read {
                        Ok(0) => return Err(closed()),
                        Ok(_) => {}
                        Err(error) if gone(&error) => return Err(closed()),
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Lost> {
        let written = match &mut self.stream {
            Stream::Plain(stream) => stream.write_all_buf(&mut self.output).await,
            Stream::Tls(stream) => match stream.write_all_buf(&mut self.output).await {
                Ok(()) => stream.flush().await,
                failed => failed,
            },
        };
        match written {
            Ok(()) => Ok(()),
            // It may have said why before it hung up.
            Err(error) if gone(&error) => match self.last_words() {
                Some(report) => {
                    Err(Lost(format!("{}:  {}\n{}", report.field(b'S').unwrap_or("FATAL"), report.message(), closed())))
                }
                None => Err(closed()),
            },
            Err(error) => Err(error.into()),
        }
    }

    fn last_words(&mut self) -> Option<Report> {
        if let Stream::Plain(stream) = &self.stream {
            let mut buffer = [0; 4096];
            if let Ok(length) = stream.try_read(&mut buffer) {
                self.input.extend_from_slice(&buffer[..length]);
            }
        }
        while let Ok(Some(message)) = wire::take(&mut self.input) {
            if let Message::Error(report) = message {
                return Some(report);
            }
        }
        None
    }

    /// Asks the server, on a connection of its own, to give up what this one is running.
    pub fn cancel(&self) -> impl Future<Output = io::Result<()>> + use<> {
        let (address, pid, secret) = (self.address, self.pid, self.secret);
        async move {
            let mut request = BytesMut::new();
            frontend::cancel_request(pid, secret, &mut request);
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all_buf(&mut request).await?;
            stream.flush().await?;
            // The server closes it when it has passed the request on.
            let mut rest = [0; 1];
            stream.read(&mut rest).await.map(drop)
        }
    }

    /// Says goodbye. Best effort: the server notices a closed socket as well.
    pub async fn close(mut self) {
        frontend::terminate(&mut self.output);
        drop(self.flush().await);
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(|value| &value[..])
    }

    pub fn transaction(&self) -> Transaction {
        self.transaction
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Version and cipher, if it is encrypted.
    pub fn tls(&self) -> Option<(String, String)> {
        match &self.stream {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => Some(tls::description(stream)),
        }
    }
}

fn gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// What can go wrong before there is a session.
enum Begin {
    Tls(anyhow::Error),
    Refused(Refused),
}

impl<E: Into<anyhow::Error>> From<E> for Begin {
    fn from(error: E) -> Begin {
        Begin::Refused(Refused::Failed(error.into()))
    }
}

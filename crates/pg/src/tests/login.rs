//! Passwords and TLS.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BufMut;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio_postgres::NoTls;
use tokio_rustls::client::TlsStream;

use super::fake::{Fake, LOCAL, MOCK_SECRET, Node, listening, options, server};
use super::raw::{Raw, message, query, startup, tags, told};
use crate::scram::{Binding, Exchange, Verifier, hmac};
use crate::server::{Options, Server};
use crate::tls::{Certificate, Tls};

const SALT: &[u8] = b"0123456789abcdef";

fn salted(password: &str, salt: &[u8], iterations: u32) -> [u8; 32] {
    let mut block = hmac(password.as_bytes(), &[salt, &[0, 0, 0, 1]]);
    let mut salted = block;
    for _ in 1..iterations {
        block = hmac(password.as_bytes(), &[&block]);
        (0..32).for_each(|at| salted[at] ^= block[at]);
    }
    salted
}

fn verifier(password: &str) -> String {
    let salted = salted(password, SALT, 4096);
    let stored = Sha256::digest(hmac(&salted, &[b"Client Key"]));
    let server = hmac(&salted, &[b"Server Key"]);
    format!("SCRAM-SHA-256$4096:{}${}:{}", STANDARD.encode(SALT), STANDARD.encode(stored), STANDARD.encode(server))
}

/// The client's last message to a server that said `server_first` to `bare`.
fn client_final(password: &str, bare: &str, server_first: &str, header: &[u8]) -> String {
    let attribute = |name: &str| server_first.split(',').find_map(|part| part.strip_prefix(name)).unwrap();
    let salt = STANDARD.decode(attribute("s=")).unwrap();
    let salted = salted(password, &salt, attribute("i=").parse().unwrap());
    let client_key = hmac(&salted, &[b"Client Key"]);
    let unproved = format!("c={},r={}", STANDARD.encode(header), attribute("r="));
    let said = format!("{bare},{server_first},{unproved}");
    let signature = hmac(&Sha256::digest(client_key), &[said.as_bytes()]);
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, signature)| key ^ signature).collect();
    format!("{unproved},p={}", STANDARD.encode(proof))
}

const UNBOUND: Binding<'static> = Binding { end_point: None, chosen: false };

#[test]
fn the_exchange_of_rfc_7677() {
    let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    let salted = salted("pencil", &salt, 4096);
    let stored = STANDARD.encode(Sha256::digest(hmac(&salted, &[b"Client Key"])));
    let server = STANDARD.encode(hmac(&salted, &[b"Server Key"]));
    let stored = format!("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==${stored}:{server}");
    let ours = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let begun = Exchange::begin(Verifier::parse(&stored).unwrap(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO", ours, UNBOUND);
    let exchange = begun.unwrap();
    assert_eq!(
        exchange.server_first(),
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    );
    let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    assert_eq!(exchange.finish(last).unwrap().unwrap(), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

#[test]
fn wrong_exchanges() {
    let hash = [1u8; 32];
    let offered = Binding { end_point: Some(&hash), chosen: false };
    let chosen = Binding { end_point: Some(&hash), chosen: true };
    let begin = |first: &str, binding| {
        let exchange = Exchange::begin(Verifier::parse(&verifier("x")).unwrap(), first, "ours", binding);
        exchange
            .map(|exchange| exchange.server_first().to_owned())
            .map_err(|error| format!("{} {error}", error.state()))
    };
    assert!(begin("n,,n=,r=a", offered).is_ok() && begin("p=tls-server-end-point,,n=,r=a", chosen).is_ok());
    assert!(begin("y,,n=,r=a", UNBOUND).is_ok());
    let malformed = "08P01 malformed SCRAM message";
    for (first, binding, error) in [
        ("", UNBOUND, malformed),
        ("n,", UNBOUND, malformed),
        ("n,,n=", UNBOUND, malformed),
        ("n,,n=,r=", UNBOUND, malformed),
        ("n,,n=,r=a b", UNBOUND, malformed),
        ("n,,x=,r=a", UNBOUND, malformed),
        ("p=tls-server-end-point,,n=,r=a", UNBOUND, malformed),
        ("p=tls-unique,,n=,r=a", chosen, malformed),
        ("n,,n=,r=a", chosen, malformed),
        ("y,,n=,r=a", offered, "28000 SCRAM channel binding negotiation error"),
        ("n,a=other,n=,r=a", UNBOUND, "0A000 client uses authorization identity, but it is not supported"),
        ("n,,m=x,n=,r=a", UNBOUND, "0A000 client requires an unsupported SCRAM extension"),
    ] {
        assert_eq!(begin(first, binding).unwrap_err(), error, "{first}");
    }
    let finish = |last: &str| {
        let begun = Exchange::begin(Verifier::parse(&verifier("x")).unwrap(), "n,,n=,r=a", "ours", UNBOUND);
        begun.unwrap().finish(last).map_err(|error| format!("{} {error}", error.state()))
    };
    let proof = STANDARD.encode([0; 32]);
    assert_eq!(finish(&format!("c=biws,r=aours,p={proof}")), Ok(None));
    for (last, error) in [
        (format!("c=eSws,r=aours,p={proof}"), "28000 SCRAM channel binding check failed"),
        (format!("c=biws,r=other,p={proof}"), "08P01 invalid SCRAM response"),
        ("c=biws,r=aours,p=AAAA".into(), malformed),
        ("c=biws,r=aours".into(), malformed),
        (format!("c=biws,p={proof}"), malformed),
        (format!("r=aours,p={proof}"), malformed),
    ] {
        assert_eq!(finish(&last).unwrap_err(), error, "{last}");
    }
    // Whatever is proved, a mock is not fooled.
    let mock = Verifier::mock(&MOCK_SECRET, "ghost");
    assert_eq!(mock, Verifier::mock(&MOCK_SECRET, "ghost"));
    assert_ne!(mock, Verifier::mock(&MOCK_SECRET, "spirit"));
    for wrong in ["", "md5abc", "SCRAM-SHA-256$", "SCRAM-SHA-256$0:AA==$AA==:AA==", "SCRAM-SHA-256$4096:AA==$AA==:AA=="]
    {
        assert_eq!(Verifier::parse(wrong), None);
    }
}

#[tokio::test]
async fn passwords_through_a_driver() {
    let node = Arc::new(Node::new());
    let (_handle, address) =
        listening(&node, Options { trust_loopback: false, ..options(Some(verifier("s3crét"))) }).await;
    let connect = async |user: &str, password: &str| {
        let config = format!("host=127.0.0.1 port={} user={user} password={password} dbname=d", address.port());
        match tokio_postgres::connect(&config, NoTls).await {
            Ok((client, connection)) => {
                drop(node.env.tasks.spawn("test", connection));
                Ok(client.simple_query("rows 1").await.unwrap().len())
            }
            Err(error) => {
                let error = error.as_db_error().expect("an answer of the server");
                Err(format!("{} {} {}", error.severity(), error.code().code(), error.message()))
            }
        }
    };
    assert_eq!(connect("alice", "s3crét").await, Ok(3));
    let failed = |user| Err(format!("FATAL 28P01 password authentication failed for user \"{user}\""));
    assert_eq!(connect("alice", "secret").await, failed("alice"));
    // A role without a password, and none at all, look the same.
    assert_eq!(connect("admin", "s3crét").await, failed("admin"));
    assert_eq!(connect("ghost", "s3crét").await, failed("ghost"));
}

fn tls_options() -> (Options, CertificateDer<'static>) {
    let certificate = Certificate::self_signed(vec!["localhost".into()]).unwrap();
    let tls = Some(Tls::with_certificate(&certificate).unwrap());
    let der = CertificateDer::from_pem_slice(certificate.certificate_pem.as_bytes()).unwrap();
    (Options { tls, trust_loopback: false, ..options(Some(verifier("pw"))) }, der)
}

async fn encrypted(
    server: &Arc<Server<Fake>>,
    node: &Arc<Node>,
    certificate: &CertificateDer<'static>,
) -> TlsStream<DuplexStream> {
    let mut raw = Raw::connect(server, node);
    raw.send(&[startup(80_877_104, b"")]).await;
    assert_eq!(raw.stream.read_u8().await.unwrap(), b'N');
    raw.send(&[startup(80_877_103, b"")]).await;
    assert_eq!(raw.stream.read_u8().await.unwrap(), b'S');
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, raw.stream).await.unwrap()
}

#[tokio::test]
async fn tls_carries_everything() {
    let node = Arc::new(Node::new());
    let (options, certificate) = tls_options();
    let server = server(&node, options);
    let stream = encrypted(&server, &node, &certificate).await;
    let mut config = tokio_postgres::Config::new();
    config.user("alice").password("pw").dbname("d").ssl_mode(tokio_postgres::config::SslMode::Disable);
    let (client, connection) = config.connect_raw(stream, NoTls).await.unwrap();
    drop(node.env.tasks.spawn("test", connection));
    assert_eq!(client.query("rows 20000", &[]).await.unwrap().len(), 20_000);
}

/// A login by hand; returns what the server says at its end.
async fn bound<S: AsyncRead + AsyncWrite + Unpin>(
    raw: &mut Raw<S>,
    mechanism: &str,
    flag: &str,
    bound: &[u8],
) -> String {
    raw.send(&[startup(196_608, b"user\0alice\0\0")]).await;
    let offer = raw.reply().await.unwrap();
    assert_eq!(&offer.1[..], b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
    let bare = "n=,r=clientnonce";
    let first = format!("{flag},,{bare}");
    let mut body = format!("{mechanism}\0").into_bytes();
    body.put_u32(first.len() as u32);
    body.put_slice(first.as_bytes());
    raw.send(&[message(b'p', &body)]).await;
    let reply = raw.reply().await.unwrap();
    if reply.0 == 'E' {
        return told(&reply);
    }
    let server_first = std::str::from_utf8(&reply.1[4..]).unwrap();
    let header = [format!("{flag},,").as_bytes(), bound].concat();
    raw.send(&[message(b'p', client_final("pw", bare, server_first, &header).as_bytes())]).await;
    let reply = raw.reply().await.unwrap();
    if reply.0 == 'E' { told(&reply) } else { tags(&raw.until('Z').await) }
}

#[tokio::test]
async fn passwords_can_be_bound_to_the_certificate() {
    let node = Arc::new(Node::new());
    let (options, certificate) = tls_options();
    let server = server(&node, options);
    let hash = Sha256::digest(&certificate);
    let plus = "SCRAM-SHA-256-PLUS";
    for (mechanism, flag, data, outcome) in [
        (plus, "p=tls-server-end-point", &hash[..], "RSSKZ"),
        (plus, "p=tls-server-end-point", &[0; 32][..], "FATAL 28000 SCRAM channel binding check failed"),
        ("SCRAM-SHA-256", "n", b"", "RSSKZ"),
        ("SCRAM-SHA-256", "y", b"", "FATAL 28000 SCRAM channel binding negotiation error"),
        ("MD5", "n", b"", "FATAL 08P01 client selected an invalid SASL authentication mechanism"),
    ] {
        let mut raw = Raw::new(encrypted(&server, &node, &certificate).await);
        assert_eq!(bound(&mut raw, mechanism, flag, data).await, outcome);
    }
}

#[tokio::test]
async fn nothing_is_slipped_in_before_tls() {
    let node = Arc::new(Node::new());
    let (options, _) = tls_options();
    let server = server(&node, options);
    let mut raw = Raw::connect(&server, &node);
    raw.send(&[startup(80_877_103, b""), query("boom")]).await;
    assert_eq!(raw.stream.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    // A second request is no version of the protocol.
    let mut raw = Raw::connect(&server, &node);
    raw.send(&[startup(80_877_104, b"")]).await;
    assert_eq!(raw.stream.read_u8().await.unwrap(), b'N');
    raw.stream.write_all(&startup(80_877_104, b"")).await.unwrap();
    assert_eq!(
        told(&raw.rest().await[0]),
        "FATAL 0A000 unsupported frontend protocol 1234.5680: server supports 3.0 to 3.0"
    );
}

#[tokio::test]
async fn from_elsewhere_only_with_tls() {
    let node = Arc::new(Node::new());
    let server = server(&node, options(None));
    let (ours, theirs) = tokio::io::duplex(1024);
    let attending = server.attend(theirs, ([192, 0, 2, 1], LOCAL.1).into());
    let mut raw = Raw::new(ours);
    let asking = async {
        raw.send(&[startup(196_608, b"user\0bob\0database\0d\0\0")]).await;
        raw.rest().await
    };
    let ((), replies) = futures_util::future::join(attending, asking).await;
    let expected =
        "FATAL 28000 no pg_hba.conf entry for host \"192.0.2.1\", user \"bob\", database \"d\", no encryption";
    assert_eq!(told(&replies[0]), expected);
}

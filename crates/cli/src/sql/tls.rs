//! TLS of a connection, with libpq's meaning of `sslmode`.
//!
//! `prefer` and `require` keep listeners out, not impostors: a node signs its certificate itself, so nobody could vouch
//! for it. `verify-ca` and `verify-full` check it against the file `sslrootcert`; the system's own list of authorities
//! is not read.

use std::fs;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::target::SslMode;

pub async fn handshake(
    stream: TcpStream,
    host: &str,
    mode: SslMode,
    root: Option<&str>,
) -> Result<Box<TlsStream<TcpStream>>> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(Verifier::new(mode, root, &provider)?);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned())?;
    Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
}

/// "TLSv1.3" and the cipher's name, as `\conninfo` shows them.
pub fn description(stream: &TlsStream<TcpStream>) -> (String, String) {
    let (_, session) = stream.get_ref();
    let version = session.protocol_version().and_then(|version| version.as_str().map(str::to_owned));
    let cipher = session.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str().map(str::to_owned));
    let unknown = || "unknown".to_owned();
    let version = version.map_or_else(unknown, |version| version.replace("TLSv1_", "TLSv1."));
    // OpenSSL's names, which people know, lack the number.
    (version, cipher.map_or_else(unknown, |cipher| cipher.replace("TLS13_", "TLS_")))
}

#[derive(Debug)]
struct Verifier {
    /// None if everybody will do.
    strict: Option<Arc<WebPkiServerVerifier>>,
    /// Whether the certificate must bear the host's name.
    named: bool,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(mode: SslMode, root: Option<&str>, provider: &Arc<CryptoProvider>) -> Result<Verifier> {
        let strict = if mode >= SslMode::VerifyCa {
            let path = root.context("sslmode verify-ca and verify-full need sslrootcert, a file of certificates")?;
            let pem = fs::read(path).with_context(|| format!("could not read root certificate file \"{path}\""))?;
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| anyhow!("root certificate file \"{path}\": {error}"))?;
                roots.add(certificate)?;
            }
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
            Some(builder.build().with_context(|| format!("root certificate file \"{path}\""))?)
        } else {
            None
        };
        Ok(Verifier { strict, named: mode == SslMode::VerifyFull, provider: provider.clone() })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(strict) = &self.strict else { return Ok(ServerCertVerified::assertion()) };
        match strict.verify_server_cert(own, between, name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.named => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

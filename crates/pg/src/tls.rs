//! Encryption of connections: rustls, and a certificate that a node makes for itself.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    /// tls-server-end-point: what a client can bind its password's proof to.
    end_point: Option<Vec<u8>>,
}

/// A certificate and its key, as files hold them.
pub struct Certificate {
    pub certificate_pem: String,
    pub key_pem: String,
}

impl Certificate {
    /// Signed by itself, for these host names and addresses.
    pub fn self_signed(names: Vec<String>) -> io::Result<Certificate> {
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        Ok(Certificate { certificate_pem: made.cert.pem(), key_pem: made.signing_key.serialize_pem() })
    }
}

impl Tls {
    /// Without channel binding.
    pub fn new(config: Arc<ServerConfig>) -> Tls {
        Tls { acceptor: config.into(), end_point: None }
    }

    /// With this chain, the server's own certificate first, and its key.
    pub fn with_certificate(certificate: &Certificate) -> io::Result<Tls> {
        let chain =
            CertificateDer::pem_slice_iter(certificate.certificate_pem.as_bytes()).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(io::Error::other)?;
        let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).map_err(io::Error::other)?;
        let end_point = chain.first().and_then(|own| end_point(own));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(io::Error::other)?;
        Ok(Tls { acceptor: Arc::new(config).into(), end_point })
    }

    pub fn end_point(&self) -> Option<&[u8]> {
        self.end_point.as_deref()
    }

    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<TlsStream<S>> {
        self.acceptor.accept(stream).await
    }
}

/// ecdsa-with-SHA256 and sha256WithRSAEncryption.
const SIGNED_WITH_SHA256: [&[u8]; 2] =
    [&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02], &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]];

/// The certificate's hash, by the function it is signed with; none for other functions than the usual one.
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    const SEQUENCE: u8 = 0x30;
    const OBJECT: u8 = 0x06;
    let (body, _) = element(certificate, SEQUENCE)?;
    let (_, after_contents) = element(body, SEQUENCE)?;
    let (algorithm, _) = element(after_contents, SEQUENCE)?;
    let (object, _) = element(algorithm, OBJECT)?;
    SIGNED_WITH_SHA256.contains(&object).then(|| Sha256::digest(certificate).to_vec())
}

/// The content of the first element of DER, and what follows the element.
fn element(der: &[u8], expected: u8) -> Option<(&[u8], &[u8])> {
    let ([tag, length], rest) = der.split_first_chunk()?;
    let (length, rest) = if *length < 0x80 {
        (usize::from(*length), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f)).filter(|(bytes, _)| bytes.len() <= 4)?;
        (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
    };
    (*tag == expected).then(|| rest.split_at_checked(length)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_certificates_can_be_bound_to_and_others_do_no_harm() {
        let certificate = Certificate::self_signed(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
        assert!(Tls::with_certificate(&certificate).unwrap().end_point().is_some());
        let der = CertificateDer::from_pem_slice(certificate.certificate_pem.as_bytes()).unwrap();
        for length in 0..der.len() {
            assert_eq!(end_point(&der[..length]), None);
        }
        for wrong in [&[0x30, 0xff, 1][..], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[]] {
            assert_eq!(end_point(wrong), None);
        }
    }
}

//! Encrypted connections to PostgreSQL servers, as libpq's options `sslmode` and `sslrootcert` have it.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use postgres::Socket;
use postgres::config::{Host, SslMode};
use postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{Connect, TlsConnector};

use crate::decode::files::read_whole;

/// Bytes of a file of root certificates; those of an operating system take a fifth of a megabyte.
const LARGEST_ROOTS: u64 = 16 << 20;

/// What is known of a server before it is told a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// Nothing: anybody may have answered.
    Nothing,
    /// That its certificate was given out by somebody trusted.
    Issuer,
    /// That, and that it is the server of the address.
    Server,
}

/// How a connection is to be encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Encryption {
    pub(super) mode: SslMode,
    pub(super) checked: Checked,
    /// File of the root certificates; none for the usual ones.
    roots: Option<String>,
}

impl Encryption {
    /// Takes the options out of the address `url` that the driver does not know, and reads them. What the address does not say
    /// the environment may, by the variables that `variable` gives.
    ///
    /// # Errors
    /// If an option is none of libpq's, or needs what cannot be done; with the remedy.
    pub(super) fn of(
        url: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(String, Self), (String, &'static str)> {
        let (place, options) = url.split_once('?').unwrap_or((url, ""));
        let (mut rest, mut mode, mut roots) = (Vec::new(), variable("PGSSLMODE"), variable("PGSSLROOTCERT"));
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value.to_owned()),
                Some(("sslrootcert", value)) => roots = Some(unescaped(value)),
                Some((name @ ("sslcert" | "sslkey" | "sslpassword" | "sslcrl"), _)) => {
                    return Err((
                        format!("{name} asks for a certificate of one's own, which lodecast does not show"),
                        "give a user with a password, or import from the tracking server's https:// address",
                    ));
                }
                _ => rest.push(option),
            }
        }
        let named = roots.is_some();
        let roots = roots.or_else(|| variable("SSL_CERT_FILE")).filter(|roots| roots != "system");
        let (mode, checked) = match mode.as_deref() {
            Some("disable") => (SslMode::Disable, Checked::Nothing),
            None | Some("allow" | "prefer") => (SslMode::Prefer, Checked::Nothing),
            // As libpq has it: whoever names roots wants them to be looked at.
            Some("require") => (SslMode::Require, if named { Checked::Issuer } else { Checked::Nothing }),
            Some("verify-ca") => (SslMode::Require, Checked::Issuer),
            Some("verify-full") => (SslMode::Require, Checked::Server),
            Some(other) => {
                let other: String = other.chars().take(20).flat_map(char::escape_debug).collect();
                let remedy = "choose one of disable, prefer, require, verify-ca, verify-full";
                return Err((format!("there is no sslmode '{other}'"), remedy));
            }
        };
        let url = if rest.is_empty() { place.to_owned() } else { format!("{place}?{}", rest.join("&")) };
        Ok((url, Self { mode, checked, roots }))
    }

    /// Can a password get to somebody whom it was not meant for, on a way out of this machine?
    pub(super) fn exposes(&self, config: &postgres::Config) -> bool {
        let leaves = |host: &Host| match host {
            Host::Tcp(name) => !matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
            Host::Unix(_) => false,
        };
        self.checked != Checked::Server && config.get_password().is_some() && config.get_hosts().iter().any(leaves)
    }

    /// What makes the connections.
    ///
    /// # Errors
    /// If the roots cannot be read.
    pub(super) fn connector(&self) -> Result<Connector, String> {
        let failed = |error: rustls::Error| error.to_string();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(failed)?;
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let mut named = Vec::new();
        if let Some(path) = self.roots.as_ref().filter(|_| self.checked != Checked::Nothing) {
            named = certificates(Path::new(path))?;
            store = RootCertStore::empty();
            let (taken, _) = store.add_parsable_certificates(named.iter().cloned());
            if taken == 0 {
                return Err(format!("there is no certificate in {path}"));
            }
        }
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider).build();
        let usual = usual.map_err(|error| error.to_string())?;
        let verifier = Verifier { usual, named, checked: self.checked };
        let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
        Ok(Connector(TlsConnector::from(Arc::new(config))))
    }
}

/// A text of an address without its escapes.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The certificates in a file of PEM.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read_whole(path, LARGEST_ROOTS, "no such file is so large").map_err(|error| error.to_string())?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    certificates.map_err(|error| format!("{}: {error:?}", path.display()))
}

/// Looks at a server's certificate as far as was asked for.
#[derive(Debug)]
struct Verifier {
    usual: Arc<WebPkiServerVerifier>,
    /// Certificates that are trusted by name: a server's own may be among them.
    named: Vec<CertificateDer<'static>>,
    checked: Checked,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let is_named = || self.named.iter().any(|named| named == server);
        match self.checked {
            Checked::Nothing => Ok(ServerCertVerified::assertion()),
            Checked::Issuer if is_named() => Ok(ServerCertVerified::assertion()),
            Checked::Server if is_named() => {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(server)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            Checked::Issuer => match self.usual.verify_server_cert(server, between, name, stapled, now) {
                // The name is looked at when all else is in order.
                Err(rustls::Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                )) => Ok(ServerCertVerified::assertion()),
                other => other,
            },
            Checked::Server => self.usual.verify_server_cert(server, between, name, stapled, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

/// Encrypts the driver's connections.
#[derive(Clone)]
pub(super) struct Connector(TlsConnector);

impl MakeTlsConnect<Socket> for Connector {
    type Stream = Encrypted;
    type TlsConnect = ToServer;
    type Error = rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, domain: &str) -> Result<ToServer, Self::Error> {
        ServerName::try_from(domain.to_owned()).map(|name| ToServer { connector: self.0.clone(), name })
    }
}

/// Encrypts a connection to one server.
pub(super) struct ToServer {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl TlsConnect<Socket> for ToServer {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Handshake;

    fn connect(self, socket: Socket) -> Handshake {
        Handshake(self.connector.connect(self.name, socket))
    }
}

/// A connection about to be encrypted.
pub(super) struct Handshake(Connect<Socket>);

impl Future for Handshake {
    type Output = io::Result<Encrypted>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_ok(Encrypted)
    }
}

/// An encrypted connection.
pub(super) struct Encrypted(tokio_rustls::client::TlsStream<Socket>);

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, variables: &[(&str, &str)]) -> Result<(String, Encryption), (String, &'static str)> {
        let variable = |name: &str| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
        Encryption::of(url, &variable)
    }

    #[test]
    fn options_are_those_of_libpq() {
        let encryption =
            |mode, checked, roots: Option<&str>| Encryption { mode, checked, roots: roots.map(str::to_owned) };
        for (options, variables, left, expected) in [
            ("", &[][..], "", encryption(SslMode::Prefer, Checked::Nothing, None)),
            ("?sslmode=disable", &[], "", encryption(SslMode::Disable, Checked::Nothing, None)),
            ("?a=b&sslmode=require", &[], "?a=b", encryption(SslMode::Require, Checked::Nothing, None)),
            ("?sslmode=verify-full&a=b", &[], "?a=b", encryption(SslMode::Require, Checked::Server, None)),
            (
                "?sslrootcert=%2Fetc%2Fca.pem&sslmode=require",
                &[],
                "",
                encryption(SslMode::Require, Checked::Issuer, Some("/etc/ca.pem")),
            ),
            (
                "?sslmode=verify-ca",
                &[("SSL_CERT_FILE", "corporate.pem")],
                "",
                encryption(SslMode::Require, Checked::Issuer, Some("corporate.pem")),
            ),
            (
                "?sslrootcert=system",
                &[("PGSSLMODE", "verify-full"), ("SSL_CERT_FILE", "a.pem")],
                "",
                encryption(SslMode::Require, Checked::Server, None),
            ),
        ] {
            let read = of(&format!("postgresql://me@host/db{options}"), variables);
            assert_eq!(read, Ok((format!("postgresql://me@host/db{left}"), expected)), "{options}");
        }
        assert!(
            of("postgresql://host/db?sslmode=verify-ful", &[])
                .is_err_and(|(reason, _)| reason.contains("'verify-ful'"))
        );
        assert!(of("postgresql://host/db?sslkey=a.key", &[]).is_err_and(|(reason, _)| reason.contains("sslkey")));
    }

    #[test]
    fn a_password_is_exposed_where_anybody_may_answer() {
        let exposes = |url: &str| {
            let (url, encryption) = of(url, &[]).expect("sound");
            encryption.exposes(&url.parse().expect("sound"))
        };
        assert!(exposes("postgresql://me:s3cret@db.example.com/runs"));
        assert!(exposes("postgresql://me:s3cret@db.example.com/runs?sslmode=require"));
        for safe in [
            "postgresql://me@db.example.com/runs",
            "postgresql://me:s3cret@localhost/runs",
            "postgresql://me:s3cret@%2Frun%2Fpostgresql/runs",
            "postgresql://me:s3cret@db.example.com/runs?sslmode=verify-full",
        ] {
            assert!(!exposes(safe), "{safe}");
        }
    }
}

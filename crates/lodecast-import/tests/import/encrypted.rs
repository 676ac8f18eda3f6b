//! Encrypted connections to PostgreSQL, with a stand-in of the server that speaks the beginning of its protocol.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use lodecast_import::{Limits, Source, Wanted, format_named, warning};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

fn certificates(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/certificates").join(name)
}

/// What a PostgreSQL client asks for encryption with.
const ENCRYPTION: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A server that shows the certificate of `localhost`, or has none. It lets nobody in, and says whom.
fn serve(encrypts: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from_pem_file(certificates("server.pem")).expect("sound")];
    let key = PrivateKeyDer::from_pem_file(certificates("server.key")).expect("sound");
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("known");
    let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).expect("sound"));
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.expect("connected");
            let mut first = [0; 8];
            let _ = socket.read_exact(&mut first);
            if first != ENCRYPTION || !encrypts {
                let _ = socket.write_all(b"N");
                continue;
            }
            socket.write_all(b"S").expect("written");
            let mut connection = ServerConnection::new(Arc::clone(&config)).expect("sound");
            let mut stream = Stream::new(&mut connection, &mut socket);
            let mut length = [0; 4];
            if stream.read_exact(&mut length).is_err() {
                continue;
            }
            let mut startup = vec![0; u32::from_be_bytes(length) as usize - 4];
            stream.read_exact(&mut startup).expect("whole");
            let words: Vec<_> = startup[4..].split(|&byte| byte == 0).map(String::from_utf8_lossy).collect();
            let user = words.chunks(2).find(|pair| pair[0] == "user").map_or("?", |pair| &pair[1]);
            let fields = format!("SFATAL\0C28000\0Mnobody is let in, nor is {user}\0\0");
            let mut answer = vec![b'E'];
            answer.extend((fields.len() as u32 + 4).to_be_bytes());
            answer.extend(fields.as_bytes());
            let _ = stream.write_all(&answer);
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    port
}

/// What is said when the runs at the address are to be read.
fn said(address: &str) -> String {
    let source = Source::open(address, &Limits::default()).expect("an address");
    let format = format_named("mlflow").expect("a format");
    let read = format.read(&source, &Wanted::default(), &Limits::default(), &mut |_| ControlFlow::Continue(()));
    let said = read.expect_err("nobody is let in").to_string();
    assert!(!said.contains("s3cret"), "{said}");
    said
}

#[test]
fn a_connection_is_encrypted_and_the_server_known_as_far_as_was_asked_for() {
    let port = serve(true);
    let roots = certificates("ca.pem").display().to_string();
    let let_in = "nobody is let in, nor is me";
    for (host, options, expected) in [
        ("localhost", String::new(), let_in),
        ("127.0.0.1", "?sslmode=require".to_owned(), let_in),
        ("localhost", format!("?sslmode=verify-full&sslrootcert={roots}"), let_in),
        ("localhost", format!("?sslmode=verify-full&sslrootcert={}", certificates("server.pem").display()), let_in),
        ("127.0.0.1", format!("?sslmode=verify-ca&sslrootcert={roots}"), let_in),
        ("127.0.0.1", format!("?sslmode=require&sslrootcert={roots}"), let_in),
        // Another server than that of the certificate, and a certificate by nobody known.
        ("127.0.0.1", format!("?sslmode=verify-full&sslrootcert={roots}"), "certificate"),
        ("localhost", "?sslmode=verify-full".to_owned(), "sslrootcert=FILE"),
        ("localhost", "?sslmode=verify-ca&sslrootcert=/nowhere.pem".to_owned(), "a file of certificates in PEM"),
        ("localhost", "?sslmode=verify-me".to_owned(), "there is no sslmode 'verify-me'"),
    ] {
        let said = said(&format!("postgresql://me:s3cret@{host}:{port}/runs{options}"));
        assert!(said.contains(expected), "{host}{options}: {said}");
    }
}

#[test]
fn a_server_that_does_not_encrypt_is_told_nothing_where_it_was_to() {
    let port = serve(false);
    for mode in ["require", "verify-ca", "verify-full"] {
        let said = said(&format!("postgresql://me:s3cret@127.0.0.1:{port}/runs?sslmode={mode}"));
        assert!(said.contains("server does not support TLS"), "{mode}: {said}");
    }
}

#[test]
fn a_password_on_the_way_to_nobody_knows_whom_is_warned_of() {
    let of = |address: &str| warning(&Source::open(address, &Limits::default()).expect("an address"));
    let said = of("postgresql+psycopg://me:s3cret@db.example.com/runs").expect("a warning");
    assert!(said.starts_with("postgresql+psycopg://db.example.com/runs: a password is sent"), "{said}");
    assert!(said.contains("sslmode=verify-full") && !said.contains("s3cret"), "{said}");
    assert_eq!(of("postgresql://me:s3cret@db.example.com/runs?sslmode=verify-full"), None);
    assert_eq!(of("postgresql://me:s3cret@127.0.0.1/runs"), None);
    assert_eq!(of("sqlite:////tmp/runs.db"), None);
}

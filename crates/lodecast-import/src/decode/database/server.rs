//! PostgreSQL servers: what their address says, and connections to them.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::encryption::Encryption;
use super::failure::{explain, failed};
use crate::error::{Error, Result};

/// How long a connection may take to come about.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects to the PostgreSQL server that `url` names.
///
/// # Errors
/// If the address cannot be understood, or the server does not let us in.
pub(super) fn connect(url: &str, name: &str) -> Result<postgres::Client> {
    let (config, encryption) = configure(url, name)?;
    let remote =
        |reason: String, remedy: &str| Error::Remote { address: name.to_owned(), reason, remedy: remedy.to_owned() };
    let connector = encryption.connector().map_err(|reason| {
        remote(
            reason,
            "correct sslrootcert, PGSSLROOTCERT or SSL_CERT_FILE, which has to name a file of certificates in PEM",
        )
    })?;
    let mut client = within(PATIENCE, move || config.connect(connector))
        .ok_or_else(|| remote("it does not answer".to_owned(), "check that it is a PostgreSQL server"))?
        .map_err(|error| {
            let reason = explain(&error);
            if reason.contains("certificate") {
                let remedy = "name the roots that gave out its certificate with sslrootcert=FILE in the address, or in \
                              SSL_CERT_FILE; sslmode=verify-ca does not look at the server's name";
                return remote(reason, remedy);
            }
            remote(reason, "check host, port and name, and the password in the address or in PGPASSWORD")
        })?;
    client
        .batch_execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .map_err(|error| failed(name, explain(&error)))?;
    Ok(client)
}

/// Is a password sent, by this address, to whoever answers there?
pub(super) fn exposes_password(url: &str) -> bool {
    configure(url, "").is_ok_and(|(config, encryption)| encryption.exposes(&config))
}

/// What the driver has to know, and how the connection is encrypted.
fn configure(url: &str, name: &str) -> Result<(postgres::Config, Encryption)> {
    let remote = |reason: String, remedy: String| Error::Refused { address: name.to_owned(), reason, remedy };
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (url, encryption) =
        Encryption::of(url, &variable).map_err(|(reason, remedy)| remote(reason, remedy.to_owned()))?;
    // Its own words may repeat a part of a password that should have been escaped.
    let mut config: postgres::Config = url.parse().map_err(|_: postgres::Error| {
        remote(
            "the address cannot be understood".to_owned(),
            "write it as postgresql://USER@HOST:PORT/DATABASE, with what is special in a name or password escaped \
             (%40 for @), or the password in PGPASSWORD"
                .to_owned(),
        )
    })?;
    if let (None, Some(password)) = (config.get_password(), variable("PGPASSWORD")) {
        config.password(password);
    }
    config.ssl_mode(encryption.mode).connect_timeout(PATIENCE).application_name("lodecast");
    Ok((config, encryption))
}

/// What `connect` comes to, if it does so in time: a server that takes a connection may keep silent ever after.
fn within<T: Send + 'static>(time: Duration, connect: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    // It is left alone if it does not come back, and ends with the process.
    thread::spawn(move || drop(sender.send(connect())));
    receiver.recv_timeout(2 * time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_keeps_silent_is_left() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let config: postgres::Config = format!("postgresql://me@127.0.0.1:{port}/db").parse().expect("sound");
        let connected = within(Duration::from_millis(50), move || config.connect(postgres::NoTls).is_ok());
        assert_eq!(connected, None);
    }
}

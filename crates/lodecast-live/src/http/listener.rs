//! [`Listener`]: where a server is reached, at an address of the network or, by those whom the file system lets in, at a Unix socket.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::{Error, Result};

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address of the network; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A Unix socket, which only its owner can open.
    #[cfg(unix)]
    Unix(PathBuf),
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What listens there.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(socket::OwnSocket),
}

impl Listener {
    /// Takes an address, and says which it is.
    ///
    /// # Errors
    /// If it is taken, or cannot be had.
    pub(crate) fn bind(address: &Address) -> Result<(Self, Address)> {
        match address {
            Address::Tcp(address) => Self::tcp(*address).map(|(listener, bound)| (listener, bound.into())),
            #[cfg(unix)]
            Address::Unix(path) => Ok((Self::Unix(socket::OwnSocket::bind(path)?), address.clone())),
        }
    }

    /// Takes an address of the network, port 0 one that is free, and says which it is.
    ///
    /// # Errors
    /// If it is taken, or cannot be had.
    pub(crate) fn tcp(address: SocketAddr) -> Result<(Self, SocketAddr)> {
        let remedy = "give another port, or 0 for any that is free";
        let taken = |error: io::Error| Error::Page { address, reason: error.to_string(), remedy };
        let listener = std::net::TcpListener::bind(address).map_err(taken)?;
        listener.set_nonblocking(true).map_err(taken)?;
        let bound = listener.local_addr().map_err(taken)?;
        Ok((Self::Tcp(listener), bound))
    }

    /// The same within a runtime.
    pub(super) fn accepting(self) -> io::Result<Accepting> {
        Ok(match self {
            Self::Tcp(listener) => Accepting::Tcp(tokio::net::TcpListener::from_std(listener)?),
            #[cfg(unix)]
            Self::Unix(socket) => {
                let (listener, place) = socket.into_parts();
                Accepting::Unix { listener: tokio::net::UnixListener::from_std(listener)?, _place: place }
            }
        })
    }
}

/// What accepts connections.
pub(super) enum Accepting {
    Tcp(tokio::net::TcpListener),
    #[cfg(unix)]
    Unix {
        listener: tokio::net::UnixListener,
        _place: socket::Place,
    },
}

/// A connection, wherever it came in.
pub(super) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connection for S {}

impl Accepting {
    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<Box<dyn Connection>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Answers are small and waited for.
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
            #[cfg(unix)]
            Self::Unix { listener, .. } => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

/// A socket in the file system: nobody but its owner opens it, and nobody else's is taken away.
#[cfg(unix)]
mod socket {
    use std::fs::{self, DirBuilder, Permissions};
    use std::io::ErrorKind;
    use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    use std::path::{Path, PathBuf};

    use crate::error::{Error, Result};

    /// A socket that listens.
    #[derive(Debug)]
    pub(crate) struct OwnSocket {
        listener: UnixListener,
        place: Place,
    }

    /// The place of a socket, which is cleared when this is dropped.
    #[derive(Debug)]
    pub(crate) struct Place {
        path: PathBuf,
        /// By which it is known to be still the same.
        inode: (u64, u64),
    }

    impl OwnSocket {
        pub(super) fn bind(path: &Path) -> Result<Self> {
            let refused = |reason: String, remedy| Error::Socket { path: path.to_owned(), reason, remedy };
            let failed = |error: std::io::Error| {
                refused(
                    error.to_string(),
                    "name a file with --socket in a folder that is there, by a path of less than 90 bytes",
                )
            };
            // What is longer could be made, but not opened.
            SocketAddr::from_pathname(path).map_err(failed)?;
            check_free(path)?;
            // Made where nobody else looks, and put in its place when its mode is what it should be.
            let folder = hidden_folder(path).map_err(failed)?;
            let make = || -> std::io::Result<Self> {
                let hidden = folder.join("s");
                let listener = UnixListener::bind(&hidden)?;
                fs::set_permissions(&hidden, Permissions::from_mode(0o600))?;
                listener.set_nonblocking(true)?;
                let inode = inode(&hidden)?;
                fs::rename(&hidden, path)?;
                Ok(Self { listener, place: Place { path: path.to_owned(), inode } })
            };
            let made = make();
            let _ = fs::remove_dir_all(&folder);
            made.map_err(failed)
        }

        pub(super) fn into_parts(self) -> (UnixListener, Place) {
            (self.listener, self.place)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            if inode(&self.path).is_ok_and(|found| found == self.inode) {
                let _ = fs::remove_file(&self.path);
            }
        }
    }

    /// A folder beside the socket that only its owner can look into.
    fn hidden_folder(path: &Path) -> std::io::Result<PathBuf> {
        let mut number = 0;
        loop {
            let folder = path.with_file_name(format!(".{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&folder) {
                // One that was killed had the same number.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && number < 100 => number += 1,
                made => return made.map(|()| folder),
            }
        }
    }

    fn inode(path: &Path) -> std::io::Result<(u64, u64)> {
        fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
    }

    /// Nothing is there, or a socket that nobody listens at.
    fn check_free(path: &Path) -> Result<()> {
        let refused = |reason: String, remedy| Err(Error::Socket { path: path.to_owned(), reason, remedy });
        let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
        if !metadata.file_type().is_socket() {
            return refused("something else is there".to_owned(), "name another file with --socket, or move that away");
        }
        match UnixStream::connect(path) {
            Ok(_) => {
                refused("another server listens there".to_owned(), "stop that one, or name another file with --socket")
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
            Err(error) => refused(error.to_string(), "name another file with --socket, or move that away"),
        }
    }
}

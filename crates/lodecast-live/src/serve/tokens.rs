//! [`Tokens`]: who may read, and who may write which run.
//!
//! ```text
//! # a line each; RUN may end with * for all that begin so
//! read  TOKEN
//! write RUN TOKEN
//! ```

use std::fmt;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use axum::http::{HeaderMap, StatusCode, header};

use super::names::is_name;
use super::readers::Reader;
use crate::error::{Error, Result};
use crate::http::problem::Problem;

/// Characters of a token at least.
const SHORTEST: usize = 16;
/// The cookie in which a browser keeps a token to read with.
pub(super) const COOKIE: &str = "lodecast";

/// The tokens of a server; none where everybody on this machine may do everything.
#[derive(Clone, Default)]
pub(crate) struct Tokens {
    asked: bool,
    read: Vec<String>,
    write: Vec<(String, String)>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tokens to read, {} to write", self.read.len(), self.write.len())
    }
}

impl Tokens {
    /// Reads the file at `path`, which nobody else may read.
    ///
    /// # Errors
    /// If others can read it, or a line says nothing. No token is in the error.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let wrong = |reason: String, remedy| Error::Damaged { path: path.to_owned(), reason, remedy };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
            if mode & 0o077 != 0 {
                let reason =
                    format!("others on this machine can read these tokens: say 'chmod 600 {}'", path.display());
                return Err(wrong(reason, "then start the server again"));
            }
        }
        let text = fs::read_to_string(path).map_err(failed)?;
        let mut tokens = Self { asked: true, ..Self::default() };
        for (number, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let token = match words[..] {
                [] => continue,
                [word, ..] if word.starts_with('#') => continue,
                ["read", token] => {
                    tokens.read.push(token.to_owned());
                    token
                }
                ["write", run, token] if run == "*" || is_name(run.trim_end_matches('*')) => {
                    tokens.write.push((run.to_owned(), token.to_owned()));
                    token
                }
                _ => {
                    let reason = format!("line {} says nothing", number + 1);
                    return Err(wrong(reason, "a line is 'read TOKEN' or 'write RUN TOKEN'"));
                }
            };
            let plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-~+/=".contains(&byte));
            if token.len() < SHORTEST || !plain {
                let reason = format!("the token in line {} is too short, or has odd characters", number + 1);
                return Err(wrong(reason, "give at least 16 letters and digits: openssl rand -hex 32"));
            }
        }
        Ok(tokens)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.read.len() + self.write.len()
    }

    /// Says who reads, and refuses who may not.
    pub(super) fn check_reader(&self, headers: &HeaderMap) -> std::result::Result<Reader, Problem> {
        if !self.asked {
            return Ok(Reader::ANYBODY);
        }
        let given = bearer(headers).or_else(|| cookie(headers));
        let known = self.read.iter().chain(self.write.iter().map(|(_, token)| token));
        // Every one is looked at, whichever it is.
        let found = known.enumerate().fold(None, |found, (place, token)| {
            let same = given.is_some_and(|given| is_same(given, token));
            same.then_some(Reader::of_token(place)).or(found)
        });
        found.ok_or_else(unknown)
    }

    /// Refuses who may not write this run.
    pub(super) fn check_writer(&self, headers: &HeaderMap, run: &str) -> std::result::Result<(), Problem> {
        if !self.asked {
            return Ok(());
        }
        // A cookie comes along with whatever a browser is made to send: it is good for reading only.
        let Some(given) = bearer(headers) else { return Err(unknown()) };
        let of_run = |pattern: &str| pattern.strip_suffix('*').map_or(pattern == run, |begin| run.starts_with(begin));
        let (mut may, mut known) = (false, false);
        for (pattern, token) in &self.write {
            let same = is_same(given, token);
            known |= same;
            may |= same & of_run(pattern);
        }
        for token in &self.read {
            known |= is_same(given, token);
        }
        match (may, known) {
            (true, _) => Ok(()),
            (false, true) => {
                let remedy = "take the one that the server's token file has for this run";
                Err(Problem::new(StatusCode::FORBIDDEN, "this token may not write this run", remedy))
            }
            (false, false) => Err(unknown()),
        }
    }
}

fn unknown() -> Problem {
    let remedy = "send the header 'Authorization: Bearer TOKEN' with a token of the server's token file";
    Problem::new(StatusCode::UNAUTHORIZED, "who asks is not known", remedy)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    // The name of a scheme is the same in any case (RFC 9110, section 11.1).
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Compares in a time that does not depend on where they differ.
fn is_same(given: &str, token: &str) -> bool {
    let (given, token) = (given.as_bytes(), token.as_bytes());
    let of_length = u8::from(given.len() != token.len());
    let differing = token.iter().enumerate().fold(of_length, |differing, (at, byte)| {
        // Beyond its end a shorter one is compared with itself.
        let other = given.get(at).or_else(|| given.first()).copied().unwrap_or(0);
        black_box(differing | (byte ^ other))
    });
    differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &str = "read-0123456789abcdef";
    const WRITE: &str = "write-0123456789abcdef";
    const GROUP: &str = "group-0123456789abcdef";

    fn tokens() -> Tokens {
        let write = [("a", WRITE), ("team-*", GROUP)].map(|(run, token)| (run.to_owned(), token.to_owned()));
        Tokens { asked: true, read: vec![READ.to_owned()], write: write.to_vec() }
    }

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::HeaderName::from_static(name), value.parse().expect("a value"))])
    }

    #[test]
    fn every_token_opens_what_it_is_for_and_nothing_else() {
        let tokens = tokens();
        let may = |token: &str, run: &str| {
            let status =
                |checked: Result<(), Problem>| checked.map_or_else(|problem| problem.status.as_u16(), |()| 200);
            let headers = headers("authorization", &format!("Bearer {token}"));
            (status(tokens.check_reader(&headers).map(drop)), status(tokens.check_writer(&headers, run)))
        };
        assert_eq!(may(READ, "a"), (200, 403));
        assert_eq!((may(WRITE, "a"), may(WRITE, "ab"), may(WRITE, "team-1")), ((200, 200), (200, 403), (200, 403)));
        assert_eq!((may(GROUP, "team-1"), may(GROUP, "team")), ((200, 200), (200, 403)));
        for spelt in ["bearer", "BEARER"] {
            let headers = headers("authorization", &format!("{spelt} {READ}"));
            assert!(tokens.check_reader(&headers).is_ok(), "{spelt}");
        }
        for wrong in ["", "x", &READ[1..], &READ[..20], "read-0123456789abcdeg", "write-0123456789abcdef0"] {
            assert_eq!(may(wrong, "a"), (401, 401), "{wrong}");
        }
        let reader = |token: &str| tokens.check_reader(&headers("authorization", &format!("Bearer {token}"))).ok();
        assert!(reader(READ) == Some(Reader::of_token(0)) && reader(GROUP) == Some(Reader::of_token(2)));
        let with_cookie = headers("cookie", &format!("other=1; lodecast={WRITE}"));
        assert!(tokens.check_reader(&with_cookie).is_ok() && tokens.check_writer(&with_cookie, "a").is_err());
        assert!(tokens.check_reader(&HeaderMap::new()).is_err());
        assert!(Tokens::default().check_writer(&HeaderMap::new(), "a").is_ok());
        assert!(!format!("{tokens:?}").contains("0123"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_or_that_says_nothing_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        let read = |text: &str, mode: u32| {
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
            Tokens::read(&path).map_err(|error| error.to_string())
        };
        let good = format!("# ours\nread {READ}\n\nwrite a {WRITE}\nwrite team-* {GROUP}\n");
        assert_eq!(read(&good, 0o600).expect("good").write.len(), 2);
        assert!(read(&good, 0o640).is_err_and(|error| error.contains("chmod 600")));
        for wrong in ["read short", "read", "write a", &format!("write ../a {WRITE}"), &format!("reed {READ}")] {
            let error = read(wrong, 0o600).expect_err("refused");
            assert!(error.contains("line 1") && !error.contains("0123"), "{error}");
        }
    }
}

//! Where runs are read from: a file, a folder tree, an address.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::limits::Limits;

/// How addresses begin that runs are read from.
const SCHEMES: [&str; 5] = ["http", "https", "sqlite", "postgresql", "postgres"];

/// A place that runs are read from. Neither of its spellings for people shows what an address holds of credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// One file.
    File(PathBuf),
    /// A folder with everything below it.
    Folder(Tree),
    /// A server or database: `https://...`, `sqlite:///...`, `postgresql://...`.
    Url(String),
}

/// The files of a folder tree, in the order of their paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    root: PathBuf,
    files: Vec<PathBuf>,
    notes: Vec<String>,
}

impl Source {
    /// Looks at what `text` names. A folder is walked through.
    ///
    /// # Errors
    /// If there is no such file or folder, or the tree is larger than `limits` allow. An address that is misspelt is not repeated
    /// with the password in it.
    pub fn open(text: &str, limits: &Limits) -> Result<Self> {
        if let Some((scheme, _)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
            // SQLAlchemy names the driver behind a plus sign.
            if !SCHEMES.contains(&scheme.split('+').next().unwrap_or_default()) {
                return Err(Error::Refused {
                    address: without_password(text),
                    reason: format!("nothing is read from an address that begins with {scheme}://"),
                    remedy: "copy its files here, or give the http:// address of the MLflow server in front of it; what can be \
                             read from: http://, https://, sqlite:///, postgresql://"
                        .to_owned(),
                });
            }
            return Ok(Self::Url(text.to_owned()));
        }
        let path = PathBuf::from(text);
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(_) if text.contains(':') && text.contains('@') => {
                return Err(Error::Remote {
                    address: without_password(text),
                    reason: "it is no file, and no address either".to_owned(),
                    remedy: "an address begins with https://, postgresql:// or the like".to_owned(),
                });
            }
            Err(source) => return Err(Error::File { path, source }),
        };
        if metadata.is_dir() { Tree::walk(path, limits).map(Self::Folder) } else { Ok(Self::File(path)) }
    }

    /// The folder of the file at `path`, as if there were no other in it.
    pub(crate) fn open_only(path: &Path) -> Self {
        let root = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::Folder(Tree { root, files: vec![path.to_owned()], notes: Vec::new() })
    }

    /// Its files: those of the tree, or the one; none of an address.
    pub fn files(&self) -> &[PathBuf] {
        match self {
            Self::File(path) => std::slice::from_ref(path),
            Self::Folder(tree) => &tree.files,
            Self::Url(_) => &[],
        }
    }

    /// Has the source a file at `path`? Beside a file that is the source, whatever lies in its folder and is no link.
    pub(crate) fn has(&self, path: &Path) -> bool {
        match self {
            Self::Folder(tree) => tree.files.binary_search_by(|file| file.as_path().cmp(path)).is_ok(),
            Self::File(_) => fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file()),
            Self::Url(_) => false,
        }
    }

    /// The files whose name is `name`.
    pub fn files_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Path> {
        self.files().iter().map(PathBuf::as_path).filter(move |path| file_name(path) == name)
    }

    /// The files whose name has the ending `ending`, in upper or lower case.
    pub fn files_ending<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = &'a Path> {
        self.files().iter().map(PathBuf::as_path).filter(move |path| ends_with(path, ending))
    }

    /// Identity of the run that `path`, a file or folder of this source, holds: its place below the source's root, with `/`
    /// between the parts and without the file's ending. The root itself goes by its own name.
    pub fn run_id(&self, path: &Path) -> String {
        let root = match self {
            Self::Folder(tree) => tree.root.as_path(),
            Self::File(file) => file.parent().unwrap_or(file),
            Self::Url(_) => return self.to_string(),
        };
        let below = path.strip_prefix(root).unwrap_or(path);
        let ended = if path.is_dir() { below.to_path_buf() } else { below.with_extension("") };
        let ended = if is_packed(path) && !path.is_dir() { ended.with_extension("") } else { ended };
        let parts: Vec<_> = ended.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        if !parts.is_empty() {
            return parts.join("/");
        }
        let whole = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        whole.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    /// What the walk left out: links that lead out of the tree, folders that may not be read.
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Folder(tree) => &tree.notes,
            _ => &[],
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Folder(tree) => write!(f, "{}", tree.root.display()),
            Self::Url(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Folder(tree) => f.debug_tuple("Folder").field(tree).finish(),
            Self::Url(url) => f.debug_tuple("Url").field(&without_password(url)).finish(),
        }
    }
}

impl Tree {
    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Lists the files below `root`. Links are not followed: what they lead to within the tree is found there anyway.
    fn walk(root: PathBuf, limits: &Limits) -> Result<Self> {
        let failed = |path: &Path, source| Error::File { path: path.to_owned(), source };
        let true_root = fs::canonicalize(&root).map_err(|source| failed(&root, source))?;
        let mut tree = Self { root: root.clone(), files: Vec::new(), notes: Vec::new() };
        let mut pending = vec![(root, 0)];
        let mut links = Vec::new();
        while let Some((folder, depth)) = pending.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(source) if depth == 0 => return Err(failed(&folder, source)),
                Err(source) => {
                    tree.notes.push(format!("{} was not entered: {source}", folder.display()));
                    continue;
                }
            };
            for entry in entries {
                let entry = entry.map_err(|source| failed(&folder, source))?;
                let path = entry.path();
                let kind = entry.file_type().map_err(|source| failed(&path, source))?;
                if kind.is_symlink() {
                    if !fs::canonicalize(&path).is_ok_and(|target| target.starts_with(&true_root)) {
                        links.push(path);
                    }
                } else if kind.is_dir() {
                    if depth == limits.depth {
                        tree.notes.push(format!("{} lies deeper than {depth} folders: not entered", path.display()));
                    } else {
                        pending.push((path, depth + 1));
                    }
                } else if kind.is_file() {
                    if tree.files.len() == limits.files {
                        return Err(Error::TooLarge {
                            place: tree.root.display().to_string(),
                            what: "the number of files".to_owned(),
                            limit: limits.files as u64,
                            remedy: "import its parts one by one",
                        });
                    }
                    tree.files.push(path);
                }
            }
        }
        tree.files.sort();
        tree.notes.sort();
        tree.notes.extend(not_followed(links));
        Ok(tree)
    }
}

/// Says which links lead out of the folder. W&B makes one in the folder of every run.
fn not_followed(mut links: Vec<PathBuf>) -> Option<String> {
    const SHOWN: usize = 3;
    links.sort();
    let names: Vec<String> = links.iter().take(SHOWN).map(|link| link.display().to_string()).collect();
    let names = names.join(", ");
    match links.len() {
        0 => None,
        1 => Some(format!("{names} is a link out of the folder: not followed")),
        count if count <= SHOWN => Some(format!("{names} are links out of the folder: not followed")),
        count => Some(format!("{names} and {} more are links out of the folder: not followed", count - SHOWN)),
    }
}

/// Paths in the order in which people count: `version_2` before `version_10`.
pub(crate) fn in_counting_order<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Vec<P> {
    let mut paths: Vec<P> = paths.into_iter().collect();
    paths.sort_by_cached_key(|path| {
        path.as_ref().components().map(|part| counted(&part.as_os_str().to_string_lossy())).collect::<Vec<_>>()
    });
    paths
}

/// A name in pieces: what is between its numbers, their values, and how they are written. What follows a decimal point is no number
/// of its own.
fn counted(name: &str) -> Vec<(String, u128, String)> {
    let mut pieces: Vec<(String, u128, String)> = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let start = rest.find(|character: char| character.is_ascii_digit()).unwrap_or(rest.len());
        let (text, after) = rest.split_at(start);
        let end = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
        let is_decimal = text == "." && !pieces.is_empty();
        let value = if is_decimal { 0 } else { after[..end].parse().unwrap_or(u128::MAX) };
        pieces.push((text.to_owned(), value, after[..end].to_owned()));
        rest = &after[end..];
    }
    pieces
}

/// A file's name, empty if it is not Unicode.
pub(crate) fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Has the text file's name this ending, in upper or lower case? One packed by gzip has one more.
pub(crate) fn has_ending(path: &Path, ending: &str) -> bool {
    ends_with(path, ending) || is_packed(path) && ends_with(&path.with_extension(""), ending)
}

/// Does the file's name say that it is packed by gzip?
fn is_packed(path: &Path) -> bool {
    ends_with(path, "gz")
}

fn ends_with(path: &Path, ending: &str) -> bool {
    path.extension().and_then(|found| found.to_str()).is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_'))
}

/// An address without the user's name and password, and without its options, among which there may be another. What a password
/// that should have been escaped makes doubtful is not shown.
pub(crate) fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (place, options) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let shown = match place.rsplit_once('@') {
        _ if options.contains('@') => "...",
        Some((_, place)) => place,
        None => place,
    };
    if scheme.is_empty() { shown.to_owned() } else { format!("{scheme}://{shown}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let shown = |text| Source::open(text, &Limits::default()).unwrap().to_string();
        assert_eq!(shown("postgresql://me:secret@host/db"), "postgresql://host/db");
        assert_eq!(shown("http://localhost:5000/a/b"), "http://localhost:5000/a/b");
        for address in [
            "postgresql://me:s3/cret@host/db",
            "postgresql://me:s3@cret@host/db",
            "postgresql://me:s3?cret@host/db",
            "postgresql://me:s3#cret@host/db",
            "postgresql+psycopg_async://host/db?user=me&password=s3cret",
            "postgresql://host/db?user=me@here&password=s3cret",
            "http://me:s3cret@host/?token=s3cret#s3cret@",
        ] {
            for shown in [shown(address), format!("{:?}", Source::open(address, &Limits::default()).unwrap())] {
                assert!(!shown.contains("s3") && !shown.contains("cret"), "{address}: {shown}");
            }
        }
        for misspelt in ["postgresql:/me:s3cret@host/db", "me:s3cret@host/db"] {
            let error = Source::open(misspelt, &Limits::default()).unwrap_err();
            assert!(error.to_string().starts_with("host/db: it is no file"), "{error}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn addresses_of_what_is_not_read_are_refused() {
        for address in ["mysql+pymysql://me:s3cret@host/db", "s3://me:s3cret@host/db"] {
            let error = Source::open(address, &Limits::default()).unwrap_err().to_string();
            assert!(error.contains("://host/db: nothing is read from") && error.contains("copy its files"), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_run_goes_by_its_place_in_the_tree() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sweep/a.b/metrics.csv");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        let source = Source::open(folder.path().join("sweep").to_str().unwrap(), &Limits::default()).unwrap();
        assert_eq!(source.files(), std::slice::from_ref(&path));
        assert_eq!(source.run_id(&path), "a.b/metrics");
        assert_eq!(source.run_id(path.parent().unwrap()), "a.b");
        assert_eq!(source.run_id(&folder.path().join("sweep")), "sweep");
    }

    #[test]
    fn runs_are_in_the_order_in_which_people_count() {
        let counted = in_counting_order(["a/version_10", "a/version_2", "a.csv", "a/version_2/x", "b", "a/version_02"]);
        assert_eq!(counted, ["a/version_02", "a/version_2", "a/version_2/x", "a/version_10", "a.csv", "b"]);
        assert_eq!(in_counting_order(["lr0.1", "lr0.003", "lr10", "lr0.01"]), ["lr0.003", "lr0.01", "lr0.1", "lr10"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let (tree, outside) = (folder.path().join("tree"), folder.path().join("outside.csv"));
        fs::create_dir_all(tree.join("deep")).unwrap();
        fs::write(&outside, "").unwrap();
        symlink(&outside, tree.join("out.csv")).unwrap();
        symlink(&tree, tree.join("deep/circle")).unwrap();
        let source = Source::open(tree.to_str().unwrap(), &Limits::default()).unwrap();
        assert!(source.files().is_empty());
        let only = tree.join("out.csv").display().to_string();
        assert_eq!(source.notes(), [format!("{only} is a link out of the folder: not followed")]);

        // Many are said in one line.
        for number in 0..9 {
            symlink(&outside, tree.join(format!("deep/{number}.log"))).unwrap();
        }
        let source = Source::open(tree.to_str().unwrap(), &Limits::default()).unwrap();
        let [note] = source.notes() else { panic!("{:?}", source.notes()) };
        assert!(note.contains("deep/0.log, ") && note.contains("deep/2.log and 7 more are links"), "{note}");
    }
}

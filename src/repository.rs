//! Reading files that a repository names. A stranger may have written it: its files are read to a bounded length, only regular
//! ones, and only below its root, also where a link leads.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::OFlags;
use thiserror::Error;

/// What a file is read as; each kind has its own limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `deploy.yml`, the file of a destination, or another template of it.
    Configuration,
    /// `.env`, or the template of one.
    Environment,
    /// A Dockerfile.
    Dockerfile,
    /// `.dockerignore`.
    Dockerignore,
    /// A file of an accessory.
    AccessoryFile,
    /// A file that a template reads.
    TemplateInput,
    /// A file of the build context that is searched for secrets.
    ContextFile,
}

impl FileKind {
    /// Returns how many bytes such a file may have.
    pub const fn limit(self) -> u64 {
        match self {
            Self::Configuration => 8 << 20,
            Self::Environment | Self::Dockerfile | Self::Dockerignore | Self::TemplateInput => {
                1 << 20
            }
            Self::AccessoryFile => 64 << 20,
            Self::ContextFile => 16 << 20,
        }
    }
}

/// Why a file was not read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is a device, a pipe or a socket.
    #[error("it is a {0}, not a regular file")]
    Special(&'static str),
    /// It is reached by a link that leads out of the repository.
    #[error("it is a link to {}, outside of the repository", .0.display())]
    Outside(PathBuf),
    /// It is too large.
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
}

impl ReadError {
    /// Returns what is wrong with the file `name`, as a message.
    pub fn message(&self, name: &str) -> String {
        match self.is_not_found() {
            true => format!("{name} does not exist"),
            false => format!("cannot read {name}: {self}"),
        }
    }

    /// Returns whether there is no such file.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// Returns whether it is what no repository needs: neither missing, nor a directory, nor unreadable.
    pub fn is_hostile(&self) -> bool {
        !matches!(self, Self::Io(_))
    }

    /// Returns what to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Io(_) => "check the path and its permissions",
            Self::Special(_) => "replace it with a regular file",
            Self::Outside(_) => "replace the link with the file itself",
            Self::TooLarge(_) => "make it smaller",
        }
    }
}

/// A repository: the directory that its files lie in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    root: PathBuf,
}

impl Repository {
    /// Returns the repository with this root.
    pub fn at(root: &Path) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        Self { root }
    }

    /// Returns the repository of the current directory: the closest directory above that has `.git`, else the directory itself.
    pub fn of_current_directory() -> Self {
        let current = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let mut above = current.ancestors();
        let root = above.find(|directory| directory.join(".git").symlink_metadata().is_ok());
        Self::at(root.unwrap_or(&current))
    }

    /// Reads the file at `path`. One outside of the repository was named by the user, who may read what they like: only its
    /// length is bounded.
    ///
    /// # Errors
    /// A file that is missing, too large, not regular, or that a link out of the repository leads to.
    pub fn read(&self, path: &Path, kind: FileKind) -> Result<Vec<u8>, ReadError> {
        match self.has(path) {
            true => bounded(self.open(path)?, kind.limit()),
            false => read_named(path, kind),
        }
    }

    /// Reads the file at `path`, which is relative to the root.
    ///
    /// # Errors
    /// As of [`Repository::read`]; a file that is not below the root.
    pub fn read_below(&self, path: &Path, kind: FileKind) -> Result<Vec<u8>, ReadError> {
        bounded(self.open(&self.root.join(path))?, kind.limit())
    }

    /// Returns the first `length` bytes of the file at `path`, as far as they can be read.
    pub fn beginning(&self, path: &Path, length: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Ok(file) = self.open(path) {
            let _ = file.take(length).read_to_end(&mut bytes);
        }
        bytes
    }

    /// Returns where `path` really is, if that is below the root.
    ///
    /// # Errors
    /// A path that is missing, or that a link out of the repository leads to.
    pub fn resolve(&self, path: &Path) -> Result<PathBuf, ReadError> {
        let real = path.canonicalize()?;
        match real.starts_with(&self.root) {
            true => Ok(real),
            false => Err(ReadError::Outside(real)),
        }
    }

    /// Returns whether `path`, as it is written, lies below the root.
    fn has(&self, path: &Path) -> bool {
        let current = std::env::current_dir().unwrap_or_default();
        lexical(&current.join(path)).starts_with(&self.root)
    }

    /// Opens a regular file without waiting for one that is none: a pipe would block.
    fn open(&self, path: &Path) -> Result<File, ReadError> {
        let real = self.resolve(path)?;
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
        let mut options = OpenOptions::new();
        options.read(true);
        if let Ok(flags) = i32::try_from(flags.bits()) {
            options.custom_flags(flags);
        }
        let kind = real.symlink_metadata()?.file_type();
        if let Some(special) = special(kind) {
            return Err(ReadError::Special(special));
        }
        let file = options.open(&real)?;
        match file.metadata()?.file_type() {
            kind if kind.is_file() => Ok(file),
            kind => match special(kind) {
                Some(special) => Err(ReadError::Special(special)),
                None => Err(io::Error::from(io::ErrorKind::IsADirectory).into()),
            },
        }
    }
}

/// Reads a file that the user named, not the repository: it may lie anywhere, and may be a pipe.
///
/// # Errors
/// A file that is missing or too large.
pub fn read_named(path: &Path, kind: FileKind) -> Result<Vec<u8>, ReadError> {
    bounded(File::open(path)?, kind.limit())
}

/// Returns the text of a file of the repository of the current directory, if it can be read: what a message shows a line of.
pub fn source(path: &str) -> Option<String> {
    let repository = Repository::of_current_directory();
    let bytes = repository.read(Path::new(path), FileKind::Configuration);
    String::from_utf8(bytes.ok()?).ok()
}

fn bounded(file: File, limit: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= limit => Ok(bytes),
        _ => Err(ReadError::TooLarge(limit)),
    }
}

fn special(kind: std::fs::FileType) -> Option<&'static str> {
    let kinds = [
        (kind.is_fifo(), "FIFO"),
        (kind.is_socket(), "socket"),
        (kind.is_char_device(), "device"),
        (kind.is_block_device(), "device"),
    ];
    kinds.into_iter().find_map(|(is, name)| is.then_some(name))
}

/// Returns an absolute path without `.` and `..`, as it is written.
pub fn lexical(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(whole.pop()),
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn make_fifo(path: &Path) {
        rustix::fs::mknodat(
            rustix::fs::CWD,
            path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
    }

    #[test]
    fn only_regular_files_below_the_root_are_read_and_only_so_far() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("repository");
        std::fs::create_dir_all(root.join("directory")).unwrap();
        std::fs::write(root.join("file"), "text").unwrap();
        std::fs::write(dir.path().join("beside"), "secret").unwrap();
        let large = File::create(root.join("large")).unwrap();
        large.set_len(FileKind::Dockerfile.limit() + 1).unwrap();
        let exact = File::create(root.join("exact")).unwrap();
        exact.set_len(FileKind::Dockerfile.limit()).unwrap();
        make_fifo(&root.join("fifo"));
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        for (target, link) in [
            ("file", "inner"),
            ("/dev/zero", "zero"),
            ("../beside", "outer"),
            ("..", "up"),
            ("fifo", "pipe"),
            ("nothing", "broken"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        let repository = Repository::at(&root);
        for (name, expected) in [
            ("file", ""),
            ("inner", ""),
            ("directory/../file", ""),
            ("exact", ""),
            ("large", "it has more than 1048576 bytes"),
            ("fifo", "it is a FIFO, not a regular file"),
            ("pipe", "it is a FIFO, not a regular file"),
            ("socket", "it is a socket, not a regular file"),
            (
                "zero",
                "it is a link to /dev/zero, outside of the repository",
            ),
            ("outer", "beside, outside of the repository"),
            ("up/beside", "beside, outside of the repository"),
            ("directory", "directory"),
            ("broken", "No such file"),
            ("absent", "No such file"),
        ] {
            match repository.read_below(Path::new(name), FileKind::Dockerfile) {
                Ok(_) => assert_eq!(expected, "", "{name}"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(
                        !expected.is_empty() && text.contains(expected),
                        "{name}: {text}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_the_user_names_may_lie_anywhere_but_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("repository");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(dir.path().join("beside"), "text").unwrap();
        symlink("beside", dir.path().join("link")).unwrap();
        let repository = Repository::at(&root);
        for name in ["beside", "link"] {
            let read = repository.read(&dir.path().join(name), FileKind::Environment);
            assert_eq!(read.unwrap(), b"text");
        }
        let endless = read_named(Path::new("/dev/zero"), FileKind::Environment);
        assert!(matches!(endless, Err(ReadError::TooLarge(_))));
    }
}

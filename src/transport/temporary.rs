//! Temporary directories that only this user can enter. They go when their value is dropped; what a process left that ended
//! otherwise is removed by the next one.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags, flock};
use tempfile::TempDir;

const PREFIX: &str = "mrsk-";

/// The file that its owner holds locked for as long as it lives: the lock ends with the process, however that ends.
const OWNER: &str = "owner";

/// A directory under a short unpredictable name, mode 0700 whatever the umask is.
pub(super) struct Temporary {
    directory: TempDir,
    _owner: File,
}

impl Temporary {
    /// Makes one in `parent`, and removes those there whose owners are gone.
    pub(super) fn new(parent: &Path) -> io::Result<Self> {
        sweep(parent);
        let private = Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(private.clone())
            .tempdir_in(parent)?;
        fs::set_permissions(&directory, private)?;
        // It gets its name once it is locked: an owner that can be locked is gone.
        let new = directory.path().join("owner.new");
        let owner = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        flock(&owner, FlockOperation::NonBlockingLockExclusive)?;
        fs::rename(&new, directory.path().join(OWNER))?;
        Ok(Self {
            directory,
            _owner: owner,
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_named = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX));
        if is_named && is_left(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a directory is one of this user's, and its owner is gone. No link is followed.
fn is_left(directory: &Path) -> bool {
    let user = rustix::process::geteuid().as_raw();
    let is_own = fs::symlink_metadata(directory)
        .is_ok_and(|found| found.is_dir() && found.uid() == user && found.mode() & 0o777 == 0o700);
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let owner = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(directory.join(OWNER));
    is_own
        && owner.is_ok_and(|owner| flock(&owner, FlockOperation::NonBlockingLockExclusive).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dead_left_goes_and_what_the_living_have_stays() {
        let parent = tempfile::tempdir().unwrap();
        let living = Temporary::new(parent.path()).unwrap();
        let dead = Temporary::new(parent.path()).unwrap();
        let left = dead.directory.path().to_owned();
        fs::write(left.join("config"), "x").unwrap();
        // As after SIGKILL: the lock ends, nobody removes anything.
        let Temporary { directory, _owner } = dead;
        let _ = directory.keep();
        drop(_owner);
        let foreign = parent.path().join("mrsk-somebody");
        fs::create_dir(&foreign).unwrap();
        let next = Temporary::new(parent.path()).unwrap();
        assert!(!left.exists());
        assert!(living.path().is_dir() && next.path().is_dir() && foreign.is_dir());
        let (living_path, next_path) = (living.path().to_owned(), next.path().to_owned());
        drop((living, next));
        assert!(!living_path.exists() && !next_path.exists());
    }
}

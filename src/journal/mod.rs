//! The journal of a run, on the machine that applies the plan: file IO only. It explains what happened; receipts on the hosts
//! decide. It holds ids, statuses and times, never text that came from a host, so that no secret can get in.
//!
//! Below a base directory (the git root, else the current directory):
//!
//! | path | holds |
//! | --- | --- |
//! | `.mrsk/.gitignore` | `*`: nothing in here makes a work tree dirty |
//! | `.mrsk/runs/DIGEST/plan.json` | the plan, so that a run can be resumed without the file it was started from |
//! | `.mrsk/runs/DIGEST/plan.json.sig` | its signatures, if the run required them |
//! | `.mrsk/runs/DIGEST/journal.jsonl` | a line for each entry of every run of that plan |
//!
//! `DIGEST` is the plan's 64 hexadecimal digits. Directories have mode 0700, files 0600.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::apply::state::JournalEntry;
use crate::name::{PlanDigest, RunId};

/// The version of a line's format.
const VERSION: u32 = 1;

/// Where the files of a plan's runs are. Making one touches nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanStore {
    root: PathBuf,
    runs: PathBuf,
    directory: PathBuf,
}

impl PlanStore {
    /// Returns the place of the plan with this `digest` below `base`. An empty `base` is the current directory, and gives
    /// the relative paths that a resume line shows. `InvalidInput` if the digest is not `sha256:` and 64 lower-case hexadecimal digits.
    pub fn new(base: &Path, digest: &PlanDigest) -> io::Result<Self> {
        let Some(digits) = digest.digits() else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{:?} is not the digest of a plan", digest.as_str()),
            ));
        };
        let root = base.join(".mrsk");
        let runs = root.join("runs");
        let directory = runs.join(digits);
        Ok(Self {
            root,
            runs,
            directory,
        })
    }

    /// Returns the path of the plan's copy.
    pub fn plan(&self) -> PathBuf {
        self.directory.join("plan.json")
    }

    /// Returns the path of the journal.
    pub fn journal(&self) -> PathBuf {
        self.directory.join("journal.jsonl")
    }

    /// Returns the path of the copy of the plan's signatures.
    pub fn signatures(&self) -> PathBuf {
        self.directory.join("plan.json.sig")
    }

    /// Writes the copies of the plan and of its signatures, each atomically: there is the old one, or the new one, or none.
    pub fn save(&self, plan: &[u8], signatures: Option<&str>) -> io::Result<()> {
        self.create()?;
        if let Some(signatures) = signatures {
            self.write(&self.signatures(), signatures.as_bytes())?;
        }
        self.write(&self.plan(), plan)?;
        sync_directory(&self.directory)
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Creates the directories, and the file that hides them from git.
    fn create(&self) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&self.root)?;
        tighten(&self.root)?;
        let ignore = self.root.join(".gitignore");
        match private().write(true).create_new(true).open(&ignore) {
            Ok(mut file) => file.write_all(b"*\n")?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        builder.create(&self.directory)?;
        sync_directory(&self.root)?;
        sync_directory(&self.runs)
    }
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The version of the format, 1.
    pub v: u32,
    /// When, by the clock of the machine that applies the plan: RFC 3339, UTC.
    pub at: Timestamp,
    /// The run that wrote it.
    pub run: RunId,
    /// What happened.
    pub event: JournalEntry,
}

/// The journal of one run, open for appending. Several runs of a plan, also at the same time, share the file.
#[derive(Debug)]
pub struct Journal {
    file: File,
    run: RunId,
}

impl Journal {
    /// Opens the journal of the plan with this `digest` below `base`, and creates what is missing. A last line that a killed
    /// run left torn is closed, so that the next one stands alone.
    pub fn open(base: &Path, digest: &PlanDigest, run: RunId) -> io::Result<Self> {
        let store = PlanStore::new(base, digest)?;
        store.create()?;
        let mut file = private()
            .read(true)
            .append(true)
            .create(true)
            .open(store.journal())?;
        sync_directory(&store.directory)?;
        if file.seek(SeekFrom::End(0))? > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Self { file, run })
    }

    /// Appends an entry, and returns when it is on the disk. After an error the run must not begin another step.
    pub fn append(&mut self, at: Timestamp, entry: &JournalEntry) -> io::Result<()> {
        let line = Line {
            v: VERSION,
            at,
            run: self.run.clone(),
            event: entry.clone(),
        };
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        self.file.sync_data()
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Brings the names in a directory to the disk.
/// Leaves a directory of this user to this user alone.
fn tighten(directory: &Path) -> io::Result<()> {
    let found = std::fs::metadata(directory)?;
    let is_own = found.uid() == rustix::process::geteuid().as_raw();
    if is_own && found.mode() & 0o077 != 0 {
        std::fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::apply::state::StepStatus;
    use crate::name::StepId;
    use crate::record::Ending;

    /// Reads a journal, without torn lines.
    fn read(path: &Path) -> io::Result<Vec<Line>> {
        let text = fs::read_to_string(path)?;
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        Ok(lines.collect())
    }

    fn digest() -> PlanDigest {
        PlanDigest::from(format!("sha256:{}", "ab".repeat(32)))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn started(step: &str) -> JournalEntry {
        JournalEntry::Started {
            step: StepId::from(step),
            attempt: 1,
        }
    }

    fn ended(step: &str) -> JournalEntry {
        JournalEntry::Ended {
            step: StepId::from(step),
            attempt: 1,
            status: StepStatus::Failed {
                ending: Ending::Failed { code: 7 },
            },
        }
    }

    #[test]
    fn entries_are_read_as_they_were_appended_by_several_runs() {
        let base = tempfile::tempdir().unwrap();
        let mut one = Journal::open(base.path(), &digest(), RunId::from("one")).unwrap();
        let mut two = Journal::open(base.path(), &digest(), RunId::from("two")).unwrap();
        one.append(at(0), &started("app1/web/x/start")).unwrap();
        two.append(at(1), &started("app2/web/x/start")).unwrap();
        one.append(at(2), &ended("app1/web/x/start")).unwrap();
        let path = PlanStore::new(base.path(), &digest()).unwrap().journal();
        let lines: Vec<_> = read(&path)
            .unwrap()
            .into_iter()
            .map(|line| (line.run.to_string(), line.at, line.event))
            .collect();
        assert_eq!(
            lines,
            [
                ("one".to_owned(), at(0), started("app1/web/x/start")),
                ("two".to_owned(), at(1), started("app2/web/x/start")),
                ("one".to_owned(), at(2), ended("app1/web/x/start")),
            ]
        );
    }

    #[test]
    fn a_directory_that_was_open_to_others_is_left_to_its_owner() {
        let base = tempfile::tempdir().unwrap();
        let root = base.path().join(".mrsk");
        fs::create_dir(&root).unwrap();
        fs::set_permissions(&root, Permissions::from_mode(0o777)).unwrap();
        let store = PlanStore::new(base.path(), &digest()).unwrap();
        store.save(b"{}", None).unwrap();
        assert_eq!(fs::metadata(&root).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_line_is_flat_json_with_the_time_in_utc() {
        let base = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(base.path(), &digest(), RunId::from("r")).unwrap();
        journal.append(at(0), &ended("s")).unwrap();
        let store = PlanStore::new(base.path(), &digest()).unwrap();
        assert_eq!(
            fs::read_to_string(store.journal()).unwrap(),
            concat!(
                r#"{"v":1,"at":"2023-11-14T22:13:20Z","run":"r","event":{"entry":"ended","step":"s","attempt":1,"#,
                r#""status":{"status":"failed","ending":{"failed":{"code":7}}}}}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_torn_line_is_skipped_and_does_not_swallow_the_next() {
        let base = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(base.path(), &digest(), RunId::from("r")).unwrap();
        journal.append(at(0), &started("a")).unwrap();
        journal.append(at(1), &started("b")).unwrap();
        let path = PlanStore::new(base.path(), &digest()).unwrap().journal();
        let whole = fs::read(&path).unwrap();
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for length in first..whole.len() - 1 {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(read(&path).unwrap().len(), 1, "cut at {length}");
            let mut journal = Journal::open(base.path(), &digest(), RunId::from("r")).unwrap();
            journal.append(at(2), &started("c")).unwrap();
            let events: Vec<_> = read(&path).unwrap().into_iter().map(|l| l.event).collect();
            assert_eq!(events, [started("a"), started("c")], "cut at {length}");
        }
    }

    #[test]
    fn what_is_written_is_private_and_hidden_from_git() {
        let base = tempfile::tempdir().unwrap();
        let store = PlanStore::new(base.path(), &digest()).unwrap();
        Journal::open(base.path(), &digest(), RunId::from("r")).unwrap();
        store.save(b"{}", None).unwrap();
        store.save(b"{\"a\":1}", Some("signed")).unwrap();
        assert_eq!(fs::read(store.plan()).unwrap(), b"{\"a\":1}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        for directory in [&store.root, &store.runs, &store.directory] {
            assert_eq!(mode(directory), 0o700, "{}", directory.display());
        }
        for file in [store.plan(), store.signatures(), store.journal()] {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
        let ignore = fs::read_to_string(store.root.join(".gitignore")).unwrap();
        assert_eq!(ignore, "*\n");
        assert_eq!(fs::read_dir(&store.directory).unwrap().count(), 3);
    }

    #[test]
    fn nothing_but_a_digest_becomes_a_path() {
        let long = format!("sha256:{}", "AB".repeat(32));
        let dots = format!("sha256:{}", "../".repeat(21) + "a");
        for text in ["", "sha256:", "sha256:ab", "abab", &long, &dots] {
            let error = PlanStore::new(Path::new(""), &PlanDigest::from(text)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{text}");
        }
        let relative = PlanStore::new(Path::new(""), &digest()).unwrap().plan();
        assert_eq!(
            relative,
            PathBuf::from(format!(".mrsk/runs/{}/plan.json", "ab".repeat(32)))
        );
    }
}

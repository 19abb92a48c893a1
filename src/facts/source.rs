//! What to ask git about the work tree that an image is built from, and what its answers mean.
//!
//! The commands are data; they are run elsewhere, in the current directory.

use thiserror::Error;

use super::model::SourceFacts;
use crate::digest::is_hex;
use crate::name::Sha256Hex;

/// How many untracked files are named at most.
pub const MAX_UNTRACKED: usize = 20;

/// What git is asked, or what it answered. No question changes anything, not even the index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForGit<T> {
    /// Prints the commit. Fails outside of a repository, and in one without a commit.
    pub commit: T,
    /// Prints the tree id of the build context at that commit. Fails if it has none.
    pub tree: T,
    /// Prints the changes to tracked files, those of submodules with them.
    pub changes: T,
    /// Prints the untracked files inside the build context.
    pub untracked: T,
}

/// The commands.
pub type SourceQuestions = ForGit<Vec<String>>;

/// What git printed; `None` for a command that failed.
pub type SourceAnswers = ForGit<Option<Vec<u8>>>;

/// Why git's answers cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SourceError {
    /// There is a commit, but git did not report the changes since.
    #[error("git failed to report the changes since the commit")]
    Changes,
    /// The commit is not 40 (or 64) hexadecimal digits.
    #[error("git printed an invalid commit id")]
    Commit,
}

/// Git, without the programs that a repository could bring along: a monitor, or a bare repository inside of its tree.
pub const GIT: [&str; 6] = [
    "git",
    "--no-optional-locks",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "safe.bareRepository=explicit",
];

/// Whatever the user has set up for `git diff`, the same changes are to give the same bytes.
const DIFF: &str = "diff --binary --full-index --no-color --no-ext-diff --no-textconv --no-renames \
    --no-relative --no-indent-heuristic --diff-algorithm=myers --unified=3 --inter-hunk-context=0 \
    --src-prefix=a/ --dst-prefix=b/ --ignore-submodules=untracked --submodule=diff -O/dev/null HEAD";

/// Returns what git is asked for a build context, a path relative to the current directory.
pub fn questions(context: &str) -> SourceQuestions {
    let git = |command: &str, more: &[&str]| -> Vec<String> {
        let argv = GIT.into_iter().chain(command.split(' '));
        argv.chain(more.iter().copied())
            .map(str::to_owned)
            .collect()
    };
    let context = match context.trim_start_matches("./").trim_end_matches('/') {
        "" | "." => "./".to_owned(),
        ".." => "../".to_owned(),
        path if path.starts_with("../") => path.to_owned(),
        path => format!("./{path}"),
    };
    SourceQuestions {
        commit: git("rev-parse --verify --quiet HEAD^{commit}", &[]),
        tree: git("rev-parse --verify --quiet", &[&format!("HEAD:{context}")]),
        changes: git(DIFF, &[]),
        untracked: git("ls-files --others --exclude-standard -z --", &[&context]),
    }
}

/// Reads git's answers. `None` without a repository, or without a commit in it. `.mrsk/` is not counted as untracked, nor
/// is what `counts` does not count.
///
/// # Errors
/// Git knows a commit, but its other answers are not valid.
pub fn read(
    answers: &SourceAnswers,
    counts: &dyn Fn(&str) -> bool,
) -> Result<Option<SourceFacts>, SourceError> {
    let Some(commit) = &answers.commit else {
        return Ok(None);
    };
    let commit = object_id(commit).ok_or(SourceError::Commit)?;
    let changes = answers.changes.as_deref().ok_or(SourceError::Changes)?;
    let untracked = answers.untracked.as_deref().unwrap_or_default();
    Ok(Some(SourceFacts {
        commit: Some(commit),
        tree: answers.tree.as_deref().and_then(object_id),
        changes: (!changes.is_empty()).then(|| Sha256Hex::of(changes)),
        untracked: untracked_files(untracked, counts),
        ..SourceFacts::default()
    }))
}

/// Returns the default version: the commit, and for a work tree with changes `COMMIT_uncommitted_`
/// and 8 digits of their digest; `None` without a commit.
pub fn default_version(source: &SourceFacts) -> Option<String> {
    let commit = source.commit.as_ref()?;
    Some(match &source.changes {
        Some(changes) => {
            let digits: String = changes.as_str().chars().take(8).collect();
            format!("{commit}_uncommitted_{digits}")
        }
        None => commit.clone(),
    })
}

fn object_id(output: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(output).ok()?.trim_end();
    is_object_id(text).then(|| text.to_owned())
}

/// Returns whether `text` is the whole id of an object of git.
pub(super) fn is_object_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && is_hex(text)
}

fn untracked_files(output: &[u8], counts: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut files: Vec<String> = output
        .split(|byte| *byte == 0)
        .filter(|path| !path.is_empty())
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .filter(|path| !path.split('/').any(|part| part == ".mrsk"))
        .filter(|path| counts(path))
        .collect();
    files.sort_unstable();
    files.truncate(MAX_UNTRACKED);
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn the_context_is_relative_to_the_current_directory() {
        for (context, expected) in [
            (".", "HEAD:./"),
            ("./", "HEAD:./"),
            ("ctx", "HEAD:./ctx"),
            ("./ctx/", "HEAD:./ctx"),
            ("../other", "HEAD:../other"),
        ] {
            let asked = questions(context);
            assert_eq!(asked.tree.last().unwrap(), expected);
            assert_eq!(asked.untracked.last().unwrap(), &expected[5..]);
        }
    }

    #[test]
    fn no_commit_is_no_source() {
        assert_eq!(read(&SourceAnswers::default(), &|_| true), Ok(None));
    }

    #[test]
    fn changes_make_another_version() {
        let mut answers = SourceAnswers {
            commit: Some(format!("{COMMIT}\n").into()),
            tree: Some(b"fatal\n".to_vec()),
            changes: Some(Vec::new()),
            untracked: Some(b"b\0.mrsk/runs/x\0a b\0sub/.mrsk/y\0plan.json\0".to_vec()),
        };
        let clean = read(&answers, &|path| path != "plan.json")
            .unwrap()
            .unwrap();
        assert_eq!(clean.untracked, ["a b", "b"]);
        assert_eq!((clean.tree.as_ref(), clean.changes.as_ref()), (None, None));
        assert_eq!(default_version(&clean).as_deref(), Some(COMMIT));

        answers.changes = Some(b"abc".to_vec());
        let dirty = read(&answers, &|_| true).unwrap().unwrap();
        assert_eq!(
            default_version(&dirty),
            Some(format!("{COMMIT}_uncommitted_ba7816bf"))
        );

        answers.changes = None;
        assert_eq!(read(&answers, &|_| true), Err(SourceError::Changes));
    }

    #[test]
    fn at_most_twenty_untracked_files_are_named() {
        let output: Vec<u8> = (0..50)
            .flat_map(|n| format!("f{n}\0").into_bytes())
            .collect();
        assert_eq!(untracked_files(&output, &|_| true).len(), MAX_UNTRACKED);
    }
}

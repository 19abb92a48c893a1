//! The exit codes. `mrsk --help`, README.md and docs/exit-codes.md list them with these sentences.

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done, or nothing to do.
    Done = 0,
    /// A step or mrsk itself failed.
    Failed = 1,
    /// `plan --detailed-exitcode`: the plan has steps.
    Changes = 2,
    /// The plan no longer fits its hosts or this checkout.
    Stale = 3,
    /// Somebody else holds the deploy lock, or steps of another plan still run.
    Locked = 4,
    /// The plan cannot be used as it is.
    Damaged = 5,
    /// Steps are in doubt.
    InDoubt = 6,
    /// The command line is invalid.
    Usage = 64,
    /// Hosts cannot be reached.
    Unreachable = 69,
    /// The configuration is invalid, or something that it names is missing.
    Configuration = 78,
    /// The user stopped it.
    Interrupted = 130,
}

impl ExitCode {
    /// Returns the number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the sentence that explains it, without a full stop.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or nothing to do",
            Self::Failed => {
                "failed; apply the plan again to resume; of `mrsk diff`: the plans differ"
            }
            Self::Changes => "the plan has steps (`mrsk plan --detailed-exitcode` only)",
            Self::Stale => {
                "the plan is stale or superseded, or your checkout differs from its source"
            }
            Self::Locked => {
                "another run, or a person, holds the deploy lock, or steps of another plan still run"
            }
            Self::Damaged => {
                "the plan is damaged, edited, of an unsupported version, or not trusted"
            }
            Self::InDoubt => "steps are in doubt: cannot tell whether they took effect",
            Self::Usage => "the command line is invalid",
            Self::Unreachable => "a host cannot be reached",
            Self::Configuration => "the configuration is invalid, or a file or secret is missing",
            Self::Interrupted => "interrupted",
        }
    }

    /// Returns every exit code, in ascending order.
    pub const fn all() -> [Self; 11] {
        [
            Self::Done,
            Self::Failed,
            Self::Changes,
            Self::Stale,
            Self::Locked,
            Self::Damaged,
            Self::InDoubt,
            Self::Usage,
            Self::Unreachable,
            Self::Configuration,
            Self::Interrupted,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the codes and sentences of the table of exit codes in a document: `| code | sentence | ...`.
    fn table(document: &str) -> Vec<(String, String)> {
        let rows = document.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" |").map(str::trim);
            let code = cells.next().filter(|cell| cell.parse::<u8>().is_ok())?;
            Some((code.to_owned(), cells.next()?.to_owned()))
        });
        rows.collect()
    }

    #[test]
    fn the_documents_list_each_code_and_no_other() {
        let expected: Vec<(String, String)> = ExitCode::all()
            .iter()
            .map(|exit| (exit.code().to_string(), exit.meaning().to_owned()))
            .collect();
        assert!(expected.is_sorted_by_key(|(code, _)| code.parse::<u8>().ok()));
        assert_eq!(table(include_str!("../README.md")), expected);
        assert_eq!(table(include_str!("../docs/exit-codes.md")), expected);
    }
}

//! The prose of reasons.

use crate::plan::Reason;
use crate::text::shorten;

/// Returns why a step is there, as a phrase: lower case, without a full stop, with digests and commits shortened. Texts of the
/// plan stand in it unescaped.
pub fn prose(reason: &Reason) -> String {
    shorten(&whole(reason))
}

fn whole(reason: &Reason) -> String {
    match reason {
        Reason::Missing { what } if what.contains(" and ") => format!("{what} are missing"),
        Reason::Missing { what } => format!("{what} is missing"),
        Reason::VersionChanged {
            old: Some(old),
            new,
        } => format!("version {old} becomes {new}"),
        Reason::VersionChanged { old: None, new } => format!("no version runs, {new} is to run"),
        Reason::Changed { what, old, new } => match (old, new) {
            (Some(old), Some(new)) => format!("{what} changes from {old} to {new}"),
            (Some(old), None) => format!("{what} is no longer {old}"),
            (None, Some(new)) => format!("{what} becomes {new}"),
            (None, None) => format!("{what} changes"),
        },
        Reason::Incomplete { what } => format!("not complete: {what}"),
        Reason::NeededBy { what } => format!("so that {what}"),
        Reason::Replaced { what } => format!("{what} is replaced"),
        Reason::Expired { what } => format!("older than what is kept: {what}"),
        Reason::Requested => "asked for".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_as_a_phrase() {
        let some = |text: &str| Some(text.to_owned());
        let what = || "the network".to_owned();
        let changed = |old, new| Reason::Changed {
            what: what(),
            old,
            new,
        };
        for (reason, text) in [
            (Reason::Missing { what: what() }, "the network is missing"),
            (
                Reason::Missing {
                    what: "curl and docker".to_owned(),
                },
                "curl and docker are missing",
            ),
            (
                Reason::VersionChanged {
                    old: some("1"),
                    new: "2".to_owned(),
                },
                "version 1 becomes 2",
            ),
            (
                Reason::VersionChanged {
                    old: None,
                    new: "2".to_owned(),
                },
                "no version runs, 2 is to run",
            ),
            (
                changed(some("a"), some("b")),
                "the network changes from a to b",
            ),
            (changed(some("a"), None), "the network is no longer a"),
            (changed(None, some("b")), "the network becomes b"),
            (changed(None, None), "the network changes"),
            (
                Reason::Incomplete {
                    what: "nothing is routed to it".to_owned(),
                },
                "not complete: nothing is routed to it",
            ),
            (
                Reason::NeededBy {
                    what: "the hosts can pull it".to_owned(),
                },
                "so that the hosts can pull it",
            ),
            (Reason::Replaced { what: what() }, "the network is replaced"),
            (
                Reason::Expired { what: what() },
                "older than what is kept: the network",
            ),
            (Reason::Requested, "asked for"),
        ] {
            assert_eq!(prose(&reason), text);
        }
    }
}

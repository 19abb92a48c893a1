//! The prose of reasons.

use crate::plan::Reason;
use crate::text::shorten;

/// Returns why a step is there, as a phrase: lower case, without a full stop, with digests and
/// commits shortened. Texts of the plan stand in it unescaped.
pub fn prose(reason: &Reason) -> String {
    shorten(&match reason {
        Reason::Missing { what } if what.contains(" and ") => format!("{what} are missing"),
        Reason::Missing { what } => format!("{what} is missing"),
        Reason::VersionChanged { old, new } => match old {
            Some(old) => format!("version changes from {old} to {new}"),
            None => format!("first deploy of {new}"),
        },
        Reason::Changed { what, old, new } => match (old, new) {
            (Some(old), Some(new)) => format!("{what} changes from {old} to {new}"),
            (Some(old), None) => format!("{what} is removed (was {old})"),
            (None, Some(new)) => format!("{what} is set to {new}"),
            (None, None) => format!("{what} changes"),
        },
        Reason::Incomplete { what } => format!("an earlier deploy did not finish: {what}"),
        Reason::NeededBy { what } => format!("so that {what}"),
        Reason::Replaced { what } => format!("{what} is replaced"),
        Reason::Expired { what } => format!("past retention: {what}"),
        Reason::RanLast { version } => format!("version {version} ran last"),
        Reason::Requested => "requested".to_owned(),
    })
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
                    what: "curl and Docker".to_owned(),
                },
                "curl and Docker are missing",
            ),
            (
                Reason::VersionChanged {
                    old: some("1"),
                    new: "2".to_owned(),
                },
                "version changes from 1 to 2",
            ),
            (
                Reason::VersionChanged {
                    old: None,
                    new: "2".to_owned(),
                },
                "first deploy of 2",
            ),
            (
                changed(some("a"), some("b")),
                "the network changes from a to b",
            ),
            (changed(some("a"), None), "the network is removed (was a)"),
            (changed(None, some("b")), "the network is set to b"),
            (changed(None, None), "the network changes"),
            (
                Reason::Incomplete {
                    what: "nothing is routed to it".to_owned(),
                },
                "an earlier deploy did not finish: nothing is routed to it",
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
                "past retention: the network",
            ),
            (
                Reason::RanLast {
                    version: "v1".into(),
                },
                "version v1 ran last",
            ),
            (Reason::Requested, "requested"),
        ] {
            assert_eq!(prose(&reason), text);
        }
    }
}

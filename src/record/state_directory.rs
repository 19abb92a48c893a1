//! The state directory: where mrsk keeps its records on a host.
//!
//! It depends on the user: `/var/lib/mrsk` for root, `~/.mrsk` for others. A host that is asked chooses
//! it itself (`src/facts/probe.sh`), and the choice is recorded in the plan.

/// The state directory of root.
pub const OF_ROOT: &str = "/var/lib/mrsk";

/// The state directory of other users, relative to their home.
pub const IN_HOME: &str = ".mrsk";

/// Returns the state directory of `user` on a host that was not asked.
pub fn assumed(user: &str) -> String {
    if user == "root" {
        OF_ROOT.to_owned()
    } else {
        format!("/home/{user}/{IN_HOME}")
    }
}

/// Returns whether a host chooses `directory` for `user` by itself: the one of root, or `.mrsk` in some home.
pub fn is_usual(directory: &str, user: &str) -> bool {
    let mut parts = directory.split('/');
    if user == "root" && directory == OF_ROOT {
        return true;
    }
    parts.next() == Some("")
        && parts.next_back() == Some(IN_HOME)
        && parts.all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_host_would_choose_is_usual() {
        let rows = [
            (OF_ROOT, "root", true),
            (OF_ROOT, "deploy", false),
            ("/home/deploy/.mrsk", "deploy", true),
            ("/root/.mrsk", "root", true),
            ("/srv/../etc/.mrsk", "deploy", false),
            ("/home/deploy/mrsk", "deploy", false),
            (".mrsk", "deploy", false),
            ("", "root", false),
        ];
        for (directory, user, expected) in rows {
            assert_eq!(is_usual(directory, user), expected, "{directory} {user}");
        }
        assert!(is_usual(&assumed("deploy"), "deploy"));
    }
}

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

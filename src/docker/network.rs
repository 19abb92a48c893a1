//! Commands about networks.

use super::names::NETWORK;
use crate::action::Run;

/// Returns the command that removes mrsk's network, if nothing is connected with it.
pub fn remove() -> Run {
    Run::literal(["docker", "network", "rm", NETWORK])
}

/// Returns the command that creates mrsk's network.
pub fn create() -> Run {
    Run::literal(["docker", "network", "create", NETWORK])
}

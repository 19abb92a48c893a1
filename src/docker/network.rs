//! Commands about networks.

use super::names::NETWORK;
use crate::action::Run;

/// Returns the command that creates mrsk's network.
pub fn create() -> Run {
    Run::literal(["docker", "network", "create", NETWORK])
}

//! Predicates that several passes state.

use crate::docker::container::Create;
use crate::docker::names::{LABEL_CREATE, NETWORK};
use crate::facts::model::ContainerState;
use crate::name::Sha256Hex;
use crate::plan::Predicate;

/// Returns that the container `name` runs, and that `create` made it.
pub fn runs(name: &str, create: &Create) -> [Predicate; 2] {
    let digest = create.digest.as_str();
    [
        Predicate::eq(&["containers", name, "state"], ContainerState::Running),
        Predicate::eq(&["containers", name, "labels", LABEL_CREATE], digest),
    ]
}

/// Returns that the container `name` is in `network`.
pub fn is_in_network(name: &str, network: &str) -> Predicate {
    Predicate::contains(&["containers", name, "networks"], network)
}

/// Returns that the others in mrsk's network know the container `name` as `alias`.
pub fn has_alias(name: &str, alias: &str) -> Predicate {
    Predicate::contains(&["containers", name, "networks", NETWORK, "aliases"], alias)
}

/// Returns that `text`, a routing file of a container known as `alias`, is at `path`.
pub fn is_routed(path: &str, text: &str, alias: &str) -> [Predicate; 2] {
    let hash = Sha256Hex::of(text.as_bytes());
    [
        Predicate::eq(&["files", path, "sha256"], hash.as_str()),
        Predicate::contains(&["files", path, "aliases"], alias),
    ]
}

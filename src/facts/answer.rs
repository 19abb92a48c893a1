//! The parts of an answer that docker prints as JSON, as far as they are used.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A container, as the probe's template prints it.
#[derive(Deserialize)]
pub(super) struct Container {
    pub id: String,
    pub name: String,
    pub state: String,
    pub health: String,
    pub image: String,
    pub image_id: String,
    pub labels: Option<BTreeMap<String, String>>,
    pub networks: Option<BTreeMap<String, Network>>,
    pub created: String,
    #[serde(default)]
    pub stopped: String,
    #[serde(default)]
    pub exit: Option<i32>,
}

/// A container's part in a network, as docker prints it.
#[derive(Deserialize)]
pub(super) struct Network {
    #[serde(rename = "Aliases")]
    pub aliases: Option<Vec<String>>,
}

/// The running Traefik, as the probe's template prints it.
#[derive(Deserialize)]
pub(super) struct Traefik {
    pub name: String,
    pub image: String,
    pub args: Option<Vec<String>>,
}

/// Tag, id, registry digest and time of an image.
#[derive(Deserialize)]
pub(super) struct Image(pub String, pub String, pub String, pub String);

/// Id, registry digests and time of an image that was asked for by its reference.
#[derive(Deserialize)]
pub(super) struct FurtherImage(pub String, pub Option<Vec<String>>, pub String);

/// Version and security options of the engine.
#[derive(Deserialize)]
pub(super) struct Info(pub String, pub Option<Vec<String>>);

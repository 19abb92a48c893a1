//! Names of containers, labels and networks.

use crate::config::model::{Accessory, Config, Role};
use crate::digest;
use crate::name::{HostName, Sha256Hex};

/// The network that connects Traefik with what it routes to.
pub const NETWORK: &str = "mrsk";

/// The name of Traefik's container, as the original names it.
pub const TRAEFIK: &str = "traefik";

/// The name of the container of Kamal 2's proxy.
pub const KAMAL_PROXY: &str = "kamal-proxy";

/// The label with the service that a container belongs to, by which Traefik's docker provider leaves it alone.
pub const LABEL_SERVICE: &str = "mrsk.service";

/// The label with the version that a container runs.
pub const LABEL_VERSION: &str = "mrsk.version";

/// The label with the number of a container among those of its role on its host, from 0. The first has none, so that it stays
/// when others join it.
pub const LABEL_REPLICA: &str = "mrsk.replica";

/// The label with the digest of the command that created the container.
pub const LABEL_CREATE: &str = "mrsk.create";

/// The label with a short digest of each group of settings of a container: what a changed one differs in can then be told.
pub const LABEL_SETTINGS: &str = "mrsk.settings";

/// The label with the port and path of the health check: `3000 /up`.
pub const LABEL_HEALTHCHECK: &str = "mrsk.healthcheck";

/// The label with the destination that an accessory was started for, empty for none: its name does not tell.
pub const LABEL_DESTINATION: &str = "mrsk.destination";

/// The label with the state directory that has the records of who deployed the container.
pub const LABEL_STATE: &str = "mrsk.state";

/// The label of a container of the release command. Its value tells one start of the command from another.
pub const LABEL_RELEASE: &str = "mrsk.release";

/// The label of a container in which a health check is tried. Its value tells one attempt from another.
pub const LABEL_TRIAL: &str = "mrsk.trial";

/// The label with the directory of the image in whose place a container has the joined assets.
pub const LABEL_ASSET_PATH: &str = "mrsk.asset_path";

/// The label with the name of the directory of the host that has the assets of a container.
pub const LABEL_ASSETS: &str = "mrsk.assets";

/// The label of a container that is never started: the files of its image are copied from it.
pub const LABEL_EXTRACT: &str = "mrsk.extract";

/// The label of an image with the digest of what it was built from.
pub const LABEL_SOURCE: &str = "mrsk.source";

/// Returns the name of an accessory's container, as the original has it: without the destination.
pub fn accessory(config: &Config, accessory: &Accessory) -> String {
    format!("{}-{}", config.service, accessory.name)
}

/// Returns `SERVICE-ROLE[-DEST]-VERSION`, the name that the original gives.
pub fn container(config: &Config, role: &Role, version: &str) -> String {
    let destination = config
        .destination
        .as_ref()
        .map(|destination| format!("-{destination}"))
        .unwrap_or_default();
    format!("{}-{}{destination}-{version}", config.service, role.name)
}

/// Returns `SERVICE-release[-DEST]-VERSION`, the name of the container of the release command.
pub fn release(config: &Config, version: &str) -> String {
    let destination = config.destination.as_deref();
    let destination = destination.map_or(String::new(), |name| format!("-{name}"));
    format!("{}-release{destination}-{version}", config.service)
}

/// Returns `healthcheck-SERVICE-ROLE[-DEST]-VERSION`, the name of a container in which a health check is tried.
pub fn trial(config: &Config, role: &Role, version: &str) -> String {
    format!("healthcheck-{}", container(config, role, version))
}

/// Returns what tells a start of a container beside those of the app from every other: no two plans that begin have the same serial.
pub fn start_apart(config: &Config, host: &HostName, version: &str, serial: u64) -> String {
    let parts = [
        config.service.as_str(),
        config.destination.as_deref().unwrap_or(""),
        host.as_str(),
        version,
        &serial.to_string(),
    ];
    let digest = Sha256Hex::of(parts.join("\0").as_bytes());
    digest.as_str()[..16].to_owned()
}

/// Returns the alias by which Traefik addresses a container: unique to each start, and short enough for DNS.
///
/// A container's name may have more than the 63 characters of a DNS label, and stays when the container is replaced by one of the
/// same version; the alias does neither.
pub fn alias(config: &Config, role: &Role, host: &HostName, version: &str, serial: u64) -> String {
    let destination = config.destination.as_deref().unwrap_or("");
    let owner = [config.service.as_str(), destination, role.name.as_str()];
    alias_of(owner, host, version, serial)
}

/// As [`alias`], of a container whose service, destination (empty for none) and role may be others than those of a configuration.
pub fn alias_of(
    [service, destination, role]: [&str; 3],
    host: &HostName,
    version: &str,
    serial: u64,
) -> String {
    let serial = serial.to_string();
    let parts = [service, destination, role, host.as_str(), version, &serial];
    let digest = Sha256Hex::of(parts.join("\0").as_bytes());
    format!("m-{}", &digest.as_str()[..16])
}

/// Returns whether `alias` is one of [`alias`].
pub fn is_alias(alias: &str) -> bool {
    alias
        .strip_prefix("m-")
        .is_some_and(|digits| digits.len() == 16 && digest::is_hex(digits))
}

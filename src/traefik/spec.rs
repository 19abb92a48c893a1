//! What a routing file is made from, and the names that mrsk reserves in Traefik.

use std::collections::BTreeMap;

/// The entrypoint that only probe routers use. No port of the host is published for it.
pub const PROBE_ENTRYPOINT: &str = "mrsk-probe";

/// The TCP port of [`PROBE_ENTRYPOINT`] inside Traefik's container.
pub const PROBE_PORT: u16 = 7583;

/// The response header by which a probe router names the container.
pub const PROBE_HEADER: &str = "X-Mrsk-Container";

/// The directory inside Traefik's container that it watches for routing files.
pub const ROUTES_DIR: &str = "/etc/mrsk/traefik";

/// The label of mrsk's application containers, which Traefik's Docker provider leaves alone.
pub const SERVICE_LABEL: &str = "mrsk.service";

/// What a routing file is made from.
#[derive(Debug, Clone, Copy)]
pub struct RouteSpec<'a> {
    /// The service.
    pub service: &'a str,
    /// The destination, if any.
    pub destination: Option<&'a str>,
    /// The role.
    pub role: &'a str,
    /// All labels of the role's containers; only those that begin with `traefik.` are read.
    pub labels: &'a BTreeMap<String, String>,
    /// The command line of the Traefik that reads the file.
    pub arguments: &'a [String],
    /// The TCP port inside the container that serves unless a label names another.
    pub port: u16,
    /// The container's alias on mrsk's network.
    pub alias: &'a str,
    /// The container's name, which the probe router answers.
    pub container: &'a str,
    /// The containers that get requests beside it.
    pub beside: &'a [Beside],
    /// The labels of containers of the role that Traefik's Docker provider shows as well: a router with the rule of one of
    /// theirs comes before it.
    pub outranks: &'a [&'a BTreeMap<String, String>],
    /// Seconds in which the container must begin to answer; absent: as long as it takes.
    pub response_timeout: Option<u32>,
    /// Whether the role has a certificate of its own beside its routing file.
    pub has_certificate: bool,
}

/// A container of a role that gets requests beside the one whose labels make the routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// Its alias on mrsk's network.
    pub alias: String,
    /// Its labels, which tell the ports of the services that it has.
    pub labels: BTreeMap<String, String>,
    /// The TCP port inside it that serves unless a label names another.
    pub port: u16,
}

/// A label that cannot become part of a routing file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelError {
    /// The label's key, as the user wrote it.
    pub label: String,
    /// What is wrong: lower case, without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Returns the host name that a probe router answers to, for the `Host` header of the request.
pub fn probe_host(alias: &str) -> String {
    format!("{alias}.mrsk.internal")
}

/// As [`probe_host`], for a trial.
pub fn trial_host(alias: &str) -> String {
    format!("try-{}", probe_host(alias))
}

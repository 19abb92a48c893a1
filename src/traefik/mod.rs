//! Traefik: what mrsk asks of the reverse proxy, as text. Pure: from labels to a routing file, from the user's
//! arguments to a command line.
//!
//! An application's container is addressed by an alias on mrsk's network, never by Traefik's own Docker provider, so that
//! traffic moves at the moment the [`routing_file`] is written. The file holds
//!
//! - the default router, service and retry middleware of a role, with the fields that the user's labels replace,
//! - everything else that the labels define: HTTP, TCP and UDP,
//! - a probe router on [`PROBE_ENTRYPOINT`] whose answer names the container, which proves that the file is loaded and that its
//!   rules and middlewares are such that Traefik takes them,
//! - a servers transport that keeps idle connections for a second only, so that the established connections of an old
//!   container are the requests in flight. It takes the place of Traefik's default one, and has that one's other settings.
//!
//! Every name in it begins with service, role and destination: Traefik skips a name that two files define.

mod arguments;
mod check;
mod document;
mod label;
mod names;
mod probe;
mod rule;
mod shape;
mod tree;

#[cfg(test)]
mod golden;

use std::collections::BTreeMap;

pub use arguments::command_line;
pub use check::{entrypoints, listens, remarks, unknown_entrypoints};

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
    /// The destination, where there is one.
    pub destination: Option<&'a str>,
    /// The role.
    pub role: &'a str,
    /// All labels of the role's containers; only those that begin with `traefik.` are read.
    pub labels: &'a BTreeMap<String, String>,
    /// The command line of the Traefik that reads the file.
    pub arguments: &'a [String],
    /// The TCP port inside the container that serves where no label names another.
    pub port: u16,
    /// The container's alias on mrsk's network.
    pub alias: &'a str,
    /// The container's name, which the probe router answers.
    pub container: &'a str,
    /// The labels of containers of the role that Traefik's Docker provider shows as well: a router with the rule of one of
    /// theirs comes before it.
    pub outranks: &'a [&'a BTreeMap<String, String>],
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

/// Returns the routing file: YAML for Traefik's file provider, the same bytes for the same input.
///
/// # Errors
/// Every label that Traefik would not take, each with what to write instead where that is known.
pub fn routing_file(spec: &RouteSpec) -> Result<String, Vec<LabelError>> {
    document::render(spec)
}

/// Returns a file by which Traefik shows, before any request is sent to the container, whether it takes the rules and middlewares
/// of [`routing_file`]: all that it has is a probe router, which answers to [`trial_host`]. `None` where there is nothing to be
/// shown, since no label defines any, or where the labels are refused.
pub fn trial_file(spec: &RouteSpec) -> Option<String> {
    document::render_trial(spec)
}

/// Returns the name of the trial file. It is no routing file: no container is looked up in it.
pub fn trial_file_name(service: &str, destination: Option<&str>, role: &str) -> String {
    format!("try-{}", file_name(service, destination, role))
}

/// As [`probe_host`], for a trial.
pub fn trial_host(alias: &str) -> String {
    format!("try-{}", probe_host(alias))
}

/// Returns `labels` with the word, for every router, that its rule is in the language of Traefik 2.
pub fn with_old_rules(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut labels = labels.clone();
    let rules: Vec<String> = labels.keys().filter_map(|key| rule_of(key)).collect();
    for router in rules {
        labels.insert(format!("{router}.rulesyntax"), "v2".into());
    }
    labels
}

/// Returns `traefik.PROTOCOL.routers.NAME` of the label with the rule of a router.
fn rule_of(label: &str) -> Option<String> {
    let parts: Vec<&str> = label.split('.').collect();
    match parts.as_slice() {
        [first, _, section, _, option]
            if first.eq_ignore_ascii_case("traefik")
                && section.eq_ignore_ascii_case("routers")
                && option.eq_ignore_ascii_case("rule") =>
        {
            Some(parts[..4].join("."))
        }
        _ => None,
    }
}

/// Returns the name of the routing file: `mrsk-SERVICE@ROLE.yml`, or `mrsk-SERVICE@ROLE@DESTINATION.yml`. Two different
/// triples never give the same name; characters other than ASCII letters, digits, `.`, `_` and `-` are percent-encoded.
pub fn file_name(service: &str, destination: Option<&str>, role: &str) -> String {
    let parts: Vec<String> = [service, role]
        .into_iter()
        .chain(destination)
        .map(names::encoded)
        .collect();
    format!("mrsk-{}.yml", parts.join("@"))
}

/// Returns the host name that a probe router answers to, for the `Host` header of the request.
pub fn probe_host(alias: &str) -> String {
    format!("{alias}.mrsk.internal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_safe_and_unambiguous() {
        assert_eq!(file_name("hey", None, "web"), "mrsk-hey@web.yml");
        assert_eq!(
            file_name("hey", Some("staging"), "web"),
            "mrsk-hey@web@staging.yml"
        );
        assert_ne!(file_name("a", Some("c"), "b"), file_name("a@b", None, "c"));
        assert_ne!(file_name("a-b", None, "c"), file_name("a", None, "b-c"));
        assert_eq!(file_name("../x", None, "w b"), "mrsk-..%2Fx@w%20b.yml");
    }
}

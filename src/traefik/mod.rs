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
mod intercept;
mod label;
mod names;
mod probe;
mod references;
mod renderer;
mod request;
mod rule;
mod rules;
mod shape;
mod spec;
mod static_options;
mod tree;

#[cfg(test)]
#[path = "golden_tests.rs"]
mod golden;

pub use check::{entrypoint_on, entrypoints, listens, redirects, remarks, unknown_entrypoints};
pub use intercept::{Intercept, InterceptFile, Intercepted, Purpose};
pub use label::with_old_rules;
pub use references::{Published, unknown_resolvers, unpublished_entrypoints};
pub use renderer::Renderer;
pub use request::{NotAsked, Request};
pub use rules::{RouterRule, router_rules};
pub use spec::{
    Beside, LabelError, PROBE_ENTRYPOINT, PROBE_PORT, ROUTES_DIR, RouteSpec, probe_host, trial_host,
};

/// Returns Traefik's arguments: mrsk's own, then the user's, some of which replace mrsk's.
///
/// # Errors
/// Each argument without which mrsk could not switch traffic, that Traefik does not know, or that names what is not declared.
pub fn command_line(user: &[(String, Option<String>)]) -> Result<Vec<String>, Vec<LabelError>> {
    let line = arguments::command_line(user)?;
    let errors = references::check_arguments(user, &line);
    match errors.is_empty() {
        true => Ok(line),
        false => Err(errors),
    }
}

/// Returns the routing file: YAML for Traefik's file provider, the same bytes for the same input.
///
/// # Errors
/// Every label that Traefik would refuse, each with what to write instead, if known.
pub fn routing_file(spec: &RouteSpec) -> Result<String, Vec<LabelError>> {
    document::render(spec)
}

/// Returns the name of the trial file. It is not a routing file: no container is looked up in it.
pub fn trial_file_name(service: &str, destination: Option<&str>, role: &str) -> String {
    format!("try-{}", file_name(service, destination, role))
}

/// Returns the name of the routing file: `mrsk-SERVICE@ROLE.yml`, or `mrsk-SERVICE@ROLE@DESTINATION.yml`. Two different
/// triples never give the same name; characters other than ASCII letters, digits, `.`, `_` and `-` are percent-encoded.
pub fn file_name(service: &str, destination: Option<&str>, role: &str) -> String {
    names::file(service, destination, role, "yml")
}

/// Returns the names of the files beside it with a role's certificate and with its key.
pub fn certificate_files(service: &str, destination: Option<&str>, role: &str) -> [String; 2] {
    names::certificate_files(service, destination, role)
}

/// Returns the service, the role and the destination of a routing file by its name; nothing if it is none of mrsk's.
pub fn owner_of_file(name: &str) -> Option<(String, String, Option<String>)> {
    let parts = name.strip_prefix("mrsk-")?.strip_suffix(".yml")?;
    let mut parts = parts.split('@').map(names::decoded);
    let (service, role, destination) = (parts.next()??, parts.next()??, parts.next());
    if parts.next().is_some() {
        return None;
    }
    Some((service, role, destination.flatten()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_file_is_known_by_its_name() {
        for (service, destination, role) in [("hey", None, "web"), ("../x", Some("é"), "w b")] {
            let owner = owner_of_file(&file_name(service, destination, role));
            let destination = destination.map(str::to_owned);
            assert_eq!(
                owner,
                Some((service.to_owned(), role.to_owned(), destination))
            );
        }
        for name in [
            "mrsk-a.yml",
            "mrsk-a@b@c@d.yml",
            "other.yml",
            "mrsk-a@%ZZ.yml",
        ] {
            assert_eq!(owner_of_file(name), None, "{name}");
        }
    }

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

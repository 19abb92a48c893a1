//! Names that labels and arguments refer to, and that Traefik would not find.

use std::collections::{BTreeMap, BTreeSet};

use super::arguments;
use super::check::{INTERNAL, entrypoints, is_at};
use super::label::{Section, Setting, parse};
use super::spec::{LabelError, PROBE_ENTRYPOINT};

/// Returns the certificate resolvers that a command line declares.
fn resolvers(command_line: &[String]) -> BTreeSet<&str> {
    let names = arguments::read(command_line).filter_map(|(name, _)| {
        let (section, rest) = name.split_once('.')?;
        let is_resolver = section.eq_ignore_ascii_case("certificatesresolvers");
        is_resolver.then(|| rest.split('.').next()).flatten()
    });
    names.collect()
}

/// Returns each certificate resolver that a router of `labels` names and that Traefik with this command line does not have: the
/// label, the name, and what it has.
pub fn unknown_resolvers<'a>(
    labels: &'a BTreeMap<String, String>,
    command_line: &[String],
) -> Vec<(&'a str, &'a str, Vec<String>)> {
    let known = resolvers(command_line);
    let names_resolver = |label: &str, value: &str| {
        let entry = parse(label, value).ok().flatten();
        entry.is_some_and(|entry| {
            entry.section == Section::Routers && is_at(&entry, &["tls", "certResolver"])
        })
    };
    labels
        .iter()
        .filter(|(label, value)| names_resolver(label, value))
        .map(|(label, value)| (label.as_str(), value.trim()))
        .filter(|(_, name)| !name.is_empty() && !known.contains(name))
        .map(|(label, name)| {
            (
                label,
                name,
                known.iter().map(|name| (*name).to_owned()).collect(),
            )
        })
        .collect()
}

/// Returns the arguments of the user that name an entrypoint or a certificate resolver which the command line does not declare.
pub(super) fn check_arguments(
    user: &[(String, Option<String>)],
    command_line: &[String],
) -> Vec<LabelError> {
    let declared = entrypoints(command_line);
    let resolvers = resolvers(command_line);
    let mut errors = Vec::new();
    for (name, value) in user {
        let (lower, value) = (name.to_lowercase(), value.as_deref().unwrap_or_default());
        let names_entrypoint = [
            ".http.redirections.entrypoint.to",
            ".acme.httpchallenge.entrypoint",
            "ping.entrypoint",
            "metrics.prometheus.entrypoint",
        ];
        let names_entrypoint = names_entrypoint.iter().any(|end| lower.ends_with(end));
        let (what, known): (&str, Vec<&str>) = if names_entrypoint {
            let known = declared.iter().map(String::as_str);
            ("entrypoint", known.chain([INTERNAL]).collect())
        } else if lower.starts_with("entrypoints.") && lower.ends_with(".http.tls.certresolver") {
            ("certificate resolver", resolvers.iter().copied().collect())
        } else {
            continue;
        };
        // A redirection can also name a port.
        if value.is_empty() || value.starts_with(':') || known.contains(&value) {
            continue;
        }
        let listed: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        errors.push(LabelError {
            label: name.clone(),
            message: format!("Traefik will have no {what} `{value}`"),
            help: Some(match listed.is_empty() {
                true => "declare it with further arguments".to_owned(),
                false => format!("it will have {}", listed.join(", ")),
            }),
        });
    }
    errors
}

/// Which TCP ports of Traefik's container are published.
pub type Published<'p> = &'p dyn Fn(u16) -> bool;

/// Returns each entrypoint that a router of `labels` names and that listens on a port of Traefik's container which is not
/// `published`: the label, the name and the port.
pub fn unpublished_entrypoints<'a>(
    labels: &'a BTreeMap<String, String>,
    command_line: &[String],
    published: Published<'_>,
) -> Vec<(&'a str, &'a str, u16)> {
    let mut found = Vec::new();
    for (label, value) in labels {
        let entry = parse(label, value).ok().flatten();
        let is_list = entry.is_some_and(|entry| {
            entry.section == Section::Routers
                && is_at(&entry, &["entryPoints"])
                && matches!(entry.value, Setting::Value(_))
        });
        if !is_list {
            continue;
        }
        for name in value.split(',').map(str::trim) {
            let port = arguments::tcp_port(command_line, name);
            let hidden = port.filter(|port| name != PROBE_ENTRYPOINT && !published(*port));
            found.extend(hidden.map(|port| (label.as_str(), name, port)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn what_labels_name_and_traefik_lacks_is_found() {
        let labels = BTreeMap::from(
            [
                ("traefik.http.routers.a.tls.certresolver", "letsencrypt"),
                ("traefik.http.routers.b.tls.certresolver", "le"),
                ("traefik.http.routers.a.entrypoints", "web,websecure"),
            ]
            .map(|(label, value)| (label.to_owned(), value.to_owned())),
        );
        let line = lines(&[
            "--entrypoints.web.address=:80",
            "--entrypoints.websecure.address=:443",
            "--certificatesResolvers.le.acme.email=x",
        ]);
        let unknown = unknown_resolvers(&labels, &line);
        let label = "traefik.http.routers.a.tls.certresolver";
        assert_eq!(unknown, [(label, "letsencrypt", vec!["le".to_owned()])]);
        let hidden = unpublished_entrypoints(&labels, &line, &|port| port == 80);
        assert_eq!(
            hidden,
            [("traefik.http.routers.a.entrypoints", "websecure", 443)]
        );
    }

    #[test]
    fn arguments_name_what_others_declare() {
        let line = lines(&[
            "--entrypoints.web.address=:80",
            "--entrypoints.websecure.address=:443",
            "--certificatesresolvers.le.acme.email=x",
        ]);
        for (name, value, wrong) in [
            (
                "entrypoints.web.http.redirections.entrypoint.to",
                "websecure",
                false,
            ),
            (
                "entrypoints.web.http.redirections.entrypoint.to",
                ":443",
                false,
            ),
            (
                "entrypoints.web.http.redirections.entrypoint.to",
                "https",
                true,
            ),
            ("entrypoints.websecure.http.tls.certresolver", "le", false),
            (
                "entrypoints.websecure.http.tls.certresolver",
                "letsencrypt",
                true,
            ),
            (
                "certificatesresolvers.le.acme.httpchallenge.entrypoint",
                "http",
                true,
            ),
            ("ping.entrypoint", "traefik", false),
        ] {
            let user = [(name.to_owned(), Some(value.to_owned()))];
            assert_eq!(
                check_arguments(&user, &line).len(),
                usize::from(wrong),
                "{name}={value}"
            );
        }
    }
}

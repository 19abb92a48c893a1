//! Labels compared with the Traefik that reads them: what it would skip silently.

use std::collections::{BTreeMap, BTreeSet};

use super::arguments;
use super::label::{Entry, Key, Protocol, Section, Setting, parse};
use super::names::Names;
use super::spec::{LabelError, PROBE_ENTRYPOINT, RouteSpec};
use super::tree::Segment;

/// The entrypoint that Traefik opens by itself for its own pages.
pub(super) const INTERNAL: &str = "traefik";

/// Returns the names of the entrypoints that a command line declares, mrsk's own left out. Traefik
/// takes them literally: `webSecure` is not `websecure`.
pub fn entrypoints(command_line: &[String]) -> BTreeSet<String> {
    arguments::read(command_line)
        .filter_map(|(name, _)| {
            let (section, rest) = name.split_once('.')?;
            let is_entrypoint = section.eq_ignore_ascii_case("entrypoints");
            let name = rest.split('.').next()?;
            (is_entrypoint && name != PROBE_ENTRYPOINT).then(|| name.to_owned())
        })
        .collect()
}

/// Returns whether an entrypoint of a command line listens on TCP port `port`.
pub fn listens(command_line: &[String], port: u16) -> bool {
    arguments::read(command_line).any(|(name, value)| {
        let name = name.to_lowercase();
        let address = value.trim_end_matches("/tcp");
        let given = address.rsplit_once(':').map(|(_, given)| given.parse());
        name.starts_with("entrypoints.") && name.ends_with(".address") && given == Some(Ok(port))
    })
}

/// Returns the entrypoint of a command line that listens on TCP port `port`.
pub fn entrypoint_on(command_line: &[String], port: u16) -> Option<String> {
    let mut names = entrypoints(command_line).into_iter();
    names.find(|name| arguments::tcp_port(command_line, name) == Some(port))
}

/// Returns whether an entrypoint of a command line redirects all its requests to another.
pub fn redirects(command_line: &[String], entrypoint: &str) -> bool {
    let redirects = format!("entrypoints.{entrypoint}.http.redirections.").to_lowercase();
    arguments::read(command_line).any(|(name, _)| name.to_lowercase().starts_with(&redirects))
}

/// Returns each entrypoint that a router of `labels` names and that is not among `known`: the label and the name.
pub fn unknown_entrypoints<'a>(
    labels: &'a BTreeMap<String, String>,
    known: &BTreeSet<String>,
) -> Vec<(&'a str, &'a str)> {
    let names_entrypoints = |label: &str, value: &str| {
        let entry = parse(label, value).ok().flatten();
        entry.is_some_and(|entry| {
            entry.section == Section::Routers && is_at(&entry, &["entryPoints"])
        })
    };
    labels
        .iter()
        .filter(|(label, value)| names_entrypoints(label, value))
        .flat_map(|(label, value)| {
            value
                .split(',')
                .map(move |name| (label.as_str(), name.trim()))
        })
        .filter(|(_, name)| !name.is_empty() && *name != INTERNAL && !known.contains(*name))
        .collect()
}

/// Returns what a reviewer should know of labels that Traefik takes.
pub fn remarks(spec: &RouteSpec) -> Vec<LabelError> {
    let entries = spec.labels.iter();
    let entries = entries.filter_map(|(label, value)| parse(label, value).ok()?);
    let entries: Vec<Entry> = entries.collect();
    let names = Names::new(spec, &entries, "");
    let mut defined: BTreeSet<Key> = entries.iter().map(|entry| names.key(entry)).collect();
    defined.insert((Protocol::Http, Section::Middlewares, names.retry()));
    let mut remarks = Vec::new();
    for entry in &entries {
        if let Setting::Value(value) = &entry.value {
            remarks.extend(transport(entry));
            remarks.extend(middlewares(entry, value, &names, &defined));
        }
    }
    remarks
}

fn transport(entry: &Entry) -> Option<LabelError> {
    let is_own = entry.protocol == Protocol::Http
        && entry.section == Section::Services
        && is_at(entry, &["loadBalancer", "serversTransport"]);
    is_own.then(|| LabelError {
        label: entry.label.clone(),
        message: "an idle connection of this transport counts as an open request: a deploy waits `drain_timeout` for it"
            .to_owned(),
        help: Some("set `forwardingTimeouts: {idleConnTimeout: 1s}` on the transport".to_owned()),
    })
}

/// Returns the undefined middlewares of a router that are named without a provider: Traefik drops the router unless another
/// container defines them.
fn middlewares(
    entry: &Entry,
    value: &str,
    names: &Names,
    defined: &BTreeSet<Key>,
) -> Vec<LabelError> {
    if entry.section != Section::Routers || !is_at(entry, &["middlewares"]) {
        return Vec::new();
    }
    let is_elsewhere = |name: &str| {
        let bare = names.canonical(entry.protocol, Section::Middlewares, name);
        !name.contains('@') && !defined.contains(&(entry.protocol, Section::Middlewares, bare))
    };
    value
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty() && is_elsewhere(name))
        .map(|name| LabelError {
            label: entry.label.clone(),
            message: format!(
                "undefined middleware `{name}`: Traefik drops the router unless another container defines it"
            ),
            help: Some(format!(
                "define it, or write `{name}@docker` if another container defines it, `{name}@file` if a file does"
            )),
        })
        .collect()
}

pub(super) fn is_at(entry: &Entry, path: &[&str]) -> bool {
    let keys = entry.path.iter().map(|segment| match segment {
        Segment::Key(key) => key.as_str(),
        Segment::Index(_) => "",
    });
    keys.eq(path.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    fn labels(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
        labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn entrypoints_are_those_of_the_command_line_in_their_case() {
        let line = lines(&[
            "--EntryPoints.webSecure.address=:443",
            "--entrypoints.web.http.redirections.entrypoint.to=webSecure",
            "--entrypoints.mrsk-probe.address=:7583",
            "--entrypoints.split.address",
            ":9000",
            "--accesslog",
        ]);
        let found = entrypoints(&line);
        assert_eq!(
            found,
            lines(&["split", "web", "webSecure"]).into_iter().collect()
        );
        assert!(listens(&line, 443) && listens(&line, 9000) && !listens(&line, 80));
        assert!(listens(
            &lines(&["--entrypoints.a.address=1.2.3.4:80/tcp"]),
            80
        ));
        assert!(!listens(&lines(&["--entrypoints.a.address=:80/udp"]), 80));
    }

    #[test]
    fn an_entrypoint_that_traefik_lacks_is_named_with_its_label() {
        let labels = labels(&[
            ("traefik.http.routers.a.entryPoints", "web, websecure"),
            ("traefik.tcp.routers.b.entrypoints", "db"),
            ("traefik.http.routers.c.entrypoints", "traefik"),
            ("traefik.http.routers.d.rule", "Host(`entrypoints`)"),
        ]);
        let known = BTreeSet::from(["web".to_owned()]);
        assert_eq!(
            unknown_entrypoints(&labels, &known),
            [
                ("traefik.http.routers.a.entryPoints", "websecure"),
                ("traefik.tcp.routers.b.entrypoints", "db"),
            ]
        );
    }

    #[test]
    fn what_a_reviewer_should_know_is_remarked() {
        let labels = labels(&[
            (
                "traefik.http.routers.hey.middlewares",
                "hey-web-retry,Auth,atuh,x@docker,y@file",
            ),
            ("traefik.http.middlewares.auth.basicauth.users", "x"),
            (
                "traefik.http.services.hey.loadbalancer.serverstransport",
                "mine@file",
            ),
        ]);
        let spec = RouteSpec {
            service: "hey",
            destination: None,
            role: "web",
            labels: &labels,
            arguments: &[],
            port: 3000,
            alias: "m-0123456789abcdef",
            container: "hey-web-abc123",
            beside: &[],
            outranks: &[],
            response_timeout: None,
            has_certificate: false,
        };
        let remarks = remarks(&spec);
        assert_eq!(remarks.len(), 2, "{remarks:?}");
        assert!(remarks[0].message.contains("middleware `atuh`"));
        assert!(remarks[1].message.contains("drain_timeout"));
    }
}

//! The router by which Traefik proves what it has loaded.

use std::collections::BTreeSet;

use super::names::{Names, PROBE};
use super::rule;
use super::spec::{PROBE_ENTRYPOINT, PROBE_HEADER, RouteSpec};
use super::tree::Node;

/// The highest priority that Traefik lets a router have: no other router may shadow the probe.
const PROBE_PRIORITY: u64 = i64::MAX as u64 - 1000;

/// Middlewares that would let the probe wait for others.
const WAITING: [&str; 2] = ["retry", "forwardAuth"];

/// Adds the router that proves that the file is loaded, and that Traefik took the routers in it. It
/// leaves out, one by one, those whose rule or middleware it cannot make, and so the probe has all of
/// them, in a way that does not change whom it answers: `host`.
pub(super) fn put(document: &mut Node, spec: &RouteSpec, names: &Names, host: &str) {
    let service = names.prefixed(names.default());
    let names = [names.prefixed(PROBE), service];
    put_for(document, &names, [host, spec.container]);
}

/// As [`put`], for a router of this name and service, which answers `proof` to `host`.
pub(super) fn put_for(
    document: &mut Node,
    [name, service]: &[String; 2],
    [host, proof]: [&str; 2],
) {
    let own = format!("Host(`{host}`)");
    let rules = rules(document);
    let rule = match rules.is_empty() {
        true => own,
        false => {
            let all = Vec::from_iter(rules).join(" || ");
            format!("{own} || ({own} && ({all}))")
        }
    };
    let middlewares = [name.clone()].into_iter().chain(middlewares(document));
    let middlewares = Node::list(middlewares.map(Node::text));
    let mut router = Node::map();
    router.put(&["rule"], Node::text(rule));
    router.put(&["entryPoints"], Node::list([Node::text(PROBE_ENTRYPOINT)]));
    router.put(&["middlewares"], middlewares);
    router.put(&["priority"], Node::Number(PROBE_PRIORITY));
    router.put(&["service"], Node::text(service));
    document.put(&["http", "routers", name], router);
    let mut middleware = Node::map();
    let header = ["headers", "customResponseHeaders", PROBE_HEADER];
    middleware.put(&header, Node::text(proof));
    document.put(&["http", "middlewares", name], middleware);
}

/// Returns whether Traefik may leave a router of the document out.
pub(super) fn has_something_to_prove(document: &Node) -> bool {
    !rules(document).is_empty() || !middlewares(document).is_empty()
}

/// Removes every router but the probe's.
pub(super) fn leave_only(document: &mut Node, names: &Names) {
    let name = names.prefixed(PROBE);
    document.take("tls");
    document.take("tcp");
    document.take("udp");
    let probe = document.get(&["http", "routers", &name]).cloned();
    document.put(&["http", "routers"], Node::map());
    if let Some(probe) = probe {
        document.put(&["http", "routers", &name], probe);
    }
}

/// Returns the HTTP routers of a document.
fn routers(document: &Node) -> impl Iterator<Item = &Node> {
    let routers = match document.get(&["http", "routers"]) {
        Some(Node::Map(routers)) => Some(routers.values()),
        _ => None,
    };
    routers.into_iter().flatten()
}

/// Returns the rules of the routers in parentheses, without the default one, which is known to be right.
fn rules(document: &Node) -> BTreeSet<String> {
    routers(document)
        .filter(|router| !rule::is_old(router))
        .filter_map(|router| router.get_text(&["rule"]))
        .filter(|rule| *rule != rule::DEFAULT)
        .map(|rule| format!("({rule})"))
        .collect()
}

/// Returns the names of the middlewares of the routers, without those that are [`WAITING`].
fn middlewares(document: &Node) -> BTreeSet<String> {
    let waits = |name: &str| {
        let part = document.get(&["http", "middlewares", name]);
        part.is_some_and(|part| WAITING.iter().any(|kind| part.get(&[kind]).is_some()))
    };
    routers(document)
        .filter_map(|router| router.get(&["middlewares"]))
        .flat_map(Node::texts)
        .filter(|name| !waits(name))
        .map(str::to_owned)
        .collect()
}

//! What a kamal-proxy serves, as Traefik is to serve it: a routing file for each of its services.
//!
//! Its list tells hosts, target, state and whether there is TLS. What depends on more than that cannot be carried over.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::command_line;
use crate::action::Run;
use crate::config::PortMapping;
use crate::config::model::Config;
use crate::docker::copy::copy_from;
use crate::docker::names::{self, KAMAL_PROXY, NETWORK};
use crate::facts::kamal_proxy::{CERTIFICATES, KamalProxyFacts, ProxiedFacts, ProxiedState};
use crate::facts::model::{ContainerFacts, ContainerState, HostFacts};
use crate::plan::compile::placement::{alias_of, belongs};
use crate::plan::compile::{HostView, Placement};
use crate::traefik;

/// What keeps a container served by which this service is served now, as another tool started it.
pub struct Adoption {
    /// Its name.
    pub container: String,
    /// Its alias in mrsk's network, as its routing file has it.
    pub alias: String,
    /// Whether it is to join that network.
    pub joins: bool,
    /// What is done before its routing file is written.
    pub files: Vec<Run>,
    /// Where its routing file is to be.
    pub path: String,
    /// The text of its routing file.
    pub text: String,
}

/// The role in the name of the routing file of a container that has none, such as an accessory.
const NO_ROLE: &str = "kamal-proxy";

/// The port of Traefik's container for requests without TLS.
const WEB: u16 = 80;

/// The port of Traefik's container, and of the host, for requests with TLS.
const SECURE: u16 = 443;

/// Returns the kamal-proxy that a new Traefik is to replace on a host: it holds one of its ports.
pub fn replaces<'a>(config: &Config, facts: &'a HostFacts) -> Option<&'a KamalProxyFacts> {
    let proxy = facts.kamal_proxy.as_deref()?;
    let holder = format!("container {KAMAL_PROXY}");
    let is_held = |port: u16| {
        let taken = facts.ports.get(&port.to_string());
        taken.is_some_and(|taken| taken.holder == holder)
    };
    let mut ports = config.traefik.published_ports().into_iter();
    (facts.traefik.is_none() && ports.any(is_held)).then_some(proxy)
}

/// Returns how Traefik serves the container of `placement`'s role that `proxy` serves now, if there is one.
pub fn of_role(
    config: &Config,
    placement: &Placement,
    host: &HostView,
    proxy: &KamalProxyFacts,
) -> Option<Adoption> {
    let own = proxy.services.iter().filter(|(_, service)| {
        let mut targets = service.targets.iter();
        targets.any(|target| {
            let container = host.facts.containers.get(&target.container);
            container.is_some_and(|container| belongs(config, placement.role, container))
        })
    });
    let mut carried = own.filter_map(|(name, service)| carry(config, host, name, service).ok());
    carried.find(|_| placement.role.traefik)
}

/// Returns how Traefik serves what kamal-proxy serves as `name`.
///
/// # Errors
/// Why it cannot.
pub fn carry(
    config: &Config,
    host: &HostView,
    name: &str,
    service: &ProxiedFacts,
) -> Result<Adoption, String> {
    let facts = host.facts;
    match service.state {
        ProxiedState::Running => {}
        ProxiedState::Paused => return Err("it is paused".into()),
        ProxiedState::Stopped => return Err("it is stopped".into()),
    }
    let [target] = service.targets.as_slice() else {
        return Err(format!("it has {} targets", service.targets.len()));
    };
    let container = facts.containers.get(&target.container).ok_or_else(|| {
        let id = &target.container;
        format!("its target {id} is not a container of this host")
    })?;
    let joins = joins(&target.container, container)?;
    if !service.paths.is_empty() {
        let paths = Vec::from_iter(service.paths.iter().cloned()).join(",");
        return Err(format!(
            "its list does not tell whether the path prefix {paths} is removed from requests"
        ));
    }
    let owner = owner(name, container);
    let Owner {
        service: of,
        role,
        destination,
    } = &owner;
    let parts = [of, destination.unwrap_or_default(), role];
    let alias = alias_of(container).cloned().unwrap_or_else(|| {
        names::alias_of(parts, &host.host.name, &container.id, facts.serial.number)
    });
    let arguments = command_line(config, facts);
    let labels = labels(config, &owner, service, &arguments)?;
    let text = traefik::routing_file(&traefik::RouteSpec {
        service: of,
        destination: *destination,
        role,
        labels: &labels,
        arguments: &arguments,
        port: target.port,
        alias: &alias,
        container: &target.container,
        beside: &[],
        outranks: &[],
        response_timeout: None,
        has_certificate: service.tls,
    });
    let text = text.map_err(|errors| {
        let messages = errors.into_iter().map(|error| error.message);
        Vec::from_iter(messages).join(", ")
    })?;
    let in_routes = |name: String| format!("{}/{name}", facts.routing_directory);
    let files = match service.tls {
        true => certificate(service, facts)?,
        false => Vec::new(),
    };
    let [crt, key] = traefik::certificate_files(of, *destination, role).map(in_routes);
    let files = files.iter().flat_map(|kept| {
        // The one file has both.
        [&crt, &key]
            .map(|path| copy(kept, path))
            .into_iter()
            .flatten()
    });
    Ok(Adoption {
        container: target.container.clone(),
        alias,
        joins,
        files: files.collect(),
        path: in_routes(traefik::file_name(of, *destination, role)),
        text,
    })
}

/// Returns whether `container` is still to join mrsk's network.
fn joins(name: &str, container: &ContainerFacts) -> Result<bool, String> {
    if container.state != ContainerState::Running {
        return Err(format!("its container {name} does not run"));
    }
    let is_in = |network: &str| container.networks.contains_key(network);
    if is_in("host") || is_in("none") {
        return Err(format!(
            "its container {name} cannot join network {NETWORK}"
        ));
    }
    match alias_of(container) {
        Some(_) => Ok(false),
        None if is_in(NETWORK) => Err(format!(
            "its container {name} was connected with network {NETWORK} by hand"
        )),
        None => Ok(true),
    }
}

/// Whose a container is. As mrsk would name it, so that a later deploy of that service finds its routes.
struct Owner<'a> {
    service: &'a str,
    role: &'a str,
    destination: Option<&'a str>,
}

fn owner<'a>(name: &'a str, container: &'a ContainerFacts) -> Owner<'a> {
    let label = |name: &str| {
        let label = container.labels.get(name).map(String::as_str);
        label.filter(|label| !label.is_empty())
    };
    Owner {
        service: label("service").unwrap_or(name),
        role: label("role").unwrap_or(NO_ROLE),
        destination: label("destination"),
    }
}

/// Returns the labels by which Traefik would serve `service`.
fn labels(
    config: &Config,
    owner: &Owner,
    service: &ProxiedFacts,
    arguments: &[String],
) -> Result<BTreeMap<String, String>, String> {
    let name = [owner.service, owner.role]
        .into_iter()
        .chain(owner.destination);
    // A label ends a name at its first dot.
    let name = Vec::from_iter(name).join("-").replace('.', "-");
    let rule = rule(&service.hosts)?;
    let router = |name: &str, option: &str| format!("traefik.http.routers.{name}.{option}");
    let mut labels = BTreeMap::new();
    if service.hosts.contains("*") {
        // Whoever has a host of its own comes before.
        labels.insert(router(&name, "priority"), "1".to_owned());
    }
    labels.insert(router(&name, "rule"), rule.clone());
    let web = traefik::entrypoint_on(arguments, WEB)
        .ok_or_else(|| format!("no entrypoint of deploy.yml listens on port {WEB}"))?;
    if !service.tls {
        if traefik::redirects(arguments, &web) {
            return Err(format!(
                "it has no TLS, and entrypoint {web} of deploy.yml redirects all requests"
            ));
        }
        labels.insert(router(&name, "entrypoints"), web);
        return Ok(labels);
    }
    let secure = traefik::entrypoint_on(arguments, SECURE).filter(|_| publishes_secure(config));
    let secure = secure.ok_or_else(|| {
        format!("it has TLS, and no entrypoint of deploy.yml is published on port {SECURE}")
    })?;
    let (redirect, plain) = (format!("{name}-https"), format!("{name}-http"));
    let scheme = format!("traefik.http.middlewares.{redirect}.redirectscheme.scheme");
    labels.extend([
        (router(&name, "entrypoints"), secure),
        (router(&name, "tls"), "true".to_owned()),
        (router(&plain, "rule"), rule),
        (router(&plain, "entrypoints"), web),
        (router(&plain, "middlewares"), redirect),
        (scheme, "https".to_owned()),
    ]);
    Ok(labels)
}

/// Returns the rule of a router for `hosts`.
fn rule(hosts: &BTreeSet<String>) -> Result<String, String> {
    if hosts.len() == 1 && hosts.contains("*") {
        return Ok("PathPrefix(`/`)".into());
    }
    for host in hosts {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.contains('*') {
            return Err(format!("its host {host} is a wildcard"));
        }
        if !host.chars().all(is_name) {
            return Err(format!("its host {host} is not a host name"));
        }
    }
    let rules = hosts.iter().map(|host| format!("Host(`{host}`)"));
    Ok(Vec::from_iter(rules).join(" || "))
}

/// Returns whether requests with TLS reach Traefik at the port that everybody asks.
fn publishes_secure(config: &Config) -> bool {
    let options = config.traefik.options.iter();
    let options = options.filter(|option| option.name == "publish");
    let mut mappings = options.filter_map(|option| PortMapping::parse(option.value.as_deref()?));
    mappings.any(|one| one.host_port() == Some(SECURE) && one.publishes(SECURE))
}

/// Returns the certificate of `service`, as kamal-proxy keeps it.
fn certificate(service: &ProxiedFacts, facts: &HostFacts) -> Result<Vec<String>, String> {
    let mut hosts = service.hosts.iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err("it has TLS for several hosts".into());
    };
    let proxy = facts.kamal_proxy.iter();
    let kept = proxy.flat_map(|proxy| &proxy.certificates);
    let kept = kept.filter(|path| path.rsplit('/').next() == Some(host));
    match Vec::from_iter(kept.cloned()) {
        kept if kept.len() == 1 => Ok(kept),
        kept => Err(format!(
            "it has TLS, and kamal-proxy keeps {} certificates of {host}",
            kept.len()
        )),
    }
}

/// Returns what copies a certificate of kamal-proxy to `path`, where nobody else can read it.
fn copy(kept: &str, path: &str) -> [Run; 3] {
    let new = format!("{path}.new");
    [
        copy_from(KAMAL_PROXY, &format!("{CERTIFICATES}/{kept}"), &new),
        Run::literal(["chmod", "0600", &new]),
        Run::literal(["mv", "-f", &new, path]),
    ]
}

//! `proxy` of an accessory: Traefik sends requests to its container by the labels that it becomes.

use std::collections::BTreeMap;

use serde_json::json;

use super::{proxy, routed};
use crate::config::decoder::{Decoder, Field, Record, list};
use crate::config::model::{DockerOption, Role};
use crate::config::proxy::{Settings, Target, Tls, labels};
use crate::config::schema::{Property, described};
use crate::name::HostName;

pub(super) const KEY: Property = ("proxy", || {
    let own = proxy::KEY.1();
    let what =
        "Which requests the accessory gets from Traefik; `true`: all that no other route takes.";
    described(what, json!({ "anyOf": [{ "type": "boolean" }, own] }))
});

/// The port of an accessory that names none.
const DEFAULT_PORT: u16 = 80;

/// An accessory as far as it is read.
pub(super) struct Served<'a> {
    /// The name of its container.
    pub(super) container: &'a str,
    /// Its hosts.
    pub(super) hosts: &'a [HostName],
    /// The options of its container.
    pub(super) options: &'a [DockerOption],
    /// The roles of the service.
    pub(super) roles: &'a [Role],
}

/// Returns the labels that `proxy` becomes, and what it says.
pub(super) fn decode(
    decoder: &mut Decoder<'_>,
    record: &Record<'_>,
    served: &Served<'_>,
) -> Option<(BTreeMap<String, String>, Settings)> {
    let field = record.get(KEY.0).filter(|field| !field.is_null())?;
    let settings = match field.plain() {
        Some("false") => return None,
        Some("true") => Settings::default(),
        _ => proxy::settings(decoder, field),
    };
    check(decoder, field, served, &settings);
    let router = served.container.replace('.', "-");
    let target = Target {
        router: &router,
        retry: None,
    };
    let mut labels = labels(target, &settings);
    let service = format!("traefik.http.services.{router}.loadbalancer");
    let port = settings.app_port.unwrap_or(DEFAULT_PORT);
    labels.insert("traefik.enable".to_owned(), "true".to_owned());
    labels.insert(format!("{service}.server.port"), port.to_string());
    // Its default rule would be a name that nobody asks for.
    labels
        .entry(format!("traefik.http.routers.{router}.rule"))
        .or_insert_with(|| "PathPrefix(`/`)".to_owned());
    let path = settings.health_path.iter();
    labels.extend(path.map(|path| (format!("{service}.healthcheck.path"), path.clone())));
    let lines = labels
        .iter()
        .map(|(name, value)| format!("label {name}: {value}"));
    decoder.translate(&field.path, lines.collect());
    Some((labels, settings))
}

/// Reports what Traefik cannot do for an accessory.
fn check(decoder: &mut Decoder<'_>, field: &Field<'_>, served: &Served<'_>, settings: &Settings) {
    routed::check(decoder, (&field.path, served.hosts), settings);
    let has_traefik = |host: &&HostName| {
        let mut roles = served.roles.iter().filter(|role| role.traefik);
        !roles.any(|role| role.hosts.contains(host))
    };
    let without: Vec<&str> = served
        .hosts
        .iter()
        .filter(has_traefik)
        .map(HostName::as_str)
        .collect();
    if !without.is_empty() {
        let message = format!(
            "`{}` requires Traefik, which {} does not have",
            field.path,
            list(&without)
        );
        let help = "Traefik runs where a role gets requests: place the accessory on a host of such a role, or remove the key";
        decoder.error(field.key, message, help);
    }
    if let Some(network) = served
        .options
        .iter()
        .find(|option| ["network", "net"].contains(&option.name.as_str()))
    {
        let message = format!("`options.{}` conflicts with `{}`", network.name, field.path);
        let help = "Traefik reaches accessories over docker's default bridge: remove one of them";
        decoder.error(field.key, message, help);
    }
    if let (Some(mark), true) = (
        settings.marks.get("response_timeout"),
        settings.response_timeout.is_some(),
    ) {
        let message = format!("`{}.response_timeout` is not supported", field.path);
        let help =
            "Traefik takes it from routing files, and accessories are routed by labels: remove it";
        decoder.error(*mark, message, help);
    }
    if let (Some(mark), Tls::Own(_)) = (settings.marks.get("ssl"), settings.tls()) {
        let message = format!("`{}.ssl` cannot name a certificate", field.path);
        let help = "Traefik chooses certificates by the name of the host: name it in `proxy.ssl` of a role, and set \
                    `labels: {traefik.http.routers.NAME.tls: true}` here";
        decoder.error(*mark, message, help);
    }
}

//! The keys of the file, one module each: its name, default, decoding, checks and schema.

mod accessories;
mod accessory_files;
mod accessory_proxy;
mod aliases;
mod allow_empty_roles;
mod asset_path;
mod audit_broadcast_cmd;
mod boot;
mod build_cache;
mod builder;
mod builder_machines;
mod deploy_timeout;
mod drain_timeout;
mod env;
mod healthcheck;
mod hooks;
mod image;
mod labels;
mod logging;
mod minimum_version;
mod primary_role;
mod proxy;
mod quiet_signal;
mod readiness_delay;
mod registry;
mod release;
mod replicas;
mod require_destination;
mod retain_containers;
mod routed;
mod run_directory;
mod secrets_path;
mod servers;
mod service;
mod ssh;
mod sshkit;
mod stop_signal;
mod stop_wait_time;
mod traefik;
mod volumes;

pub use aliases::COMMANDS;
pub use build_cache::is_cache_option;
pub use registry::PASSWORD_SECRET;
pub use traefik::DEFAULT_TRAEFIK_IMAGE;

use serde_json::{Value, json};

use super::decoder::{Decoder, Record};
use super::model::Config;
use super::schema::{Property, record};
use super::secrets_files::Origins;
use super::sharers::Sharers;
use super::values::hosts::Hosts;
use super::{health_conflicts, name_resolution, port_conflicts};
use crate::secret::Secret;
use routed::Router;
use servers::Global;

/// Every key of the top level, beside those that begin with [`FREE_PREFIX`].
pub(super) const KEYS: [Property; 35] = [
    service::KEY,
    image::KEY,
    servers::KEY,
    registry::KEY,
    env::KEY,
    builder::KEY,
    labels::KEY,
    traefik::KEY,
    healthcheck::KEY,
    proxy::KEY,
    readiness_delay::KEY,
    stop_wait_time::KEY,
    stop_wait_time::LATER,
    stop_signal::KEY,
    deploy_timeout::KEY,
    drain_timeout::KEY,
    volumes::KEY,
    asset_path::KEY,
    logging::KEY,
    ssh::KEY,
    sshkit::KEY,
    boot::KEY,
    release::KEY,
    accessories::KEY,
    audit_broadcast_cmd::KEY,
    hooks::KEY,
    hooks::SECRETS,
    primary_role::KEY,
    require_destination::KEY,
    retain_containers::KEY,
    allow_empty_roles::KEY,
    minimum_version::KEY,
    run_directory::KEY,
    secrets_path::KEY,
    aliases::KEY,
];

/// The keys that both files together must have.
pub(super) const REQUIRED: [Property; 4] = [service::KEY, image::KEY, servers::KEY, registry::KEY];

/// What keys begin with that mrsk does not read: they are free for anchors.
pub(super) const FREE_PREFIX: &str = "x-";

/// Returns the JSON schema (draft 7, which editors understand best) of `deploy.yml` and of a destination's file.
///
/// A destination's file has the same keys, and either file may leave to the other what both together
/// need: so no key is required here. What only the whole configuration can tell (missing keys,
/// conflicts, unknown or duplicate names) is left to `mrsk config`.
#[must_use]
pub fn schema() -> Value {
    let what = "The configuration of mrsk: what is deployed, and where.";
    let mut schema = record(what, &KEYS);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("deploy.yml");
    schema["patternProperties"] = json!({
        "^x-": { "description": "Free for anchors that other keys refer to: mrsk does not read it." }
    });
    schema
}

/// Reads every key, with the default of each that is not there. `path` and `destination` are the
/// configuration's own. Returns the registry's password beside it, if it stands in the file.
pub(super) fn decode(
    decoder: &mut Decoder<'_>,
    root: &Record<'_>,
    path: &str,
    destination: Option<&str>,
) -> (Config, Option<Secret>) {
    require_destination::check(decoder, root, destination);
    minimum_version::check(decoder, root);
    run_directory::check(decoder, root);
    sshkit::check(decoder, root);
    let empty = allow_empty_roles::decode(decoder, root);
    let ssh = ssh::decode(decoder, root);
    let (env, tags) = root.collect(decoder, env::KEY.0, env::global);
    let proxy = proxy::decode(decoder, root);
    let service = service::decode(decoder, root);
    let logging = logging::decode(decoder, root);
    let global = Global {
        logging: logging.clone(),
        env,
        tags,
        labels: labels::decode(decoder, root),
        healthcheck: proxy::healthcheck(decoder, root, proxy.as_ref()),
        stop_signal: stop_signal::decode(decoder, root),
        assets: asset_path::decode(decoder, root),
        empty,
        served: primary_role::named(root),
        router: Router {
            service: &service,
            destination,
            proxy: proxy.as_ref(),
        },
    };
    let mut hosts = Hosts::new(&ssh);
    let (roles, mut proxies) = servers::decode(decoder, root, &global, &mut hosts);
    labels::check_routed(decoder, root, &roles);
    let primary_role = primary_role::decode(decoder, root);
    let known = servers::role_names(root);
    allow_empty_roles::check_primary(decoder, root, (&roles, &known), primary_role.as_ref());
    let beside = accessories::Beside {
        service: &service,
        roles: &roles,
        empty,
    };
    let accessories = accessories::decode(decoder, root, &beside, &mut hosts, &mut proxies);
    let release = release::decode(decoder, root, (&roles, primary_role.as_ref()));
    let hosts = hosts.all().to_vec();
    let (registry, password) = registry::decode(decoder, root);
    let config = Config {
        path: path.to_owned(),
        service: service.clone(),
        image: image::decode(decoder, root),
        destination: destination.map(str::to_owned),
        hosts,
        roles,
        primary_role,
        registry,
        builder: builder::decode(decoder, root),
        traefik: routed::traefik(decoder, root, &proxies),
        healthcheck: global.healthcheck,
        deploy_timeout: deploy_timeout::decode(decoder, root),
        readiness_delay: readiness_delay::decode(decoder, root),
        stop_wait_time: stop_wait_time::decode(decoder, root),
        drain_timeout: drain_timeout::decode(decoder, root),
        volumes: volumes::decode(decoder, root),
        logging: logging::or_default(logging),
        ssh,
        boot: boot::decode(decoder, root),
        release,
        retain_days: retain_containers::RETAIN_DAYS,
        retain_containers: retain_containers::decode(decoder, root),
        accessories,
        audit_broadcast_cmd: audit_broadcast_cmd::decode(decoder, root),
        hooks: hooks::decode(decoder, root),
        aliases: aliases::decode(decoder, root),
        secrets_files: Origins {
            path: secrets_path::decode(decoder, root),
            ..Origins::default()
        },
        sharers: Sharers::default(),
    };
    port_conflicts::check(decoder, root, &config);
    health_conflicts::check(decoder, root, &config);
    name_resolution::check(decoder, root, &config);
    (config, password)
}

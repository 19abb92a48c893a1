//! The keys of the file. Those with checks of their own have a module each: its name, default,
//! decoding, checks and schema. The others are in the table of all keys.

mod accessories;
mod boot;
mod builder;
mod env;
mod healthcheck;
mod image;
mod logging;
mod registry;
mod servers;
mod service;
mod ssh;
mod traefik;

pub use registry::PASSWORD_SECRET;
pub use traefik::DEFAULT_TRAEFIK_IMAGE;

use serde_json::{Value, json};

use super::decoder::{Decoder, Field, Record};
use super::model::Config;
use super::port_conflicts;
use super::schema::{Property, filled, record, with_default};
use super::values::hosts::Hosts;
use super::values::{command, labels, number, texts};
use crate::secret::Secret;
use servers::Global;

const READINESS_DELAY: u32 = 7;
const STOP_WAIT_TIME: u32 = 10;
const DRAIN_TIMEOUT: u32 = 30;

/// Days for which stopped containers are kept without `retain_containers`.
const RETAIN_DAYS: u32 = 3;

/// Every key of the top level, beside those that begin with [`FREE_PREFIX`].
pub(super) const KEYS: [Property; 19] = [
    service::KEY,
    image::KEY,
    servers::KEY,
    registry::KEY,
    env::KEY,
    builder::KEY,
    ("labels", || {
        labels::schema("Labels of the containers of every role. Those of Traefik become routes.")
    }),
    traefik::KEY,
    healthcheck::KEY,
    ("readiness_delay", || {
        let delay = "Seconds that a container of a role without Traefik has to stay up, if its \
                     image has no health check.";
        with_default(number::schema(delay, 0), READINESS_DELAY)
    }),
    ("stop_wait_time", || {
        let time = "Seconds that a container gets to stop before it is killed.";
        with_default(number::schema(time, 0), STOP_WAIT_TIME)
    }),
    ("drain_timeout", || {
        let time = "Seconds that requests in flight get before their container is stopped.";
        with_default(number::schema(time, 0), DRAIN_TIMEOUT)
    }),
    ("volumes", || {
        texts::list_schema(
            "What docker's `--volume` takes, as `HOST:CONTAINER`, for the containers of every role.",
        )
    }),
    logging::KEY,
    ssh::KEY,
    boot::KEY,
    accessories::KEY,
    ("audit_broadcast_cmd", || {
        filled(
            "Command on this machine that is given each line of what was done, split into words as \
             a shell does.",
        )
    }),
    ("retain_containers", || {
        let kept = "Stopped containers that a deploy leaves per role and host for a rollback, the \
                    one that it stops among them; without it those of the last three days.";
        number::schema(kept, 0)
    }),
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
    let ssh = ssh::decode(decoder, root);
    let global = Global {
        env: root.collect(decoder, env::KEY.0, env::layer),
        labels: root.collect(decoder, "labels", labels::decode_routed),
    };
    let mut hosts = Hosts::new(&ssh);
    let roles = servers::decode(decoder, root, &global, &mut hosts);
    let accessories = accessories::decode(decoder, root, &roles, &mut hosts);
    let hosts = hosts.all().to_vec();
    let (registry, password) = registry::decode(decoder, root);
    let config = Config {
        path: path.to_owned(),
        service: service::decode(decoder, root),
        image: image::decode(decoder, root),
        destination: destination.map(str::to_owned),
        hosts,
        roles,
        registry,
        builder: builder::decode(decoder, root),
        traefik: traefik::decode(decoder, root),
        healthcheck: healthcheck::decode(decoder, root),
        readiness_delay: root.read_or(decoder, "readiness_delay", number::seconds, READINESS_DELAY),
        stop_wait_time: root.read_or(decoder, "stop_wait_time", number::seconds, STOP_WAIT_TIME),
        drain_timeout: root.read_or(decoder, "drain_timeout", number::seconds, DRAIN_TIMEOUT),
        volumes: root.collect(decoder, "volumes", texts::decode_list),
        logging: logging::decode(decoder, root),
        ssh,
        boot: boot::decode(decoder, root),
        retain_days: RETAIN_DAYS,
        retain_containers: root.read(decoder, "retain_containers", |decoder, field| {
            number::decode(decoder, field, "containers", 0)
        }),
        accessories,
        audit_broadcast_cmd: root.collect(decoder, "audit_broadcast_cmd", broadcast),
    };
    if let Some(field) = root.get(accessories::KEY.0) {
        port_conflicts::check(decoder, field, &config);
    }
    (config, password)
}

fn broadcast(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<String> {
    match decoder.filled(field) {
        Some(_) => command::decode(decoder, field),
        None => Vec::new(),
    }
}

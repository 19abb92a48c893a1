//! `healthcheck`: when a new container is ready, of all roles with Traefik or of one role.

use serde_json::Value;

use crate::config::decoder::{Decoder, Field, Record};
use crate::config::model::Healthcheck;
use crate::config::schema::{Property, filled, matching, record, with_default};
use crate::config::values::{duration, number, port};

pub(super) const KEY: Property = ("healthcheck", schema);

/// The same of a role.
pub(super) const OF_ROLE: Property = ("healthcheck", role_schema);

/// The key whose number of seconds takes the place of attempts.
pub(super) const MAX_ATTEMPTS: &str = "max_attempts";

const DEFAULT_PATH: &str = "/up";
const DEFAULT_PORT: u16 = 3000;
const DEFAULT_ATTEMPTS: u32 = 7;
const DEFAULT_LOG_LINES: u32 = 50;

const KEYS: [Property; 7] = [
    ("path", || {
        let path = "Path of the request that must be answered with 200.";
        with_default(matching(path, "^/[^\\s]*$"), DEFAULT_PATH)
    }),
    ("port", || {
        let port = port::schema("Port that the app listens on in its container.");
        with_default(port, DEFAULT_PORT)
    }),
    (MAX_ATTEMPTS, || {
        let attempts = number::schema(
            "Number of attempts of 4 seconds each; an attempt asks several times a second.",
            1,
        );
        with_default(attempts, DEFAULT_ATTEMPTS)
    }),
    ("interval", || {
        duration::schema(
            "Length of an attempt if it is longer than 4 seconds, such as `10s`; with `cmd`: how often docker runs it.",
        )
    }),
    ("cmd", || {
        filled(
            "Command that a shell of the container runs: docker's health check, in place of the request.",
        )
    }),
    ("log_lines", || {
        let lines = number::schema("Last lines of the log that a failure shows.", 1);
        with_default(lines, DEFAULT_LOG_LINES)
    }),
    ("exposed_port", || {
        port::schema("No effect: mrsk asks the container itself, and publishes no port for it.")
    }),
];

fn schema() -> Value {
    record(
        "Health check: a new container gets no requests before it passes.",
        &KEYS,
    )
}

fn role_schema() -> Value {
    let what = "Health check of the role. With Traefik it is merged over the global one; without Traefik docker runs `cmd`, or \
                a request with curl, in the container.";
    record(what, &KEYS)
}

fn defaults() -> Healthcheck {
    Healthcheck {
        path: DEFAULT_PATH.to_owned(),
        port: DEFAULT_PORT,
        max_attempts: DEFAULT_ATTEMPTS,
        interval_ms: None,
        cmd: None,
        log_lines: DEFAULT_LOG_LINES,
    }
}

/// Reads the global one.
pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Healthcheck {
    if let Some(field) = root.get(KEY.0).filter(|field| is_switch(field)) {
        refuse_switch(decoder, field, NEEDS_ONE);
        return defaults();
    }
    let check = root.section(decoder, KEY.0, &KEYS);
    merge(decoder, &check, defaults())
}

/// Reads that of a role with Traefik, merged over the `global` one.
pub(super) fn of_routed(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    global: &Healthcheck,
) -> Healthcheck {
    if is_switch(field) {
        refuse_switch(decoder, field, NEEDS_ONE);
        return global.clone();
    }
    let check = decoder.record(field, &KEYS);
    merge(decoder, &check, global.clone())
}

/// Reads that of a role without Traefik, which docker carries out in the container. Without `cmd` it is the request of the original.
pub(super) fn of_unrouted(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Healthcheck> {
    if is_switch(field) {
        let help = "remove the key: a role without Traefik has no health check unless it gives `cmd`, or `port` and `path`";
        refuse_switch(decoder, field, help);
        return None;
    }
    let record = decoder.record(field, &KEYS);
    let mut check = merge(decoder, &record, defaults());
    let is_asked = ["cmd", "path", "port"]
        .iter()
        .any(|key| record.get(key).is_some());
    if !is_asked {
        let message = format!("`{}` has no effect: it names no check", field.path);
        let help = "add `cmd: COMMAND`, or `port` and `path`, or remove it";
        decoder.warn(field.key, message, help);
        return None;
    }
    let (port, path) = (check.port, &check.path);
    let url = format!("http://localhost:{port}{path}");
    let request = format!("curl -f {} || exit 1", shell_words::quote(&url));
    check.cmd.get_or_insert(request);
    Some(check)
}

/// What to do in place of a role with Traefik that has no health check.
const NEEDS_ONE: &str = "requests are sent to a container once it is healthy: give `path` and `port`, or `cmd`; in an \
                         emergency `mrsk deploy --skip-healthcheck REASON` leaves the check out";

/// Whether a health check is written as if it could be switched on and off.
fn is_switch(field: &Field<'_>) -> bool {
    matches!(field.plain(), Some("true" | "false"))
}

fn refuse_switch(decoder: &mut Decoder<'_>, field: &Field<'_>, help: &str) {
    let value = field.plain().unwrap_or_default();
    let message = format!("`{}` cannot be `{value}`", field.path);
    decoder.error(field.node.mark, message, help);
}

fn merge(decoder: &mut Decoder<'_>, check: &Record<'_>, over: Healthcheck) -> Healthcheck {
    let attempts = |decoder: &mut _, field: &_| number::decode(decoder, field, "attempts", 1);
    let lines = |decoder: &mut _, field: &_| number::decode(decoder, field, "lines", 1);
    if let Some(field) = check.get("exposed_port") {
        port::decode(decoder, field);
        let message = format!("`{}` has no effect", field.path);
        let help = "mrsk asks the container itself, and publishes no port for it: remove the key";
        decoder.warn(field.key, message, help);
    }
    let interval = check.read(decoder, "interval", duration::decode);
    let cmd = check.read(decoder, "cmd", Decoder::filled);
    Healthcheck {
        max_attempts: check.read_or(decoder, MAX_ATTEMPTS, attempts, over.max_attempts),
        path: check.read_or(decoder, "path", path, over.path),
        port: check.read_or(decoder, "port", port::decode, over.port),
        log_lines: check.read_or(decoder, "log_lines", lines, over.log_lines),
        interval_ms: interval.or(over.interval_ms),
        cmd: cmd.or(over.cmd),
    }
}

/// Reads the path of a URL.
pub(super) fn path(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let path = decoder.filled(field)?;
    if !path.starts_with('/') || path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let help = "use a leading slash and no whitespace, such as `/up`";
        return decoder.invalid(field.node.mark, "URL path", &path, help);
    }
    Some(path)
}

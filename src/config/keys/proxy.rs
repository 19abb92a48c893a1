//! `proxy`: which requests the app gets, as Kamal 2 writes it. It becomes labels, the health check and arguments of Traefik.

use serde_json::{Value, json};

use super::healthcheck;
use crate::config::decoder::{Decoder, Field, Record, shown};
use crate::config::model::{Certificate, Healthcheck};
use crate::config::node::Mark;
use crate::config::proxy::{Buffering, Settings, Tls};
use crate::config::schema::{Property, described, list, matching, record, with_default};
use crate::config::values::{boolean, number, port, variable};

pub(super) const KEY: Property = ("proxy", schema);

/// The same of a role.
pub(super) const OF_ROLE: Property = ("proxy", role_schema);

/// The key that has the roles.
const ROLES: &str = "servers";

/// The port of the app if neither `app_port` nor `healthcheck.port` names one.
const DEFAULT_PORT: u16 = 80;

const HOST_PATTERN: &str = "^(\\*\\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$";
const PREFIX_PATTERN: &str = "^/[A-Za-z0-9._~/-]*$";
const HEADER_PATTERN: &str = "^[A-Za-z0-9_-]+$";

const KEYS: [Property; 13] = [
    ("host", || {
        matching(
            "Name of the host whose requests the app gets; several are separated by commas.",
            "[^\\s]",
        )
    }),
    ("hosts", || {
        list(
            "Names of the hosts whose requests the app gets.",
            &matching("Name.", HOST_PATTERN),
        )
    }),
    ("app_port", || {
        let port = port::schema("Port that the app listens on in its container.");
        with_default(port, DEFAULT_PORT)
    }),
    ("ssl", || {
        let own = record("A certificate of your own.", &CERTIFICATE_KEYS);
        let what = "`true`: a certificate of Let's Encrypt, for a role with one host; or a certificate of your own.";
        described(what, json!({ "anyOf": [{ "type": "boolean" }, own] }))
    }),
    ("ssl_redirect", || {
        let redirect =
            boolean::schema("Whether requests without TLS are redirected, if `ssl` is set.");
        with_default(redirect, true)
    }),
    ("path_prefix", || {
        matching(
            "Prefix of the paths that the app gets; several are separated by commas.",
            "^/",
        )
    }),
    ("path_prefixes", || {
        list(
            "Prefixes of the paths that the app gets.",
            &matching("Prefix.", PREFIX_PATTERN),
        )
    }),
    ("strip_path_prefix", || {
        let strip = boolean::schema("Whether the app gets paths without the prefix.");
        with_default(strip, true)
    }),
    ("forward_headers", || {
        boolean::schema(
            "Whether X-Forwarded-For and X-Forwarded-Proto are passed on as they come; by default only without `ssl`.",
        )
    }),
    ("response_timeout", || {
        number::schema("Seconds in which the app must begin to answer.", 1)
    }),
    ("buffering", || {
        record(
            "Buffering of bodies; none without this key.",
            &BUFFERING_KEYS,
        )
    }),
    ("healthcheck", || {
        record("Health check of a new container.", &HEALTHCHECK_KEYS)
    }),
    ("logging", || {
        record("Traefik's log of requests.", &LOGGING_KEYS)
    }),
];

const CERTIFICATE_KEYS: [Property; 2] = [
    ("certificate_pem", variable::secret_schema),
    ("private_key_pem", variable::secret_schema),
];

const BUFFERING_KEYS: [Property; 5] = [
    ("requests", || {
        with_default(
            boolean::schema("Whether bodies of requests are buffered."),
            true,
        )
    }),
    ("responses", || {
        with_default(
            boolean::schema("Whether bodies of responses are buffered."),
            true,
        )
    }),
    ("max_request_body", || {
        bytes_schema("Largest body of a request, in bytes; 0: no limit.")
    }),
    ("max_response_body", || {
        bytes_schema("Largest body of a response, in bytes; 0: no limit.")
    }),
    ("memory", || {
        with_default(
            bytes_schema("Bytes of a body that are kept in memory."),
            1 << 20,
        )
    }),
];

const HEALTHCHECK_KEYS: [Property; 3] = [
    ("path", || {
        with_default(
            matching("Path that must be answered with 200.", "^/[^\\s]*$"),
            "/up",
        )
    }),
    ("interval", || {
        number::schema(
            "No effect: a new container is asked several times a second.",
            1,
        )
    }),
    ("timeout", || {
        number::schema("No effect: a request may take 5 seconds.", 1)
    }),
];

const LOGGING_KEYS: [Property; 2] = [
    ("request_headers", || {
        list("Headers of requests.", &matching("Name.", HEADER_PATTERN))
    }),
    ("response_headers", || {
        list("Headers of responses.", &matching("Name.", HEADER_PATTERN))
    }),
];

fn schema() -> Value {
    let what = "Which requests the app gets, as Kamal 2 writes it: becomes labels and arguments of Traefik.";
    record(what, &KEYS)
}

fn role_schema() -> Value {
    let what = "Which requests the role gets, merged over the global one; `true` or `false`: whether it gets any.";
    let own = record(what, &KEYS);
    described(what, json!({ "anyOf": [{ "type": "boolean" }, own] }))
}

fn bytes_schema(description: &str) -> Value {
    let kinds = json!({ "anyOf": [
        { "type": "integer", "minimum": 0 },
        { "type": "string", "pattern": "^[0-9][0-9_]*$" },
    ] });
    described(description, kinds)
}

/// What a role says.
pub(super) enum OfRole {
    /// Nothing.
    Unset,
    /// That it gets no requests.
    Off,
    /// That it gets some.
    On(Box<Settings>),
}

impl OfRole {
    /// Returns its own settings.
    pub(super) fn into_settings(self) -> Settings {
        match self {
            Self::On(settings) => *settings,
            Self::Unset | Self::Off => Settings::default(),
        }
    }
}

/// Reads the settings of the whole file. `None` if nothing in it names `proxy`: its roles are routed by labels.
pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Option<Settings> {
    let Some(field) = root.get(KEY.0) else {
        let roles = root.get(ROLES).map(Field::children);
        let mut roles = roles.unwrap_or_default().into_iter();
        let is_used = roles.any(|(_, role)| role.children().iter().any(|(key, _)| *key == KEY.0));
        return is_used.then(Settings::default);
    };
    if field
        .plain()
        .is_some_and(|text| ["true", "false"].contains(&text))
    {
        let message = format!("`{}` must be a map at the top level", field.path);
        let help =
            "`true` and `false` are for roles: write `servers: {ROLE: {hosts: […], proxy: false}}`";
        decoder.error(field.key, message, help);
        return Some(Settings::default());
    }
    Some(settings(decoder, field))
}

/// Reads those of a role.
pub(super) fn of_role(decoder: &mut Decoder<'_>, role: &Record<'_>) -> OfRole {
    match role.get(OF_ROLE.0) {
        None => OfRole::Unset,
        Some(field) if field.is_null() => OfRole::Unset,
        Some(field) => match field.plain() {
            Some("true") => OfRole::On(Box::default()),
            Some("false") => OfRole::Off,
            _ => OfRole::On(Box::new(settings(decoder, field))),
        },
    }
}

/// Returns the health check of the whole file, with what `proxy` says of it.
pub(super) fn healthcheck(
    decoder: &mut Decoder<'_>,
    root: &Record<'_>,
    proxy: Option<&Settings>,
) -> Healthcheck {
    let mut check = healthcheck::decode(decoder, root);
    let Some(proxy) = proxy else { return check };
    let own = root.get(healthcheck::KEY.0);
    let own = |key: &str| {
        let children = own.map(Field::children).unwrap_or_default();
        children.into_iter().find(|(name, _)| *name == key)
    };
    match (own("port"), proxy.marks.get("app_port")) {
        (None, _) => check.port = proxy.app_port.unwrap_or(DEFAULT_PORT),
        (Some(_), None) => {}
        (Some((_, field)), Some(_)) => conflict(decoder, &field, "proxy.app_port"),
    }
    match (own("path"), &proxy.health_path) {
        (Some((_, field)), Some(_)) => conflict(decoder, &field, "proxy.healthcheck.path"),
        (None, Some(path)) => check.path.clone_from(path),
        (_, None) => {}
    }
    check
}

fn conflict(decoder: &mut Decoder<'_>, field: &Field<'_>, other: &str) {
    let message = format!("`{}` conflicts with `{other}`", field.path);
    decoder.error(field.key, message, "keep one of them");
}

/// Reads the keys of a `proxy`.
pub(super) fn settings(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Settings {
    let proxy = decoder.record(field, &KEYS);
    let seconds = |decoder: &mut _, field: &_| number::decode(decoder, field, "seconds", 1);
    let mut settings = Settings {
        hosts: several(decoder, &proxy, ["host", "hosts"], host),
        app_port: proxy.read(decoder, "app_port", port::decode),
        tls: proxy.read(decoder, "ssl", tls),
        redirects: proxy.read(decoder, "ssl_redirect", boolean::decode),
        prefixes: several(decoder, &proxy, ["path_prefix", "path_prefixes"], prefix),
        strips: proxy.read(decoder, "strip_path_prefix", boolean::decode),
        forwards: proxy.read(decoder, "forward_headers", boolean::decode),
        response_timeout: proxy.read(decoder, "response_timeout", seconds),
        buffering: proxy.read(decoder, "buffering", buffering),
        health_path: proxy.read(decoder, "healthcheck", health_path),
        logged: proxy.read(decoder, "logging", logged),
        marks: KEYS
            .iter()
            .filter_map(|(key, _)| Some((*key, proxy.get(key)?.key)))
            .collect(),
    };
    let prefixes = settings.prefixes.iter_mut().flatten();
    prefixes.for_each(|prefix| prefix.truncate(prefix.trim_end_matches('/').len()));
    let prefixes = settings.prefixes.as_mut();
    prefixes
        .into_iter()
        .for_each(|all| all.retain(|prefix| !prefix.is_empty()));
    settings.marks.insert(KEY.0, field.key);
    settings
}

/// Reads one value, in which commas separate several, or a list.
fn several(
    decoder: &mut Decoder<'_>,
    proxy: &Record<'_>,
    [one, list]: [&str; 2],
    check: fn(&mut Decoder<'_>, Mark, &str) -> Option<String>,
) -> Option<Vec<String>> {
    let both = (proxy.get(one), proxy.get(list));
    // Nothing takes back what the file under a destination's says.
    let set = |field: Option<_>| field.filter(|field: &&Field<'_>| !field.is_null());
    let read = match both {
        (Some(_), Some(_)) => (set(both.0), set(both.1)),
        _ => both,
    };
    let texts: Vec<(Mark, String)> = match read {
        (Some(_), Some(list)) => {
            let message = format!("`{}` conflicts with `{one}`", list.path);
            decoder.error(list.key, message, "keep one of them");
            return None;
        }
        (Some(one), None) => {
            let text = decoder.filled(one)?;
            let parts = text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty());
            parts.map(|part| (one.node.mark, part.to_owned())).collect()
        }
        (None, Some(list)) => {
            let items = decoder.items(list);
            let texts = items
                .iter()
                .filter_map(|item| Some((item.node.mark, decoder.filled(item)?)));
            texts.collect()
        }
        (None, None) => return None,
    };
    let checked = texts
        .iter()
        .filter_map(|(mark, text)| check(decoder, *mark, text));
    Some(checked.collect())
}

fn host(decoder: &mut Decoder<'_>, mark: Mark, text: &str) -> Option<String> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let ends = |c: char| "._-".contains(c) && c != '_';
    if name.is_empty()
        || !name.chars().all(allowed)
        || name.starts_with(ends)
        || name.ends_with(ends)
    {
        let help = "use a name without scheme, port and path, such as `app.example.com` or `*.example.com`";
        return decoder.invalid(mark, "host name", text, help);
    }
    Some(text.to_lowercase())
}

fn prefix(decoder: &mut Decoder<'_>, mark: Mark, text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._~/-".contains(c);
    if !text.starts_with('/') || !text.chars().all(allowed) {
        let help = "use a path such as `/api`";
        return decoder.invalid(mark, "path prefix", text, help);
    }
    Some(text.to_owned())
}

fn tls(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Tls> {
    match field.plain() {
        Some("true") => return Some(Tls::LetsEncrypt),
        Some("false") => return Some(Tls::Off),
        _ => {}
    }
    let own = decoder.record(field, &CERTIFICATE_KEYS);
    let mut name = |key: &str| match own.get(key) {
        Some(named) => {
            let name = variable::decode_secret(decoder, named)?.secret;
            decoder.refer(&name, named.node.mark);
            Some(name)
        }
        None if field.children().is_empty() => None,
        None => {
            decoder.missing(field, key, "name the secret that has it, in PEM form");
            None
        }
    };
    let (certificate, key) = (name("certificate_pem"), name("private_key_pem"));
    Some(Tls::Own(Certificate {
        certificate: certificate?,
        key: key?,
    }))
}

fn buffering(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Buffering> {
    let record = decoder.record(field, &BUFFERING_KEYS);
    Some(Buffering {
        requests: record.read(decoder, "requests", boolean::decode),
        responses: record.read(decoder, "responses", boolean::decode),
        max_request: record.read(decoder, "max_request_body", bytes),
        max_response: record.read(decoder, "max_response_body", bytes),
        memory: record.read(decoder, "memory", bytes),
    })
}

/// Reads a number of bytes, whose digits Ruby lets be grouped by `_`.
fn bytes(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<u64> {
    let text = decoder.filled(field)?;
    let digits = text.replace('_', "");
    let is_number = !text.starts_with('_') && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse::<i64>().ok().filter(|_| is_number);
    number
        .and_then(|number| u64::try_from(number).ok())
        .or_else(|| {
            let help = "use a whole number without a unit, such as `40_000_000`";
            decoder.unlike(field, "a number of bytes", &shown(&text), help)
        })
}

fn health_path(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let check = decoder.record(field, &HEALTHCHECK_KEYS);
    for (key, default, why) in [
        (
            "interval",
            1,
            "a new container is asked several times a second",
        ),
        ("timeout", 5, "a request may take 5 seconds"),
    ] {
        let Some(child) = check.get(key) else {
            continue;
        };
        let seconds = number::decode(decoder, child, "seconds", 1);
        if seconds.is_some_and(|seconds| seconds != default) {
            let message = format!("`{}` has no effect: {why}", child.path);
            let help = "remove the key; `deploy_timeout` says how long a new container may take";
            decoder.warn(child.key, message, help);
        }
    }
    check.read(decoder, "path", healthcheck::path)
}

/// Reads the headers of the log. Traefik has one list for those of requests and of responses.
fn logged(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Vec<String>> {
    let logging = decoder.record(field, &LOGGING_KEYS);
    let lists = ["request_headers", "response_headers"];
    let mut headers = Vec::new();
    for list in lists {
        let items = logging.collect(decoder, list, Decoder::items);
        for item in items {
            let Some(name) = decoder.filled(&item) else {
                continue;
            };
            let allowed = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
            match name.chars().all(allowed) {
                true => headers.push(name),
                false => {
                    let help = "use a name such as `X-Request-ID`";
                    decoder.invalid::<()>(item.node.mark, "header name", &name, help);
                }
            }
        }
    }
    headers.sort();
    headers.dedup();
    Some(headers)
}

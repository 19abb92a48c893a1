//! Labels, options of docker's command line, and other maps and lists of free text.

use std::collections::BTreeMap;

use super::decode::{Decoder, Field, shown};
use super::model::DockerOption;
use super::node::Kind;

/// Options of `docker create` that are flags: they take no value.
pub(super) const FLAGS: [&str; 10] = [
    "disable-content-trust",
    "init",
    "interactive",
    "no-healthcheck",
    "oom-kill-disable",
    "privileged",
    "publish-all",
    "read-only",
    "tty",
    "use-api-socket",
];

/// Options that mrsk sets itself, each with what to do instead.
pub(super) const OWN: [(&str, &str); 7] = [
    ("name", "mrsk names the containers"),
    ("detach", "containers always run in the background"),
    (
        "rm",
        "mrsk removes old containers itself; they are kept for a rollback",
    ),
    ("cidfile", "mrsk finds containers by their labels"),
    ("label", "use the key `labels`"),
    ("log-driver", "use the key `logging`"),
    ("stop-timeout", "use the key `stop_wait_time`"),
];

/// Labels by which mrsk finds its containers again.
pub(super) const OWN_LABELS: [&str; 3] = ["service", "role", "destination"];

/// Reads a map of labels.
pub(super) fn labels(decoder: &mut Decoder<'_>, field: &Field<'_>) -> BTreeMap<String, String> {
    let labels = valid_labels(decoder, field).into_iter();
    labels.map(|(name, value, _)| (name, value)).collect()
}

/// Reads the labels of roles, of which Traefik may refuse some.
pub(super) fn role_labels(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (name, value, child) in valid_labels(decoder, field) {
        decoder.routes(&name, &child);
        labels.insert(name, value);
    }
    labels
}

fn valid_labels<'n>(
    decoder: &mut Decoder<'_>,
    field: &Field<'n>,
) -> Vec<(String, String, Field<'n>)> {
    let mut labels = Vec::new();
    for (name, child) in decoder.entries(field) {
        let invalid = |c: char| c == '=' || c.is_whitespace() || c.is_control();
        if name.is_empty() || name.contains(invalid) {
            decoder.error(
                child.key,
                format!("`{}` is not a valid label name", shown(&child.path)),
                "a name must not be empty or contain `=`, whitespace or control characters",
            );
        } else if OWN_LABELS.contains(&name) || name.starts_with("mrsk.") {
            decoder.error(
                child.key,
                format!("label `{name}` is reserved"),
                "choose another name: mrsk finds its containers by this label",
            );
        } else if let Some(value) = decoder.text(&child) {
            labels.push((name.to_owned(), value, child));
        }
    }
    labels
}

/// Reads a map of names without `=` to text.
pub(super) fn texts(decoder: &mut Decoder<'_>, field: &Field<'_>) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (name, child) in decoder.entries(field) {
        if name.is_empty() || name.contains(['=', '\0']) {
            decoder.error(
                child.key,
                format!("`{}` is not a valid name", shown(&child.path)),
                "a name must not be empty or contain `=` or NUL",
            );
        } else if let Some(value) = decoder.text(&child) {
            texts.insert(name.to_owned(), value);
        }
    }
    texts
}

/// Reads a list of text that is not empty.
pub(super) fn list_of_text(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<String> {
    let items = decoder.items(field);
    items
        .iter()
        .filter_map(|item| decoder.filled(item))
        .collect()
}

/// Reads options of `docker create`, in the order of the file. `false` leaves an option out, `true` makes it a flag,
/// a list repeats it.
pub(super) fn docker(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<DockerOption> {
    let mut options = Vec::new();
    for (name, child) in decoder.entries(field) {
        if let Some(name) = option_name(decoder, name, &child) {
            docker_option(decoder, &name, &child, &mut options);
        }
    }
    options
}

fn docker_option(
    decoder: &mut Decoder<'_>,
    name: &str,
    field: &Field<'_>,
    options: &mut Vec<DockerOption>,
) {
    if let Kind::Sequence(_) = field.node.kind {
        for item in decoder.items(field) {
            if let Some(value) = decoder.text(&item) {
                options.push(option(name, Some(value)));
            }
        }
        return;
    }
    if let Kind::Mapping(_) = field.node.kind {
        decoder.error(
            field.key,
            format!("`{}` must be a value or a list, not a map", field.path),
            format!("use docker's own syntax, such as `{name}: [\"key=value\"]`"),
        );
        return;
    }
    match field.plain() {
        Some("false") => {}
        Some("true") if FLAGS.contains(&name) => options.push(option(name, None)),
        Some("true") => decoder.error(
            field.node.mark,
            format!("docker option `--{name}` requires a value, got `true`"),
            format!(
                "set a value, as in `{name}: VALUE`; quote it if it is really the string `true`"
            ),
        ),
        _ => {
            if let Some(value) = decoder.text(field) {
                options.push(option(name, Some(value)));
            }
        }
    }
}

fn option_name(decoder: &mut Decoder<'_>, name: &str, field: &Field<'_>) -> Option<String> {
    let bare = name.trim_start_matches('-');
    let valid = bare.len() > 1
        && bare
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !valid || bare != name {
        let help = if valid {
            format!("write `{bare}`, without the dashes")
        } else {
            "use the long name of the option without dashes, such as `memory` or `cap-add`"
                .to_owned()
        };
        let message = format!("`{}` is not a valid docker option", shown(&field.path));
        decoder.error(field.key, message, help);
        return None;
    }
    if let Some((_, help)) = OWN.iter().find(|(own, _)| *own == name) {
        decoder.error(
            field.key,
            format!("docker option `{name}` is reserved"),
            *help,
        );
        return None;
    }
    // The manual of the original writes `volumes` where docker knows only `--volume`.
    Some(if name == "volumes" { "volume" } else { name }.to_owned())
}

/// Reads arguments of Traefik's command line. Unlike an option of docker, `false` is a value: many of its settings are
/// on by default.
pub(super) fn traefik_args(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<DockerOption> {
    let mut args = Vec::new();
    for (name, child) in decoder.entries(field) {
        let bare = name.trim_start_matches('-');
        let invalid = |c: char| c == '=' || c.is_whitespace() || c.is_control();
        if bare.is_empty() || bare.contains(invalid) || bare != name {
            decoder.error(
                child.key,
                format!("`{}` is not a valid Traefik argument", shown(&child.path)),
                "use the name without dashes and `=`, such as `accesslog.format`",
            );
            continue;
        }
        decoder.routes(name, &child);
        let values = match child.node.kind {
            Kind::Sequence(_) => decoder.items(&child),
            _ => vec![child],
        };
        for value in values {
            if let Some(value) = decoder.text(&value) {
                args.push(option(name, Some(value)));
            }
        }
    }
    args
}

fn option(name: &str, value: Option<String>) -> DockerOption {
    DockerOption {
        name: name.to_owned(),
        value,
    }
}

/// Returns a command, split into words as a shell does.
pub(super) fn words(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<String> {
    let Some(text) = decoder.text(field) else {
        return Vec::new();
    };
    shell_words::split(&text).unwrap_or_else(|_| {
        decoder.error(
            field.node.mark,
            format!("unclosed quote in `{}`", field.path),
            "it is split into words like a shell does; for pipes and variables use `sh -c '…'`",
        );
        Vec::new()
    })
}

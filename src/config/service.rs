//! The smaller keys: `traefik`, `healthcheck`, `logging`, `ssh` and `boot`.

use std::collections::BTreeMap;

use super::decode::{Decoder, Field, shown};
use super::host::{HostSpec, is_user};
use super::model::{Boot, Healthcheck, Limit, Logging, Ssh, Traefik};
use super::options;
use super::registry::is_reference;

/// The image of Traefik that is used where the file names none.
pub const DEFAULT_TRAEFIK_IMAGE: &str = "traefik:v3.3";

/// Reads `traefik`.
pub(super) fn traefik(decoder: &mut Decoder<'_>, field: Option<&Field<'_>>) -> Traefik {
    let mut traefik = Traefik {
        image: DEFAULT_TRAEFIK_IMAGE.to_owned(),
        host_port: 80,
        args: Vec::new(),
        options: Vec::new(),
        labels: BTreeMap::new(),
    };
    let Some(field) = field else { return traefik };
    let record = decoder.record(field, &["image", "args", "options", "labels", "host_port"]);
    if let Some(image) = record
        .get("image")
        .and_then(|field| image_reference(decoder, field))
    {
        traefik.image = image;
    }
    if let Some(port) = record
        .get("host_port")
        .and_then(|field| decoder.port(field))
    {
        traefik.host_port = port;
    }
    if let Some(args) = record.get("args") {
        traefik.args = options::traefik_args(decoder, args);
    }
    if let Some(field) = record.get("options") {
        traefik.options = options::docker(decoder, field);
    }
    if let Some(labels) = record.get("labels") {
        traefik.labels = options::labels(decoder, labels);
    }
    traefik
}

pub(super) fn image_reference(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let image = decoder.filled(field)?;
    if !is_reference(&image) {
        decoder.error(
            field.node.mark,
            format!("`{}` is not a valid image reference", shown(&image)),
            "use `NAME`, `NAME:TAG` or `SERVER/NAME:TAG`; names are lowercase",
        );
        return None;
    }
    Some(image)
}

/// Reads `healthcheck`.
pub(super) fn healthcheck(decoder: &mut Decoder<'_>, field: Option<&Field<'_>>) -> Healthcheck {
    let mut healthcheck = Healthcheck {
        path: "/up".to_owned(),
        port: 3000,
        max_attempts: 7,
    };
    let Some(field) = field else {
        return healthcheck;
    };
    let record = decoder.record(field, &["path", "port", "max_attempts"]);
    if let Some(field) = record.get("path")
        && let Some(path) = decoder.text(field)
    {
        if path.starts_with('/') && !path.contains(|c: char| c.is_whitespace() || c.is_control()) {
            healthcheck.path = path;
        } else {
            decoder.error(
                field.node.mark,
                format!("`{}` is not a valid URL path", shown(&path)),
                "use a leading slash and no whitespace, such as `/up`",
            );
        }
    }
    if let Some(port) = record.get("port").and_then(|field| decoder.port(field)) {
        healthcheck.port = port;
    }
    if let Some(field) = record.get("max_attempts")
        && let Some(attempts) = decoder.number(field, 1, "attempts")
    {
        healthcheck.max_attempts = attempts;
    }
    healthcheck
}

/// Reads `logging`.
pub(super) fn logging(decoder: &mut Decoder<'_>, field: Option<&Field<'_>>) -> Logging {
    let Some(field) = field.filter(|field| !field.is_null()) else {
        return Logging {
            driver: None,
            options: BTreeMap::from([("max-size".to_owned(), "10m".to_owned())]),
        };
    };
    let record = decoder.record(field, &["driver", "options"]);
    Logging {
        driver: record.get("driver").and_then(|field| decoder.filled(field)),
        options: record
            .get("options")
            .map(|field| options::texts(decoder, field))
            .unwrap_or_default(),
    }
}

/// Reads `ssh`.
pub(super) fn ssh(decoder: &mut Decoder<'_>, field: Option<&Field<'_>>) -> Ssh {
    let mut ssh = Ssh {
        user: "root".to_owned(),
        port: None,
        proxy: None,
        proxy_command: None,
    };
    let Some(field) = field else { return ssh };
    let record = decoder.record(field, &["user", "port", "proxy", "proxy_command"]);
    if let Some(field) = record.get("user")
        && let Some(user) = decoder.text(field)
    {
        if is_user(&user) {
            ssh.user = user;
        } else {
            decoder.error(
                field.node.mark,
                format!("`{}` is not a valid user name", shown(&user)),
                "a user name has no whitespace, quotes or leading dash",
            );
        }
    }
    ssh.port = record.get("port").and_then(|field| decoder.port(field));
    ssh.proxy = record.get("proxy").and_then(|field| proxy(decoder, field));
    ssh.proxy_command = record
        .get("proxy_command")
        .and_then(|field| decoder.filled(field));
    if let (Some(_), Some(command)) = (record.get("proxy"), record.get("proxy_command")) {
        decoder.error(
            command.key,
            "`ssh.proxy_command` conflicts with `ssh.proxy`",
            "keep one of them",
        );
    }
    ssh
}

/// A jump host; without a user it is reached as root, as the original does.
fn proxy(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let text = decoder.filled(field)?;
    match HostSpec::parse(&text) {
        Ok(spec) if spec.user.is_some() => Some(text),
        Ok(_) => Some(format!("root@{text}")),
        Err(reason) => {
            decoder.error(
                field.node.mark,
                format!("invalid jump host `{}`: {reason}", shown(&text)),
                "use `host`, `user@host` or `user@host:port`",
            );
            None
        }
    }
}

/// Reads `boot`.
pub(super) fn boot(decoder: &mut Decoder<'_>, field: Option<&Field<'_>>) -> Boot {
    let mut boot = Boot {
        limit: None,
        wait: 0,
    };
    let Some(field) = field else { return boot };
    let record = decoder.record(field, &["limit", "wait"]);
    boot.limit = record.get("limit").and_then(|field| limit(decoder, field));
    if let Some(wait) = record
        .get("wait")
        .and_then(|field| decoder.number(field, 0, "seconds"))
    {
        boot.wait = wait;
    }
    boot
}

fn limit(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<Limit> {
    let text = decoder.text(field)?;
    let limit = match text.strip_suffix('%') {
        Some(share) => share
            .parse()
            .ok()
            .filter(|share| (1..=100).contains(share))
            .map(Limit::Percent),
        None => text
            .parse()
            .ok()
            .filter(|hosts| *hosts > 0)
            .map(Limit::Hosts),
    };
    if limit.is_none() || text.starts_with('+') {
        decoder.error(
            field.node.mark,
            format!(
                "`{}` must be a number of hosts or a percentage, not `{}`",
                field.path,
                shown(&text)
            ),
            "use a number such as `10`, or a percentage from `1%` to `100%`",
        );
        return None;
    }
    limit
}

//! Values of docker's options that docker would refuse when it creates a container: after the image was built, pushed and pulled.

use std::net::IpAddr;

use crate::config::decoder::{Decoder, Field, shown};
use crate::config::model::DockerOption;

/// How a value is written.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// Bytes, with a unit of one or two letters.
    Bytes,
    /// As bytes; `-1` means no limit.
    BytesOrNone,
    /// A number with a decimal point or without.
    Decimal,
    /// A whole number, or a negative one.
    Whole,
    /// A host and its address.
    HostAddress,
    /// An address.
    Address,
    /// A limit of processes, such as `nofile=1024:2048`.
    Limit,
    /// What the engine does about a container that has ended.
    Restart,
    /// A file of the host: docker's command line reads it there.
    FileOfHost,
}

const FORMS: [(&str, Form); 25] = [
    ("add-host", Form::HostAddress),
    ("blkio-weight", Form::Whole),
    ("cpu-period", Form::Whole),
    ("cpu-quota", Form::Whole),
    ("cpu-shares", Form::Whole),
    ("cpus", Form::Decimal),
    ("dns", Form::Address),
    ("env-file", Form::FileOfHost),
    ("health-retries", Form::Whole),
    ("ip", Form::Address),
    ("ip6", Form::Address),
    ("kernel-memory", Form::Bytes),
    ("label-file", Form::FileOfHost),
    ("link-local-ip", Form::Address),
    ("memory", Form::Bytes),
    ("memory-reservation", Form::Bytes),
    ("memory-swap", Form::BytesOrNone),
    ("memory-swappiness", Form::Whole),
    ("oom-score-adj", Form::Whole),
    ("pids-limit", Form::Whole),
    ("restart", Form::Restart),
    ("shm-size", Form::Bytes),
    ("ulimit", Form::Limit),
    ("cpu-rt-period", Form::Whole),
    ("cpu-rt-runtime", Form::Whole),
];

impl Form {
    fn is_met(self, value: &str) -> bool {
        match self {
            Self::Bytes => is_bytes(value),
            Self::BytesOrNone => value == "-1" || is_bytes(value),
            Self::Decimal => value.parse::<f64>().is_ok_and(f64::is_finite),
            Self::Whole => value.parse::<i64>().is_ok(),
            Self::Address => value.parse::<IpAddr>().is_ok(),
            Self::HostAddress => {
                let mut parts = value.splitn(2, [':', '=']);
                let (host, address) = (parts.next(), parts.next().unwrap_or_default());
                let address = address.trim_matches(['[', ']']);
                host.is_some_and(|host| !host.is_empty())
                    && (address == "host-gateway" || address.parse::<IpAddr>().is_ok())
            }
            Self::Limit => value.split_once('=').is_some_and(|(name, limits)| {
                !name.is_empty()
                    && limits
                        .splitn(2, ':')
                        .all(|limit| limit.parse::<i64>().is_ok())
            }),
            Self::Restart => {
                let (policy, times) = value.split_once(':').unwrap_or((value, "1"));
                let has_times = policy == "on-failure" || !value.contains(':');
                ["no", "always", "unless-stopped", "on-failure"].contains(&policy)
                    && has_times
                    && times.parse::<u32>().is_ok()
            }
            Self::FileOfHost => value.starts_with('/'),
        }
    }

    const fn example(self) -> &'static str {
        match self {
            Self::Bytes | Self::BytesOrNone => "use a number with a unit, such as `512m` or `2g`",
            Self::Decimal => "use a number, such as `1.5`",
            Self::Whole => "use a whole number",
            Self::Address => "use an address, such as `192.0.2.53`",
            Self::HostAddress => {
                "use `HOST:ADDRESS`, such as `db:192.0.2.5` or `host:host-gateway`"
            }
            Self::Limit => "use `NAME=LIMIT` or `NAME=SOFT:HARD`, such as `nofile=1024:2048`",
            Self::Restart => "use `no`, `always`, `unless-stopped` or `on-failure:TIMES`",
            Self::FileOfHost => {
                "use the absolute path of a file on the host: docker reads it there, not on this machine"
            }
        }
    }
}

fn is_bytes(value: &str) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let unit = value[number.len()..].trim().to_ascii_lowercase();
    let units = [
        "", "b", "k", "kb", "kib", "m", "mb", "mib", "g", "gb", "gib", "t", "tb", "tib",
    ];
    number.parse::<f64>().is_ok_and(|number| number >= 0.0) && units.contains(&unit.as_str())
}

/// Reports a value that docker would refuse. Returns whether it would not.
pub(super) fn check(decoder: &mut Decoder<'_>, option: &DockerOption, field: &Field<'_>) -> bool {
    let form = FORMS.iter().find(|(name, _)| *name == option.name);
    let (Some((name, form)), Some(value)) = (form, option.value.as_deref()) else {
        return true;
    };
    if form.is_met(value) {
        return true;
    }
    let message = format!(
        "`{}` is not a valid value of docker option `{name}`",
        shown(value)
    );
    decoder.error(field.node.mark, message, form.example());
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_takes_is_known() {
        for (name, taken, refused) in [
            (
                "memory",
                vec!["512m", "1g", "1.5GB", "6291456", "0", "64 MiB"],
                vec!["6mm", "much", "-1", "1x", ""],
            ),
            ("memory-swap", vec!["-1", "1g"], vec!["-2"]),
            ("cpus", vec!["1.5", "2", ".5"], vec!["abc", "", "1,5"]),
            ("pids-limit", vec!["200", "-1"], vec!["2.5", "many"]),
            (
                "add-host",
                vec![
                    "db:192.0.2.5",
                    "db=192.0.2.5",
                    "db:::1",
                    "db=[2001:db8::1]",
                    "host.docker.internal:host-gateway",
                ],
                vec!["db", "db:", ":192.0.2.5", "db:example.com"],
            ),
            (
                "dns",
                vec!["192.0.2.53", "2001:db8::1"],
                vec!["resolver", "192.0.2.53:53"],
            ),
            (
                "ulimit",
                vec!["nofile=1024:2048", "core=-1", "nproc=5"],
                vec!["nofile", "nofile=a", "=1", "nofile=1:b"],
            ),
            (
                "restart",
                vec!["no", "always", "on-failure", "on-failure:3"],
                vec!["never", "always:3", "on-failure:x"],
            ),
            (
                "env-file",
                vec!["/etc/web.env"],
                vec![".env.web", "~/web.env"],
            ),
        ] {
            let (_, form) = FORMS.iter().find(|(known, _)| *known == name).unwrap();
            for value in taken {
                assert!(form.is_met(value), "{name} {value}");
            }
            for value in refused {
                assert!(!form.is_met(value), "{name} {value}");
            }
        }
    }
}

//! `replicas` of a role: how many of its containers each host has.

use crate::config::decoder::{Decoder, Record};
use crate::config::model::DockerOption;
use crate::config::schema::Property;
use crate::config::values::number;
use crate::config::values::port::PortMapping;

/// Without it.
pub(super) const DEFAULT: u32 = 1;

/// The most: each of them is switched for itself, one after the other.
const MOST: u32 = 50;

/// Options whose value only one container of a host can have.
const ADDRESSES: [&str; 3] = ["ip", "ip6", "mac-address"];

pub(super) const KEY: Property = ("replicas", || {
    let mut schema = number::schema("Containers of the role on each host.", 1);
    schema["default"] = DEFAULT.into();
    schema["anyOf"][0]["maximum"] = MOST.into();
    schema
});

/// Reads that of a role, of whose options none may belong to one container alone if there are several.
pub(super) fn decode(
    decoder: &mut Decoder<'_>,
    role: &Record<'_>,
    options: &[DockerOption],
) -> u32 {
    let replicas = role.read(decoder, KEY.0, |decoder, field| {
        let number = number::decode(decoder, field, "containers", 1)?;
        if number > MOST {
            let message = format!("`{}` must be at most {MOST}, not {number}", field.path);
            decoder.error(field.node.mark, message, "use more hosts");
        }
        (number <= MOST).then_some(number)
    });
    let replicas = replicas.unwrap_or(DEFAULT);
    let (Some(field), true) = (role.get("options"), replicas > 1) else {
        return replicas;
    };
    let entries = decoder.entries(field);
    for option in options.iter().filter(|option| is_of_one(option)) {
        let entry = entries.iter().find(|(name, _)| *name == option.name);
        let mark = entry.map_or(field.key, |(_, child)| child.key);
        let (name, value) = (&option.name, option.value.as_deref().unwrap_or(""));
        let message = format!("`{name}: {value}` conflicts with `{}`", KEY.0);
        let help =
            "only one container of a host can have it: remove the option, or set `replicas: 1`";
        decoder.error(mark, message, help);
    }
    replicas
}

/// Returns whether only one container of a host can have an option with this value.
fn is_of_one(option: &DockerOption) -> bool {
    let Some(value) = option.value.as_deref() else {
        return false;
    };
    match option.name.as_str() {
        "publish" => PortMapping::parse(value).is_some_and(|mapping| mapping.is_fixed()),
        "network" | "net" => value
            .split(',')
            .filter_map(|word| word.split_once('='))
            .any(|(name, _)| ADDRESSES.contains(&name)),
        name => ADDRESSES.contains(&name),
    }
}

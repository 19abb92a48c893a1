//! `allow_empty_roles`: whether a role may have no hosts.

use crate::config::decoder::{Decoder, Record};
use crate::config::model::Role;
use crate::config::schema::{Property, with_default};
use crate::config::values::boolean;
use crate::name::RoleName;

pub(super) const KEY: Property = ("allow_empty_roles", || {
    let allowed = boolean::schema(
        "Whether a role may have no hosts. The primary role must have one in any case.",
    );
    with_default(allowed, false)
});

/// What a role without hosts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EmptyRoles {
    /// An error.
    Refused,
    /// A role that has no containers.
    Allowed,
}

/// Reads what the file says of roles without hosts.
pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> EmptyRoles {
    match root.read_or(decoder, KEY.0, boolean::decode, false) {
        true => EmptyRoles::Allowed,
        false => EmptyRoles::Refused,
    }
}

/// Reports a primary role without hosts, of the `known` ones, where other roles may have none: its first host holds the lock.
pub(super) fn check_primary(
    decoder: &mut Decoder<'_>,
    root: &Record<'_>,
    (roles, known): (&[Role], &[&str]),
    primary: Option<&RoleName>,
) {
    let Some(field) = root.get(KEY.0) else { return };
    let named = primary.map_or("web", RoleName::as_str);
    let name = known.iter().find(|name| **name == named).or(known.first());
    let role = name.and_then(|name| roles.iter().find(|role| role.name.as_str() == *name));
    if let Some(role) = role.filter(|role| role.hosts.is_empty()) {
        let message = format!("primary role `{}` has no hosts", role.name);
        let help = "list at least one host, or name a role that has one with `primary_role`";
        decoder.error(field.key, message, help);
    }
}

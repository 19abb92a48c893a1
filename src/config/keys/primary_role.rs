//! `primary_role`: the role whose first host holds the deploy lock.

use serde_json::json;

use super::servers;
use crate::config::decoder::{Decoder, Record, choice, shown};
use crate::config::node::Kind;
use crate::config::schema::{Property, described};
use crate::name::RoleName;

pub(super) const KEY: Property = ("primary_role", || {
    described(
        "Role whose first host is the primary one; without it `web`, else the first role.",
        json!({ "type": "string", "minLength": 1 }),
    )
});

/// Returns the name of the role that gets requests if no role says which does.
pub(super) fn named<'n>(root: &Record<'n>) -> &'n str {
    match root.get(KEY.0).map(|field| &field.node.kind) {
        Some(Kind::Scalar { text, .. }) => text,
        _ => servers::WEB,
    }
}

/// Reads `primary_role`, which must be a role.
pub(super) fn decode(decoder: &mut Decoder<'_>, root: &Record<'_>) -> Option<RoleName> {
    let field = root.get(KEY.0)?;
    let name = decoder.filled(field)?;
    let known = servers::role_names(root);
    // Without readable `servers` that is what has to be reported.
    if !known.is_empty() && !known.contains(&name.as_str()) {
        let message = format!("unknown role `{}`", shown(&name));
        let help = choice(&name, "roles", &known);
        decoder.error(field.node.mark, message, help);
        return None;
    }
    Some(RoleName::from(name))
}

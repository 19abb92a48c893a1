//! Files and directories that a container sees: `PATH:CONTAINER_PATH[:MODE]`.

use serde_json::Value;

use crate::config::decoder::{Decoder, Field, shown};
use crate::config::schema::matching;

/// What is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file of this machine.
    File,
    /// A directory of the host.
    Directory,
}

/// A mount, taken apart: its path outside of the container, its absolute path in the container, and
/// the mode that follows that.
pub(crate) type Mount = (String, String, Option<String>);

/// The pattern of what follows the path in the container.
pub(crate) const OPTIONS: &str = "^[A-Za-z]+(,[A-Za-z]+)*$";

/// The help about a file that was written as a map.
const EXAMPLE_MAP: &str = "for example `local: config/my.cnf`, `remote: /etc/mysql/my.cnf`";

/// Returns the schema.
pub(crate) fn schema(description: &str) -> Value {
    matching(description, "^[^:]+:/[^:]+(:[A-Za-z]+(,[A-Za-z]+)*)?$")
}

/// Reads a mount.
pub(crate) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>, kind: Kind) -> Option<Mount> {
    let text = decoder.filled(field)?;
    let mut parts = text.split(':');
    let (outside, container) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let (mode, rest) = (parts.next(), parts.next());
    let problem = if rest.is_some() || container.is_empty() {
        Some("expected `PATH:CONTAINER_PATH[:MODE]`")
    } else {
        problem(kind, outside, container, mode)
    };
    if let Some(problem) = problem {
        let (what, example) = match kind {
            Kind::File => ("file", "config/my.cnf:/etc/mysql/my.cnf:ro"),
            Kind::Directory => ("directory", "data:/var/lib/mysql"),
        };
        let message = format!("invalid {what} `{}`: {problem}", shown(&text));
        decoder.error(field.node.mark, message, format!("for example `{example}`"));
        return None;
    }
    Some((
        outside.to_owned(),
        container.to_owned(),
        mode.map(str::to_owned),
    ))
}

/// Checks a mount that was written as a map.
pub(crate) fn check(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
    mount: Mount,
    kind: Kind,
) -> Option<Mount> {
    let (outside, container, mode) = &mount;
    let problem = match outside.contains(':') || container.contains(':') {
        true => Some("`:` is not allowed in a path"),
        false => problem(kind, outside, container, mode.as_deref()),
    };
    if let Some(problem) = problem {
        let message = format!("`{}`: {problem}", field.path);
        decoder.error(field.node.mark, message, EXAMPLE_MAP);
        return None;
    }
    Some(mount)
}

fn problem(kind: Kind, outside: &str, container: &str, mode: Option<&str>) -> Option<&'static str> {
    let climbs = |path: &str| path.split('/').any(|part| part == "..");
    let is_mode = |mode: &str| {
        let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphabetic());
        mode.split(',').all(word)
    };
    if outside.trim().is_empty() {
        Some("missing path before `:`")
    } else if outside.contains(char::is_control) || container.contains(char::is_control) {
        Some("control characters are not allowed")
    } else if !container.starts_with('/') || container == "/" {
        Some("the container path must be absolute, and not `/` itself")
    } else if climbs(container) || (kind == Kind::Directory && climbs(outside)) {
        Some("`..` is not allowed")
    } else if kind == Kind::File && (outside.ends_with('/') || container.ends_with('/')) {
        Some("a file path must not end in `/`")
    } else if !mode.is_none_or(is_mode) {
        Some("unknown mode; use docker's, such as `ro`")
    } else {
        None
    }
}

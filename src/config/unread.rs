//! The keys of one file, those that mrsk does not read among them: for who translates it.

use super::decoder::Decoder;
use super::kamal_2::is_kamal_2;
use super::keys::{self, FREE_PREFIX, KEYS};
use super::node::BASE;
use super::parse;
use crate::diagnostic::{Diagnostic, Place};
use crate::erb::{self, World};

/// A key of a later tool that mrsk does not read.
#[derive(Debug, Clone)]
pub struct UnreadKey {
    /// The keys that lead to it, joined with dots.
    pub path: String,
    /// Where it stands in the template.
    pub place: Place,
    /// The tool that brought it.
    pub tool: &'static str,
    /// What to do instead.
    pub help: &'static str,
}

/// The keys of a file.
#[derive(Debug, Clone, Default)]
pub struct FileKeys {
    /// Those of its top level that mrsk reads.
    pub known: Vec<String>,
    /// Whether it is one of Kamal 2 that says nothing of `proxy` and of the app's port: that tool takes port 80.
    pub lacks_port: bool,
    /// Those that mrsk does not read.
    pub unread: Vec<UnreadKey>,
}

/// Returns the keys of the template `text`, which need not be a whole configuration.
///
/// # Errors
/// What is wrong with the template, or with what it becomes as YAML.
pub fn file_keys(
    path: &str,
    text: &str,
    world: &mut dyn World,
) -> Result<FileKeys, Vec<Diagnostic>> {
    let evaluated = erb::evaluate(path, text, world)?;
    let mut decoder = Decoder::new(vec![path]);
    let Some(root) = parse::tree(&mut decoder, BASE, &evaluated.text) else {
        return Err(decoder.diagnostics);
    };
    let whole = parse::whole(&root);
    let record = decoder.record_with(&whole, &KEYS, |name| name.starts_with(FREE_PREFIX));
    keys::decode(&mut decoder, &record, path, None);
    let children = whole.children();
    let known = children.iter().map(|(name, _)| *name);
    let known = known.filter(|name| KEYS.iter().any(|(key, _)| key == name));
    let servers = children.iter().filter(|(name, _)| *name == "servers");
    let roles = servers.flat_map(|(_, servers)| servers.children());
    let mut of_roles = roles.flat_map(|(_, role)| role.children());
    let has_proxy = of_roles.any(|(name, _)| name == "proxy");
    let says = |key: &str| record.get(key).is_some();
    let says_port = has_proxy || ["proxy", "healthcheck", "traefik"].into_iter().any(says);
    let later = std::mem::take(&mut decoder.later);
    let unread = later.into_iter().map(|(path, mark, later)| UnreadKey {
        path,
        place: decoder.place(mark),
        tool: later.tool,
        help: later.help,
    });
    let mut keys = FileKeys {
        known: known.map(str::to_owned).collect(),
        lacks_port: is_kamal_2(&record) && !says_port,
        unread: unread.collect(),
    };
    evaluated.trace_places(path, keys.unread.iter_mut().map(|key| &mut key.place));
    Ok(keys)
}

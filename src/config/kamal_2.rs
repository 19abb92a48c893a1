//! Files of Kamal 2: what in them is not read gets one error, which names the command that translates them.

use std::path::Path;

use super::decoder::{Decoder, Field, Record, list};
use super::node::BASE;

/// The name, before `.yml`, of the file that a project of Kamal is translated into.
pub const TRANSLATION: &str = "mrsk";

/// Keys that an error names.
const SHOWN: usize = 6;

/// Reports the keys of later tools that were found: together, if the file is one of Kamal 2 that was not translated.
pub(super) fn report(decoder: &mut Decoder<'_>, root: &Record<'_>) {
    let later = std::mem::take(&mut decoder.later);
    let stem = Path::new(decoder.file(BASE)).file_stem();
    let is_translated = stem.is_some_and(|stem| stem == TRANSLATION);
    let together = is_kamal_2(root) && !is_translated;
    let Some((_, first, _)) = later.first().filter(|_| together) else {
        for (path, mark, later) in later {
            let message = format!("unknown key `{path}`: it is a key of {}", later.tool);
            decoder.error(mark, message, later.help);
        }
        return;
    };
    let mark = *first;
    let keys: Vec<&str> = later.iter().map(|(path, ..)| path.as_str()).collect();
    let more = match keys.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = list(&keys[..keys.len().min(SHOWN)]);
    let message = format!("this is a file of Kamal 2, of which mrsk does not read {shown}{more}");
    let help = "run `mrsk init --from-kamal`: it writes a configuration for mrsk beside this one, and a page that says what became of \
                each key";
    decoder.error(mark, message, help);
}

/// Warns of a file of Kamal 2 that does not say at which port the app gets requests: its default is another one there.
pub(super) fn warn_of_port(decoder: &mut Decoder<'_>, root: &Record<'_>, port: u16) {
    let says = |key: &str| {
        let check = root.get("healthcheck").map(Field::children);
        let mut keys = check.into_iter().flatten();
        root.get(key).is_some() || keys.any(|(name, _)| name == "port")
    };
    let arch = root
        .get("builder")
        .and_then(|builder| child(builder, "arch"));
    let Some(arch) = arch.filter(|_| !names_proxy(root) && !says("traefik")) else {
        return;
    };
    let message = format!("the app gets requests at port {port}, and with Kamal 2 at port 80");
    let help = "if this is a file of Kamal 2, set `proxy: {app_port: 80}`; otherwise set `healthcheck: {port: PORT}`";
    decoder.warn(arch.key, message, help);
}

/// Returns whether a file has what only those of Kamal 2 have: `proxy`, or `builder.arch`, which it requires.
pub(super) fn is_kamal_2(root: &Record<'_>) -> bool {
    let builder = root.get("builder");
    names_proxy(root) || builder.is_some_and(|builder| child(builder, "arch").is_some())
}

fn names_proxy(root: &Record<'_>) -> bool {
    let sections = ["servers", "accessories"].into_iter();
    let mut named = sections
        .filter_map(|section| root.get(section))
        .flat_map(Field::children);
    root.get("proxy").is_some() || named.any(|(_, field)| child(&field, "proxy").is_some())
}

fn child<'n>(field: &Field<'n>, key: &str) -> Option<Field<'n>> {
    let mut children = field.children().into_iter();
    children.find_map(|(name, child)| (name == key).then_some(child))
}

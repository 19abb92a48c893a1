//! Files of Kamal 2, which are told from a key that only they have.

use super::decoder::Decoder;
use super::node::{Entry, Kind, Mark, Node};

/// The key of kamal-proxy: of the whole file, of a role and of an accessory.
const PROXY: &str = "proxy";

/// Reports a file of Kamal 2, by the first key that only Kamal 2 has. Returns whether it is one.
pub(super) fn check(decoder: &mut Decoder<'_>, root: &Node) -> bool {
    let of_sections = ["servers", "accessories"].into_iter().find_map(|section| {
        let named = entries(root)
            .iter()
            .find(|entry| entry.key.text == section)?;
        let mut named = entries(&named.value).iter();
        named.find_map(|named| proxy(&named.value))
    });
    let Some(mark) = proxy(root).or(of_sections) else {
        return false;
    };
    let message =
        "this is a file of Kamal 2, which mrsk does not read: `proxy` is the key of kamal-proxy";
    let help = "replace `proxy` by Traefik's keys: `app_port` and `healthcheck` by `healthcheck: {port: …, path: …}`, `host` by \
                the label ``traefik.http.routers.SERVICE-web.rule: Host(`…`)``, `ssl` by a certificate resolver in `traefik: \
                {args: …}`; write the values of .kamal/secrets into .env. Until then, deploy with Kamal 2";
    decoder.error(mark, message, help);
    true
}

fn proxy(node: &Node) -> Option<Mark> {
    let mut entries = entries(node).iter();
    entries.find_map(|entry| (entry.key.text == PROXY).then_some(entry.key.mark))
}

fn entries(node: &Node) -> &[Entry] {
    match &node.kind {
        Kind::Mapping(entries) => entries,
        Kind::Null | Kind::Scalar { .. } | Kind::Sequence(_) => &[],
    }
}

//! Files of Kamal 2: what in them is not read gets one error, which names the command that translates them.

use super::decoder::{Decoder, list};
use super::node::{Entry, Kind, Node};

/// Keys that an error names.
const SHOWN: usize = 6;

/// Reports the keys of later tools that were found: together, if the file is one of Kamal 2.
pub(super) fn report(decoder: &mut Decoder<'_>, root: &Node) {
    let later = std::mem::take(&mut decoder.later);
    let Some((_, first, _)) = later.first().filter(|_| is_kamal_2(root)) else {
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

/// Returns whether a file has what only those of Kamal 2 have: `proxy`, or `builder.arch`, which it requires.
fn is_kamal_2(root: &Node) -> bool {
    let sections = ["servers", "accessories"].into_iter();
    let mut named = sections
        .filter_map(|section| child(root, section))
        .flat_map(entries);
    child(root, "proxy").is_some()
        || named.any(|entry| child(&entry.value, "proxy").is_some())
        || child(root, "builder").is_some_and(|builder| child(builder, "arch").is_some())
}

fn child<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let mut entries = entries(node).iter();
    entries.find_map(|entry| (entry.key.text == key).then_some(&entry.value))
}

fn entries(node: &Node) -> &[Entry] {
    match &node.kind {
        Kind::Mapping(entries) => entries,
        Kind::Null | Kind::Scalar { .. } | Kind::Sequence(_) => &[],
    }
}

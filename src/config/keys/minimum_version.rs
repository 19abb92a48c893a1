//! `minimum_version`: the oldest version of the tool that can read the file.

use crate::config::decoder::{Decoder, Field, Record, shown};
use crate::config::kamal_2::is_kamal_2;
use crate::config::later_keys::VERSION_OF_KAMAL_2;
use crate::config::schema::{Property, matching};
use crate::config::values::number::digits;

pub(super) const KEY: Property = ("minimum_version", || {
    let what =
        "Oldest version that can read the file: one of MRSK or Kamal up to 1.9, else of mrsk.";
    matching(what, "^[0-9]+(\\.[0-9]+){0,3}$")
});

/// The version of this program.
const OWN: &str = env!("CARGO_PKG_VERSION");

/// The newest tool whose files are read: Kamal 1.9. Whatever such a file needs is here, or is an error of its own.
const READ_UP_TO: [u32; 2] = [1, 9];

/// Reports a version that is newer than this program, and than the tools whose files it reads.
pub(super) fn check(decoder: &mut Decoder<'_>, root: &Record<'_>) {
    let Some(field) = root.get(KEY.0) else { return };
    let Some((text, wanted)) = version(decoder, field) else {
        return;
    };
    if is_met(&wanted, &parse(OWN).unwrap_or_default()) {
        return;
    }
    if wanted.first() == Some(&2) && is_kamal_2(root) {
        let path = field.path.clone();
        decoder.later.push((path, field.key, VERSION_OF_KAMAL_2));
    } else {
        let message = format!("`{}` is {text}, and this is mrsk {OWN}", KEY.0);
        let help = format!(
            "install mrsk {text} or later; if it is a version of Kamal 2, remove the key: mrsk reads files of MRSK and Kamal 1"
        );
        decoder.error(field.node.mark, message, help);
    }
}

/// Returns whether a program of version `own` can read a file for `wanted`.
fn is_met(wanted: &[u32], own: &[u32]) -> bool {
    let series: Vec<u32> = wanted.iter().copied().chain([0]).take(2).collect();
    series.as_slice() <= READ_UP_TO.as_slice() || wanted <= own
}

/// Reads a version, with its parts.
fn version(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<(String, Vec<u32>)> {
    let text = decoder.filled(field)?;
    let Some(parts) = parse(&text) else {
        let help = "use numbers with dots between them, such as `1.4.0`";
        return decoder.invalid(field.node.mark, "version", &shown(&text), help);
    };
    Some((text, parts))
}

fn parse(text: &str) -> Option<Vec<u32>> {
    let parts = text.split('.').map(|part| digits(part)?.parse().ok());
    let parts: Vec<u32> = parts.collect::<Option<_>>()?;
    (parts.len() <= 4).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_the_tools_whose_files_are_read_are_met() {
        for (wanted, own, expected) in [
            ("0.15.1", "0.1.0", true),
            ("1", "0.1.0", true),
            ("1.9.3", "0.1.0", true),
            ("1.10", "0.1.0", false),
            ("2.3.0", "0.1.0", false),
            ("2.3.0", "2.3.0", true),
            ("2.3", "2.3.1", true),
            ("2.3.1", "2.3.0", false),
            ("10.0", "9.9", false),
        ] {
            let met = is_met(&parse(wanted).unwrap(), &parse(own).unwrap());
            assert_eq!(met, expected, "{wanted} with {own}");
        }
    }
}

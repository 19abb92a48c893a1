//! Short forms of long names: enough for people to tell them apart.

use crate::digest::is_hex;

/// Returns a version or digest as people write it: of a git commit or a SHA-256 (40 or more hexadecimal digits) the first 12, of
/// everything else all of it.
fn short_version(version: &str) -> &str {
    match version.len() >= 40 && is_hex(version) {
        true => &version[..12],
        false => version,
    }
}

/// Returns `text` with each commit and digest in it as [`short_version`] writes it, if it stands by itself.
pub fn shorten(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !is_word(c)).unwrap_or(from.len()));
        short.push_str(before);
        short.push_str(short_version(word));
        rest = after;
    }
    short + rest
}

/// Returns a step's id without its place, which is `local` or the host: `web/pull` of `app1/web/pull`.
pub fn short_id<'a>(id: &'a str, place: &str) -> &'a str {
    id.strip_prefix(place)
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_and_commits_are_shortened_if_they_stand_by_themselves() {
        let commit = "badb1aa51db396b5a02c15d2cb1c7c5ae4a5a2a5";
        let table = [
            (commit.to_owned(), "badb1aa51db3".to_owned()),
            (
                format!("Start hey-web-{commit}"),
                "Start hey-web-badb1aa51db3".to_owned(),
            ),
            (
                format!("{commit}_replaced_3, é"),
                "badb1aa51db3_replaced_3, é".to_owned(),
            ),
            (format!("x{commit}"), format!("x{commit}")),
            (commit[..39].to_owned(), commit[..39].to_owned()),
            (String::new(), String::new()),
        ];
        for (text, short) in table {
            assert_eq!(shorten(&text), short);
        }
        assert_eq!(short_version("v1.2"), "v1.2");
    }

    #[test]
    fn ids_lose_their_place() {
        assert_eq!(short_id("app1/web/pull", "app1"), "web/pull");
        assert_eq!(short_id("app10/web/pull", "app1"), "app10/web/pull");
        assert_eq!(short_id("local/build", "local"), "build");
    }
}

//! The output of a command, as much of it as is shown.

use crate::text::{count, escape};

/// Returns `text` without the sequences that color it, as many a program writes them into its log.
fn without_colors(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        match rest.strip_prefix('m') {
            Some(rest) => plain.push_str(rest),
            None => {
                plain.push_str("\u{1b}[");
                plain.push_str(part);
            }
        }
    }
    plain
}

/// Returns the last `limit` lines of `text`, escaped, without colors and without empty lines at the end.
pub(super) fn tail(text: &str, limit: usize) -> Vec<String> {
    let text = without_colors(text).replace("\r\n", "\n");
    let text = escape(text.trim_end());
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(limit);
    lines[skipped..].iter().map(|line| (*line).into()).collect()
}

/// Returns the first lines of `text` and the last, `limit` in all, as [`tail`] does; a line between says what is left out.
/// A command says what is wrong at the end, an app often as it starts.
pub(super) fn ends(text: &str, limit: usize) -> Vec<String> {
    let mut lines = tail(text, usize::MAX);
    if lines.len() > limit {
        let first = limit / 3;
        let last = lines.len() - (limit - first - 1);
        let between = format!("… {}", count(last - first, "more line"));
        lines.splice(first..last, [between]);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_output_is_shown_by_its_ends() {
        let text = "a\nb\nc\nd\ne\nf\ng\n\n";
        assert_eq!(ends(text, 7), ["a", "b", "c", "d", "e", "f", "g"]);
        assert_eq!(ends(text, 6), ["a", "b", "… 2 more lines", "e", "f", "g"]);
        assert_eq!(ends("", 6), Vec::<String>::new());
    }

    #[test]
    fn colors_are_left_out_of_output() {
        let text = "\u{1b}[90mat noon\u{1b}[0m \u{1b}[1;31mERR\u{1b}[0m \u{1b}[2Jx \u{1b}[3";
        assert_eq!(tail(text, 1), ["at noon ERR \\u{1b}[2Jx \\u{1b}[3"]);
    }
}

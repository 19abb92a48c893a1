//! Text of a plan as text of a markup language: what a terminal acts on is escaped, and nothing
//! becomes markup.

use std::fmt::Write;

use crate::text::{escape, one_line};

/// Returns `text` as plain text of one line of Markdown, or of HTML within it: what either could
/// act on becomes an entity.
pub(super) fn markdown(text: &str) -> String {
    one_line(text).chars().fold(String::new(), |mut out, char| {
        if r"&<>@#\`*_[]|~$".contains(char) {
            let _ = write!(out, "&#{};", u32::from(char));
        } else {
            out.push(char);
        }
        out
    })
}

/// Returns `text` as inline code of Markdown.
pub(super) fn markdown_code(text: &str) -> String {
    let text = one_line(text);
    let ticks = "`".repeat(longest_run(&text, '`') + 1);
    let is_padded = text.starts_with('`') || text.ends_with('`') || text.is_empty();
    let pad = if is_padded { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Returns `text` as a fenced code block of Markdown, with a line break at its end and those of the text.
pub(super) fn markdown_block(language: &str, text: &str) -> String {
    let body = escape(text);
    let fence = "`".repeat((longest_run(&body, '`') + 1).max(3));
    let body = body.trim_end_matches('\n');
    format!("{fence}{language}\n{body}\n{fence}\n")
}

/// Returns `text` for a quoted label of Mermaid: all but letters, digits and harmless punctuation
/// as numbered entities.
pub(super) fn mermaid(text: &str) -> String {
    one_line(text).chars().fold(String::new(), |mut out, char| {
        if char.is_alphanumeric() || " .,:/_-+".contains(char) {
            out.push(char);
        } else {
            let _ = write!(out, "#{};", u32::from(char));
        }
        out
    })
}

/// Returns `text` as a quoted string of DOT.
pub(super) fn dot(text: &str) -> String {
    let text = one_line(text).replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{text}\"")
}

fn longest_run(text: &str, wanted: char) -> usize {
    text.chars()
        .fold((0, 0), |(longest, run), char| {
            let run = if char == wanted { run + 1 } else { 0 };
            (longest.max(run), run)
        })
        .0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        assert_eq!(markdown("<b>*x @me"), "&#60;b&#62;&#42;x &#64;me");
        assert_eq!(markdown_code("a`b"), "``a`b``");
        assert_eq!(markdown_block("sh", "```\nx\n"), "````sh\n```\nx\n````\n");
        assert_eq!(mermaid("a\"]; b"), "a#34;#93;#59; b");
        assert_eq!(dot("a\"b\\\nc"), r#""a\"b\\\\nc""#);
    }
}

//! Text of a plan, made safe for where it goes.

use std::fmt::Write;

/// Whether a terminal or browser would act on `char`, or show something else than what stands there: control characters,
/// invisible ones, and those that reorder text.
fn is_deceptive(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// Returns `text` for one line of a terminal: what a terminal would act on becomes `\n`, `\u{1b}` and the like.
pub fn terminal(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut out, char| {
            if is_deceptive(char) {
                out.extend(char.escape_default());
            } else {
                out.push(char);
            }
            out
        })
}

/// Returns `text` as one word of a shell's command line. A word with characters that a terminal would act on is written
/// as `$'…'`, which bash, zsh and ksh read.
pub(super) fn word(text: &str) -> String {
    if !text.chars().any(is_deceptive) {
        return shell_words::quote(text).into_owned();
    }
    let body = text.chars().fold(String::new(), |mut out, char| {
        match char {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\\' | '\'' => out.extend(['\\', char]),
            _ if is_deceptive(char) => {
                let _ = match u32::from(char) {
                    code @ 0..0x80 => write!(out, "\\x{code:02x}"),
                    code @ 0x80..0x10000 => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
            _ => out.push(char),
        }
        out
    });
    format!("$'{body}'")
}

/// Returns `text` as plain text of one line of Markdown, or of HTML within it: what either could act on becomes an entity.
pub(super) fn markdown(text: &str) -> String {
    terminal(text).chars().fold(String::new(), |mut out, char| {
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
    let text = terminal(text);
    let ticks = "`".repeat(longest_run(&text, '`') + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') || text.is_empty() {
        " "
    } else {
        ""
    };
    format!("{ticks}{pad}{}{pad}{ticks}", text)
}

/// Returns `text` as a fenced code block of Markdown, with a line break at its end. Line breaks of the text stay.
pub(super) fn markdown_block(language: &str, text: &str) -> String {
    let body: Vec<String> = text.split('\n').map(terminal).collect();
    let body = body.join("\n");
    let fence = "`".repeat((longest_run(&body, '`') + 1).max(3));
    format!(
        "{fence}{language}\n{}\n{fence}\n",
        body.trim_end_matches('\n')
    )
}

/// Returns `text` for a quoted label of Mermaid: all but letters, digits and harmless punctuation as numbered entities.
pub(super) fn mermaid(text: &str) -> String {
    terminal(text).chars().fold(String::new(), |mut out, char| {
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
    format!(
        "\"{}\"",
        terminal(text).replace('\\', "\\\\").replace('"', "\\\"")
    )
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
    fn a_terminal_gets_nothing_to_act_on() {
        assert_eq!(terminal("a\u{1b}[2J\r\nb"), r"a\u{1b}[2J\r\nb");
        assert_eq!(
            terminal("x\u{202e}y\u{200b}\u{9b}"),
            r"x\u{202e}y\u{200b}\u{9b}"
        );
        assert_eq!(terminal("größe ✓"), "größe ✓");
    }

    #[test]
    fn words_survive_a_shell() {
        for (text, quoted) in [
            ("plain", "plain"),
            ("", "''"),
            ("a b", "'a b'"),
            ("a\nb'c\\d", r"$'a\nb\'c\\d'"),
            ("\u{1b}[0m", r"$'\x1b[0m'"),
            ("\u{202e}", r"$'\u202e'"),
        ] {
            assert_eq!(word(text), quoted);
        }
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(markdown("<b>*x @me"), "&#60;b&#62;&#42;x &#64;me");
        assert_eq!(markdown_code("a`b"), "``a`b``");
        assert_eq!(markdown_block("sh", "```\nx\n"), "````sh\n```\nx\n````\n");
        assert_eq!(mermaid("a\"]; b"), "a#34;#93;#59; b");
        assert_eq!(dot("a\"b\\\n"), r#""a\"b\\\\n""#);
    }
}

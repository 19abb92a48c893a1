//! The one quoting of words for display: what is shown can be pasted into bash or zsh.

use std::fmt::Write;

use super::escape::is_deceptive;

/// The words that a shell reads as its own at the start of a command and that need no quotes otherwise.
const RESERVED: &[&str] = &[
    "if", "then", "elif", "else", "fi", "time", "for", "in", "until", "while", "do", "done",
    "case", "esac", "coproc", "select", "function",
];

/// Returns `word` as one word of a shell's command line, on one line. A word with characters that [`escape`](super::escape)
/// escapes is written as `$'…'`.
pub fn quote(word: &str) -> String {
    if !word.chars().any(is_deceptive) {
        return shell_words::quote(word).into_owned();
    }
    let mut quoted = String::from("$'");
    for character in word.chars() {
        match character {
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\\' | '\'' => quoted.extend(['\\', character]),
            _ if is_deceptive(character) => {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(quoted, "\\x{byte:02x}");
                }
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('\'');
    quoted
}

/// Returns literal arguments as a command line that can be pasted into a shell.
pub fn command_line<S: AsRef<str>>(arguments: &[S]) -> String {
    let words: Vec<String> = arguments
        .iter()
        .enumerate()
        .map(|(at, word)| match at {
            0 => program(word.as_ref()),
            _ => quote(word.as_ref()),
        })
        .collect();
    words.join(" ")
}

/// Returns a command's first word, such that a shell takes it for neither an assignment nor a word of its language.
pub(super) fn program(word: &str) -> String {
    match RESERVED.contains(&word) {
        true => format!("'{word}'"),
        false => quote(word),
    }
}

/// Returns a word that expands to the value of an environment variable.
pub(super) fn variable(name: &str) -> String {
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match is_name {
        true => format!("\"${name}\""),
        false => format!("\"$(printenv {})\"", quote(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        let cases = [
            ("plain", "plain"),
            ("", "''"),
            ("two words", "'two words'"),
            ("$HOME", "'$HOME'"),
            ("it's", "'it'\\''s'"),
            ("a\nb'c\\d", r"$'a\nb\'c\\d'"),
            ("it's \\\u{1b}", "$'it\\'s \\\\\\x1b'"),
            ("\u{202e}", r"$'\xe2\x80\xae'"),
        ];
        for (word, quoted) in cases {
            assert_eq!(quote(word), quoted);
        }
    }

    #[test]
    fn a_program_is_no_word_of_the_shell() {
        assert_eq!(command_line(&["A=b", "A=b", "-x"]), "'A=b' 'A=b' -x");
        assert_eq!(command_line(&["time", "time"]), "'time' time");
        assert_eq!(command_line::<&str>(&[]), "");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test that asks a real shell")]
    fn what_is_pasted_into_bash_is_the_argument() {
        for argument in [
            "a\nb",
            "it's \\ \u{1b}[0m",
            "`x` $(y) \"z\"",
            "\u{202e}é",
            "-n",
            "*",
        ] {
            let script = command_line(&["printf", "%s", argument]);
            let output = std::process::Command::new("bash")
                .args(["-c", &script])
                .output();
            assert_eq!(output.unwrap().stdout, argument.as_bytes(), "{script}");
        }
    }
}

//! A command as it is typed, in words.

use crate::cli::failure::Failure;
use crate::exit_code::ExitCode;

/// Returns the words of a command: one argument is split as a shell does, and is refused if it needs a shell; several are taken as
/// they are.
pub fn words(arguments: &[String]) -> Result<Vec<String>, Failure> {
    let [text] = arguments else {
        return Ok(arguments.to_vec());
    };
    if let Some(operator) = operator(text) {
        let message = format!("`{operator}` in the command has no effect: no shell runs it");
        return Err(Failure::new(ExitCode::Usage, message).help(
            "quote it if it is meant literally; for pipes and variables run a shell of the image: \"sh -c '…'\"",
        ));
    }
    match shell_words::split(text) {
        Ok(words) if words.is_empty() => Err(usage("empty command")),
        Ok(words) => Ok(words),
        Err(_) => Err(usage("unclosed quote in the command")),
    }
}

fn usage(message: &str) -> Failure {
    Failure::new(ExitCode::Usage, message)
        .help("quote the command as for a shell: 'bin/rails console'")
}

/// Returns the first character outside of quotes that a shell acts on. In double quotes a shell still replaces variables and commands.
fn operator(text: &str) -> Option<char> {
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => drop(characters.next()),
            (_, '$' | '`') => return Some(character),
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '|' | '&' | ';' | '<' | '>' | '(' | ')') => return Some(character),
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_argument_is_split_and_several_are_not() {
        let rows: [(&[&str], &[&str]); 6] = [
            (&["ruby -v"], &["ruby", "-v"]),
            (
                &["bin/rails runner \"puts Time.now; 1\""],
                &["bin/rails", "runner", "puts Time.now; 1"],
            ),
            (
                &["sh -c 'cat a | wc -l; echo $HOME'"],
                &["sh", "-c", "cat a | wc -l; echo $HOME"],
            ),
            (&[r"echo a\ b \$x"], &["echo", "a b", "$x"]),
            (&["echo", "a | b"], &["echo", "a | b"]),
            (&["bash"], &["bash"]),
        ];
        for (arguments, expected) in rows {
            let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(words(&arguments).unwrap(), expected);
        }
    }

    #[test]
    fn what_only_a_shell_could_do_is_refused() {
        for (text, part) in [
            ("cat a | wc", "`|`"),
            ("a; b", "`;`"),
            ("a && b", "`&`"),
            ("echo $HOME", "`$`"),
            ("echo \"$HOME\"", "`$`"),
            ("echo `id`", "```"),
            ("a > b", "`>`"),
            ("echo 'a", "unclosed quote"),
            (" ", "empty command"),
        ] {
            let failure = words(&[text.to_owned()]).unwrap_err();
            let message = &failure.diagnostics[0].message;
            assert!(message.contains(part), "{text}: {message}");
            assert_eq!(failure.exit_code, ExitCode::Usage);
        }
    }
}

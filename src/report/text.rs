//! Text for a terminal: what came from elsewhere made harmless, commands that can be pasted, times and lists.

use std::fmt::Write;

use crate::action::{Action, Arg, Poll, Probe, Run};

/// Returns `text` with every control character but newline and tab escaped, so that what a host printed cannot steer the
/// terminal. A carriage return before a newline is dropped.
pub(super) fn escape(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmful(character) && !matches!(character, '\n' | '\t') {
            let _ = write!(escaped, "{}", character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Returns `text` escaped, on one line.
pub(super) fn one_line(text: &str) -> String {
    escape(text.trim_end()).replace('\n', "\\n")
}

/// Returns whether `character` steers a terminal, or changes the direction in which text is read.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns `text` without the sequences that colour it, as many a program writes them into its log.
fn uncoloured(text: &str) -> String {
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

/// Returns the last `limit` lines of `text`, escaped, without colours and without empty lines at the end.
pub(super) fn tail(text: &str, limit: usize) -> Vec<String> {
    let text = escape(uncoloured(text).trim_end());
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(limit);
    lines[skipped..].iter().map(|line| (*line).into()).collect()
}

/// Returns the first lines of `text` and the last, `limit` in all, as [`tail`] does; a line between tells what is left out.
/// A command says what is wrong at the end, an app often as it starts.
pub(super) fn ends(text: &str, limit: usize) -> Vec<String> {
    let mut lines = tail(text, usize::MAX);
    if lines.len() > limit {
        let first = limit / 3;
        let last = lines.len() - (limit - first - 1);
        let between = format!("… {} more lines", last - first);
        lines.splice(first..last, [between]);
    }
    lines
}

/// Returns an argument as a shell reads it back: one with control characters as `$'…'` (bash, zsh), on one line.
fn quote(argument: &str) -> String {
    if !argument.chars().any(is_harmful) {
        return shell_words::quote(argument).into_owned();
    }
    let mut quoted = String::from("$'");
    for character in argument.chars() {
        match character {
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\\' => quoted.push_str("\\\\"),
            '\'' => quoted.push_str("\\'"),
            _ if is_harmful(character) => {
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

/// Returns literal arguments as a line that can be pasted into a shell.
pub(super) fn argv<S: AsRef<str>>(arguments: &[S]) -> String {
    let quoted: Vec<String> = arguments.iter().map(|a| quote(a.as_ref())).collect();
    quoted.join(" ")
}

/// Returns a command as a line that can be pasted into a shell. Secrets appear by name only.
pub(super) fn command(run: &Run) -> String {
    let mut text = String::new();
    if let Some(name) = &run.stdin {
        let _ = write!(text, "printf %s \"${}\" | ", one_line(name));
    }
    let arguments: Vec<String> = run
        .argv
        .iter()
        .map(|argument| match argument {
            Arg::Literal(text) => quote(text),
            Arg::FromEnv(name) => format!("\"${}\"", one_line(name)),
        })
        .collect();
    text += &arguments.join(" ");
    if !run.env.is_empty() {
        let names: Vec<String> = run.env.iter().map(|name| one_line(name)).collect();
        let _ = write!(text, "  # with {} exported", names.join(", "));
    }
    text
}

/// Returns a part of a step as a line: a command that can be pasted, or a comment where it is none.
pub(super) fn part(action: &Action) -> String {
    match action {
        Action::Run(run) => command(run),
        Action::Write(write) => {
            format!(
                "# write {} (mode {})",
                quote(&write.path),
                one_line(&write.mode)
            )
        }
        Action::Upload(upload) => format!(
            "# upload {}{} to {} (mode {})",
            if upload.template {
                "what becomes of "
            } else {
                ""
            },
            quote(&upload.source),
            quote(&upload.path),
            one_line(&upload.mode)
        ),
        Action::Poll(poll) => format!("# {}", poll_line(poll)),
        Action::VerifyImage(verify) => match (&verify.digest, &verify.pushed_by) {
            (Some(digest), _) => format!(
                "# check that {} is {}",
                one_line(&verify.reference),
                one_line(digest)
            ),
            (None, Some(push)) => format!(
                "# check that {} is what {} pushed",
                one_line(&verify.reference),
                one_line(push.as_str())
            ),
            (None, None) => format!("# check that {} is there", one_line(&verify.reference)),
        },
    }
}

fn poll_line(poll: &Poll) -> String {
    let container = one_line(&poll.container);
    let port = poll.port.map_or(String::new(), |port| format!(":{port}"));
    let path = one_line(poll.path.as_deref().unwrap_or("/"));
    let what = match poll.probe {
        Probe::Http => format!("GET {path} from {container}{port} until it answers 200"),
        Probe::Route => format!(
            "ask Traefik until it sends requests to {}",
            one_line(poll.expect.as_deref().unwrap_or(&poll.container))
        ),
        Probe::Idle => format!("wait until {container}{port} has no request in flight"),
        Probe::Running => format!("watch that {container} keeps running and is healthy"),
    };
    let length = duration(u64::from(poll.interval_ms));
    format!(
        "{what}: {} of {length} each",
        count(poll.attempts as usize, "attempt")
    )
}

/// Returns milliseconds as people write them: `0.4s`, `12.3s`, `3m 05s`, `2h 07m`.
pub(super) fn duration(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..=59 => format!("{seconds}.{}s", millis % 1000 / 100),
        60..=3599 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Returns `1 step`, `2 steps`.
pub(super) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// Returns `a`, `a and b`, `a, b and c`; beyond `limit` names `a, b, c and 7 more`.
pub(super) fn list<S: AsRef<str>>(names: &[S], limit: usize) -> String {
    let names: Vec<String> = names.iter().map(|name| one_line(name.as_ref())).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [shown @ .., last] if names.len() <= limit => format!("{} and {last}", shown.join(", ")),
        all => {
            let shown = limit.saturating_sub(1).max(1);
            format!("{} and {} more", all[..shown].join(", "), all.len() - shown)
        }
    }
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
    fn colours_are_left_out_of_output() {
        let text = "\u{1b}[90mat noon\u{1b}[0m \u{1b}[1;31mERR\u{1b}[0m \u{1b}[2Jx \u{1b}[3";
        assert_eq!(tail(text, 1), ["at noon ERR \\u{1b}[2Jx \\u{1b}[3"]);
    }

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        let cases = [
            ("plain\ttext\nnext", "plain\ttext\nnext"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("a\r\nb", "a\nb"),
            ("over\rwritten", "over\\rwritten"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("bell\u{7}", "bell\\u{7}"),
            ("x\u{202e}y", "x\\u{202e}y"),
            ("größe ✓", "größe ✓"),
        ];
        for (text, expected) in cases {
            assert_eq!(escape(text), expected);
        }
    }

    #[test]
    fn arguments_can_be_pasted() {
        let cases = [
            ("plain", "plain"),
            ("", "''"),
            ("two words", "'two words'"),
            ("$HOME", "'$HOME'"),
            ("it's", "'it'\\''s'"),
            ("a\nb", "$'a\\nb'"),
            ("it's \\\u{1b}", "$'it\\'s \\\\\\x1b'"),
        ];
        for (argument, expected) in cases {
            assert_eq!(quote(argument), expected);
        }
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
            let script = format!("printf %s {}", argv(&[argument]));
            let output = std::process::Command::new("bash")
                .args(["-c", &script])
                .output();
            assert_eq!(output.unwrap().stdout, argument.as_bytes(), "{script}");
        }
    }

    #[test]
    fn secrets_are_names() {
        let run = Run {
            argv: vec![
                Arg::Literal("docker".into()),
                Arg::Literal("login".into()),
                Arg::Literal("-u".into()),
                Arg::FromEnv("REGISTRY_USER".into()),
                Arg::Literal("--password-stdin".into()),
            ],
            env: vec!["DOCKER_CONFIG_KEY".into()],
            stdin: Some("REGISTRY_PASSWORD".into()),
        };
        assert_eq!(
            command(&run),
            "printf %s \"$REGISTRY_PASSWORD\" | docker login -u \"$REGISTRY_USER\" --password-stdin  \
             # with DOCKER_CONFIG_KEY exported"
        );
    }

    #[test]
    fn durations_and_lists_are_short() {
        let durations = [0, 1_249, 59_999, 60_000, 185_000, 7_620_000].map(duration);
        assert_eq!(
            durations,
            ["0.0s", "1.2s", "59.9s", "1m 00s", "3m 05s", "2h 07m"]
        );
        assert_eq!(list::<&str>(&[], 3), "");
        assert_eq!(list(&["a"], 3), "a");
        assert_eq!(list(&["a", "b", "c"], 3), "a, b and c");
        assert_eq!(list(&["a", "b", "c", "d", "e"], 3), "a, b and 3 more");
    }
}

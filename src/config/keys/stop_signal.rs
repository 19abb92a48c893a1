//! `stop_signal`: what asks a container to stop, of all roles or of one.

use serde_json::Value;

use crate::config::decoder::{Decoder, Field, Record};
use crate::config::schema::{Property, matching};

/// The signals that docker knows by name on Linux, beside the real-time ones.
const NAMES: [&str; 34] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL",
    "PIPE", "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP",
    "TTIN", "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

/// How far from the first and from the last real-time signal docker counts.
const BEHIND_FIRST: u8 = 15;
const BEFORE_LAST: u8 = 14;

/// The highest number of a signal.
const LAST: u8 = 64;

pub(super) const KEY: Property = ("stop_signal", schema);

fn schema() -> Value {
    schema_of(
        "Signal that asks a container to stop, such as `SIGQUIT`; without it the image's own.",
    )
}

/// Returns the schema of a signal.
pub(super) fn schema_of(what: &str) -> Value {
    let names = NAMES.join("|");
    let real_time = r"RTMIN(\+([1-9]|1[0-5]))?|RTMAX(-([1-9]|1[0-4]))?";
    let number = "[1-9]|[1-5][0-9]|6[0-4]";
    matching(what, &format!("^((SIG)?({names}|{real_time})|{number})$"))
}

/// Reads the signal of the file, or of a role.
pub(super) fn decode(decoder: &mut Decoder<'_>, record: &Record<'_>) -> Option<String> {
    record.read(decoder, KEY.0, signal)
}

/// Reads a signal.
pub(super) fn signal(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let text = decoder.filled(field)?;
    if is_signal(&text) {
        return Some(text);
    }
    let help = "use a name that docker knows, with or without `SIG`, such as `SIGTERM`, `QUIT` or `RTMIN+3`, or a \
                number from 1 to 64";
    decoder.invalid(field.node.mark, "signal", &text, help)
}

fn is_signal(text: &str) -> bool {
    let number = |text: &str| {
        let is_plain = text.starts_with(|c: char| ('1'..='9').contains(&c));
        text.parse::<u8>().ok().filter(|_| is_plain)
    };
    if let Some(number) = number(text) {
        return number <= LAST;
    }
    let name = text.strip_prefix("SIG").unwrap_or(text);
    let is_within = |name: &str, first: char, most: u8| {
        let distance = name.strip_prefix(first).and_then(number);
        name.is_empty() || distance.is_some_and(|distance| distance <= most)
    };
    match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(rest), _) => is_within(rest, '+', BEHIND_FIRST),
        (_, Some(rest)) => is_within(rest, '-', BEFORE_LAST),
        (None, None) => NAMES.contains(&name),
    }
}

#[cfg(test)]
mod tests {
    use super::is_signal;

    #[test]
    fn signals_are_those_that_docker_takes() {
        for text in [
            "TERM",
            "SIGTERM",
            "SIGRTMIN+3",
            "RTMIN",
            "RTMAX-14",
            "SIGRTMAX",
            "1",
            "15",
            "64",
            "CLD",
        ] {
            assert!(is_signal(text), "{text}");
        }
        for text in [
            "BANANA",
            "SIG",
            "SIGSIGTERM",
            "RTMIN-1",
            "RTMIN+16",
            "RTMAX+1",
            "RTMAX-15",
            "RTMIN+",
            "RTMIN+01",
            "0",
            "65",
            "+1",
            "009",
            "term",
            "",
        ] {
            assert!(!is_signal(text), "{text}");
        }
    }
}

//! Counts and times.

/// Returns `1 host`, `2 hosts`; `noun` is the singular.
pub fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

/// Returns a measured time in milliseconds: `0.4s`, `12.3s`, `3m 05s`, `2h 07m`.
pub fn duration(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..=59 => format!("{seconds}.{}s", millis % 1000 / 100),
        60..=3599 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_plural() {
        for (number, noun, text) in [
            (0, "step", "0 steps"),
            (1, "step", "1 step"),
            (2, "step", "2 steps"),
            (1, "registry", "1 registry"),
            (3, "registry", "3 registries"),
            (2, "day", "2 days"),
        ] {
            assert_eq!(count(number, noun), text);
        }
    }

    #[test]
    fn times_are_short() {
        for (millis, text) in [
            (0, "0.0s"),
            (1_249, "1.2s"),
            (59_999, "59.9s"),
            (60_000, "1m 00s"),
            (185_000, "3m 05s"),
            (7_620_000, "2h 07m"),
        ] {
            assert_eq!(duration(millis), text);
        }
    }
}

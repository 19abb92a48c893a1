//! Commands that show logs of containers.

use crate::action::Run;

/// Lines that are shown if nothing limits them.
const LINES: u32 = 100;

/// Lines that are shown before those that are followed.
const LINES_BEFORE: u32 = 10;

/// What of a log is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Logs<'a> {
    /// Only what was written since this time, or since so long ago.
    pub since: Option<&'a str>,
    /// Only the last lines.
    pub lines: Option<u32>,
    /// Whether lines are left out later on.
    pub is_filtered: bool,
    /// Whether what comes is shown as well.
    pub follows: bool,
}

impl Logs<'_> {
    /// Returns the command that shows the log of `container`. The defaults are those of the original.
    pub fn of(&self, container: &str) -> Run {
        let mut argv = vec!["docker".to_owned(), "logs".to_owned()];
        argv.extend(self.since.map(|since| format!("--since={since}")));
        let default = match (self.follows, self.since.is_some() || self.is_filtered) {
            (true, _) => Some(LINES_BEFORE),
            (false, true) => None,
            (false, false) => Some(LINES),
        };
        argv.extend(
            self.lines
                .or(default)
                .map(|lines| format!("--tail={lines}")),
        );
        if self.follows {
            argv.extend(["--timestamps", "--follow"].map(str::to_owned));
        }
        argv.push(container.to_owned());
        Run::literal(argv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_original() {
        let logs = Logs::default();
        let (since, lines) = (Some("42m"), Some(5));
        let rows = [
            (logs, "docker logs --tail=100 shop"),
            (Logs { since, ..logs }, "docker logs --since=42m shop"),
            (
                Logs {
                    is_filtered: true,
                    ..logs
                },
                "docker logs shop",
            ),
            (
                Logs {
                    since,
                    lines,
                    ..logs
                },
                "docker logs --since=42m --tail=5 shop",
            ),
            (
                Logs {
                    follows: true,
                    ..logs
                },
                "docker logs --tail=10 --timestamps --follow shop",
            ),
            (
                Logs {
                    follows: true,
                    lines,
                    ..logs
                },
                "docker logs --tail=5 --timestamps --follow shop",
            ),
        ];
        for (logs, line) in rows {
            assert_eq!(logs.of("shop"), Run::literal(line.split(' ')));
        }
    }
}

//! Break-glass: which waits and checks of a switch are left out, on whose word.

/// Which waits and checks of a switch are left out. In the plan, above its review, and in the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BreakGlass {
    /// `--all-at-once`: no canary, no groups of hosts, no order of roles.
    pub all_at_once: bool,
    /// `--drain-timeout`: how many seconds an old container may take at most to finish its requests.
    pub drain_timeout: Option<u32>,
    /// `--skip-healthcheck`: why a new container gets requests without answering its health check before.
    pub skip_healthcheck: Option<String>,
}

impl BreakGlass {
    /// Returns whether nothing is left out.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Returns what is left out, for people; the reason is as it was given.
    pub fn parts(&self) -> Vec<String> {
        let all_at_once = self.all_at_once.then(|| "all hosts at once".to_owned());
        let drain = self.drain_timeout;
        let drain = drain.map(|seconds| format!("drain for at most {seconds} s"));
        let reason = self.skip_healthcheck.as_ref();
        let healthcheck = reason.map(|reason| format!("no health check ({reason})"));
        [all_at_once, drain, healthcheck]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Returns the options that ask for it.
    pub fn options(&self) -> Vec<String> {
        let mut options = Vec::new();
        if self.all_at_once {
            options.push("--all-at-once".to_owned());
        }
        if let Some(seconds) = self.drain_timeout {
            options.extend(["--drain-timeout".to_owned(), seconds.to_string()]);
        }
        if let Some(reason) = &self.skip_healthcheck {
            options.extend(["--skip-healthcheck".to_owned(), reason.clone()]);
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_said_and_asked_for_again() {
        let none = BreakGlass::default();
        assert!(none.is_none() && none.parts().is_empty() && none.options().is_empty());
        let all = BreakGlass {
            all_at_once: true,
            drain_timeout: Some(2),
            skip_healthcheck: Some("the check is broken".to_owned()),
        };
        assert!(!all.is_none());
        assert_eq!(
            all.parts(),
            [
                "all hosts at once",
                "drain for at most 2 s",
                "no health check (the check is broken)"
            ]
        );
        assert_eq!(
            all.options(),
            [
                "--all-at-once",
                "--drain-timeout",
                "2",
                "--skip-healthcheck",
                "the check is broken"
            ]
        );
    }
}

//! The hooks of MRSK and Kamal: programs of the repository that run on the machine that applies a plan, each at its point.

use super::kinds::StepKind;
use crate::text::quote;

/// A point at which a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// Before the first connection.
    PreConnect,
    /// Before the image is built.
    PreBuild,
    /// After the hosts have the image, and before anything else changes there.
    PreDeploy,
    /// At the end.
    PostDeploy,
    /// After the container engine was installed.
    DockerSetup,
    /// Before the containers of a group start.
    PreAppBoot,
    /// After the containers of a group were replaced.
    PostAppBoot,
    /// Before Traefik is replaced.
    PreTraefikReboot,
    /// After Traefik was replaced.
    PostTraefikReboot,
}

/// The directories in which hooks are found: of Kamal, and of MRSK.
pub const DIRECTORIES: [&str; 2] = [".kamal/hooks", ".mrsk/hooks"];

/// What the names of the variables that hooks get begin with: as Kamal and as MRSK name them.
pub const PREFIXES: [&str; 2] = ["KAMAL_", "MRSK_"];

/// The rest of these names.
const VARIABLES: [&str; 12] = [
    "RECORDED_AT",
    "PERFORMER",
    "SERVICE",
    "VERSION",
    "SERVICE_VERSION",
    "HOSTS",
    "ROLE",
    "ROLES",
    "DESTINATION",
    "COMMAND",
    "SUBCOMMAND",
    "RUNTIME",
];

impl Hook {
    /// Every hook.
    pub const ALL: [Self; 9] = [
        Self::PreConnect,
        Self::PreBuild,
        Self::PreDeploy,
        Self::PostDeploy,
        Self::DockerSetup,
        Self::PreAppBoot,
        Self::PostAppBoot,
        Self::PreTraefikReboot,
        Self::PostTraefikReboot,
    ];

    /// Returns the names that its file may have.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::PreConnect => &["pre-connect"],
            Self::PreBuild => &["pre-build"],
            Self::PreDeploy => &["pre-deploy"],
            Self::PostDeploy => &["post-deploy"],
            Self::DockerSetup => &["docker-setup"],
            Self::PreAppBoot => &["pre-app-boot"],
            Self::PostAppBoot => &["post-app-boot"],
            Self::PreTraefikReboot => &["pre-traefik-reboot", "pre-proxy-reboot"],
            Self::PostTraefikReboot => &["post-traefik-reboot", "post-proxy-reboot"],
        }
    }

    /// Returns the hook of the file at `path`, by its name.
    pub fn of_file(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next()?;
        let mut hooks = Self::ALL.into_iter();
        hooks.find(|hook| hook.names().contains(&name))
    }

    /// Returns the kind of its step. Those that go before something only decide whether that happens.
    pub const fn kind(self) -> StepKind {
        match self {
            Self::PreConnect
            | Self::PreBuild
            | Self::PreDeploy
            | Self::PreAppBoot
            | Self::PreTraefikReboot => StepKind::PreHook,
            Self::PostDeploy | Self::DockerSetup | Self::PostAppBoot | Self::PostTraefikReboot => {
                StepKind::PostHook
            }
        }
    }
}

/// Returns whether the first line of a script, which names its interpreter, ends as on Windows: the system then looks for an interpreter
/// whose name ends with a carriage return.
pub fn has_windows_line_ends(script: &[u8]) -> bool {
    let mut lines = script.split(|byte| *byte == b'\n');
    let first = lines.next().filter(|_| lines.next().is_some());
    first.is_some_and(|line| line.starts_with(b"#!") && line.ends_with(b"\r"))
}

/// Returns whether a program, by its path in the repository, is a hook in one of the [`DIRECTORIES`], at any depth.
pub fn is_in_usual_place(program: &str) -> bool {
    let parent = program.rsplit_once('/').map_or("", |(parent, _)| parent);
    let is_parent = |directory: &str| {
        let above = parent.strip_suffix(directory);
        above.is_some_and(|above| above.is_empty() || above.ends_with('/'))
    };
    Hook::of_file(program).is_some() && DIRECTORIES.into_iter().any(is_parent)
}

/// Returns why a plan may not set a variable of a hook.
pub(super) fn problem_of_variable(name: &str) -> Option<String> {
    let is_known = PREFIXES.iter().any(|prefix| {
        let rest = name.strip_prefix(prefix);
        rest.is_some_and(|rest| VARIABLES.contains(&rest))
    });
    (!is_known).then(|| format!("sets {}, which is not a variable of hooks", quote(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_known_by_its_name_and_directory() {
        for (path, hook) in [
            (".kamal/hooks/pre-deploy", Some(Hook::PreDeploy)),
            ("post-proxy-reboot", Some(Hook::PostTraefikReboot)),
            (".kamal/hooks/pre-deploy.sample", None),
            ("pre-deploy/x", None),
        ] {
            assert_eq!(Hook::of_file(path), hook, "{path}");
        }
        for (path, is_usual) in [
            (".kamal/hooks/pre-deploy", true),
            ("shop/.mrsk/hooks/post-deploy", true),
            ("x.kamal/hooks/pre-deploy", false),
            ("bin/hooks/pre-deploy", false),
            (".kamal/hooks/x/pre-deploy", false),
            (".kamal/hooks/notify", false),
        ] {
            assert_eq!(is_in_usual_place(path), is_usual, "{path}");
        }
    }

    #[test]
    fn a_script_with_line_ends_of_windows_is_known() {
        for (script, is_crlf) in [
            ("#!/bin/sh\r\nexit 0\r\n", true),
            ("#!/usr/bin/env bash\r\n", true),
            ("#!/bin/sh\nprintf 'a\r\n'\n", false),
            ("\u{7f}ELF\r\n", false),
            ("", false),
        ] {
            assert_eq!(
                has_windows_line_ends(script.as_bytes()),
                is_crlf,
                "{script:?}"
            );
        }
    }

    #[test]
    fn only_variables_of_hooks_may_be_set() {
        for name in ["KAMAL_VERSION", "MRSK_RECORDED_AT"] {
            assert_eq!(problem_of_variable(name), None);
        }
        for name in ["PATH", "KAMAL_", "KAMAL_PATH", "MRSK_ALLOW", "VERSION"] {
            assert!(problem_of_variable(name).is_some(), "{name}");
        }
    }
}

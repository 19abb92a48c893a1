//! Streams that nobody reads, and what a process leaves behind when it dies. No lab, no network.
#![expect(
    clippy::disallowed_methods,
    reason = "the streams of the process are what is tested"
)]

use std::io::Read;
use std::process::{Command, Stdio};

fn mrsk(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mrsk"));
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Returns a stream whose reader is gone.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

const COMMANDS: [&[&str]; 6] = [
    &["--help"],
    &["version"],
    &["digest", "fixtures/plans/setup/plan.json"],
    &["show", "fixtures/plans/setup/plan.json"],
    &["config", "-c", "fixtures/plans/setup/deploy.yml"],
    &[
        "plan",
        "-c",
        "fixtures/plans/setup/deploy.yml",
        "--fresh",
        "--no-secrets",
        "--skip-push",
        "--version",
        "1",
    ],
];

#[test]
fn a_closed_output_ends_a_command_quietly() {
    for arguments in COMMANDS {
        let output = mrsk(arguments).stdout(closed()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        for word in ["panicked", "cannot write", "Broken pipe"] {
            assert!(!said.contains(word), "{arguments:?}: {said}");
        }
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{arguments:?}: {output:?}"
        );
    }
}

#[test]
fn a_closed_standard_error_changes_nothing() {
    for arguments in COMMANDS {
        let open = mrsk(arguments).output().unwrap();
        let shut = mrsk(arguments).stderr(closed()).output().unwrap();
        assert_eq!(shut.status.code(), open.status.code(), "{arguments:?}");
        assert_eq!(shut.stdout, open.stdout, "{arguments:?}");
    }
    for arguments in [&["no-such-command"][..], &["show", "no-such-file"]] {
        let code = mrsk(arguments).stderr(closed()).status().unwrap().code();
        assert_eq!(
            code,
            mrsk(arguments)
                .stderr(Stdio::null())
                .status()
                .unwrap()
                .code()
        );
    }
}

#[test]
fn no_core_is_dumped() {
    // The plan is read from standard input, so that the process waits.
    let mut child = mrsk(&["show", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let file = format!("/proc/{}/limits", child.id());
    let limit = || {
        let mut text = String::new();
        std::fs::File::open(&file)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        line.unwrap()
            .split_whitespace()
            .skip(4)
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let begun = std::time::Instant::now();
    while limit() != "0 0" && begun.elapsed().as_secs() < 10 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let found = limit();
    drop(child.stdin.take());
    child.wait().unwrap();
    assert_eq!(found, "0 0");
}

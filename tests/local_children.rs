//! Commands of the machine that runs mrsk: they end when it is killed.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test"
)]
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// Returns mrsk in `directory`, whose `.env.erb` runs `script`.
fn envify(directory: &Path, script: &str) -> Child {
    fs::write(directory.join(".env.erb"), format!("A=<%= `{script}` %>\n")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_mrsk"))
        .arg("envify")
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.chars().next());
    state.flatten().is_some_and(|state| state != 'Z')
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..200 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("did not happen within 10 s: {what}");
}

#[test]
fn a_command_ends_when_mrsk_is_killed() {
    let directory = TempDir::new().unwrap();
    let mut mrsk = envify(directory.path(), "echo $$ >pid; exec sleep 300");
    let pid = || fs::read_to_string(directory.path().join("pid")).unwrap_or_default();
    eventually("the command begins", || pid().ends_with('\n'));
    let pid = pid().trim().to_owned();
    assert!(is_running(&pid));
    mrsk.kill().unwrap();
    mrsk.wait().unwrap();
    eventually("the command ends", || !is_running(&pid));
}

fn child(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mrsk"))
        .arg("__child")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn it_becomes_the_command_only_for_its_parent() {
    let own = std::process::id().to_string();
    let own = own.as_str();
    let done = child(&[own, "sh", "-c", "echo \"$0 $1\"; exit 3", "a b", "c"]);
    assert_eq!(done.status.code(), Some(3));
    assert_eq!(done.stdout, b"a b c\n");
    let killed = child(&[own, "sh", "-c", "kill -9 $$"]);
    assert_eq!(killed.status.signal(), Some(9));
    for (arguments, code, said) in [
        (&["1", "sh", "-c", "echo ran"][..], 126, "has ended"),
        (&[own, "/no/such/program"], 127, "/no/such/program: "),
        (&[own, "/"], 126, "/: "),
        (&[], 126, ""),
    ] {
        let output = child(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {error}");
        assert!(error.contains(said), "{arguments:?} {error}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
}

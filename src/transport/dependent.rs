//! Commands of this machine that end with the process that started them, also if that is killed.
//!
//! A process asks for a signal at the death of its parent by itself. So this program starts itself first, under [`ARGUMENT`]: that process
//! asks for SIGTERM, sees that its parent is still there, and becomes the command.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::process::command;

/// The first argument of this program by which it becomes a command.
pub const ARGUMENT: &str = "__child";

/// This program, also if another has taken its place on the disk.
const PROGRAM: &str = "/proc/self/exe";

/// Statuses of a command that cannot be started, as a shell has them.
const NOT_FOUND: u8 = 127;
const NOT_STARTED: u8 = 126;

/// The most that is read of a script to find its interpreter, in bytes.
const FIRST_LINE: u64 = 256;

/// The program that becomes commands; unset in one that does not know [`ARGUMENT`].
static STARTER: OnceLock<&str> = OnceLock::new();

/// Has commands end with this process, where the system can do that. To be called by a program that knows [`ARGUMENT`].
pub fn end_with_this_process() {
    if cfg!(target_os = "linux") && Path::new(PROGRAM).exists() {
        let _ = STARTER.set(PROGRAM);
    }
}

/// Returns the command of `argv`, which does not pass through a shell, and ends with this process.
///
/// # Errors
///
/// `InvalidInput` if `argv` is empty; `NotFound` if there is no such program.
pub(super) fn dependent(argv: &[String]) -> io::Result<Command> {
    let Some(starter) = STARTER.get() else {
        return command(argv);
    };
    let Some(program) = argv.first() else {
        return command(argv);
    };
    let search = std::env::var_os("PATH").unwrap_or_default();
    if !is_there(program, &search) {
        let message = format!("`{program}` is not installed on this machine, or not in PATH");
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    let own = std::process::id().to_string();
    let head = [starter, ARGUMENT, own.as_str()].map(str::to_owned);
    command(&[&head, argv].concat())
}

/// Returns whether there is a program of this name on the search path. What a relative path names depends on the command's directory.
fn is_there(program: &str, search: &OsStr) -> bool {
    if program.contains('/') {
        return Path::new(program).is_relative() || Path::new(program).exists();
    }
    let mut places = std::env::split_paths(search).map(|directory| directory.join(program));
    places.any(|file: PathBuf| file.is_file())
}

/// Becomes the command that follows the parent's process id in `arguments`. Returns only if that fails: the status to end with.
pub fn become_command(arguments: &[OsString]) -> u8 {
    let Some((parent, argv)) = arguments.split_first() else {
        return NOT_STARTED;
    };
    let error = match exec(parent, argv) {
        Ok(never) => match never {},
        Err(error) => error,
    };
    let program = argv
        .first()
        .map_or("", |program| program.to_str().unwrap_or_default());
    let why = interpreter(program)
        .filter(|_| error.kind() == io::ErrorKind::NotFound)
        .map_or_else(
            || error.to_string(),
            |line| format!("its first line names `{line}`, which is not installed on this machine"),
        );
    // Nobody is there to be told if this fails.
    let _ = writeln!(io::stderr(), "{program}: {why}");
    match error.kind() {
        io::ErrorKind::NotFound => NOT_FOUND,
        _ => NOT_STARTED,
    }
}

/// Returns what the first line of a script names as its interpreter. The system says of a script without one that it does not exist.
fn interpreter(program: &str) -> Option<String> {
    let mut start = String::new();
    let file = std::fs::File::open(program).ok()?;
    file.take(FIRST_LINE).read_to_string(&mut start).ok()?;
    let line = start.lines().next()?.strip_prefix("#!")?;
    Some(line.trim().escape_default().to_string())
}

fn exec(parent: &OsStr, argv: &[OsString]) -> io::Result<std::convert::Infallible> {
    use std::os::unix::process::CommandExt;
    ask_for_the_signal()?;
    let is_parent = rustix::process::getppid()
        .is_some_and(|pid| parent == OsStr::new(&pid.as_raw_pid().to_string()));
    if !is_parent {
        return Err(io::Error::other("the process that started it has ended"));
    }
    let words = argv.iter().map(|word| word.clone().into_string());
    let words: Result<Vec<String>, OsString> = words.collect();
    let words = words.map_err(|_| io::ErrorKind::InvalidInput)?;
    Err(command(&words)?.exec())
}

#[cfg(target_os = "linux")]
fn ask_for_the_signal() -> io::Result<()> {
    let signal = Some(rustix::process::Signal::TERM);
    Ok(rustix::process::set_parent_process_death_signal(signal)?)
}

#[cfg(not(target_os = "linux"))]
fn ask_for_the_signal() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interpreter_of_a_script_is_known() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("script");
        for (text, expected) in [
            ("#!/usr/bin/ruby -w\nputs 1\n", Some("/usr/bin/ruby -w")),
            ("#! /bin/sh", Some("/bin/sh")),
            ("echo 1\n", None),
            ("", None),
        ] {
            std::fs::write(&script, text).unwrap();
            assert_eq!(
                interpreter(script.to_str().unwrap()).as_deref(),
                expected,
                "{text}"
            );
        }
        assert_eq!(interpreter("/no/such/script"), None);
    }

    #[test]
    fn a_program_is_looked_for_as_its_start_will() {
        let search = OsStr::new("/nowhere:/usr/bin:/bin");
        for (program, found) in [
            ("sh", true),
            ("no-such-program", false),
            ("/bin/sh", true),
            ("/no/such/program", false),
            ("./of-its-directory", true),
        ] {
            assert_eq!(is_there(program, search), found, "{program}");
        }
    }
}

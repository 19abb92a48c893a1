//! What commands print: their result on standard output; plans for review, warnings and errors on standard error.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::panic::Location;
use std::path::Path;

use super::compression::{self, Compressing};
use super::failure::Failure;
use super::terminal;
use crate::diagnostic::{self, Diagnostic};
use crate::exit_code::ExitCode;
use crate::plan::Plan;
use crate::plan::trust::concerns;
use crate::plan::wire;
use crate::text::EscapingJson;
use crate::{repository, show, text};

/// Prints a command's result to standard output, with which it is done. If nobody reads it any more,
/// the command fails without a message.
pub fn print(text: &str) -> Result<ExitCode, Failure> {
    let mut out = std::io::stdout().lock();
    printed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

fn printed(written: std::io::Result<()>) -> Result<ExitCode, Failure> {
    written
        .map(|()| ExitCode::Done)
        .map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failure::of(ExitCode::Failed, Vec::new()),
            _ => Failure::internal(format!("cannot write to standard output: {error}")),
        })
}

/// Prints JSON to standard output, as [`print`] does, without a character that a terminal acts on.
pub fn print_json(json: &str) -> Result<ExitCode, Failure> {
    print(&text::escape_json(json))
}

/// Prints a plan as [`print_json`] does, without holding its text.
pub fn print_plan(plan: &Plan) -> Result<ExitCode, Failure> {
    printed(write_plan_to(plan, std::io::stdout().lock()))
}

/// Writes a plan to a file, in whose place an earlier one stays until it is whole; through links, and into what is no file, such as a pipe.
/// `-` is standard output. It is compressed if its name says so.
pub fn write_plan(plan: &Plan, path: &Path) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        return print_plan(plan).map(drop);
    }
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let is_compressed = compression::is_compressed_name(path);
    let path = target.as_path();
    let write = || {
        if path.exists() && !path.is_file() {
            let mut stream = std::fs::OpenOptions::new().write(true).open(path)?;
            return match is_compressed {
                true => write_plan_to(plan, Compressing::new(&mut stream)),
                false => write_plan_to(plan, &mut stream),
            };
        }
        let directory = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or_else(|| Path::new("."));
        let mode = std::fs::Permissions::from_mode(0o666);
        let mut builder = tempfile::Builder::new();
        let mut file = builder.permissions(mode).tempfile_in(directory)?;
        match is_compressed {
            true => write_plan_to(plan, Compressing::new(&mut file))?,
            false => write_plan_to(plan, &mut file)?,
        }
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    match write() {
        Ok(()) => Ok(()),
        Err(error) => {
            let message = format!("cannot write {}: {error}", path.display());
            Err(Failure::new(ExitCode::Failed, message)
                .help("name a file in a directory that you can write to"))
        }
    }
}

fn write_plan_to(plan: &Plan, out: impl Write) -> std::io::Result<()> {
    let mut out = EscapingJson::new(out);
    wire::write_json(plan, &mut out)?;
    out.flush()
}

/// Prints to standard error; if that is closed, nothing can be done about it.
fn print_error(text: &[u8]) {
    let _ = std::io::stderr().lock().write_all(text);
}

/// Replaces what a panic prints: its message may show a value that the code worked on, which may be a secret's. Only the place is
/// told.
pub fn hide_panics() {
    std::panic::set_hook(Box::new(|panic| {
        print_diagnostics(&[panic_report(panic.location())]);
    }));
}

fn panic_report(place: Option<&Location<'_>>) -> Diagnostic {
    let place = place.map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let help = "this is a bug in mrsk: report it with this line and what you ran; more is not shown, as it might be a secret";
    Diagnostic::error(format!("internal error at {place}")).help(help)
}

/// Prints warnings or errors to standard error.
pub fn print_diagnostics(diagnostics: &[Diagnostic]) {
    if diagnostics.is_empty() {
        return;
    }
    let styling = terminal::look(&std::io::stderr()).styling;
    print_error(diagnostic::render(diagnostics, &repository::source, styling).as_bytes());
}

/// Prints a question to standard error, and leaves the cursor behind it.
pub fn print_question(text: &str) {
    print_error(text.as_bytes());
}

/// Prints to standard error what a command waits for, or what it has done beside its result.
pub fn print_note(text: &str) {
    print_error(format!("{text}\n").as_bytes());
}

/// Shows a plan on standard error.
pub fn show_plan(plan: &Plan) {
    let mut text = Vec::new();
    if show::table(
        plan,
        &concerns(plan),
        terminal::look(&std::io::stderr()),
        &mut text,
    )
    .is_ok()
    {
        print_error(&text);
    }
}

/// Says on standard error what the undo of a plan does, and which file has it.
pub fn show_undo(undo: &Plan, file: &Path) {
    let mut text = Vec::new();
    let look = terminal::look(&std::io::stderr());
    if show::undo(undo, &file.display().to_string(), look, &mut text).is_ok() {
        print_error(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_by_its_place_alone() {
        let (sender, told) = std::sync::mpsc::channel();
        let before = std::panic::take_hook();
        let own = std::thread::current().id();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().id() == own {
                let _ = sender.send(panic_report(panic.location()));
            } else {
                before(panic);
            }
        }));
        let secret = "s3ntinel-\u{e9}";
        let cut = std::panic::catch_unwind(|| secret[..10].len());
        drop(std::panic::take_hook());
        assert!(cut.is_err());
        let report = format!("{:?}", told.recv().unwrap());
        assert!(
            report.contains("internal error at src/cli/output.rs:"),
            "{report}"
        );
        assert!(!report.contains("s3ntinel"), "{report}");
    }
}

//! Processes that may ask the user something: they stay in the foreground, so that they can read from the terminal, and
//! nothing else runs meanwhile.

use std::io::{self, IsTerminal, Read, Write};
use std::process::{ChildStderr, ChildStdin, Command, Stdio};

use super::dependent::dependent;
use super::process::ending;
use crate::record::Ending;
use crate::secret::Secrets;

/// How much of its standard error is kept, in bytes.
const TAIL: usize = 2048;

/// A process to be run.
#[derive(Debug, Clone, Copy)]
pub struct Foreground<'a> {
    /// The program and its arguments.
    pub argv: &'a [String],
    /// Variables that are exported to it beside those of this process.
    pub variables: &'a Secrets,
    /// What it reads on its standard input.
    pub input: Input<'a>,
    /// The most that it may print, in bytes.
    pub limit: usize,
}

/// What a process reads on its standard input.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// What this process would read.
    Inherited,
    /// Nothing.
    Nothing,
    /// This text.
    Text(&'a str),
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// How it ended. A signal counts as status 128 plus its number.
    pub ending: Ending,
    /// All that it wrote to standard output.
    pub stdout: Vec<u8>,
    /// The end of what it wrote to standard error; empty if that is a terminal, which showed it already.
    pub stderr: String,
}

/// Runs a process and waits for it. Where standard error is a terminal it writes there, so that its questions are seen.
///
/// # Errors
/// A program that cannot be started; one that prints more than its limit, which is ended.
pub fn capture(request: &Foreground<'_>) -> io::Result<Captured> {
    let mut child = prepare(request)?.spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut printed = Vec::new();
    let (read, stderr) = std::thread::scope(|scope| {
        scope.spawn(move || feed(stdin, request.input));
        let tail = scope.spawn(move || tail(stderr));
        let read = match stdout {
            Some(stdout) => {
                let most = u64::try_from(request.limit).unwrap_or(u64::MAX);
                stdout
                    .take(most.saturating_add(1))
                    .read_to_end(&mut printed)
            }
            None => Ok(0),
        };
        if read.is_err() || printed.len() > request.limit {
            let _ = child.kill();
        }
        (read, tail.join().unwrap_or_default())
    });
    let status = child.wait()?;
    read?;
    if printed.len() > request.limit {
        return Err(io::Error::other(format!(
            "printed more than {} bytes",
            request.limit
        )));
    }
    Ok(Captured {
        ending: ending(status),
        stdout: printed,
        stderr,
    })
}

/// Runs a process with the standard streams of this one, and waits for it; it is killed if `stopped` is there first. Returns nothing then.
///
/// # Errors
/// A program that cannot be started.
pub async fn attach(
    argv: &[String],
    stopped: impl Future<Output = ()>,
) -> io::Result<Option<Ending>> {
    let mut child = tokio::process::Command::from(dependent(argv)?).spawn()?;
    tokio::select! {
        status = child.wait() => Ok(Some(ending(status?))),
        () = stopped => {
            child.kill().await?;
            Ok(None)
        }
    }
}

fn prepare(request: &Foreground<'_>) -> io::Result<Command> {
    let mut command = dependent(request.argv)?;
    command
        .stdin(match request.input {
            Input::Inherited => Stdio::inherit(),
            Input::Nothing => Stdio::null(),
            Input::Text(_) => Stdio::piped(),
        })
        .stdout(Stdio::piped())
        .stderr(match io::stderr().is_terminal() {
            true => Stdio::inherit(),
            false => Stdio::piped(),
        });
    for (name, value) in request.variables {
        command.env(name, value.reveal());
    }
    Ok(command)
}

/// Writes its input. A process that does not read it all has a reason.
fn feed(stdin: Option<ChildStdin>, input: Input<'_>) {
    if let (Some(mut stdin), Input::Text(text)) = (stdin, input) {
        let _ = stdin.write_all(text.as_bytes());
    }
}

/// Returns the end of what was written, without a line whose beginning is not kept: what is left of a secret there would not be
/// known as one.
fn tail(stderr: Option<ChildStderr>) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; TAIL];
    let mut is_cut = false;
    if let Some(mut stderr) = stderr {
        while let Ok(count @ 1..) = stderr.read(&mut buffer) {
            kept.extend(buffer.iter().take(count));
            is_cut |= kept.len() > TAIL;
            kept.drain(..kept.len().saturating_sub(TAIL));
        }
    }
    if is_cut {
        let end = kept.iter().position(|byte| *byte == b'\n');
        kept.drain(..end.map_or(kept.len(), |at| at + 1));
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn run(script: &str, input: Input<'_>) -> io::Result<Captured> {
        let argv = ["sh", "-c", script].map(str::to_owned);
        let variables = Secrets::from([("TOKEN".to_owned(), Secret::new("a b"))]);
        capture(&Foreground {
            argv: &argv,
            variables: &variables,
            input,
            limit: 100_000,
        })
    }

    #[test]
    fn output_and_status_are_told() {
        let captured = run(
            "echo \"$TOKEN\"; cat; echo no >&2; exit 3",
            Input::Text("x"),
        )
        .unwrap();
        assert_eq!(captured.ending, Ending::Failed { code: 3 });
        assert_eq!(captured.stdout, b"a b\nx");
        assert!(io::stderr().is_terminal() || captured.stderr == "no\n");
        let captured = run("cat", Input::Nothing).unwrap();
        assert_eq!(
            (captured.ending, captured.stdout.len()),
            (Ending::Succeeded, 0)
        );
    }

    #[test]
    fn one_that_prints_for_ever_is_ended() {
        let error = run("yes", Input::Nothing).unwrap_err();
        assert!(error.to_string().contains("more than 100000 bytes"));
        let captured = run("yes | head -c 300000 >&2", Input::Nothing).unwrap();
        assert!(captured.stderr.len() <= TAIL);
        let long = "head -c 3000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2";
        let captured = run(long, Input::Nothing).unwrap();
        assert!(io::stderr().is_terminal() || captured.stderr == "end\n");
    }

    #[test]
    fn one_that_leaves_its_input_unread_does_no_harm() {
        let captured = run("exit 0", Input::Text(&"x".repeat(1 << 20))).unwrap();
        assert_eq!(captured.ending, Ending::Succeeded);
    }

    #[test]
    fn a_program_that_is_not_there_is_said() {
        let argv = ["/nothing/here".to_owned()];
        let request = Foreground {
            argv: &argv,
            variables: &Secrets::new(),
            input: Input::Nothing,
            limit: 1,
        };
        assert_eq!(
            capture(&request).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }
}

//! A command in a container of a host: in one that runs, or in a new one.

use super::args::ExecArgs;
use super::interactive::{self, Attached};
use crate::action::Run;
use crate::cli::failure::Failure;
use crate::cli::reading::{Reading, Section};
use crate::diagnostic::Diagnostic;
use crate::docker::once::{self, Streams};
use crate::exit_code::ExitCode;
use crate::name::HostName;
use crate::transport::request::{Commands, CommandsEnded};

/// A command in a container of a host.
pub struct Task {
    /// Its host, title and secrets.
    pub section: Section,
    /// What the audit log says that it is: `app exec v1`.
    pub title: String,
    /// The container.
    pub container: Container,
}

/// The container that a command runs in.
pub enum Container {
    /// One that runs.
    Running(String),
    /// A new one, which is gone at the end.
    New {
        /// Its name.
        name: String,
        /// What creates it, and connects it to networks.
        prepare: Vec<Run>,
    },
}

impl Container {
    /// Returns the command that runs the words in it.
    fn command(&self, words: &[String], streams: Streams) -> Run {
        match self {
            Self::Running(name) => once::exec(name, words, streams),
            Self::New { name, .. } => once::start(name, streams),
        }
    }
}

/// Returns the lines of the audit log, without their heads.
fn entries<'t>(tasks: &'t [Task], args: &ExecArgs) -> impl Iterator<Item = (&'t HostName, String)> {
    let shown = args.shown();
    tasks
        .iter()
        .map(move |task| (&task.section.host, format!("{}: {shown}", task.title)))
}

/// Runs the tasks, or the one of an interactive command. Returns the status to end with.
pub async fn run(
    reading: Reading,
    mut tasks: Vec<Task>,
    args: &ExecArgs,
    words: &[String],
) -> Result<u8, Failure> {
    if !args.interactive {
        return run_all(reading, tasks, args, words)
            .await
            .map(ExitCode::code);
    }
    match tasks.pop() {
        Some(task) => run_interactive(reading, task, args, words).await,
        None => reading.finish().map(ExitCode::code),
    }
}

/// Runs the tasks at once, each without input, and shows their output host by host.
async fn run_all(
    mut reading: Reading,
    tasks: Vec<Task>,
    args: &ExecArgs,
    words: &[String],
) -> Result<ExitCode, Failure> {
    reading.audit(entries(&tasks, args)).await;
    let sections = tasks.into_iter().map(|task| {
        let main = task.container.command(words, Streams::Output);
        let mut commands = Commands::of(main);
        if let Container::New { name, prepare } = task.container {
            commands.before = prepare;
            commands.after = vec![once::remove(&name)];
        }
        Section {
            commands,
            silence: None,
            audited: Some(format!("{}: {}", task.title, args.shown())),
            shown: Some(args.shown()),
            ..task.section
        }
    });
    reading.show(sections.collect()).await?;
    reading.audit_failures().await;
    reading.finish()
}

/// Runs a task with the input and the terminal of this command. Returns its status.
async fn run_interactive(
    mut reading: Reading,
    task: Task,
    args: &ExecArgs,
    words: &[String],
) -> Result<u8, Failure> {
    let tasks = [task];
    reading.audit(entries(&tasks, args)).await;
    let [task] = tasks;
    let host = &task.section.host;
    let attached = Attached::available();
    let streams = attached.streams();
    if let Container::New { prepare, .. } = &task.container {
        let (mut prepare, inputs) = (prepare.clone(), &task.section.inputs);
        if let Some(main) = prepare.pop() {
            let commands = Commands {
                before: prepare,
                ..Commands::of(main)
            };
            match reading.collect(host, &commands, inputs).await {
                Some((CommandsEnded::Main(0), _)) => {}
                Some((_, said)) => {
                    let said = reading.clean(said.trim());
                    let message = format!("{host}: cannot create the container: {said}");
                    reading.add(Diagnostic::error(message));
                }
                None => {}
            }
        }
    }
    let status = match reading.link(host).await {
        Some(link) if reading.is_well() => {
            let command = task.container.command(words, streams);
            Some(interactive::attach(&link, &command, attached).await)
        }
        _ => None,
    };
    if let Container::New { name, .. } = &task.container {
        let commands = Commands::of(once::remove(name));
        reading.try_quietly(host, &commands).await;
    }
    match status {
        Some(status) => {
            reading.close();
            status
        }
        None => reading.finish().map(ExitCode::code),
    }
}

//! The output of commands on hosts, in a section for each, as `App Host: 192.168.0.1`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Reading;
use crate::action::Run;
use crate::apply::links::{self, Links};
use crate::cli::failure::Failure;
use crate::cli::{connections, output, random};
use crate::config::model::{Config, Role};
use crate::diagnostic::Diagnostic;
use crate::digest;
use crate::docker::listing;
use crate::exit_code::ExitCode;
use crate::name::HostName;
use crate::text;
use crate::transport::request::{Commands, CommandsEnded, Inputs};

/// How long a command that does not follow anything may print nothing.
const SILENCE: Duration = Duration::from_secs(120);

/// Pieces of output that wait for their turn, for each host.
const WAITING: usize = 64;

/// The most that is read of what is shown only as a whole, in bytes.
const WHOLE: usize = 8 << 20;

/// A command on a host, whose output is a section.
pub struct Section {
    /// What it is about: `App`.
    pub title: String,
    /// What is behind the host's name.
    pub note: String,
    /// The host.
    pub host: HostName,
    /// The commands.
    pub commands: Commands,
    /// What they get.
    pub inputs: Inputs,
    /// How the output is shown.
    pub form: Form,
    /// How long nothing may be printed.
    pub silence: Option<Duration>,
}

/// How output is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// As it comes.
    Lines,
    /// A list of containers: those of this destination.
    Containers(Option<String>),
}

impl Section {
    /// Returns the section of what `command` prints on `host`.
    pub fn new(title: impl Into<String>, host: &HostName, command: Run) -> Self {
        Self {
            title: title.into(),
            note: String::new(),
            host: host.clone(),
            commands: Commands::of(command),
            inputs: Inputs::default(),
            form: Form::Lines,
            silence: Some(SILENCE),
        }
    }

    /// Returns the section of a role, which is named if the host has several.
    pub fn of_role(config: &Config, host: &HostName, role: &Role, command: Run) -> Self {
        let roles = config.roles.iter().filter(|role| role.hosts.contains(host));
        let note = match roles.count() {
            0 | 1 => String::new(),
            _ => format!(" ({})", role.name),
        };
        Self {
            note,
            ..Self::new("App", host, command)
        }
    }

    /// Sets how the output is shown.
    pub fn with(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// Returns the line above the output.
    fn head(&self) -> String {
        let line = format!("{} Host: {}{}", self.title, self.host, self.note);
        format!("{}\n", text::one_line(&line))
    }
}

/// A command that runs.
struct Running {
    section: Section,
    pieces: mpsc::Receiver<String>,
    end: JoinHandle<Result<CommandsEnded, links::Failure>>,
}

impl Reading {
    /// Runs all commands at once, and prints their output in the order of the sections. One that fails, or whose host does not answer,
    /// is noted.
    pub async fn show(&mut self, sections: Vec<Section>) -> Result<(), Failure> {
        let mut started = Vec::new();
        for section in sections {
            started.push(start(section, &self.links)?);
        }
        for running in started {
            self.print(running).await?;
        }
        Ok(())
    }

    async fn print(&mut self, mut running: Running) -> Result<(), Failure> {
        let head = running.section.head();
        let mut whole = String::new();
        let mut is_begun = false;
        while let Some(piece) = running.pieces.recv().await {
            if let Form::Containers(_) = running.section.form {
                if whole.len() < WHOLE {
                    whole += &piece;
                }
                continue;
            }
            if !std::mem::replace(&mut is_begun, true) {
                output::print(&head)?;
            }
            output::print(&self.clean(&piece))?;
        }
        let ended = running.end.await.map_err(Failure::internal)?;
        let ended = match ended {
            Ok(ended) => ended,
            Err(failure) => {
                self.note(&running.section.host, &failure);
                return Ok(());
            }
        };
        if !is_begun {
            output::print(&head)?;
        }
        if let Form::Containers(destination) = &running.section.form {
            let shown = match ended {
                CommandsEnded::Main(0) => listing::table(&whole, destination.as_deref()),
                _ => whole,
            };
            output::print(&self.clean(&shown))?;
        }
        output::print("\n")?;
        self.note_end(&running.section, ended);
        Ok(())
    }

    /// Returns output of a host without secrets, and without what a terminal acts on.
    pub fn clean(&self, text: &str) -> String {
        text::escape(&self.redactor.redact(text))
    }

    /// Notes that a host did not answer.
    pub fn note(&mut self, host: &HostName, failure: &links::Failure) {
        self.problems.push(connections::diagnostic(host, failure));
        if connections::exit_code(failure) == ExitCode::Unreachable {
            self.unreachable.insert(host.clone());
        }
    }

    fn note_end(&mut self, section: &Section, ended: CommandsEnded) {
        let program = match ended {
            CommandsEnded::Main(0) => return,
            CommandsEnded::Main(code) => {
                let line = text::command(&section.commands.main);
                format!("`{}` failed with status {code}", self.clean(&line))
            }
            CommandsEnded::Before => "the command could not be started".to_owned(),
        };
        let problem = Diagnostic::error(format!("{}: {program}", section.host));
        self.problems.push(problem);
    }
}

fn start(section: Section, links: &Arc<Links>) -> Result<Running, Failure> {
    let mark = digest::hex(&random::bytes::<16>()?);
    let (sender, pieces) = mpsc::channel(WAITING);
    let (host, links) = (section.host.clone(), links.clone());
    let (commands, inputs) = (section.commands.clone(), section.inputs.clone());
    let silence = section.silence;
    let end = tokio::spawn(async move {
        let linked = links.get(&host).await?;
        let ended = linked.run_commands(&commands, &inputs, &mark, silence, &sender);
        Ok(ended.await?)
    });
    Ok(Running {
        section,
        pieces,
        end,
    })
}

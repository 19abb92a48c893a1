//! The output of commands on hosts, in a section for each, as `App Host: 192.168.0.1`.

use std::sync::Arc;
use std::time::Duration;

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
use crate::redaction::LineRedactor;
use crate::text;
use crate::transport::pieces::{self, PieceReader};
use crate::transport::request::{Commands, CommandsEnded, Inputs};

/// How long a command that does not follow anything may print nothing.
const SILENCE: Duration = Duration::from_secs(120);

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
    /// What messages call the command; absent: as docker has it.
    pub shown: Option<String>,
    /// What to do if the command fails.
    pub help: Option<String>,
    /// What the audit log calls the command, if its failure is noted there.
    pub audited: Option<String>,
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
        Self::titled(title, host).running(command)
    }

    /// Returns a section that runs nothing yet.
    pub fn titled(title: impl Into<String>, host: &HostName) -> Self {
        Self {
            title: title.into(),
            note: String::new(),
            host: host.clone(),
            commands: Commands::of(Run::literal(["true"])),
            inputs: Inputs::default(),
            form: Form::Lines,
            silence: Some(SILENCE),
            shown: None,
            help: None,
            audited: None,
        }
    }

    /// Returns the section of a role, which is named if the host has several. It runs nothing yet.
    pub fn of_role(config: &Config, host: &HostName, role: &Role) -> Self {
        let roles = config.roles.iter().filter(|role| role.hosts.contains(host));
        let note = match roles.count() {
            0 | 1 => String::new(),
            _ => format!(" ({})", role.name),
        };
        Self {
            note,
            ..Self::titled("App", host)
        }
    }

    /// Sets the command.
    pub fn running(mut self, command: Run) -> Self {
        self.commands = Commands::of(command);
        self
    }

    /// Sets how the output is shown.
    pub fn with(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// Returns the host's name, and what is behind it.
    pub fn name(&self) -> String {
        text::one_line(&format!("{}{}", self.host, self.note))
    }

    /// Returns the line above the output.
    fn head(&self) -> String {
        let line = format!("{} Host: {}", self.title, self.name());
        format!("{}\n", text::one_line(&line))
    }
}

/// A command that runs.
pub(super) struct Running {
    pub section: Section,
    pub pieces: PieceReader,
    end: JoinHandle<Result<CommandsEnded, links::Failure>>,
}

impl Reading {
    /// Prints a section of one line about a role on a host.
    pub fn print_section(
        &self,
        config: &Config,
        (host, role): (&HostName, &Role),
        line: &str,
    ) -> Result<(), Failure> {
        let head = Section::of_role(config, host, role).head();
        output::print(&format!("{head}{}\n\n", self.clean(line))).map(drop)
    }

    /// Runs all commands at once, and prints their output in the order of the sections, until the user stops it. One that fails, or
    /// whose host does not answer, is noted.
    pub async fn show(&mut self, sections: Vec<Section>) -> Result<(), Failure> {
        tokio::select! {
            done = self.show_all(sections) => done,
            _ = tokio::signal::ctrl_c() => {
                self.links.close();
                Err(Failure::of(ExitCode::Interrupted, Vec::new()))
            }
        }
    }

    async fn show_all(&mut self, sections: Vec<Section>) -> Result<(), Failure> {
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
        let mut line = LineRedactor::new(self.redactor.clone());
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
            output::print(&shown(&line.add(&piece)))?;
        }
        output::print(&shown(&line.rest()))?;
        let form = running.section.form.clone();
        let Some(ended) = self.end(running).await? else {
            return Ok(());
        };
        if !is_begun {
            output::print(&head)?;
        }
        if let Form::Containers(destination) = form {
            let shown = match ended {
                CommandsEnded::Main(0) => listing::table(&whole, destination.as_deref()),
                _ => whole,
            };
            output::print(&self.clean(&shown))?;
        }
        output::print("\n").map(drop)
    }

    /// Waits for the end of commands, and notes it if it is not a success; nothing if there is none.
    pub(super) async fn end(&mut self, running: Running) -> Result<Option<CommandsEnded>, Failure> {
        match running.end.await.map_err(Failure::internal)? {
            Ok(ended) => {
                self.note_end(&running.section, ended);
                Ok(Some(ended))
            }
            Err(failure) => {
                self.note(&running.section.host, &failure);
                Ok(None)
            }
        }
    }

    /// Returns output of a host without secrets, and without what a terminal acts on.
    pub fn clean(&self, text: &str) -> String {
        text::escape(&self.redactor.redact(text))
    }

    /// Notes that a host did not answer. That it cannot be reached is noted once, however often it was asked.
    pub fn note(&mut self, host: &HostName, failure: &links::Failure) {
        let is_unreachable = connections::exit_code(failure) == ExitCode::Unreachable;
        if is_unreachable && !self.unreachable.insert(host.clone()) {
            return;
        }
        self.problems.push(connections::diagnostic(host, failure));
    }

    fn note_end(&mut self, section: &Section, ended: CommandsEnded) {
        let program = match ended {
            CommandsEnded::Main(0) => return,
            CommandsEnded::Main(code) => {
                let entry = section.audited.iter();
                let entry = entry.map(|entry| format!("{entry} failed with status {code}"));
                let host = &section.host;
                self.failed.extend(entry.map(|entry| (host.clone(), entry)));
                let line = || text::command(&section.commands.main);
                let line = section.shown.clone().unwrap_or_else(line);
                format!("`{}` failed with status {code}", self.clean(&line))
            }
            CommandsEnded::Before => "cannot create the container".to_owned(),
            CommandsEnded::Pattern => "grep cannot read the pattern of `-g`".to_owned(),
        };
        let problem = Diagnostic::error(format!("{}: {program}", section.host));
        self.problems.push(match &section.help {
            Some(help) => problem.help(help.clone()),
            None => problem,
        });
    }
}

/// Runs the commands of a section.
pub(super) fn start(section: Section, links: &Arc<Links>) -> Result<Running, Failure> {
    let mark = digest::hex(&random::bytes::<16>()?);
    let (sender, pieces) = pieces::pieces();
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

/// Returns what a host printed as it is shown. Docker ends the lines of its own errors as a terminal wants them.
fn shown(text: &str) -> String {
    text::escape(&text.replace("\r\n", "\n"))
}

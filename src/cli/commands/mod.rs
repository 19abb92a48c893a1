//! The commands, each in a file of its own.

mod accessory;
mod app;
mod apply;
mod audit;
mod build;
mod completions;
mod config;
mod deploy;
mod details;
mod diff;
mod digest;
mod envify;
mod healthcheck;
mod host;
mod init;
mod inspect;
mod lock;
mod man;
mod operations;
mod plan;
mod prune;
mod redeploy;
mod registry;
mod resolve;
mod rollback;
mod secrets;
mod server;
mod setup;
mod show;
mod sign;
mod status;
mod traefik;
mod verify;
mod version;

use std::ffi::OsString;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use rustix::process::{Resource, Rlimit};

use super::execution;
use super::failure::Failure;
use super::{alias, exec_line, output, short_hosts, terminal, usage};
use crate::exit_code::ExitCode;
use crate::transport::dependent;

/// Columns of help that is not shown on a terminal.
const COLUMNS: u16 = 80;

/// Deploy web apps as containers to hosts reached over SSH, behind Traefik, without downtime
///
/// Every change is first compiled into a plan, which can be reviewed, and then applied:
///
///   mrsk plan > plan.json     what exactly will run, on which host, and why
///   mrsk apply plan.json      run it; rerun to resume after a failure
///   mrsk deploy               plan and apply in one step
///   mrsk audit                what ran on each host, and from which plan
#[derive(Debug, Parser)]
#[command(
    name = "mrsk",
    version,
    verbatim_doc_comment,
    after_long_help = exit_codes(),
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create an example config/deploy.yml with its schema, .env, and entries for git and docker to ignore it
    Init(init::Args),
    /// Print a plan as JSON; its summary goes to standard error
    Plan(plan::Args),
    /// Apply a plan; rerun to resume
    Apply(apply::Args),
    /// Record how a step in doubt ended, so that the plan can be applied to its end
    Resolve(resolve::Args),
    #[command(flatten)]
    Operation(operations::Operation<operations::ApplyOptions, operations::RollbackOptions>),
    /// Show what serves on each host, what is wrong, and what to do next
    Status(status::Args),
    /// Show the containers of Traefik, the app and its accessories
    Details(details::Args),
    /// Containers of the app
    #[command(subcommand)]
    App(app::Command),
    /// Accessories, such as databases
    #[command(subcommand)]
    Accessory(accessory::Command),
    /// The app's image and its builder
    #[command(subcommand)]
    Build(build::Command),
    /// The reverse proxy in front of the app
    #[command(subcommand)]
    Traefik(traefik::Command),
    /// Show a plan for review
    Show(show::Args),
    /// Show what differs between two plans
    Diff(diff::Args),
    /// Print the digest of a plan, as `sign` signs it
    Digest(digest::Args),
    /// Sign a plan with an SSH key
    Sign(sign::Args),
    /// Check the signatures of a plan
    Verify(verify::Args),
    /// Print the state of the hosts as JSON
    Inspect(inspect::Args),
    /// Show what ran on each host
    Audit(audit::Args),
    /// Print the resolved configuration, which is not a deploy.yml, with secrets by name
    Config(config::Args),
    /// Write .env from the template .env.erb
    Envify(envify::Args),
    /// Read secrets from password managers
    #[command(subcommand)]
    Secrets(secrets::Command),
    /// Show, take or release the deploy lock, or have its holder stop
    Lock(lock::Args),
    /// Print the completions of a shell
    Completions(completions::Args),
    /// Print a manual page, or write all of them
    Man(man::Args),
    /// Print the version of mrsk
    Version,
}

/// Returns the exit codes as the long help lists them.
fn exit_codes() -> String {
    let mut text = "Exit codes:\n".to_owned();
    for exit in ExitCode::all() {
        text += &format!("  {:>3}  {}\n", exit.code(), exit.meaning());
    }
    text
}

/// Becomes a command that another process of this program has started; `None` if the command line is not of that kind. Otherwise returns
/// only if that fails: the status to end with.
pub fn become_command() -> Option<u8> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (first, rest) = arguments.split_first()?;
    (first == dependent::ARGUMENT).then(|| dependent::become_command(rest))
}

/// Runs the command line. Returns the status to end with.
pub fn run() -> u8 {
    forbid_core_dumps();
    dependent::end_with_this_process();
    output::hide_panics();
    alias::expand(std::env::args_os().collect())
        .and_then(|typed| {
            let arguments = short_hosts::expand(command_line, typed.clone());
            exec_line::expand(command_line, &typed, arguments)
        })
        .and_then(|arguments| parse(&arguments))
        .and_then(|cli| cli.map_or(Ok(0), |cli| dispatch(cli.command)))
        .unwrap_or_else(|failure| {
            output::print_diagnostics(&failure.diagnostics);
            failure.exit_code.code()
        })
}

/// Returns the commands and their options.
pub fn command_line() -> clap::Command {
    Cli::command()
}

/// Returns the command; `None` if it was help, which is printed.
fn parse(arguments: &[OsString]) -> Result<Option<Cli>, Failure> {
    if let Some(failure) = usage::one_dash(arguments) {
        return Err(failure);
    }
    let width = terminal::look(&std::io::stdout()).width.unwrap_or(COLUMNS);
    let mut command = with_aliases(Cli::command(), arguments).term_width(width.into());
    let mut is_nested = false;
    let parsed = command
        .try_get_matches_from_mut(arguments)
        .and_then(|matches| {
            let inner = matches
                .subcommand()
                .and_then(|(_, inner)| inner.subcommand());
            is_nested = inner.is_some();
            Cli::from_arg_matches(&matches)
        });
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            if let Some(failure) = usage::failure(&error, &command, arguments) {
                return Err(failure);
            }
            // Nothing can be done about a closed stream.
            let _ = error.print();
            return match error.use_stderr() {
                true => Err(Failure::of(ExitCode::Usage, Vec::new())),
                false => Ok(None),
            };
        }
    };
    let misplaced = || usage::misplaced(&Cli::command(), arguments);
    match is_nested.then(misplaced).flatten() {
        None => Ok(Some(cli)),
        Some(message) => Err(Failure::new(ExitCode::Usage, message)),
    }
}

/// Adds the aliases of the project to the help of `command`, if `arguments` ask for that.
fn with_aliases(command: clap::Command, arguments: &[OsString]) -> clap::Command {
    let asks_for_help = match arguments.get(1..) {
        Some([]) => true,
        Some([only]) => ["help", "--help", "-h"].iter().any(|name| only == name),
        _ => false,
    };
    let aliases = match asks_for_help {
        true => alias::all(),
        false => Vec::new(),
    };
    if aliases.is_empty() {
        return command;
    }
    let width = aliases.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut text = "Aliases of this project:\n".to_owned();
    for (name, line) in aliases {
        text += &format!("  {name:<width$}  {line}\n");
    }
    let long = format!("{text}\n{}", exit_codes());
    command.after_help(text).after_long_help(long)
}

/// A core dump would hold the values of secrets. The processes that this one starts inherit the limit.
fn forbid_core_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Lowering a limit needs no right, so it cannot fail.
    let _ = rustix::process::setrlimit(Resource::Core, none);
}

fn dispatch(command: Command) -> Result<u8, Failure> {
    match &command {
        Command::Apply(_) => execution::check_allowed("apply")?,
        Command::Resolve(_) => execution::check_allowed("resolve")?,
        Command::Operation(operation) => execution::check_allowed(operation.name())?,
        Command::App(app::Command::Operation(_)) => execution::check_allowed("app")?,
        Command::Accessory(accessory::Command::Operation(_)) => {
            execution::check_allowed("accessory")?;
        }
        Command::Build(build::Command::Operation(_)) => execution::check_allowed("build")?,
        Command::App(app::Command::Exec(_)) => execution::check_allowed("app exec")?,
        Command::Accessory(accessory::Command::Exec(_)) => {
            execution::check_allowed("accessory exec")?;
        }
        Command::Traefik(traefik::Command::Operation(_)) => execution::check_allowed("traefik")?,
        Command::Envify(_) => execution::check_allowed("envify")?,
        Command::Secrets(secrets::Command::Print(_)) => execution::check_allowed("secrets print")?,
        _ => {}
    }
    let done = match command {
        Command::Init(args) => init::run(args),
        Command::Plan(args) => block_on(plan::run(args)),
        Command::Apply(args) => block_on(apply::run(args)),
        Command::Resolve(args) => block_on(resolve::run(args)),
        Command::Operation(operation) => block_on(operations::run(operation.split())),
        Command::Status(args) => block_on(status::run(args)),
        Command::Details(args) => block_on(details::run(args)),
        Command::App(command) => return block_on(app::run(command)),
        Command::Accessory(command) => return block_on(accessory::run(command)),
        Command::Build(command) => block_on(build::run(command)),
        Command::Traefik(command) => block_on(traefik::run(command)),
        Command::Show(args) => block_on(show::run(args)),
        Command::Diff(args) => diff::run(args),
        Command::Digest(args) => digest::run(args),
        Command::Sign(args) => sign::run(args),
        Command::Verify(args) => block_on(verify::run(args)),
        Command::Inspect(args) => block_on(inspect::run(args)),
        Command::Audit(args) => block_on(audit::run(args)),
        Command::Config(args) => config::run(args),
        Command::Envify(args) => envify::run(args),
        Command::Secrets(command) => secrets::run(command),
        Command::Lock(args) => block_on(lock::run(args)),
        Command::Completions(args) => completions::run(args, command_line()),
        Command::Man(args) => man::run(args, command_line()),
        Command::Version => version::run(),
    };
    done.map(ExitCode::code)
}

/// Starts the runtime: only the commands that talk to hosts need one.
/// How long what the runtime does besides may take once the command has ended.
const QUESTION_LIMIT: Duration = Duration::from_millis(200);

fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            let message = format!("cannot start the runtime: {error}");
            Failure::new(ExitCode::Failed, message)
        })?;
    let ended = runtime.block_on(command);
    // A question that nobody answers, since a signal has ended the command, is not waited for.
    runtime.shutdown_timeout(QUESTION_LIMIT);
    ended
}

#[cfg(test)]
mod tests {
    use super::{Cli, CommandFactory};

    #[test]
    fn every_command_and_option_is_well_formed() {
        Cli::command().debug_assert();
    }
}

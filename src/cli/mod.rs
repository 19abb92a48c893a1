//! The command line: one file for each command, which wires, calls and renders.

mod apply;
mod args;
mod audit;
mod config;
mod deploy;
mod envify;
pub mod exit;
mod facts;
mod init;
mod inspect;
mod lock;
mod observer;
mod plan;
mod project;
mod run;
mod show;
mod version;
mod world;

use clap::{Parser, Subcommand};

use crate::exit_code::ExitCode;
use crate::plan::OperationKind;
use exit::Failure;

/// Deploy web apps as containers to hosts reached over SSH, behind Traefik, without downtime
///
/// Every change is first compiled into a plan, which can be reviewed, and then applied:
///
///   mrsk plan > plan.json     what exactly will run, on which host, and why
///   mrsk apply plan.json      run it; run it again to resume after a failure
///   mrsk audit                what ran on each host, from which plan
#[derive(Debug, Parser)]
#[command(
    name = "mrsk",
    version,
    verbatim_doc_comment,
    after_long_help = exit_codes(),
    arg_required_else_help = true
)]
struct Cli {
    /// Show each command as it starts, and what it printed
    #[arg(short, long, global = true)]
    verbose: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write an example of config/deploy.yml and .env, and have git ignore .env
    Init,
    /// Print the plan of a deploy as JSON, and show it on standard error
    Plan(plan::Args),
    /// Apply a plan, or finish one that was begun
    Apply(apply::Args),
    /// Plan a deploy and apply it at once
    Deploy(deploy::Args),
    /// Deploy, and replace also containers that run the version; prepare no host, and prune nothing
    Redeploy(deploy::Args),
    /// Prepare the hosts, start the accessories, and deploy
    Setup(deploy::Args),
    /// Start accessories
    #[command(subcommand)]
    Accessory(deploy::AccessoryCommand),
    /// Show a plan for review
    Show(show::Args),
    /// Print what is known about the hosts as JSON
    Inspect(inspect::Args),
    /// Show what ran on each host
    Audit(audit::Args),
    /// Print the resolved configuration, with secrets as names
    Config(config::Args),
    /// Write .env from the template .env.erb
    Envify(envify::Args),
    /// See who holds the deploy lock, or free it
    Lock(lock::Args),
    /// Print the version of mrsk
    Version,
}

/// Runs the command line and returns the exit code.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&error),
    };
    match dispatch(cli) {
        Ok(code) => code,
        Err(failure) => failure.print(),
    }
}

/// Returns the exit codes as the long help lists them.
fn exit_codes() -> String {
    let mut text = "Exit codes:\n".to_owned();
    for exit in ExitCode::all() {
        text += &format!("  {:>3}  {}\n", exit.code(), exit.meaning());
    }
    text
}

fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    let verbose = cli.verbose;
    match cli.command {
        Command::Init => init::run(),
        Command::Plan(args) => block_on(plan::run(args)),
        Command::Apply(args) => block_on(apply::run(args, verbose)),
        Command::Deploy(args) => block_on(deploy::run(args, OperationKind::Deploy, verbose)),
        Command::Redeploy(args) => block_on(deploy::run(args, OperationKind::Redeploy, verbose)),
        Command::Setup(args) => block_on(deploy::setup(args, verbose)),
        Command::Accessory(deploy::AccessoryCommand::Boot(args)) => {
            block_on(deploy::boot(args, verbose))
        }
        Command::Show(args) => show::run(args),
        Command::Inspect(args) => block_on(inspect::run(args)),
        Command::Audit(args) => block_on(audit::run(args)),
        Command::Config(args) => config::run(args),
        Command::Envify(args) => envify::run(args),
        Command::Lock(args) => block_on(lock::run(args)),
        Command::Version => version::run(),
    }
}

/// Starts the runtime: only the commands that talk to hosts need one.
fn block_on(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new(
                ExitCode::Failed,
                format!("the runtime cannot be started: {error}"),
            )
        })?;
    runtime.block_on(work)
}

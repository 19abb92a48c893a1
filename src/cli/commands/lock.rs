//! `mrsk lock`

use clap::Subcommand;

use crate::apply::links::{self, Links};
use crate::cli::execution::Execution;
use crate::cli::failure::Failure;
use crate::cli::held::{described, ways_out};
use crate::cli::options::{LinkOptions, ProjectOptions, parse_message};
use crate::cli::project::Project;
use crate::cli::{connections, git, output};
use crate::exit_code::ExitCode;
use crate::name::HostName;
use crate::record::{LockAnswer, LockDetails, Scope, StopRequest};
use crate::redaction::Redactor;
use crate::report::behind_others;
use crate::text;
use crate::transport::answer::{LockState, ReleaseAnswer, StopAnswer};
use crate::transport::request::{Holder, LockTerms};

/// Arguments of `mrsk lock`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    project: ProjectOptions,
    #[command(flatten)]
    link: LinkOptions,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Show who holds the lock, and whether that run is alive
    Status,
    /// Take the lock by hand: nothing is deployed until `mrsk lock release`
    Acquire {
        /// Why, for those who find it
        #[arg(short, long, value_name = "MESSAGE", value_parser = parse_message)]
        message: String,
    },
    /// Have the run that holds the lock stop as at Ctrl-C: it ends waits, finishes begun switches, and releases the lock
    RequestStop {
        /// Why, for those who watch that run
        #[arg(short, long, value_name = "MESSAGE", value_parser = parse_message)]
        message: String,
    },
    /// Release the lock of a dead run or of a person
    Release {
        /// Release it even if its run is alive: that run quits at once
        #[arg(long)]
        force: bool,
    },
}

/// Shows, takes or releases the deploy lock on the primary host.
pub async fn run(args: Args) -> Result<ExitCode, Failure> {
    let execution = Execution::of_environment();
    let project = Project::load(&args.project, &execution)?;
    let config = project.config();
    let Some(host) = config.primary_host() else {
        let message = "the configuration has no hosts";
        return Err(Failure::new(ExitCode::Configuration, message));
    };
    let redactor = project.redactor(&args.project, &execution);
    let links = connections::to_configured(&args.link, &project, &execution)?;
    let scope = Scope {
        service: config.service.clone(),
        destination: config.destination.clone(),
    };
    let lock = Lock {
        links: &links,
        host,
        scope: &scope,
        redactor: &redactor,
    };
    let answer = match args.command {
        Command::Status => status(lock).await,
        Command::Acquire { message } => acquire(lock, message).await,
        Command::RequestStop { message } => request_stop(lock, &message).await,
        Command::Release { force: true } => release(lock, Holder::Any).await,
        Command::Release { force: false } => release(lock, Holder::Silent).await,
    };
    links.close();
    let shown = answer.map_err(|failure| {
        let problem = connections::diagnostic(host, &failure);
        Failure::of(connections::exit_code(&failure), vec![problem])
    })?;
    output::print(&text::escape(&redactor.redact(&shown?)))
}

/// The lock of a service and destination on its primary host.
#[derive(Clone, Copy)]
struct Lock<'a> {
    links: &'a Links,
    host: &'a HostName,
    scope: &'a Scope,
    redactor: &'a Redactor,
}

type Answer = Result<Result<String, Failure>, links::Failure>;

const FREE: &str = "the deploy lock is free\n";

async fn status(lock: Lock<'_>) -> Answer {
    let host = lock.links.get(lock.host).await?;
    let state = host.lock_status(lock.scope).await?;
    Ok(Ok(state.map_or_else(
        || FREE.to_owned(),
        |state| described(&state),
    )))
}

async fn acquire(lock: Lock<'_>, message: String) -> Answer {
    let details = LockDetails {
        locked_by: git::user_name().await,
        at: jiff::Timestamp::now()
            .strftime("%Y-%m-%d %H:%M:%S UTC")
            .to_string(),
        version: git::head().await.unwrap_or_default(),
        message: lock.redactor.redact(&message),
        ..LockDetails::default()
    };
    let host = lock.links.get(lock.host).await?;
    let terms = LockTerms::default();
    let (text, beat_age) = match host.lock(lock.scope, &details, &terms).await? {
        LockAnswer::Acquired { .. } => return Ok(Ok("acquired the deploy lock\n".to_owned())),
        LockAnswer::Held { details, beat_age }
        | LockAnswer::Open {
            details, beat_age, ..
        } => (details.render(), Some(beat_age)),
        LockAnswer::Foreign { text } => (text, None),
        LockAnswer::Queued { ahead } => (behind_others(ahead), None),
    };
    let state = LockState { text, beat_age };
    let holder = described(&state);
    let message = format!(
        "the deploy lock is held:\n{}",
        text::escape(&lock.redactor.redact(holder.trim_end()))
    );
    Ok(Err(
        Failure::new(ExitCode::Locked, message).help(ways_out(&state))
    ))
}

async fn request_stop(lock: Lock<'_>, message: &str) -> Answer {
    let request = StopRequest {
        person: git::user_name().await,
        message: lock.redactor.redact(message),
    };
    let host = lock.links.get(lock.host).await?;
    Ok(match host.request_stop(lock.scope, &request).await? {
        StopAnswer::Requested(state) => Ok(format!(
            "asked this run to stop; it reads that with its next heartbeat, and finishes switches that have begun:\n{}",
            described(&state)
        )),
        StopAnswer::NotHeld => Ok(FREE.to_owned()),
        StopAnswer::NoRun(state) => {
            let holder = text::escape(&lock.redactor.redact(described(&state).trim_end()));
            let message = format!("no running command holds the deploy lock:\n{holder}");
            Err(Failure::new(ExitCode::Locked, message)
                .help("ask the person who holds it, or release it with `mrsk lock release`"))
        }
    })
}

async fn release(lock: Lock<'_>, whose: Holder) -> Answer {
    let person = git::user_name().await;
    let host = lock.links.get(lock.host).await?;
    Ok(match host.release_any(lock.scope, whose, &person).await? {
        ReleaseAnswer::Released => Ok("released the deploy lock\n".to_owned()),
        ReleaseAnswer::NotHeld | ReleaseAnswer::NotOurs => Ok(FREE.to_owned()),
        ReleaseAnswer::Alive(state) => {
            let holder = text::escape(&lock.redactor.redact(described(&state).trim_end()));
            let message = format!("the run that holds the deploy lock is alive:\n{holder}");
            Err(Failure::new(ExitCode::Locked, message).help(
                "wait for it, or have it stop with `mrsk lock request-stop -m MESSAGE`; `mrsk lock release --force` makes it quit at once",
            ))
        }
    })
}

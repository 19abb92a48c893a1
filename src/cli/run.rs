//! Applies a plan and reports how it went: what `mrsk apply` and `mrsk deploy` share.

use std::path::Path;
use std::sync::Arc;

use super::args::LinkArgs;
use super::exit::Failure;
use super::observer::{Format, Screen, Watch};
use super::{facts, project};
use crate::apply::driver::{self, Job};
use crate::apply::links::Links;
use crate::apply::preflight::{self, Lack, Missing, Runner};
use crate::apply::state::Options;
use crate::config::dotenv::files_shown;
use crate::diagnostic::Diagnostic;
use crate::digest;
use crate::exit_code::ExitCode;
use crate::facts::Query;
use crate::journal::{Journal, PlanStore};
use crate::name::RunId;
use crate::name::StepId;
use crate::plan::resume::{Evidence, Status, resume};
use crate::plan::shape::Shape;
use crate::plan::{Plan, wire};
use crate::record::{LockDetails, Scope};
use crate::transport::request::Place;

/// Options of commands that apply a plan.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct RunArgs {
    /// Go on with other hosts after one has failed, and without those that cannot be reached
    #[arg(long)]
    keep_going: bool,

    /// Stop once this many hosts have failed [default: 1, or none with --keep-going]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_failures: Option<u32>,

    /// Wait that long for the deploy lock
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    lock_wait: u64,

    /// Take the deploy lock on this host of the plan, where the usual one is dead
    #[arg(long, value_name = "HOST")]
    lock_host: Option<crate::name::HostName>,

    /// How the run is reported
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Applies `plan`; returns the exit code.
pub(super) async fn apply(
    mut plan: Plan,
    runner: &dyn Runner,
    links: Arc<Links>,
    args: &RunArgs,
    link: &LinkArgs,
    verbose: bool,
) -> Result<ExitCode, Failure> {
    let root = project::root().await?;
    let (inputs, missing) = preflight::collect(&plan, runner, &root).await;
    if !missing.is_empty() {
        let outstanding = still_needed(&plan, &links, missing).await;
        refuse(outstanding, plan.operation.destination.as_deref())
            .inspect_err(|_| links.close())?;
    }
    let run = RunId::new(digest::hex(&facts::random::<16>()?));
    let store =
        PlanStore::new(Path::new(""), &plan.digest).map_err(|error| journal_failure(&error))?;
    let text =
        wire::to_json(&plan).map_err(|error| Failure::new(ExitCode::Failed, error.to_string()))?;
    store
        .save(text.as_bytes())
        .map_err(|error| journal_failure(&error))?;
    let journal = Journal::open(Path::new(""), &plan.digest, run.clone())
        .map_err(|error| journal_failure(&error))?;
    if let Some(host) = &args.lock_host {
        if !plan.hosts.contains_key(host) {
            return Err(Failure::new(
                ExitCode::Usage,
                format!("--lock-host {host} is not a host of the plan"),
            ));
        }
        plan.lock_host = host.clone();
    }
    let details = details(&plan, &run).await;
    let plan = Arc::new(plan);
    let job = Job {
        plan: plan.clone(),
        options: Options {
            parallel: link.parallel.into(),
            keep_going: args.keep_going,
            max_failures: args.max_failures,
            lock_wait_seconds: args.lock_wait,
            ..Options::new(run)
        },
        links,
        inputs,
        query: query(&plan),
        root,
        details,
    };
    let mut screen = Screen::new();
    let path = store.plan().display().to_string();
    let reporter = screen.reporter(args.format, &plan, &path, verbose);
    let mut watch = Watch::new(reporter, journal);
    let ended = driver::run(job, &mut watch).await.map_err(|error| {
        Failure::new(
            ExitCode::Damaged,
            format!("the plan's steps make no graph: {error}"),
        )
    })?;
    watch.finish(&ended);
    Ok(ended.outcome.exit_code())
}

fn journal_failure(error: &std::io::Error) -> Failure {
    Failure::new(
        ExitCode::Failed,
        format!("the journal below .mrsk cannot be written: {error}"),
    )
    .help("nothing was changed; make the current directory writable")
}

/// Returns what hosts are asked while a plan is applied.
fn query(plan: &Plan) -> Query {
    let repository = plan
        .image
        .reference
        .rsplit_once(':')
        .map_or("", |(repository, _)| repository);
    let ports = plan
        .hosts
        .values()
        .flat_map(|host| &host.relies_on)
        .filter_map(|reliance| {
            reliance
                .fact
                .strip_prefix("/ports/")?
                .split('/')
                .next()?
                .parse()
                .ok()
        });
    Query {
        service: plan.service.clone(),
        destination: plan.operation.destination.clone(),
        ports: ports.collect(),
        repository: repository.to_owned(),
        ..Query::default()
    }
}

async fn details(plan: &Plan, run: &RunId) -> LockDetails {
    let destination = plan.operation.destination.as_deref();
    let message = match destination {
        Some(destination) => format!("Automatic deploy lock ({destination})"),
        None => "Automatic deploy lock".to_owned(),
    };
    LockDetails {
        locked_by: project::who().await,
        at: jiff::Timestamp::now()
            .strftime("%Y-%m-%d %H:%M:%S UTC")
            .to_string(),
        version: plan.version.clone(),
        message,
        run: Some(run.clone()),
        generation: 1,
        plan: Some(plan.digest.clone()),
    }
}

/// Returns what steps still need that are not done: only then it matters that it is missing.
async fn still_needed(plan: &Plan, links: &Arc<Links>, missing: Vec<Missing>) -> Vec<Missing> {
    let Ok(shape) = Shape::new(plan) else {
        return missing;
    };
    let mut evidence = Evidence::default();
    for (host, entry) in &plan.hosts {
        let Ok(linked) = links.get(host).await else {
            continue;
        };
        let place = Place {
            scope: Scope {
                service: plan.service.clone(),
                destination: plan.operation.destination.clone(),
            },
            state_dir: entry
                .state_dir
                .clone()
                .unwrap_or_else(|| crate::apply::links::assumed_state_dir(&entry.ssh.user)),
            plan: plan.digest.clone(),
        };
        if let Ok(attempts) = linked.list(&place).await {
            evidence.begun |= !attempts.is_empty();
            evidence.attempts.insert(host.clone(), attempts);
        }
    }
    let statuses = resume(plan, &shape, &evidence);
    let done = |id: &StepId| {
        plan.steps.iter().zip(&statuses).any(|(step, status)| {
            step.id == *id && matches!(status, Status::Done | Status::Tolerated)
        })
    };
    missing
        .into_iter()
        .filter(|missing| !missing.steps.iter().all(done))
        .collect()
}

/// Refuses to begin without what outstanding steps need.
fn refuse(missing: Vec<Missing>, destination: Option<&str>) -> Result<(), Failure> {
    if missing.is_empty() {
        return Ok(());
    }
    let is_stale = missing
        .iter()
        .all(|missing| matches!(missing.what, Lack::Source(_)));
    let diagnostics = missing
        .into_iter()
        .map(|missing| diagnostic(missing, destination))
        .collect();
    let code = if is_stale {
        ExitCode::Stale
    } else {
        ExitCode::Configuration
    };
    Err(Failure::of(code, diagnostics))
}

fn diagnostic(missing: Missing, destination: Option<&str>) -> Diagnostic {
    let steps: Vec<&str> = missing
        .steps
        .iter()
        .take(3)
        .map(|step| step.as_str())
        .collect();
    let steps = match missing.steps.len() {
        more if more > steps.len() => {
            format!("{} and {} more", steps.join(", "), more - steps.len())
        }
        _ => steps.join(", "),
    };
    match missing.what {
        Lack::Variable(name) => Diagnostic::error(format!("`{name}` is not set, and needed by {steps}"))
            .help(format!(
                "set {name} in the environment, or write it to {}; nothing was changed",
                files_shown(destination)
            )),
        Lack::File { path, problem } => Diagnostic::error(format!("{path}: {problem}; needed by {steps}"))
            .help("apply where the plan's files are, as in a clone of the same commit; nothing was changed"),
        Lack::Template { place, problem, help } => {
            let error = Diagnostic::error(format!("{problem}; needed by {steps}"));
            let help = help.map_or_else(String::new, |help| format!("{help}; "));
            let error = error.help(format!("{help}nothing was changed"));
            match place {
                Some(place) => error.at(place),
                None => error,
            }
        }
        Lack::Source(problem) => Diagnostic::error(format!("the image cannot be built as planned: {problem}"))
            .help("check out what the plan was made from, or plan again; nothing was changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_differing_source_is_stale() {
        let missing = |what| Missing {
            what,
            steps: [crate::name::StepId::from("local/image/v1/build")].into(),
        };
        let source = || missing(Lack::Source("another commit".into()));
        let secret = || missing(Lack::Variable("KEY".into()));
        assert!(refuse(Vec::new(), None).is_ok());
        assert_eq!(
            refuse(vec![source()], None).unwrap_err().code(),
            ExitCode::Stale
        );
        assert_eq!(
            refuse(vec![source(), secret()], None).unwrap_err().code(),
            ExitCode::Configuration
        );
    }
}

//! Applies a plan and reports how it went: what `mrsk apply` and `mrsk OPERATION` share.

use std::path::Path;
use std::sync::Arc;

use super::approval::Approved;
use super::failure::Failure;
use super::options::LinkOptions;
use super::preemption::UrgencyOptions;
use super::screen::{Format, Screen};
use super::secret_reader::{Reader, Values};
use super::{confirmation, git, missing, output, random, registry};
use crate::apply::clock::BootClock;
use crate::apply::driver::{self, Job};
use crate::apply::links::Links;
use crate::apply::preflight;
use crate::apply::state::{AtEnd, Options, Outcome};
use crate::diagnostic::Diagnostic;
use crate::digest;
use crate::exit_code::ExitCode;
use crate::facts::Query;
use crate::journal::{Journal, PlanStore};
use crate::name::{HostName, RunId};
use crate::plan::mentions::Mentions;
use crate::plan::{Plan, wire};
use crate::record::{LockDetails, TakeOver};
use crate::redaction;
use crate::report::{Planner, Resume, Verbosity};
use crate::secret::Secrets;
use crate::text;

/// Options of commands that apply a plan.
#[derive(Debug, Clone, clap::Args)]
pub struct RunOptions {
    /// Continue on other hosts after one has failed, and without unreachable hosts
    #[arg(long)]
    keep_going: bool,

    /// Stop after N failed hosts [default: 1; with --keep-going: none]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_failures: Option<u32>,

    /// Wait up to SECONDS for the deploy lock
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    lock_wait: u64,

    /// Take the deploy lock on HOST instead of the planned lock host; use only if that one is dead
    #[arg(long, value_name = "HOST")]
    lock_host: Option<HostName>,

    /// Take over the lock of a dead run of another plan also if its release command or hook has not ended
    #[arg(long)]
    take_over: bool,

    /// Report format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Show each step's command and output
    #[arg(short, long)]
    verbose: bool,

    /// What the commands that have these options say of the lock.
    #[arg(skip)]
    urgency: UrgencyOptions,

    /// The run that holds the lock already; `None`: this one takes it.
    #[arg(skip)]
    run: Option<RunId>,

    /// Who plans again if the plan is stale.
    #[arg(skip)]
    planner: Planner,
}

impl RunOptions {
    /// Returns these options with what is said of the lock.
    pub fn with_urgency(self, urgency: UrgencyOptions) -> Self {
        Self { urgency, ..self }
    }

    /// Returns what is said of the lock.
    pub fn urgency(&self) -> &UrgencyOptions {
        &self.urgency
    }

    /// Returns these options for `run`, if that holds the lock already.
    pub fn for_run(&self, run: Option<RunId>) -> Self {
        Self {
            run,
            ..self.clone()
        }
    }

    /// Returns what becomes of the lock of a dead run that has left something open.
    pub fn take_over(&self) -> TakeOver {
        match self.take_over {
            true => TakeOver::Always,
            false => TakeOver::UnlessOpen,
        }
    }

    /// Returns whether these options are for a run that holds the lock already.
    pub fn has_lock(&self) -> bool {
        self.run.is_some()
    }

    /// Returns these options for a plan that `planner` makes again if it is stale.
    pub fn planned_by(self, planner: Planner) -> Self {
        Self { planner, ..self }
    }

    /// Returns how many seconds the deploy lock is waited for.
    pub fn lock_wait(&self) -> u64 {
        self.lock_wait
    }

    /// Returns the host that holds the deploy lock instead of the one that is planned.
    pub fn lock_host(&self) -> Option<&HostName> {
        self.lock_host.as_ref()
    }
}

/// Applies `plan`, which was approved as `approved` says, and reports how it ended. If a dead run has left something open, a person who
/// can be asked decides whether its lock is taken over.
pub async fn apply(
    plan: Plan,
    approved: &Approved,
    values: Arc<Values>,
    links: Arc<Links>,
    options: &RunOptions,
    link: &LinkOptions,
) -> Result<Outcome, Failure> {
    let once = |options: RunOptions| {
        let (plan, values, links) = (plan.clone(), values.clone(), links.clone());
        async move { apply_once(plan, approved, values, links, &options, link).await }
    };
    let outcome = once(options.clone()).await?;
    let asks = matches!(outcome, Outcome::LeftOpen { .. }) && options.format == Format::Text;
    if !asks || !confirmation::can_ask() || !confirmation::takes_over().await {
        return Ok(outcome);
    }
    links.reopen().await;
    let options = RunOptions {
        take_over: true,
        ..options.clone()
    };
    once(options).await
}

async fn apply_once(
    mut plan: Plan,
    approved: &Approved,
    values: Arc<Values>,
    links: Arc<Links>,
    options: &RunOptions,
    link: &LinkOptions,
) -> Result<Outcome, Failure> {
    let moved_to = options.lock_host.as_ref();
    let moved_to = moved_to.filter(|host| **host != plan.lock_host);
    if let Some(host) = moved_to {
        check_lock_host(&plan, host)?;
    }
    let root = git::root().await?;
    let (inputs, missing) = preflight::collect(&plan, &*values, &root).await;
    warn_of_short(&inputs.secrets);
    let known = missing.iter().map(|missing| missing.what.clone()).collect();
    missing::check(&plan, &links, missing)
        .await
        .inspect_err(|_| links.close())?;
    let docker_config = registry::docker_config(&plan, &inputs).inspect_err(|_| links.close())?;
    let run = match &options.run {
        Some(run) => run.clone(),
        None => RunId::from(digest::hex(&random::bytes::<16>()?)),
    };
    let (store, mut journal) = journal(&plan, approved, &run)?;
    // The stored plan keeps its own lock host, as its digest covers it.
    if let Some(host) = moved_to {
        plan.lock_host = host.clone();
    }
    let details = lock_details(&plan, &run).await;
    let message = options.urgency.hold.as_deref();
    let hold = LockDetails {
        message: inputs.redactor().redact(message.unwrap_or_default()),
        run: None,
        ..details.clone()
    };
    let plan = Arc::new(plan);
    let reader = Reader {
        plan: plan.clone(),
        values,
        root: root.clone(),
        known,
    };
    let job = Job {
        plan: plan.clone(),
        secrets: Arc::new(reader),
        options: Options {
            parallel: link.parallel().into(),
            keep_going: options.keep_going,
            max_failures: options.max_failures,
            lock_wait_seconds: options.lock_wait,
            take_over: options.take_over(),
            at_end: match message {
                Some(_) => AtEnd::Hold,
                None => AtEnd::Release,
            },
            ..Options::new(run)
        },
        clock: Box::new(BootClock),
        links,
        inputs,
        query: query(&plan),
        root,
        docker_config,
        details,
        hold,
    };
    let mut screen = Screen::new();
    let resume = Resume {
        plan: store.plan().display().to_string(),
        options: repeated(approved, options, moved_to),
        planner: options.planner,
    };
    let verbosity = match options.verbose {
        true => Verbosity::Verbose,
        false => Verbosity::Normal,
    };
    let mut reporter = screen.reporter(options.format, &plan, resume, verbosity);
    let mut append = |entry: &_| journal.append(jiff::Timestamp::now(), entry);
    let ended = driver::run(job, &mut *reporter, &mut append).await;
    ended.map_err(|error| {
        let message = format!("the plan's steps do not form a valid graph: {error}");
        Failure::new(ExitCode::Damaged, message)
    })
}

/// Returns the arguments with which the run is resumed.
fn repeated(
    approved: &Approved,
    options: &RunOptions,
    lock_host: Option<&HostName>,
) -> Vec<String> {
    let mut repeated = approved.arguments.clone();
    repeated.extend(options.keep_going.then(|| "--keep-going".to_owned()));
    if let Some(host) = lock_host {
        repeated.extend(["--lock-host".to_owned(), host.to_string()]);
    }
    if let Some(message) = &options.urgency.hold {
        repeated.extend(["--hold".to_owned(), message.clone()]);
    }
    repeated
}

/// Refuses a lock host that is not of `plan`.
pub fn check_lock_host(plan: &Plan, host: &HostName) -> Result<(), Failure> {
    if plan.hosts.contains_key(host) {
        return Ok(());
    }
    let message = format!("--lock-host: {host} is not a host of the plan");
    Err(Failure::new(ExitCode::Usage, message))
}

/// Warns of secrets that cannot be redacted in what hosts and commands print.
fn warn_of_short(secrets: &Secrets) {
    let names = redaction::unsearchable(secrets);
    if !names.is_empty() {
        let message = format!(
            "values shorter than {} bytes are not redacted in output: {}",
            redaction::SHORTEST,
            text::list(&names)
        );
        output::print_diagnostics(&[Diagnostic::warning(message)]);
    }
}

/// Stores the plan and opens the journal of the run.
fn journal(plan: &Plan, approved: &Approved, run: &RunId) -> Result<(PlanStore, Journal), Failure> {
    let text = wire::to_json(plan).map_err(Failure::internal)?;
    let open = || {
        let store = PlanStore::new(Path::new(""), &plan.digest)?;
        store.save(text.as_bytes(), approved.signatures.as_deref())?;
        let journal = Journal::open(Path::new(""), &plan.digest, run.clone())?;
        Ok((store, journal))
    };
    open().map_err(|error: std::io::Error| {
        let message = format!("cannot write the journal below .mrsk: {error}");
        Failure::new(ExitCode::Failed, message)
            .help("make the current directory writable; nothing was changed")
    })
}

/// Returns what hosts are asked while a plan is applied.
pub fn query(plan: &Plan) -> Query {
    let repository = plan.image.reference.rsplit_once(':');
    let repository = repository.map_or("", |(repository, _)| repository);
    let reliances = plan.hosts.values().flat_map(|host| &host.relies_on);
    let ports = reliances.filter_map(|reliance| {
        let path = reliance.fact.strip_prefix("/ports/")?;
        path.split('/').next()?.parse().ok()
    });
    let named = Mentions::of(plan);
    let of_app = |image: &String| {
        let rest = image.strip_prefix(repository);
        rest.is_some_and(|rest| rest.starts_with([':', '@']))
    };
    Query {
        service: plan.service.clone(),
        destination: plan.operation.destination.clone(),
        containers: Vec::from_iter(named.containers),
        images: named
            .images
            .into_iter()
            .filter(|image| !of_app(image))
            .collect(),
        paths: Vec::from_iter(named.paths),
        ports: ports.collect(),
        repository: repository.to_owned(),
        ..Query::default()
    }
}

async fn lock_details(plan: &Plan, run: &RunId) -> LockDetails {
    let message = match &plan.operation.destination {
        Some(destination) => format!("Automatic deploy lock ({destination})"),
        None => "Automatic deploy lock".to_owned(),
    };
    LockDetails {
        locked_by: git::user_name().await,
        at: jiff::Timestamp::now()
            .strftime("%Y-%m-%d %H:%M:%S UTC")
            .to_string(),
        version: plan.version.clone().unwrap_or_default(),
        message,
        run: Some(run.clone()),
        generation: 1,
        plan: Some(plan.digest.clone()),
    }
}

//! Applies a plan and reports how it went: what `mrsk apply` and `mrsk OPERATION` share.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::approval::Approved;
use super::deploy_lock::{Taken, UrgencyOptions};
use super::failure::Failure;
use super::options::LinkOptions;
use super::screen::{Format, Screen};
use super::secret_reader::{Reader, Values};
use super::{confirmation, git, missing, output, random, registry};
use crate::apply::clock::BootClock;
use crate::apply::driver::{self, Ahead, Job, Observer};
use crate::apply::links::Links;
use crate::apply::preflight;
use crate::apply::state::{AtEnd, Options, Outcome};
use crate::diagnostic::Diagnostic;
use crate::digest;
use crate::exit_code::ExitCode;
use crate::facts::Query;
use crate::facts::model::HostFacts;
use crate::journal::{Journal, PlanStore};
use crate::name::{HostName, RunId};
use crate::plan::mentions::Mentions;
use crate::plan::shape::ShapeError;
use crate::plan::{Plan, wire};
use crate::record::{LockDetails, TakeOver};
use crate::redaction;
use crate::report::{Planner, Reporter, Resume, Verbosity};
use crate::secret::Secrets;
use crate::text;

/// Options of commands that apply a plan.
#[derive(Debug, Clone, clap::Args)]
pub struct RunOptions {
    /// Continue on other hosts after one has failed, and without unreachable hosts
    #[arg(long)]
    keep_going: bool,

    /// Stop after N failed hosts [default: one more than `boot.max_failures`; with --keep-going: none]
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

    /// Returns what becomes of the lock of a dead run that has left something open.
    pub fn take_over(&self) -> TakeOver {
        match self.take_over {
            true => TakeOver::Always,
            false => TakeOver::UnlessOpen,
        }
    }

    /// Returns how a run is reported.
    pub fn format(&self) -> Format {
        self.format
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

/// What a plan is applied with.
pub struct Means<'a> {
    /// What provides the values that it needs.
    pub values: Arc<Values>,
    /// The links to its hosts.
    pub links: Arc<Links>,
    /// How it is applied.
    pub options: &'a RunOptions,
    /// How hosts are reached.
    pub link: &'a LinkOptions,
}

/// How far a run has come before it applies its plan.
#[derive(Default)]
pub struct Begun {
    /// The lock, if the run holds it already.
    pub taken: Option<Taken>,
    /// What steps of this machine have done; `None`: they are part of the run.
    pub ahead: Option<Ahead>,
    /// The facts of all hosts, taken under that lock, when no step of another plan lived there.
    pub looked: Option<BTreeMap<HostName, HostFacts>>,
    /// Who plans again if the plan is stale.
    pub planner: Planner,
}

impl Means<'_> {
    /// Runs the steps of `plan` that run on this machine before the lock is taken.
    pub async fn run_ahead(
        &self,
        plan: &Plan,
        approved: &Approved,
        reporting: &mut Reporting<'_>,
    ) -> Result<Ahead, Failure> {
        let plan = Arc::new(plan.clone());
        let job = self.job(plan.clone(), Begun::default()).await?;
        let resume = self.resume(&plan, approved, (None, Planner::default()));
        let reporter = reporting.reporter(&plan, resume, self.options)?;
        let ahead = driver::run_ahead(job, reporter).await;
        ahead.map_err(invalid_graph)
    }

    /// Applies `plan`, which was approved as `approved` says, and reports how it ended.
    pub async fn apply(
        &self,
        mut plan: Plan,
        approved: &Approved,
        begun: Begun,
        reporting: &mut Reporting<'_>,
    ) -> Result<Outcome, Failure> {
        let moved_to = self.options.lock_host.as_ref();
        let moved_to = moved_to.filter(|host| **host != plan.lock_host);
        // The stored plan keeps its own lock host, as its digest covers it.
        let stored = plan.clone();
        if let Some(host) = moved_to {
            check_lock_host(&plan, host)?;
            plan.lock_host = host.clone();
        }
        let plan = Arc::new(plan);
        let (taken, planner) = (begun.taken.clone(), begun.planner);
        let job = self.job(plan.clone(), begun).await?;
        let mut journal = journal(&stored, approved, &job.options.run)?;
        let resume = self.resume(&plan, approved, (moved_to, planner));
        let reporter = reporting.reporter(&plan, resume, self.options)?;
        if let Some(taken) = taken {
            taken.keeper.end();
        }
        let mut append = |entry: &_| journal.append(jiff::Timestamp::now(), entry);
        let ended = driver::run(job, reporter, &mut append).await;
        ended.map_err(invalid_graph)
    }

    /// As [`Means::apply`], for a plan that takes the lock itself. If a dead run has left something open, a person who can be asked decides
    /// whether its lock is taken over.
    pub async fn apply_or_ask(
        &self,
        plan: Plan,
        approved: &Approved,
        begun: Begun,
        reporting: &mut Reporting<'_>,
    ) -> Result<Outcome, Failure> {
        let outcome = self.apply(plan.clone(), approved, begun, reporting).await?;
        let asks =
            matches!(outcome, Outcome::LeftOpen { .. }) && self.options.format == Format::Text;
        if !asks || !confirmation::can_ask() || !confirmation::takes_over().await {
            return Ok(outcome);
        }
        self.links.reopen().await;
        let options = RunOptions {
            take_over: true,
            ..self.options.clone()
        };
        let again = Means {
            values: self.values.clone(),
            links: self.links.clone(),
            options: &options,
            link: self.link,
        };
        let mut screen = Screen::new();
        let mut reporting = Reporting::new(&mut screen);
        again
            .apply(plan, approved, Begun::default(), &mut reporting)
            .await
    }

    async fn job(&self, plan: Arc<Plan>, begun: Begun) -> Result<Job, Failure> {
        let (options, links) = (self.options, &self.links);
        let root = git::root().await?;
        let (inputs, mut missing) = preflight::collect(&plan, &*self.values, &root).await;
        match &begun.ahead {
            None => warn_of_short(&inputs.secrets),
            // What was built is not compared with the source of now.
            Some(ahead) => {
                missing.retain(|missing| !missing.steps.iter().all(|step| ahead.contains(step)));
            }
        }
        let known = missing.iter().map(|missing| missing.what.clone()).collect();
        missing::check(&plan, links, missing).await?;
        let docker_config = registry::docker_config(&plan, &inputs)?;
        let run = match &begun.taken {
            Some(taken) => taken.run.clone(),
            None => RunId::from(digest::hex(&random::bytes::<16>()?)),
        };
        let details = lock_details(&plan, &run).await;
        let message = options.urgency.hold.as_deref();
        let hold = LockDetails {
            message: inputs.redactor().redact(message.unwrap_or_default()),
            run: None,
            ..details.clone()
        };
        let reader = Reader {
            plan: plan.clone(),
            values: self.values.clone(),
            root: root.clone(),
            known,
        };
        Ok(Job {
            secrets: Arc::new(reader),
            options: Options {
                parallel: self.link.parallel().into(),
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
            links: links.clone(),
            inputs,
            query: query(&plan),
            root,
            docker_config,
            details,
            hold,
            ahead: begun.ahead,
            looked: begun.looked,
            plan,
        })
    }

    fn resume(
        &self,
        plan: &Plan,
        approved: &Approved,
        (moved_to, planner): (Option<&HostName>, Planner),
    ) -> Resume {
        let store = PlanStore::new(Path::new(""), &plan.digest);
        Resume {
            plan: store.map_or_else(
                |_| String::new(),
                |store| store.plan().display().to_string(),
            ),
            options: repeated(approved, self.options, moved_to),
            planner,
        }
    }
}

/// What shows a run, from its first step on this machine to its end.
pub struct Reporting<'a> {
    screen: Option<&'a mut Screen>,
    reporter: Option<Box<dyn Reporter + 'a>>,
}

impl<'a> Reporting<'a> {
    /// Returns what shows runs on `screen`.
    pub fn new(screen: &'a mut Screen) -> Self {
        let (screen, reporter) = (Some(screen), None);
        Self { screen, reporter }
    }

    /// Returns the reporter of the run of `plan`: the one there is, told that this is the plan now.
    fn reporter(
        &mut self,
        plan: &Arc<Plan>,
        resume: Resume,
        options: &RunOptions,
    ) -> Result<&mut dyn Observer, Failure> {
        let verbosity = match options.verbose {
            true => Verbosity::Verbose,
            false => Verbosity::Normal,
        };
        let view = Screen::view(plan, resume, verbosity);
        if let Some(screen) = self.screen.take() {
            self.reporter = Some(screen.reporter(options.format, view));
        } else if let Some(reporter) = &mut self.reporter {
            reporter.replan(view);
        }
        match &mut self.reporter {
            Some(reporter) => Ok(&mut **reporter),
            None => Err(Failure::internal("nothing shows the run")),
        }
    }
}

fn invalid_graph(error: ShapeError) -> Failure {
    let message = format!("the plan's steps do not form a valid graph: {error}");
    Failure::new(ExitCode::Damaged, message)
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
fn journal(plan: &Plan, approved: &Approved, run: &RunId) -> Result<Journal, Failure> {
    let text = wire::to_json(plan).map_err(Failure::internal)?;
    let open = || {
        let store = PlanStore::new(Path::new(""), &plan.digest)?;
        store.save(text.as_bytes(), approved.signatures.as_deref())?;
        Journal::open(Path::new(""), &plan.digest, run.clone())
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
        operation: Some(plan.operation.name().to_owned()),
    }
}

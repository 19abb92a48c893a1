//! How `mrsk OPERATION` works: it asks, builds and pushes, takes the lock, looks at the hosts, compiles its plan, and applies it, all over
//! the same connections.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::approval::Approved;
use super::deploy_lock::{Ended, Order, Taken, Wanted};
use super::execution::Execution;
use super::failure::Failure;
use super::forgetting::{self, Records};
use super::options::LinkOptions;
use super::overtaken::{self, Earlier};
use super::planning::{self, Asked, Others};
use super::project::Project;
use super::registry::Registry;
use super::run::{Begun, Means, Reporting, RunOptions};
use super::screen::Screen;
use super::{confirmation, connections, context, output, pre_connect};
use crate::apply::driver::{Ahead, signals};
use crate::apply::links::Links;
use crate::apply::state::Outcome;
use crate::exit_code::ExitCode;
use crate::facts::model::{Facts, HostFacts, SourceFacts};
use crate::name::HostName;
use crate::plan::{OperationKind, Plan, Step, compile};
use crate::record::Scope;
use crate::redaction::Redactor;
use crate::report::Planner;

/// How often hosts are looked at, and planned for, before a command gives up: they may change all the time.
const LOOKS: usize = 3;

/// What is printed above a plan that is shown again.
const DIFFERS: &str = "the hosts have changed since the plan was shown; this is the plan now:";

/// Whether somebody is asked before the plan is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// The plan is made and shown first, and again if its steps differ once the lock is held.
    First,
    /// Nobody is asked, so that no plan is needed before the lock is held.
    Never,
}

/// An operation that is planned and applied.
pub struct PlanAndApply<'a> {
    /// The project.
    pub project: &'a Arc<Project>,
    /// The operation.
    pub asked: &'a Asked<'a>,
    /// What may be executed.
    pub execution: &'a Execution,
    /// How the plan is applied.
    pub run: &'a RunOptions,
    /// How hosts are reached.
    pub link: &'a LinkOptions,
    /// Whether somebody is asked.
    pub asks: Asks,
    /// What hides secrets.
    pub redactor: &'a Redactor,
}

/// A plan that was shown before the lock was taken, and the facts that it was made from.
struct Shown {
    plan: Plan,
    facts: Facts,
}

/// What has come before the lock.
struct Prepared {
    shown: Option<Shown>,
    /// What was built and pushed.
    ahead: Option<Ahead>,
}

/// A plan, and the facts of the hosts that it was made from, if nothing of another plan lived there.
struct Looked {
    plan: Plan,
    facts: Option<BTreeMap<HostName, HostFacts>>,
}

impl PlanAndApply<'_> {
    /// Plans and applies. With a service that is removed go the records of it.
    pub async fn run(&self, source: SourceFacts) -> Result<Ended, Failure> {
        let ended = self.plan_and_apply(source).await?;
        if !forgetting::is_due(self.asked.operation, &ended) {
            return Ok(ended);
        }
        let operation = self.asked.operation;
        let hosts = compile::selected_hosts(self.project.config(), operation)
            .map_err(|problems| Failure::of(ExitCode::Usage, problems))?;
        let links = self.links()?;
        let wanted = self.wanted(&links)?;
        let records = Records {
            hosts: forgetting::hosts_of(hosts, operation, &wanted.host),
            last: None,
            format: self.run.format(),
            wanted,
        };
        records.forget().await?;
        Ok(ended)
    }

    async fn plan_and_apply(&self, source: SourceFacts) -> Result<Ended, Failure> {
        let links = self.links()?;
        pre_connect::before_plan(self.project, &source, self.asked.operation).await?;
        let mut screen = Screen::new();
        let mut reporting = Reporting::new(&mut screen);
        let prepared = self.prepare(&links, &source, &mut reporting).await;
        let prepared = prepared.inspect_err(|_| links.close())?;
        let urgency = self.run.urgency();
        if let Prepared {
            shown: Some(Shown { plan, .. }),
            ahead,
        } = &prepared
        {
            if has_nothing_to_do(plan) && urgency.hold.is_none() {
                links.close();
                return Ok(Ended::NothingToDo);
            }
            if let Some(failed) = ahead.clone().filter(|ahead| !ahead.has_succeeded()) {
                let begun = Begun {
                    ahead: Some(failed),
                    ..Begun::default()
                };
                return self
                    .apply(&links, plan.clone(), begun, &mut reporting)
                    .await;
            }
        }
        let wanted = self.wanted(&links)?;
        let run = |taken| self.hold(&links, source, &prepared, taken, reporting);
        wanted.hold_around(urgency, run).await
    }

    fn links(&self) -> Result<Arc<Links>, Failure> {
        connections::to_configured(self.link, self.project, self.execution)
    }

    fn wanted(&self, links: &Arc<Links>) -> Result<Wanted<'_>, Failure> {
        let (config, operation) = (self.project.config(), self.asked.operation);
        let host = self.asked.lock_host.or(config.primary_host()).cloned();
        let no_hosts = || {
            let message = "the configuration has no hosts";
            Failure::new(ExitCode::Configuration, message)
        };
        Ok(Wanted {
            links: links.clone(),
            host: host.ok_or_else(no_hosts)?,
            scope: Scope {
                service: config.service.clone(),
                destination: config.destination.clone(),
            },
            operation: operation.name().to_owned(),
            version: operation.version().unwrap_or_default().to_owned(),
            order: Order::LockFirst,
            wait: self.run.lock_wait(),
            take_over: self.run.take_over(),
            redactor: self.redactor,
        })
    }

    /// Plans and shows what somebody is asked about, or what an image is built for. Then asks, builds and pushes.
    async fn prepare(
        &self,
        links: &Arc<Links>,
        source: &SourceFacts,
        reporting: &mut Reporting<'_>,
    ) -> Result<Prepared, Failure> {
        let is_needed = self.asks == Asks::First
            || planning::may_build(self.project, links, self.asked, source).await?;
        if !is_needed {
            return Ok(Prepared {
                shown: None,
                ahead: None,
            });
        }
        let facts = planning::inspect(self.project, links, self.asked, source.clone()).await?;
        let plan = planning::compile(self.project, &facts, self.asked)?;
        context::check(self.project, &plan).await?;
        output::show_plan(&plan);
        if self.asks == Asks::First && !plan.steps.is_empty() {
            confirmation::ask(&plan).await?;
        }
        let ahead = match plan.builds().next() {
            Some(_) => {
                let means = self.means(links);
                let approved = Approved::of_own(&plan);
                Some(means.run_ahead(&plan, &approved, reporting).await?)
            }
            None => None,
        };
        let shown = Some(Shown { plan, facts });
        Ok(Prepared { shown, ahead })
    }

    /// Plans and applies while the lock is held. Where the hosts have changed since they were looked at, as by the last steps of a run that
    /// was killed, it plans again.
    async fn hold(
        &self,
        links: &Arc<Links>,
        source: SourceFacts,
        prepared: &Prepared,
        taken: Option<Taken>,
        mut reporting: Reporting<'_>,
    ) -> Result<Ended, Failure> {
        let behind = taken.iter().flat_map(|taken| &taken.behind);
        let behind = Vec::from_iter(behind.map(Earlier::from));
        overtaken::check(self.asked.operation, &source, &behind).await?;
        let mut shown = None;
        for look in 1..=LOOKS {
            let is_first = look == 1;
            // Those of a run end with it.
            let links = match is_first {
                true => links.clone(),
                false => self.links()?,
            };
            let close = |_: &Failure| {
                if !is_first {
                    links.close();
                }
            };
            let planned = self.plan_or_stop(&links, &source, prepared, shown.as_ref());
            let Looked { plan, facts } = planned.await.inspect_err(close)?;
            if has_nothing_to_do(&plan) {
                return Ok(Ended::NothingToDo);
            }
            shown = Some(plan.clone());
            let begun = Begun {
                ahead: prepared.ahead_of(&plan),
                looked: facts.filter(|_| is_first && taken.is_some()),
                taken: taken.clone(),
                planner: match look {
                    LOOKS => Planner::User,
                    _ => Planner::Command,
                },
            };
            let ended = match is_first {
                true => self.apply(&links, plan, begun, &mut reporting).await,
                false => {
                    let mut screen = Screen::new();
                    let mut reporting = Reporting::new(&mut screen);
                    self.apply(&links, plan, begun, &mut reporting).await
                }
            };
            let ended = ended.inspect_err(close)?;
            if look == LOOKS || !is_outdated(&ended) {
                return Ok(ended);
            }
        }
        Ok(Ended::NothingToDo)
    }

    async fn plan_or_stop(
        &self,
        links: &Arc<Links>,
        source: &SourceFacts,
        prepared: &Prepared,
        last: Option<&Plan>,
    ) -> Result<Looked, Failure> {
        tokio::select! {
            planned = self.plan(links, source, prepared, last) => planned,
            () = signals::received(signals::stopping()) => {
                let failure = Failure::new(ExitCode::Interrupted, "interrupted");
                Err(failure.help("nothing was changed, and the deploy lock is released"))
            }
        }
    }

    /// Looks at the hosts and compiles the plan. Shows it, and asks, unless its steps are those of the plan that was shown, or of the `last`
    /// one. The plan may have no steps.
    async fn plan(
        &self,
        links: &Arc<Links>,
        source: &SourceFacts,
        prepared: &Prepared,
        last: Option<&Plan>,
    ) -> Result<Looked, Failure> {
        let (mut facts, mut others) = self.look(links, source, prepared).await?;
        if others == Others::MayHaveEnded {
            // Nothing of another plan begins while the lock is held.
            facts = self.look(links, source, prepared).await?.0;
            others = Others::None;
        }
        if let Some(shown) = &prepared.shown {
            let earlier = overtaken::routed_since(&shown.facts, &facts);
            overtaken::check(self.asked.operation, source, &earlier).await?;
        }
        let plan = planning::compile(self.project, &facts, self.asked)?;
        let expected = match (last, &prepared.shown) {
            (Some(last), _) => Some(last.steps.clone()),
            (None, Some(shown)) => self.expected(shown, prepared),
            (None, None) => {
                context::check(self.project, &plan).await?;
                None
            }
        };
        let is_other = expected.as_ref().map(|expected| *expected != plan.steps);
        if is_other != Some(false) {
            if is_other == Some(true) && last.is_none() {
                output::print_note(DIFFERS);
            }
            output::show_plan(&plan);
            if self.asks == Asks::First && !plan.steps.is_empty() {
                confirmation::ask(&plan).await?;
            }
        }
        Ok(Looked {
            plan,
            facts: (others == Others::None).then_some(facts.hosts),
        })
    }

    /// Returns the steps of the plan that was shown as they are now that its image is pushed.
    fn expected(&self, shown: &Shown, prepared: &Prepared) -> Option<Vec<Step>> {
        match prepared.pushed() {
            None => Some(shown.plan.steps.clone()),
            Some(digest) => {
                let facts = Facts {
                    pushed: Some(digest),
                    ..shown.facts.clone()
                };
                let plan = planning::compile(self.project, &facts, self.asked);
                plan.ok().map(|plan| plan.steps)
            }
        }
    }

    /// Takes the facts of the hosts, and says whether anything of another plan lived there meanwhile.
    async fn look(
        &self,
        links: &Arc<Links>,
        source: &SourceFacts,
        prepared: &Prepared,
    ) -> Result<(Facts, Others), Failure> {
        let registry = async {
            match &prepared {
                Prepared {
                    shown: Some(shown),
                    ahead: Some(_),
                } => Ok(Registry::of(&shown.facts)),
                _ => planning::ask_registry(self.project, self.asked).await,
            }
        };
        let (project, asked) = (self.project, self.asked);
        let facts = planning::inspect_with(project, links, asked, source.clone(), registry);
        let facts = Facts {
            pushed: prepared.pushed(),
            ..facts.await?
        };
        let others = planning::others(project.config(), links, &facts).await;
        Ok((facts, others))
    }

    fn means(&self, links: &Arc<Links>) -> Means<'_> {
        Means {
            values: self.project.clone(),
            links: links.clone(),
            options: self.run,
            link: self.link,
        }
    }

    async fn apply(
        &self,
        links: &Arc<Links>,
        plan: Plan,
        begun: Begun,
        reporting: &mut Reporting<'_>,
    ) -> Result<Ended, Failure> {
        let approved = Approved::of_own(&plan);
        let means = self.means(links);
        let applied = means.apply(plan, &approved, begun, reporting);
        applied.await.map(Ended::Applied)
    }
}

impl Prepared {
    /// Returns the registry digest of the image that was pushed.
    fn pushed(&self) -> Option<String> {
        self.ahead.as_ref()?.pushed().map(str::to_owned)
    }

    /// Returns what was done already of `plan`.
    fn ahead_of(&self, plan: &Plan) -> Option<Ahead> {
        let (shown, ahead) = (self.shown.as_ref()?, self.ahead.as_ref()?);
        Some(ahead.of_plan(&shown.plan, plan))
    }
}

/// Returns whether a plan was older than what its hosts are, and has changed nothing.
fn is_outdated(ended: &Ended) -> bool {
    matches!(ended, Ended::Applied(Outcome::Stale { .. }))
}

/// Returns whether a plan need not be applied. A rollback whose version serves already still ends what was begun and not finished: it
/// could be resumed otherwise.
fn has_nothing_to_do(plan: &Plan) -> bool {
    let is_rollback = matches!(plan.operation.kind, OperationKind::Rollback(_));
    let ends_another = || plan.hosts.values().any(|host| host.unfinished.is_some());
    plan.steps.is_empty() && !(is_rollback && ends_another())
}

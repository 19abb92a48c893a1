//! A person says how a step in doubt ended: its attempt gets a receipt, and the audit log a line.

use std::time::{SystemTime, UNIX_EPOCH};

use super::links::{self, Links, place, scope};
use crate::facts::Query;
use crate::name::{RunId, StepId};
use crate::plan::Plan;
use crate::plan::doubt::{Finding, Refusal, attempt_in_doubt};
use crate::plan::resume::Evidence;
use crate::plan::shape::{Shape, ShapeError};
use crate::record::{Ending, LockDetails, Receipt, TAKE_OVER_SECONDS};
use crate::transport::answer::{LockState, ResolveAnswer};
use crate::transport::request::{AttemptRef, Resolution};

/// What a person says.
#[derive(Debug, Clone)]
pub struct Statement {
    /// About which step.
    pub step: StepId,
    /// What they have found out.
    pub finding: Finding,
    /// Who they are.
    pub who: String,
    /// Why they say so.
    pub reason: String,
    /// The id of this command, which the receipt names in place of a run.
    pub id: RunId,
}

/// Why nothing was resolved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The plan has no such step.
    #[error("the plan has no step {0}")]
    Unknown(StepId),
    /// The plan's steps do not form a graph.
    #[error("the plan's steps do not form a valid graph: {0}")]
    Shape(#[from] ShapeError),
    /// A run of the plan is alive: it judges its steps itself.
    #[error("a run of this plan is alive, by {}", .0.locked_by)]
    Alive(Box<LockDetails>),
    /// The step is not in doubt, or nobody needs to say how it ended.
    #[error("step {0}: {1}")]
    Refused(StepId, Refusal),
    /// A host did not answer; its name is the step's host, or the lock host.
    #[error(transparent)]
    Host(#[from] links::Failure),
}

/// Gives the attempt at the step in doubt the receipt that `statement` means. A step that is not in doubt is left alone.
///
/// That nothing of the attempt is alive is confirmed on its host. A local step leaves no process there: of it is known that no run
/// of the plan holds the lock.
///
/// # Errors
///
/// As [`Error`] says; nothing was written then.
pub async fn resolve(
    plan: &Plan,
    links: &Links,
    query: &Query,
    statement: &Statement,
) -> Result<(), Error> {
    let shape = Shape::new(plan)?;
    let unknown = || Error::Unknown(statement.step.clone());
    let step = shape.index(&statement.step).ok_or_else(unknown)?;
    let keeper = plan[step].host.as_ref().unwrap_or(&plan.lock_host);
    let lock_host = links
        .get(&plan.lock_host)
        .await
        .map_err(links::Failure::from)?;
    let lock = lock_host
        .lock_status(&scope(plan))
        .await
        .map_err(links::Failure::from)?;
    if let Some(details) = lock.and_then(|lock| living_run(plan, &lock)) {
        return Err(Error::Alive(Box::new(details)));
    }
    let host = links.get(keeper).await.map_err(links::Failure::from)?;
    let facts = links.inspect(keeper, query).await?;
    let place = place(plan, keeper);
    let listing = host.list(&place).await.map_err(links::Failure::from)?;
    let attempts = listing.attempts;
    let mut evidence = Evidence {
        attempts: [(keeper.clone(), attempts)].into(),
        begun: true,
        ..Evidence::default()
    };
    if facts.finished.contains(&plan.digest) {
        evidence.finished.insert(keeper.clone());
    }
    if let Ok(facts) = serde_json::to_value(&facts) {
        evidence.facts.insert(keeper.clone(), facts);
    }
    let refused = |refusal| Error::Refused(statement.step.clone(), refusal);
    let number =
        attempt_in_doubt((plan, &shape), step, &evidence, statement.finding).map_err(refused)?;
    let resolution = resolution(plan, statement, number);
    let answer = host.resolve(&place, &resolution).await;
    match answer.map_err(links::Failure::from)? {
        ResolveAnswer::Resolved => Ok(()),
        ResolveAnswer::NotInDoubt(_) => Err(refused(Refusal::Known("its state has just changed"))),
    }
}

/// Returns the details of a lock that is held by a run of `plan` whose heartbeat goes on.
fn living_run(plan: &Plan, lock: &LockState) -> Option<LockDetails> {
    let details = LockDetails::parse(&lock.text);
    let is_ours = details.run.is_some() && details.plan.as_ref() == Some(&plan.digest);
    let is_alive = lock.beat_age.is_none_or(|age| age < TAKE_OVER_SECONDS);
    (is_ours && is_alive).then_some(details)
}

fn resolution(plan: &Plan, statement: &Statement, number: u32) -> Resolution {
    let one_line = |text: &str| text.replace(char::is_control, " ");
    let (who, reason) = (one_line(&statement.who), one_line(&statement.reason));
    let step = one_line(statement.step.as_str());
    let (ending, result) = match statement.finding {
        Finding::Done => (Ending::Succeeded, "done"),
        Finding::Again => (Ending::Failed { code: 0 }, "to run again"),
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(0, |since| since.as_secs());
    let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let head = super::audit::head(plan, &who);
    Resolution {
        attempt: AttemptRef {
            step: statement.step.hash(),
            number,
        },
        receipt: Receipt {
            ending,
            run: statement.id.clone(),
            started: now,
            ended: now,
            value: None,
        },
        note: format!("{who}: {result}: {reason}"),
        audit: format!("[{at}] {head} {step} resolved as {result}: {reason}"),
    }
}

//! What mrsk itself has on the hosts goes with the service that was removed: first its audit is shown, then the records go.

use std::collections::BTreeMap;

use super::deploy_lock::{Ended, Order, UrgencyOptions, Wanted};
use super::failure::Failure;
use super::screen::Format;
use super::{audit, connections, output, terminal};
use crate::apply::state::Outcome;
use crate::exit_code::ExitCode;
use crate::name::{HostName, PlanDigest};
use crate::plan::{Operation, OperationKind};
use crate::redaction::Redactor;
use crate::text;
use crate::transport::answer::ForgetAnswer;

/// The records of a service that is removed.
pub struct Records<'a> {
    /// How the lock is taken, under which they go.
    pub wanted: Wanted<'a>,
    /// The hosts that have them.
    pub hosts: Vec<HostName>,
    /// The plan that has removed the service; `None`: nothing was left to be removed.
    pub last: Option<PlanDigest>,
    /// How the run was reported.
    pub format: Format,
}

/// Returns whether an operation that ended like this has left nothing but records.
pub fn is_due(operation: &Operation, ended: &Ended) -> bool {
    let is_done = match ended {
        Ended::NothingToDo => true,
        Ended::Applied(outcome) => matches!(outcome, Outcome::Done | Outcome::AlreadyApplied(None)),
    };
    operation.kind == OperationKind::Remove && is_done
}

/// Returns the hosts whose records go: `all` of the operation, but the lock host if hosts were selected, since its records are of the
/// others, too.
pub fn hosts_of(
    all: impl IntoIterator<Item = HostName>,
    operation: &Operation,
    lock_host: &HostName,
) -> Vec<HostName> {
    let goes = |host: &HostName| operation.hosts.is_empty() || host != lock_host;
    all.into_iter().filter(goes).collect()
}

impl Records<'_> {
    /// Shows what the audit tells, and removes the records, while no run can begin.
    pub async fn forget(self) -> Result<(), Failure> {
        let wanted = Wanted {
            order: Order::LockFirst,
            ..self.wanted
        };
        let own = &wanted;
        let (hosts, last, format) = (self.hosts, self.last, self.format);
        let forget = |_| async move {
            show_audit(own, &hosts, format).await?;
            remove(own, hosts, last).await?;
            Ok(Ended::NothingToDo)
        };
        let urgency = UrgencyOptions::default();
        wanted.hold_around(&urgency, forget).await.map_err(stay)?;
        wanted.links.reopen().await;
        // What is left otherwise is a directory with an empty file.
        if let Ok(linked) = wanted.links.get(&wanted.host).await {
            let _ = linked.sweep_lock(&wanted.scope, None).await;
        }
        wanted.links.close();
        Ok(())
    }
}

/// Says of a failure what it leaves.
fn stay(failure: Failure) -> Failure {
    failure.help("the service is removed, and its records are not: run `mrsk remove` again")
}

async fn show_audit(
    wanted: &Wanted<'_>,
    hosts: &[HostName],
    format: Format,
) -> Result<(), Failure> {
    let (mut logs, problems) = connections::ask_all(hosts.to_vec(), |host| {
        let (links, scope) = (wanted.links.clone(), wanted.scope.clone());
        async move { Ok(links.get(&host).await?.read_audit(&scope, None).await?) }
    })
    .await;
    if !problems.is_empty() {
        return Err(problems.failure());
    }
    redact(&mut logs, wanted.redactor);
    let runs = audit::runs(&logs);
    if runs.is_empty() {
        return Ok(());
    }
    match format {
        Format::Text => {
            let styling = terminal::look(&std::io::stdout()).styling;
            output::print(&audit::to_text(&runs, styling))?;
        }
        Format::Json => {
            let styling = terminal::look(&std::io::stderr()).styling;
            output::print_note(&audit::to_text(&runs, styling));
        }
    }
    Ok(())
}

fn redact(logs: &mut BTreeMap<HostName, String>, redactor: &Redactor) {
    for log in logs.values_mut() {
        *log = redactor.redact(log);
    }
}

async fn remove(
    wanted: &Wanted<'_>,
    hosts: Vec<HostName>,
    last: Option<PlanDigest>,
) -> Result<(), Failure> {
    let (answers, problems) = connections::ask_all(hosts, |host| {
        let (links, scope) = (wanted.links.clone(), wanted.scope.clone());
        let last = last.clone();
        async move {
            Ok(links
                .get(&host)
                .await?
                .forget(&scope, None, last.as_ref())
                .await?)
        }
    })
    .await;
    let of = |answer: ForgetAnswer| {
        let hosts = answers.iter().filter(move |(_, is)| **is == answer);
        Vec::from_iter(hosts.map(|(host, _)| host.as_str()))
    };
    let (gone, kept) = (of(ForgetAnswer::Forgotten), of(ForgetAnswer::Kept));
    if !gone.is_empty() {
        let gone = text::list(&gone);
        output::print_note(&format!("the records of mrsk are gone from {gone}"));
    }
    if !problems.is_empty() {
        return Err(problems.failure());
    }
    match kept.is_empty() {
        true => Ok(()),
        false => {
            let kept = text::list(&kept);
            let message = format!("the service runs again, or another plan has begun, on {kept}");
            Err(Failure::new(ExitCode::Failed, message))
        }
    }
}

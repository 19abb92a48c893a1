//! A deploy that waited for the deploy lock, or built an image, and what came first meanwhile: nobody wants it any more if that was a rollback,
//! an undo, or a deploy of a later commit.

use super::failure::Failure;
use super::git;
use crate::exit_code::ExitCode;
use crate::facts::model::{Facts, SourceFacts};
use crate::facts::source;
use crate::plan::{Operation, compile};
use crate::record::LockDetails;
use crate::text;

/// An operation that came first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    operation: String,
    version: String,
    by: String,
}

impl From<&LockDetails> for Earlier {
    fn from(holder: &LockDetails) -> Self {
        Self {
            operation: holder.operation.clone().unwrap_or_default(),
            version: holder.version.clone(),
            by: holder.locked_by.clone(),
        }
    }
}

/// Returns what has sent requests to containers since the facts `then` were taken.
pub fn routed_since(then: &Facts, now: &Facts) -> Vec<Earlier> {
    let mut since = Vec::new();
    for (name, host) in &now.hosts {
        let Some(known) = then.hosts.get(name) else {
            continue;
        };
        let new = host
            .routed
            .iter()
            .filter(|route| !known.routed.contains(route));
        since.extend(new.map(|route| Earlier {
            operation: route.operation.clone(),
            version: route.version.clone(),
            by: route.by.clone(),
        }));
    }
    since
}

/// Fails if `operation` deploys, and something that came first has made that pointless.
pub async fn check(
    operation: &Operation,
    checked_out: &SourceFacts,
    earlier: &[Earlier],
) -> Result<(), Failure> {
    if !operation.deploys() {
        return Ok(());
    }
    let version = operation.version().unwrap_or_default();
    for came_first in earlier {
        let is_pointless = match came_first.operation.as_str() {
            "rollback" | "undo" => true,
            "deploy" | "redeploy" | "setup" => {
                is_later(checked_out, version, &came_first.version).await
            }
            _ => false,
        };
        if is_pointless {
            return Err(superseded(operation, came_first));
        }
    }
    Ok(())
}

fn superseded(operation: &Operation, came_first: &Earlier) -> Failure {
    let what = match came_first.version.as_str() {
        "" => String::new(),
        version => format!(" to {}", text::shorten(&text::one_line(version))),
    };
    let name = text::one_line(&came_first.operation);
    let who = text::one_line(&came_first.by);
    let message = format!("superseded: {name}{what} by {who} came first");
    let again = operation.name();
    Failure::new(ExitCode::Stale, message).help(format!(
        "nothing was changed on the hosts; run `mrsk {again}` again to deploy all the same"
    ))
}

/// Returns whether `other` names a commit that descends from that of `version`, as far as git knows both.
async fn is_later(checked_out: &SourceFacts, version: &str, other: &str) -> bool {
    let is_head = source::default_version(checked_out).as_deref() == Some(version);
    let own = match &checked_out.commit {
        Some(commit) if is_head => commit,
        _ => commit_of(version),
    };
    let other = commit_of(other);
    let are_commits = [own, other].into_iter().all(compile::is_commit);
    are_commits && own != other && git::is_ancestor(own, other).await
}

/// Returns the part of a version that may name a commit: what follows it tells of changes.
fn commit_of(version: &str) -> &str {
    version.split('_').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::model::HostFacts;
    use crate::facts::routed::RoutedFacts;
    use crate::plan::{OperationKind, Release};

    fn facts(routes: &[(&str, &str)]) -> Facts {
        let route = |(operation, version): &(&str, &str)| RoutedFacts {
            operation: (*operation).to_owned(),
            version: (*version).to_owned(),
            by: "Ann".to_owned(),
            ..RoutedFacts::default()
        };
        let host = HostFacts {
            routed: routes.iter().map(route).collect(),
            ..HostFacts::default()
        };
        Facts {
            hosts: [("a".into(), host)].into(),
            ..Facts::default()
        }
    }

    #[tokio::test]
    async fn a_deploy_is_superseded_by_a_rollback_that_came_first() {
        let before = [("rollback", "1"), ("deploy", "2")];
        let deploy = |kind: fn(Release) -> OperationKind| Operation {
            kind: kind(Release {
                version: "3".to_owned(),
                skip_push: false,
                no_cache: false,
            }),
            destination: None,
            hosts: Vec::new(),
            roles: Vec::new(),
            break_glass: Default::default(),
            orphans: crate::plan::Orphans::Named,
            release_runs: crate::plan::ReleaseRuns::Once,
            hooks: crate::plan::HookRuns::All,
            broadcasts: crate::plan::Broadcasts::Sent,
        };
        for (since, expected) in [
            (None, None),
            (Some(("app-boot", "2")), None),
            (Some(("deploy", "4")), None),
            (Some(("rollback", "1")), None),
            (
                Some(("rollback", "0")),
                Some("superseded: rollback to 0 by Ann came first"),
            ),
            (
                Some(("undo", "1")),
                Some("superseded: undo to 1 by Ann came first"),
            ),
        ] {
            let now = Vec::from_iter(before.into_iter().chain(since));
            let earlier = routed_since(&facts(&before), &facts(&now));
            let source = SourceFacts::default();
            let operation = deploy(OperationKind::Deploy);
            let checked = check(&operation, &source, &earlier).await;
            let failure = checked.err();
            let message = failure
                .as_ref()
                .map(|failure| failure.diagnostics[0].message.as_str());
            assert_eq!(message, expected, "{since:?}");
            let code = failure.map(|failure| failure.exit_code);
            assert_eq!(code, expected.map(|_| ExitCode::Stale));
        }
    }
}

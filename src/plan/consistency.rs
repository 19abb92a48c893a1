//! Whether a plan that is read fits together: what the compiler would not have written is refused before anything starts.

use std::collections::HashMap;

use super::host::SshRoute;
use super::model::{Check, Plan, Step, StepSecret};
use super::pushed::is_push;
use super::trust;
use crate::action::{Action, Arg, Reach, When};
use crate::config::{HostSpec, is_secret_name, is_user};
use crate::name::{HostName, Sha256Hex, StepId, is_file_owner};
use crate::text;

/// The steps of a plan by id.
type Steps<'p> = HashMap<&'p StepId, &'p Step>;

/// Returns whether what a plan says fits together.
///
/// # Errors
/// The first thing that does not.
pub(super) fn check(plan: &Plan) -> Result<(), String> {
    if !plan.hosts.contains_key(&plan.lock_host) {
        return Err(format!("unknown lock host {}", plan.lock_host));
    }
    if let Some(problem) = check_names(plan) {
        return Err(problem);
    }
    for (name, host) in &plan.hosts {
        check_route(name, &host.ssh).map_err(|problem| format!("host {name}: {problem}"))?;
        let is_listed = |key: &&String| plan.secrets.iter().any(|known| known.name == **key);
        if let Some(key) = host.ssh.key_data.iter().find(|key| !is_listed(key)) {
            return Err(format!(
                "host {name} uses secret {key}, which the plan does not list"
            ));
        }
    }
    for (key, text) in &plan.contents {
        if Sha256Hex::of(text.as_bytes()) != *key {
            return Err(format!("content {key} does not match its hash"));
        }
    }
    let mut steps = Steps::with_capacity(plan.steps.len());
    for step in &plan.steps {
        for need in &step.needs {
            if !steps.contains_key(&need.step) {
                return Err(format!(
                    "step {} needs {}, which does not come before it",
                    step.id, need.step
                ));
            }
        }
        if steps.insert(&step.id, step).is_some() {
            return Err(format!("duplicate step {}", step.id));
        }
        if let Some(host) = &step.host
            && !plan.hosts.contains_key(host)
        {
            return Err(format!("step {} names unknown host {host}", step.id));
        }
    }
    for step in &plan.steps {
        if let Err(problem) = check_step(plan, &steps, step) {
            return Err(format!("step {} {problem}", step.id));
        }
    }
    if let Some(step) = plan.pre_connect_step() {
        check_step(plan, &steps, &step).map_err(|problem| format!("`pre_connect` {problem}"))?;
    }
    for (host, entry) in &plan.hosts {
        let mut relying = entry.relies_on.iter().flat_map(|reliance| &reliance.steps);
        if let Some(step) = relying.find(|step| !steps.contains_key(step)) {
            return Err(format!(
                "host {host}: `relies_on` names unknown step {step}"
            ));
        }
    }
    Ok(())
}

/// Returns which name the compiler would not have written: it becomes part of paths, or a variable.
fn check_names(plan: &Plan) -> Option<String> {
    let is_of_path = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    };
    let destination = plan.operation.destination.as_deref();
    let of_paths = [Some(plan.service.as_str()), destination];
    if let Some(name) = of_paths
        .into_iter()
        .flatten()
        .find(|name| !is_of_path(name))
    {
        return Some(format!("{} is not a valid name", text::quote(name)));
    }
    let mut secrets = plan.secrets.iter().map(|secret| secret.name.as_str());
    if let Some(file) = plan.secrets_files.iter().find(|file| {
        file.path.is_empty()
            || file.path.starts_with(['-', '~'])
            || file.path.contains(char::is_control)
    }) {
        return Some(format!("{} is not a valid path", text::quote(&file.path)));
    }
    if !plan.secret_commands.is_empty()
        && plan.secrets_files.iter().any(|file| file.sha256.is_none())
    {
        return Some("a secrets file with commands has no hash".to_owned());
    }
    let secret = secrets.find(|name| !is_secret_name(name))?;
    Some(format!(
        "{} is not a valid secret name",
        text::quote(secret)
    ))
}

/// Returns whether ssh can be asked for a host as the compiler would have asked.
fn check_route(name: &HostName, route: &SshRoute) -> Result<(), String> {
    let invalid = |what: &str, text: &str, why: &str| {
        Err(format!(
            "{} is not a valid {what}: {why}",
            text::quote(text)
        ))
    };
    match HostSpec::parse(name.as_str()) {
        Ok(spec) if spec.user.is_none() && spec.port.is_none() => {}
        Ok(_) => return invalid("host", name.as_str(), "user and port stand in `ssh`"),
        Err(why) => return invalid("host", name.as_str(), why),
    }
    if !is_user(&route.user) {
        return invalid(
            "user",
            &route.user,
            "it has characters that no user name has",
        );
    }
    if route.port == Some(0) {
        return invalid("port", "0", "ports begin at 1");
    }
    match route.proxy.as_deref().map(HostSpec::parse) {
        Some(Err(why)) => invalid("jump host", route.proxy.as_deref().unwrap_or_default(), why),
        Some(Ok(_)) | None => Ok(()),
    }
}

/// Returns what is odd about the place, mode or owner of a file that an action makes.
fn odd_file(action: &Action) -> Option<String> {
    let (path, mode, owner) = match action {
        Action::Write(write) => (&write.path, &write.mode, None),
        Action::Upload(upload) => (&upload.path, &upload.mode, upload.owner.as_deref()),
        Action::Run(_)
        | Action::Poll(_)
        | Action::VerifyImage(_)
        | Action::Reach(_)
        | Action::Complete(_)
        | Action::Merge(_) => return None,
    };
    let is_mode =
        matches!(mode.len(), 3 | 4) && mode.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    if !path.starts_with('/') {
        return Some(format!(
            "makes {}, which is not absolute",
            text::quote(path)
        ));
    }
    if !is_mode {
        return Some(format!("makes a file of mode {}", text::quote(mode)));
    }
    let owner = owner.filter(|owner| !is_file_owner(owner))?;
    Some(format!("makes a file of owner {}", text::quote(owner)))
}

/// Returns what a step lacks to be carried out.
fn check_step(plan: &Plan, steps: &Steps, step: &Step) -> Result<(), String> {
    let is_barrier = step.kind.is_barrier();
    if is_barrier != step.barrier.is_some() || is_barrier && (step.host.is_some() || has_work(step))
    {
        return Err("is a barrier and does other work".into());
    }
    match (&step.check, &step.host) {
        (None, _) if !step.kind.has_check() => {}
        (Some(Check::Facts(_)), Some(_)) | (Some(Check::Argv(_) | Check::Registry(_)), None)
            if !is_barrier => {}
        _ => return Err("has no check, or one for another place".into()),
    }
    if step.host.is_none()
        && (step.shared_lock || !step.cleanup.is_empty() || !step.diagnose.is_empty())
    {
        return Err("has a shared lock, a cleanup or a diagnosis, but no host".into());
    }
    let problem = trust::impossible(step);
    if let Some(problem) = problem.or_else(|| trust::builds_elsewhere(step, plan.source.as_ref())) {
        return Err(problem);
    }
    for StepSecret { name, .. } in &step.secrets {
        if !plan.secrets.iter().any(|known| known.name == *name) {
            return Err(format!("uses secret {name}, which the plan does not list"));
        }
    }
    if let Some(problem) = step.action.iter().chain(&step.cleanup).find_map(odd_file) {
        return Err(problem);
    }
    let is_named = |name: &String| step.secrets.iter().any(|secret| secret.name == *name);
    for action in step.action.iter().chain(&step.cleanup) {
        check_pushed(steps, step, action)?;
        match action {
            Action::Run(run) => {
                let mut used = run.secrets();
                if let Some(name) = used.find(|name| !is_named(name)) {
                    return Err(format!("uses secret {name}, which it does not list"));
                }
            }
            Action::Write(write) if !plan.contents.contains_key(&write.content) => {
                return Err(format!(
                    "writes content {}, which is missing",
                    write.content
                ));
            }
            Action::Reach(reach) => check_reach(steps, step, reach)?,
            Action::Write(_)
            | Action::Upload(_)
            | Action::Poll(_)
            | Action::VerifyImage(_)
            | Action::Complete(_)
            | Action::Merge(_) => {}
        }
    }
    Ok(())
}

/// Returns why an image that an action names is not known when a host gets it.
fn check_pushed(steps: &Steps, step: &Step, action: &Action) -> Result<(), String> {
    let mut named = pushed_by(action);
    let is_known = |push: &StepId| {
        let needed = step.needs.iter().any(|need| need.step == *push);
        step.host.is_some() && needed && steps.get(push).is_some_and(|push| is_push(push))
    };
    match named.find(|push| !is_known(push)) {
        None => Ok(()),
        Some(push) => Err(format!(
            "uses the image of step {}, which is not a push that it depends on",
            text::quote(push.as_str())
        )),
    }
}

/// Returns the steps whose images an action names.
fn pushed_by(action: &Action) -> impl Iterator<Item = &StepId> {
    let (verified, argv) = match action {
        Action::VerifyImage(verify) => (verify.pushed_by.as_ref(), [].as_slice()),
        Action::Run(run) => (None, run.argv.as_slice()),
        _ => (None, [].as_slice()),
    };
    let pulled = argv.iter().filter_map(|arg| match arg {
        Arg::Pushed(image) => Some(&image.pushed_by),
        Arg::Literal(_) | Arg::FromEnv(_) => None,
    });
    verified.into_iter().chain(pulled)
}

/// Returns why nothing would have been kept to compare the answers with, or nothing be asked.
fn check_reach(steps: &Steps, step: &Step, reach: &Reach) -> Result<(), String> {
    if reach.requests.is_empty() || !reach.requests.iter().all(|one| one.path.starts_with('/')) {
        return Err("asks for nothing, or for something that is not a path".into());
    }
    let keeps = |other: &Step| {
        let before = Reach {
            when: When::Before,
            since: None,
            ..reach.clone()
        };
        other.host == step.host && other.action.contains(&Action::Reach(before))
    };
    let fits = match (reach.when, &reach.since) {
        (When::Before, None) => true,
        (When::After | When::Unasked, Some(since)) => {
            steps.get(since).is_some_and(|other| keeps(other))
        }
        _ => false,
    };
    match fits {
        true => Ok(()),
        false => Err("compares answers with those of no step of its host".into()),
    }
}

fn has_work(step: &Step) -> bool {
    !(step.action.is_empty() && step.cleanup.is_empty() && step.diagnose.is_empty())
}

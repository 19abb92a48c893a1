//! The status as text.

use super::advice::{next, short};
use super::model::{HostStatus, Known, Lock, RoleStatus, Run, Service, Status};
use crate::record::{LockDetails, TAKE_OVER_SECONDS};
use crate::text;

/// Free space below which a disk is marked.
const LOW: u64 = 2 << 30;

/// Returns the status as text.
pub fn render(status: &Status) -> String {
    let mut text = format!(
        "{}\n  lock: {}\n",
        text::one_line(&status.service),
        lock(&status.lock)
    );
    for (host, known) in &status.hosts {
        text += &format!("\n{host}\n");
        match known {
            HostStatus::Silent => text += "  no answer\n",
            HostStatus::Known(known) => text += &host_lines(status, known),
        }
    }
    for (role, versions) in status.versions() {
        if versions.len() > 1 {
            let parts = versions.iter().map(|(version, hosts)| {
                let hosts = Vec::from_iter(hosts);
                format!("{} on {}", shown(version), text::list(&hosts))
            });
            let parts = Vec::from_iter(parts).join("; ");
            text += &format!("\nhosts differ in role {}: {parts}\n", text::one_line(role));
        }
    }
    let (command, why) = next(status);
    text + &format!("\nnext: {command}\n      {why}\n")
}

fn lock(lock: &Lock) -> String {
    let state = match lock {
        Lock::Free => return "free".to_owned(),
        Lock::Unknown(host) => return format!("unknown: {host} does not answer"),
        Lock::Held(state) => state,
    };
    let details = LockDetails::parse(&state.text);
    let life = match (&details.run, state.beat_age) {
        (None, _) => "by hand".to_owned(),
        (Some(_), None) => "no heartbeat yet".to_owned(),
        (Some(_), Some(age)) if age < TAKE_OVER_SECONDS => format!("last heartbeat {age} s ago"),
        (Some(_), Some(age)) => format!("silent for {age} s: the next run takes it over"),
    };
    let held = format!(
        "held by {} since {}: {}",
        details.locked_by, details.at, details.message
    );
    format!("{} ({life})", text::one_line(&held))
}

fn host_lines(status: &Status, known: &Known) -> String {
    let accessories = known.accessories.iter();
    let accessories = accessories.map(|(name, service)| (name.clone(), service_line(service)));
    let roles = known.roles.iter().flat_map(|role| {
        let answered = role.answered.iter().map(|answered| answered.reason.clone());
        let lines = [role_line(status, role)].into_iter().chain(answered);
        lines.map(|line| (role.name.clone(), line))
    });
    let traefik = known.traefik.iter();
    let traefik = traefik.map(|service| ("Traefik".to_owned(), service_line(service)));
    let disk = (known.free_bytes > 0).then(|| ("disk".to_owned(), disk(known.free_bytes)));
    let runs = known
        .runs
        .iter()
        .map(|run| ("run".to_owned(), run_line(run)));
    let rows = roles
        .chain(traefik)
        .chain(accessories)
        .chain(disk)
        .chain(runs);
    let rows: Vec<(String, String)> = rows
        .map(|(name, text)| (text::one_line(&name), text))
        .collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0);
    let lines = rows
        .iter()
        .map(|(name, text)| format!("  {name:<width$}  {}\n", text::one_line(text)));
    lines.collect()
}

fn role_line(status: &Status, role: &RoleStatus) -> String {
    let Some(version) = &role.version else {
        return match &role.last {
            None => "nothing runs".to_owned(),
            Some(last) => format!(
                "STOPPED {}, ran {}",
                since(last.stopped_at, status.now, ""),
                shown(&last.version)
            ),
        };
    };
    let mut parts = vec![shown(version)];
    if role.since > 0 {
        parts.push(since(role.since, status.now, &role.brought));
    }
    parts.push(role.health.to_owned());
    parts.extend(role.routed.map(|is_routed| match is_routed {
        true => "routed".to_owned(),
        false => "NOT ROUTED".to_owned(),
    }));
    match role.replicas {
        (_, 0 | 1) => {}
        (running, wanted) if running < wanted => {
            parts.push(format!("ONLY {running} of {wanted} containers"));
        }
        (running, _) => parts.push(text::count(running as usize, "container")),
    }
    if !role.others.is_empty() {
        let others: Vec<String> = role.others.iter().map(|other| shown(other)).collect();
        parts.push(format!("beside it runs {}", text::list(&others)));
    }
    if status
        .usual_version(&role.name)
        .is_some_and(|usual| usual != version)
    {
        parts.push("OTHER VERSION THAN MOST".to_owned());
    }
    parts.join(", ")
}

fn service_line(service: &Service) -> String {
    match service {
        Service::Runs(image) => image.clone(),
        Service::Stopped => "stopped".to_owned(),
        Service::Missing => "does not run".to_owned(),
    }
}

fn run_line(run: &Run) -> String {
    let state = match run.is_last {
        true => "began last and is not finished",
        false => "was not finished",
    };
    let mut line = format!("plan {} {state}", short(run.plan.as_str()));
    for (number, what) in [(run.running, "running"), (run.in_doubt, "in doubt")] {
        if number > 0 {
            line += &format!(", {} {what}", text::count(number, "step"));
        }
    }
    line
}

/// Returns a version as people write it.
fn shown(version: &str) -> String {
    text::shorten(version)
}

/// Returns when something began, how long ago that is by the clock of this machine, and what `brought` it.
fn since(at: u64, now: u64, brought: &str) -> String {
    let seconds = i64::try_from(at).unwrap_or(0);
    let at_time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    let time = at_time.strftime("since %Y-%m-%d %H:%M UTC");
    let age = now.checked_sub(at);
    let age = age.map(|age| format!("{} ago", age_text(age)));
    let brought = (!brought.is_empty()).then(|| brought.to_owned());
    let about: Vec<String> = age.into_iter().chain(brought).collect();
    match about.is_empty() {
        true => time.to_string(),
        false => format!("{time} ({})", about.join(", ")),
    }
}

fn age_text(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}

fn disk(free: u64) -> String {
    let tenths = free / (1 << 30) * 10 + free % (1 << 30) * 10 / (1 << 30);
    let mark = if free < LOW { ": LOW" } else { "" };
    format!("{}.{} GiB free{mark}", tenths / 10, tenths % 10)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

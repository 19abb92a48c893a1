//! What has gone wrong while what was under way, over all seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use mrsk::apply::state::Action;

use super::items::Stage;
use super::world::World;

/// How often each fault has struck which phase of which kind of step; the kind is empty for a request.
pub type Coverage = BTreeMap<(&'static str, &'static str, String), u64>;

/// How often each is to be struck in a long run.
const WANTED: u64 = 100;

/// Faults that strike at any place.
const FAULTS: [&str; 9] = [
    "a connection breaks",
    "a host is restarted",
    "a disk is full",
    "a script is killed",
    "mrsk is killed",
    "mrsk stands still",
    "the machine of mrsk sleeps",
    "a run is interrupted",
    "the journal is full",
];

/// Kinds of steps on hosts, those of them whose cleanup is carried out part by part, and kinds of steps of this machine.
const ON_HOSTS: [&str; 13] = [
    "broadcast",
    "drain",
    "healthcheck",
    "install_docker",
    "network",
    "prune",
    "pull",
    "release",
    "rename",
    "route",
    "start",
    "stop",
    "traefik",
];
const UNDONE: [&str; 4] = ["drain", "healthcheck", "route", "start"];
const HERE: [&str; 4] = ["broadcast", "build", "push", "registry_login"];

const PHASES: [&str; 4] = ["claims", "reads the fence", "acts", "writes its receipt"];

const REQUESTS: [&str; 13] = [
    "takes the lock",
    "sends a heartbeat",
    "releases the lock",
    "asks for steps of other plans",
    "inspects",
    "writes the fence",
    "lists attempts",
    "hands over steps",
    "attaches",
    "tells a host to stop",
    "records",
    "records completion",
    "connects again",
];

/// All places, also those that no fault has struck.
fn expected() -> impl Iterator<Item = (&'static str, &'static str)> {
    let of = |phase: &'static str, kinds: &'static [&'static str]| {
        kinds.iter().map(move |kind| (phase, *kind))
    };
    let on_hosts = PHASES
        .into_iter()
        .flat_map(move |phase| of(phase, &ON_HOSTS));
    let asked = REQUESTS.into_iter().map(|request| (request, ""));
    on_hosts
        .chain(of("undoes", &UNDONE))
        .chain(of("runs here", &HERE))
        .chain(asked)
}

/// What a request asks for.
pub fn request(action: &Action) -> &'static str {
    match action {
        Action::TakeLock => "takes the lock",
        Action::Beat => "sends a heartbeat",
        Action::Release | Action::Leave(_) => "releases the lock",
        Action::Others(..) => "asks for steps of other plans",
        Action::Inspect(_) => "inspects",
        Action::Fence { .. } => "writes the fence",
        Action::List(_) => "lists attempts",
        Action::Start(..) => "hands over steps",
        Action::Attach(..) => "attaches",
        Action::Halt(_) => "tells a host to stop",
        Action::Record { .. } => "records",
        Action::Finish(_) => "records completion",
        Action::Reconnect(_) => "connects again",
        _ => "asks",
    }
}

impl Stage {
    /// What a script does then.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claim => "claims",
            Self::Fence => "reads the fence",
            Self::Effect { .. } | Self::Part { .. } => "acts",
            Self::Undo { .. } => "undoes",
            Self::Receipt { .. } => "writes its receipt",
        }
    }
}

impl World {
    /// Notes that a fault strikes what is under way.
    pub(super) fn cover(&mut self, fault: &'static str) {
        let (phase, kind) = self.under_way.clone();
        *self.coverage.entry((fault, phase, kind)).or_default() += 1;
    }
}

/// Adds what one world has seen.
pub fn add(all: &mut Coverage, world: &World) {
    for (key, count) in &world.coverage {
        *all.entry(key.clone()).or_default() += count;
    }
}

/// Why a fault never strikes this phase; `None`: it may.
fn unreachable(fault: &str, phase: &str) -> Option<&'static str> {
    let is_local = phase == "runs here";
    match (fault, phase) {
        ("a script is killed", "claims") => {
            Some("a script that has not claimed is a request that is lost")
        }
        ("a script is killed", _) if is_local => Some("no script of a host runs it"),
        _ => None,
    }
}

/// Returns the report: a line for each phase and kind, with the smallest count of all faults, and what was struck too rarely.
pub fn report(all: &Coverage, seeds: &str) -> String {
    let mut text = format!("# What went wrong in the simulation\n\n{seeds}\n\n");
    text += "Each line is a phase of a step, or a request; the columns are how often each fault struck it.\n\n";
    let seen = all.keys().map(|(_, phase, kind)| (*phase, kind.clone()));
    let mut places: BTreeSet<(&'static str, String)> = seen.collect();
    places.extend(expected().map(|(phase, kind)| (phase, kind.to_owned())));
    writeln!(text, "| phase | kind | {} |", FAULTS.join(" | ")).expect("a string");
    writeln!(text, "| --- | --- |{}", " ---: |".repeat(FAULTS.len())).expect("a string");
    let (mut rare, mut reasons) = (Vec::new(), BTreeMap::new());
    for (phase, kind) in places {
        let mut line = format!("| {phase} | {kind} |");
        for fault in FAULTS {
            let count = all.get(&(fault, phase, kind.clone()));
            let count = count.copied().unwrap_or(0);
            match unreachable(fault, phase) {
                Some(reason) if count == 0 => {
                    *reasons.entry((fault, reason)).or_insert(0) += 1;
                    line += " - |";
                }
                _ => {
                    write!(line, " {count} |").expect("a string");
                    if count < WANTED {
                        rare.push(format!("- {fault} while it {phase} {kind}: {count}"));
                    }
                }
            }
        }
        text += &line;
        text.push('\n');
    }
    text += "\n`-` cannot happen:\n\n";
    for ((fault, reason), _) in reasons {
        writeln!(text, "- {fault}: {reason}").expect("a string");
    }
    writeln!(
        text,
        "\nLess than {WANTED} times:\n\n{}",
        match rare.is_empty() {
            true => "none".to_owned(),
            false => rare.join("\n"),
        }
    )
    .expect("a string");
    text
}

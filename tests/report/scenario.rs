//! A small plan, and runs of it written by hand.

use std::collections::BTreeMap;

use mrsk::apply::driver::Observer;
use mrsk::apply::state::{
    HostSummary, Millis, Outcome, Phase, Progress, StepStatus, StepSummary, Summary,
};
use mrsk::name::{HostName, StepId};
use mrsk::plan::Plan;
use serde_json::{Value, json};

fn step(id: &str, kind: &str, summary: &str, run: &[&str]) -> Value {
    let (host, rest) = id.split_once('/').unwrap();
    let area = rest.split('/').next().unwrap();
    let mut step = json!({
        "id": id,
        "kind": kind,
        "summary": summary,
        "why": {"needed_by": {"what": "the deploy"}},
        "needs": [],
        "on_failure": "stop_run",
        "timeout_seconds": 60,
        "action": [{"run": {"argv": run}}],
    });
    if host != "local" {
        step["host"] = host.into();
    }
    if matches!(area, "web" | "job") {
        step["role"] = area.into();
    }
    step
}

/// The steps of a switch on a host.
fn switch(host: &str, role: &str) -> Vec<Value> {
    let (old, new) = (format!("app-{role}-1"), format!("app-{role}-2"));
    let id = |verb: &str| format!("{host}/{role}/{new}/{verb}");
    let logs = json!([{"argv": ["docker", "logs", "--tail", "50", new]}]);
    let remove = json!([{"run": {"argv": ["docker", "rm", "--force", new]}}]);
    let state = format!("/containers/{new}/state");
    let runs = json!({"facts": [{"fact": state, "op": "eq", "value": "running"}]});
    let mut start = step(&id("start"), "start", &format!("Start {new}"), &[]);
    start["action"] = json!([
        {"run": {
            "argv": ["docker", "create", "--name", new, "-e", "DATABASE_URL", "-e", "GREETING=it's $HOME", "registry:5000/app:2"],
            "env": ["DATABASE_URL"],
        }},
        {"run": {"argv": ["docker", "start", new]}},
    ]);
    start["why"] = json!({"version_changed": {"old": "1", "new": "2"}});
    let mut check = step(
        &id("healthcheck"),
        "healthcheck",
        &format!("Wait for {new} to answer 200 at :3000/up"),
        &[],
    );
    check["action"] = json!([{"poll": {
        "probe": "http", "container": new, "port": 3000, "path": "/up", "interval_ms": 4000, "attempts": 7,
    }}]);
    let mut route = step(
        &id("route"),
        "route",
        &format!("Route requests to {new}"),
        &[],
    );
    route["action"] = json!([
        {"write": {"path": format!("/var/lib/mrsk/traefik/app-{role}.yml"), "content": "ab".repeat(32), "mode": "0644"}},
        {"poll": {"probe": "route", "container": new, "interval_ms": 1000, "attempts": 20}},
        {"reach": {
            "when": "after", "since": id("healthcheck"), "container": "traefik",
            "requests": [{"port": 80, "host": "app.example.com", "path": "/up"}],
        }},
    ]);
    for step in [&mut start, &mut check, &mut route] {
        step["diagnose"] = logs.clone();
        step["cleanup"] = remove.clone();
        step["check"] = runs.clone();
    }
    let mut drain = step(
        &id("drain"),
        "drain",
        &format!("Drain {old} (up to 30 s)"),
        &[],
    );
    drain["action"] = json!([{"poll": {
        "probe": "idle", "container": old, "port": 3000, "interval_ms": 1000, "attempts": 30,
    }}]);
    let mut stop = step(
        &id("stop"),
        "stop",
        &format!("Stop {old}"),
        &["docker", "stop", "--time", "30", &old],
    );
    stop["why"] = json!({"replaced": {"what": old}});
    match role {
        "web" => vec![start, check, route, drain, stop],
        _ => vec![start, check, stop],
    }
}

/// Returns a plan that replaces version 1 by 2: `web` on two hosts, `job` on the second.
pub fn plan() -> Plan {
    let build = ["docker", "build", "--tag", "registry:5000/app:2", "."];
    let push = ["docker", "push", "registry:5000/app:2"];
    let pull = ["docker", "pull", "registry:5000/app:2"];
    let mut steps = vec![
        step("local/image/app/build", "build", "Build app", &build),
        step("local/image/app/push", "push", "Push app", &push),
        step("app1/image/app/pull", "pull", "Pull app", &pull),
    ];
    steps.extend(switch("app1", "web"));
    let mut barrier = step(
        "local/barrier/canary/open",
        "barrier",
        "Wait for the canary",
        &[],
    );
    barrier["action"] = json!([]);
    barrier["barrier"] = json!({"at_most_failed": 0, "wait_seconds": 0});
    steps.push(barrier);
    steps.push(step("app2/image/app/pull", "pull", "Pull app", &pull));
    steps.extend(switch("app2", "web"));
    steps.extend(switch("app2", "job"));
    let host = |port: Value, roles: &[&str]| {
        json!({
            "ssh": {"user": "deploy", "port": port},
            "host_keys": [], "roles": roles, "serial": 4, "relies_on": [],
        })
    };
    serde_json::from_value(json!({
        "format_version": "1.0",
        "operation": {"name": "deploy", "version": "2", "destination": "staging"},
        "service": "app",
        "version": "2",
        "image": {"reference": "registry:5000/app:2"},
        "config": {"path": "config/deploy.yml", "sha256": "cd".repeat(32)},
        "secrets": [],
        "lock_host": "app1",
        "hosts": {"app1": host(Value::Null, &["web"]), "app2": host(2222.into(), &["web", "job"])},
        "contents": {},
        "steps": steps,
        "unchanged": [],
        "warnings": [],
        "digest": format!("sha256:{}", "5e1f".repeat(16)),
    }))
    .unwrap()
}

/// What happened in a run, and when.
pub struct Run {
    now: u64,
    events: Vec<(Millis, Progress)>,
    /// The steps that ran before the lock was taken, of which the executor's summary has nothing.
    ahead: Vec<StepId>,
}

impl Run {
    pub fn new() -> Self {
        Self {
            now: 500,
            events: Vec::new(),
            ahead: Vec::new(),
        }
    }

    /// A run that has the lock and looks at the hosts.
    pub fn looking() -> Self {
        let mut run = Self::new();
        run.tell(Progress::Phase(Phase::Locking));
        run.tell(Progress::Phase(Phase::Inspecting));
        run
    }

    /// A run that has written its fence on the hosts, and looks at what is left to do.
    pub fn judging() -> Self {
        let mut run = Self::looking();
        for phase in [Phase::Fencing, Phase::Judging] {
            run.tell(Progress::Phase(phase));
        }
        run
    }

    /// A run that is about to begin its first step.
    pub fn walking() -> Self {
        let mut run = Self::judging();
        run.tell(Progress::Phase(Phase::Walking));
        run
    }

    pub fn events(&self) -> &[(Millis, Progress)] {
        &self.events
    }

    pub fn wait(&mut self, millis: u64) {
        self.now += millis;
    }

    pub fn tell(&mut self, event: Progress) {
        self.events.push((Millis(self.now), event));
    }

    pub fn started(&mut self, step: &str) {
        self.started_again(step, 1);
    }

    /// Begins a step before the lock is taken.
    pub fn started_ahead(&mut self, step: &str) {
        self.ahead.push(StepId::from(step));
        self.started(step);
    }

    pub fn started_again(&mut self, step: &str, attempt: u32) {
        let step = StepId::from(step);
        self.tell(Progress::StepStarted(step, attempt));
    }

    pub fn ended(&mut self, step: &str, status: StepStatus) {
        self.ended_with(step, status, "");
    }

    pub fn ended_with(&mut self, step: &str, status: StepStatus, diagnosis: &str) {
        self.answered(step, status, ["", diagnosis]);
    }

    /// Ends a step that says what users get.
    pub fn answered(&mut self, step: &str, status: StepStatus, [answer, diagnosis]: [&str; 2]) {
        self.tell(Progress::StepEnded {
            step: StepId::from(step),
            status,
            answer: answer.into(),
            diagnosis: diagnosis.into(),
        });
    }

    /// Runs a step, successfully.
    pub fn ran(&mut self, step: &str, millis: u64) {
        self.started(step);
        self.wait(millis);
        self.ended(step, StepStatus::Succeeded);
    }

    pub fn is_open(&self, id: &StepId) -> bool {
        !self
            .events
            .iter()
            .any(|(_, event)| matches!(event, Progress::StepEnded { step, .. } if step == id))
    }

    /// Hands everything to a reporter.
    pub fn play(&self, reporter: &mut dyn Observer, outcome: &Outcome) {
        for (at, event) in &self.events {
            reporter.progress(*at, event);
        }
        reporter.finish(&self.summary(), outcome);
    }

    /// Returns what the executor's own summary would say of these events.
    pub fn summary(&self) -> Summary {
        let plan = plan();
        let mut hosts: BTreeMap<Option<HostName>, (HostSummary, u64)> = BTreeMap::new();
        let mut steps = Vec::new();
        for step in &plan.steps {
            let line = self.step(&step.id);
            let (host, first) = hosts.entry(step.host.clone()).or_default();
            host.host = step.host.clone();
            *match line.status {
                StepStatus::Succeeded => &mut host.ran,
                StepStatus::AlreadyDone => &mut host.already_done,
                StepStatus::Open if line.attempt > 0 => &mut host.in_doubt,
                StepStatus::Skipped { .. } | StepStatus::Stopped | StepStatus::Open => {
                    &mut host.skipped
                }
                StepStatus::InDoubt => &mut host.in_doubt,
                _ => &mut host.failed,
            } += 1;
            if let (Some(started), Some(ended)) = (line.started, line.ended) {
                if *first == 0 {
                    *first = started.0;
                }
                host.millis = ended.0 - *first;
            }
            steps.push(line);
        }
        Summary {
            hosts: hosts.into_values().map(|(line, _)| line).collect(),
            steps,
        }
    }

    fn step(&self, id: &StepId) -> StepSummary {
        let mut line = StepSummary {
            step: id.clone(),
            status: StepStatus::Open,
            attempt: 0,
            started: None,
            ended: None,
        };
        if self.ahead.contains(id) {
            return line;
        }
        for (at, event) in &self.events {
            match event {
                Progress::StepStarted(step, attempt) if step == id => {
                    line.attempt = *attempt;
                    line.started.get_or_insert(*at);
                }
                Progress::StepEnded { step, status, .. } if step == id => {
                    line.status = status.clone();
                    line.ended = Some(*at);
                }
                _ => {}
            }
        }
        line
    }
}

//! A plan that is applied under load while something breaks.

use std::time::{Duration, Instant};

use crate::lab_load::{Load, Settings};
use crate::lab_project::{Machine, Project, Said, eventually};
use crate::lab_support::planned::{Planned, SECRET, WITH_SECRET};
use crate::lab_support::{PlanFile, Runner, deeds};

/// The canary, which is the lock host, and the host that most faults hit.
pub const HOSTS: [&str; 2] = ["172.30.0.16", "172.30.0.17"];

/// The host that most faults hit.
pub const HIT: usize = 1;

/// An app that boots and answers as slowly as real ones do.
pub const APP: &str = "APP_BOOT_MS=1000\nAPP_SLOW_MS=50\n";

/// Clients for each host.
const CLIENTS: usize = 4;

/// What an outage may last longer than one of the same fault without a deploy: on a busy machine, two containers start more
/// slowly than one.
const SLACK: Duration = Duration::from_secs(4);

/// A plan that is to be applied while something breaks.
pub struct Trial {
    /// The project, and the plan of its version `two`.
    pub planned: Planned,
    began: Instant,
    name: &'static str,
}

impl Trial {
    /// Deploys version `one` to [`HOSTS`], and plans version `two`.
    pub fn new(service: &'static str) -> Self {
        Self::configured(service, &HOSTS, "")
    }

    /// As [`Self::new`], on these hosts, with more in `config/deploy.yml`.
    pub fn configured(service: &'static str, hosts: &[&str], more: &str) -> Self {
        let project = Project::new(service, hosts);
        project.secret_file(&[SECRET]);
        project.configure(&format!("{WITH_SECRET}{more}"));
        Self::of(project, APP)
    }

    /// Deploys version `one` of the project's app, which behaves so, and plans version `two`.
    pub fn of(project: Project, behaviour: &str) -> Self {
        let began = Instant::now();
        Self {
            name: project.service,
            planned: Planned::of(project, behaviour),
            began,
        }
    }

    /// Plans a version `two` that boots for so long instead.
    pub fn plan_slow_boot(&mut self, milliseconds: u32) {
        let project = &self.planned.project;
        let behaviour = format!("APP_BOOT_MS={milliseconds}\nAPP_SLOW_MS=50\nAPP_VERSION=two\n");
        self.planned.commits[1] = project.commit(&behaviour);
        self.planned.new = project.container(&self.planned.commits[1]);
        self.planned.plan = PlanFile::make(project, "plan.json");
    }

    /// Returns the project.
    pub fn project(&self) -> &Project {
        &self.planned.project
    }

    /// Returns a host by its number.
    pub fn machine(&self, at: usize) -> &Machine {
        &self.project().machines[at]
    }

    /// Returns the id of the only step of this kind on a host.
    #[track_caller]
    pub fn step(&self, at: usize, kind: &str) -> String {
        self.planned.plan.step(&self.machine(at).ip, kind)
    }

    /// Begins to apply the plan.
    pub fn begin(&self, more: &[&str]) -> Runner {
        Runner::apply(self.project(), &self.planned.plan, more)
    }

    /// Begins to apply the plan, and returns when the new container of this host boots.
    #[track_caller]
    pub fn begin_until_boot(&self, at: usize, more: &[&str]) -> Runner {
        let mut runner = self.begin(more);
        runner.until("ended", &self.step(at, "start"));
        runner
    }

    /// Applies the plan to its end.
    pub fn apply(&self, more: &[&str]) -> Said {
        self.begin(more).wait()
    }

    /// Lets users ask all hosts, once each of them serves.
    pub fn users(&self) -> Users {
        for machine in &self.project().machines {
            eventually(40, || serves(machine));
        }
        let address = |machine: &Machine| format!("{}:80", machine.ip).parse().unwrap();
        let addresses: Vec<_> = self.project().machines.iter().map(address).collect();
        let load = Load::start(Settings::new(&addresses, CLIENTS * addresses.len()));
        load.wait_for(20);
        Users { load }
    }

    /// Returns what the fault costs the users of a host while nothing is deployed.
    pub fn control(&self, at: usize, fault: impl FnOnce(&Machine)) -> Cost {
        let users = self.users();
        fault(self.machine(at));
        eventually(40, || serves(self.machine(at)));
        std::thread::sleep(Duration::from_secs(1));
        users.lost_only_on(at)
    }

    /// Fails unless the run ended with one of these codes, and said what belongs to it: what it comes to depends on how soon the
    /// host is back.
    #[track_caller]
    pub fn ended_as_one_of(&self, said: &Said, endings: &[(i32, &str)]) {
        eprintln!("fault {}: apply ended with {}", self.name, said.code);
        let ending = endings.iter().find(|(code, _)| *code == said.code);
        let (_, text) = ending.unwrap_or_else(|| panic!("{}: {}", said.code, said.err));
        said.says(&[text]);
    }

    /// Fails unless the plan has come to its end, everything twice is refused, and no effect was repeated.
    #[track_caller]
    pub fn is_finished(&self) {
        self.planned.all_serve("two");
        for at in 0..self.project().machines.len() {
            self.no_effect_was_repeated(at, &self.planned.since[at]);
        }
        self.apply(&[]).expect(0).says(&["already applied"]);
        eprintln!(
            "fault {}: {:.0} s",
            self.name,
            self.began.elapsed().as_secs_f32()
        );
    }

    /// As [`Self::is_finished`], and what docker did is what it does when nothing breaks.
    #[track_caller]
    pub fn is_finished_as_if_nothing_had_been(&self) {
        self.planned.nothing_was_done_twice();
        self.is_finished();
    }

    /// Fails if a container was created, started or stopped although that had been done, and not undone.
    #[track_caller]
    pub fn no_effect_was_repeated(&self, at: usize, since: &str) {
        let done = deeds(self.machine(at), self.name, since);
        let mut last = std::collections::BTreeMap::new();
        for deed in &done {
            let (what, name) = deed.split_once(' ').unwrap();
            let (about, is_on) = match what {
                "create" => ("exists", true),
                "destroy" => ("exists", false),
                "start" => ("runs", true),
                "die" => ("runs", false),
                _ => continue,
            };
            let before = last.insert((about, name), is_on);
            assert_ne!(before, Some(is_on), "{deed}: {done:?}");
        }
    }

    /// Prints what users of the hit host lost, beside what the fault costs by itself, and fails if it is more.
    #[track_caller]
    pub fn costs_no_more(&self, cost: Cost, control: Cost) {
        eprintln!(
            "fault {}: the hit host lost {} requests within {:.1} s; without a deploy {} within {:.1} s",
            self.name,
            cost.lost,
            cost.outage.as_secs_f32(),
            control.lost,
            control.outage.as_secs_f32()
        );
        assert!(
            cost.outage <= control.outage + SLACK,
            "{cost:?} {control:?}"
        );
    }
}

/// Whether all of a few requests are answered.
pub fn serves(machine: &Machine) -> bool {
    (0..5).all(|_| {
        std::thread::sleep(Duration::from_millis(20));
        matches!(machine.get("/"), Ok((200, _)))
    })
}

/// What users of a host lost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// How many requests.
    pub lost: usize,
    /// From the beginning of the first lost one to the end of the last.
    pub outage: Duration,
}

/// Users who ask all hosts without pause.
pub struct Users {
    load: Load,
}

impl Users {
    /// Fails if any of them lost a request.
    #[track_caller]
    pub fn lost_nothing(self) {
        self.stop(None);
    }

    /// Fails if users of another host lost a request. Returns what those of this one lost.
    #[track_caller]
    pub fn lost_only_on(self, hit: usize) -> Cost {
        self.stop(Some(hit))
    }

    #[track_caller]
    fn stop(self, hit: Option<usize>) -> Cost {
        self.load.wait_for(20);
        let report = self.load.stop();
        let lost = || {
            report
                .records
                .iter()
                .filter(|record| !record.outcome.is_served())
        };
        let on_others = lost().filter(|record| Some(record.address) != hit).count();
        assert_eq!(on_others, 0, "{:?}", report.losses());
        assert!(report.requests() > 100, "{}", report.requests());
        let first = lost().map(|record| record.start).min().unwrap_or_default();
        let last = lost().map(|record| record.end).max().unwrap_or_default();
        Cost {
            lost: report.lost(),
            outage: last.saturating_sub(first),
        }
    }
}

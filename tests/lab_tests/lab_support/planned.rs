//! A project whose next version is planned: what tests of runs that do not end as they should begin with.

use super::{EndState, PlanFile, deeds};
use crate::lab_project::{Machine, Project};

/// The secret of the app.
pub const SECRET: (&str, &str) = ("APP_SECRET", "what the app $knows");

/// What `config/deploy.yml` needs for it.
pub const WITH_SECRET: &str = "env:\n  secret: [APP_SECRET]\n";

/// A project whose version `one` serves and whose version `two` is planned.
pub struct Planned {
    /// The project.
    pub project: Project,
    /// The plan of version `two`.
    pub plan: PlanFile,
    /// The container of version `one`.
    pub old: String,
    /// The container of version `two`.
    pub new: String,
    /// The commits of both versions.
    pub commits: [String; 2],
    /// How the app of each version behaves, up to the version's name.
    behaviour: String,
    /// When the plan was made, by the clock of each host.
    pub since: Vec<String>,
}

impl Planned {
    /// Deploys version `one` to these hosts, and plans version `two`.
    pub fn new(service: &'static str, addresses: &[&str]) -> Self {
        let project = Project::new(service, addresses);
        project.secret_file(&[SECRET]);
        project.configure(WITH_SECRET);
        // Slow enough to be caught in the act, at each step that has an end of its own.
        Self::of(project, "APP_BOOT_MS=700\n")
    }

    /// As [`Self::new`], in a project that is configured, with [`WITH_SECRET`], and of an app that behaves so.
    pub fn of(project: Project, behaviour: &str) -> Self {
        let behaviour = format!("{behaviour}APP_VERSION=");
        let one = project.commit(&format!("{behaviour}one\n"));
        project.mrsk(&["deploy"]).expect(0);
        let two = project.commit(&format!("{behaviour}two\n"));
        Self {
            plan: PlanFile::make(&project, "plan.json"),
            old: project.container(&one),
            new: project.container(&two),
            since: project.each(Machine::now),
            commits: [one, two],
            behaviour,
            project,
        }
    }

    /// Commits another version, which nothing deploys, and stays at `two`.
    pub fn commit(&self, version: &str) -> String {
        let commit = self
            .project
            .commit(&format!("{}{version}\n", self.behaviour));
        self.project.check_out(&self.commits[1]);
        commit
    }

    /// Goes back to where version `one` serves and the same commit `two` is planned.
    pub fn again(&mut self) {
        self.project.each(Machine::wipe);
        self.project.check_out(&self.commits[0]);
        self.project.mrsk(&["deploy"]).expect(0);
        self.project.check_out(&self.commits[1]);
        self.plan = PlanFile::make(&self.project, "plan.json");
        self.since = self.project.each(Machine::now);
    }

    /// Looks at every host.
    pub fn end_states(&self) -> Vec<EndState> {
        let service = self.project.service;
        self.project.each(|machine| EndState::of(machine, service))
    }

    /// Fails where docker did anything twice.
    #[track_caller]
    pub fn nothing_was_done_twice(&self) {
        for at in 0..self.project.machines.len() {
            self.nothing_was_done_twice_on(at);
        }
    }

    /// Fails where docker did something to a container twice, or to one that was no part of the plan.
    #[track_caller]
    pub fn nothing_was_done_twice_on(&self, at: usize) {
        let machine = &self.project.machines[at];
        let mut done = deeds(machine, self.project.service, &self.since[at]);
        // Which signals a stop sends is docker's business.
        done.retain(|deed| !deed.starts_with("kill "));
        done.sort();
        let mut expected = vec![
            format!("create {}", self.new),
            format!("start {}", self.new),
            format!("die {}", self.old),
            format!("stop {}", self.old),
        ];
        expected.sort();
        assert_eq!(done, expected, "{}", machine.ip);
    }

    /// Fails where docker did the same to a container twice, whatever it was, or where another than `container` runs.
    #[track_caller]
    pub fn only_runs(&self, container: &str) {
        for (machine, since) in self.project.machines.iter().zip(&self.since) {
            let mut done = deeds(machine, self.project.service, since);
            done.retain(|deed| !deed.starts_with("kill "));
            let mut once = done.clone();
            once.sort();
            once.dedup();
            assert_eq!(once.len(), done.len(), "{}: {done:?}", machine.ip);
            let running = machine.sh("docker ps --format '{{.Names}}' | sort");
            assert_eq!(running, format!("{container}\ntraefik\n"), "{}", machine.ip);
        }
    }

    /// Fails unless every host serves this version, with the secret, and none is locked.
    #[track_caller]
    pub fn all_serve(&self, version: &str) {
        for machine in &self.project.machines {
            assert_eq!(machine.version(), version, "{}", machine.ip);
            assert!(!machine.is_locked(), "{}", machine.ip);
        }
        let secret = self.project.machines[0].get(&format!("/env/{}", SECRET.0));
        assert_eq!(secret.unwrap().1, SECRET.1.as_bytes());
    }
}

//! Runs that are killed at every step, on the lab: the same plan finishes what is left, or another one is applied, from the same
//! directory or from another clone. Nothing is done twice, and no request is lost.

use std::time::{Duration, Instant};

use crate::lab_project::{Users, is_matrix, sample};
use crate::lab_support::planned::{Planned, SECRET};
use crate::lab_support::{Elsewhere, EndState, Runner, age_lock};

/// The canary, another host, and a third one where there is time for it.
const HOSTS: [&str; 3] = ["172.30.0.19", "172.30.0.20", "172.30.0.18"];

/// A place of the journal where a run is killed.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Before its first step.
    Opening,
    /// When the step of this kind on this host (none: this machine) is said to have started.
    Started(&'static str, &'static str),
    /// When it is said to have ended.
    Ended(&'static str, &'static str),
}

/// What is done after a kill.
#[derive(Debug, Clone, Copy)]
enum After {
    Resume,
    /// A deploy of a version that was committed later.
    Newer,
    /// A deploy of the version that served before.
    Older,
    Rollback,
}

/// When a run is killed, and what follows.
#[derive(Debug, Clone, Copy)]
struct Point {
    place: Place,
    /// Milliseconds after it.
    delay: u64,
    after: After,
    /// Whether another clone does it, without the journal of the killed run.
    elsewhere: bool,
}

/// Returns the points: before the first step, each boundary of two steps, and inside of each kind of step.
fn points(hosts: &[&'static str]) -> Vec<Point> {
    let mut places: Vec<(Place, u64)> = [30, 100, 200, 400, 700, 1000]
        .map(|delay| (Place::Opening, delay))
        .into();
    for (kind, inside) in [("build", 100), ("push", 20)] {
        places.push((Place::Started("", kind), inside));
        places.push((Place::Ended("", kind), 0));
    }
    for host in hosts {
        // What a batch of steps starts, the journal says at once; an end it says when it came.
        places.push((Place::Started(host, "pull"), 0));
        places.push((Place::Started(host, "pull"), 50));
        places.push((Place::Ended(host, "pull"), 0));
        places.push((Place::Ended(host, "pull"), 150));
        for (kind, inside_the_next) in [
            ("start", 200),
            ("healthcheck", 30),
            ("route", 50),
            ("drain", 100),
        ] {
            places.push((Place::Ended(host, kind), 0));
            places.push((Place::Ended(host, kind), inside_the_next));
        }
        places.push((Place::Ended(host, "stop"), 0));
        places.push((Place::Ended(host, "stop"), 50));
    }
    let after = [After::Resume, After::Newer, After::Older, After::Rollback];
    let number = places.into_iter().enumerate();
    number
        .map(|(number, (place, delay))| Point {
            place,
            delay,
            after: after[number % after.len()],
            elsewhere: (number / after.len()).is_multiple_of(2),
        })
        .collect()
}

/// A project whose runs are killed.
struct Killed {
    planned: Planned,
    /// A commit that is newer than the one that is planned.
    three: String,
    /// What a run leaves that nobody kills.
    undisturbed: Vec<EndState>,
}

impl Killed {
    fn new(hosts: &[&str]) -> Self {
        let planned = Planned::new("lab-killed", hosts);
        Runner::apply(&planned.project, &planned.plan, &[])
            .wait()
            .expect(0);
        planned.nothing_was_done_twice();
        Self {
            three: planned.commit("three"),
            undisturbed: planned.end_states(),
            planned,
        }
    }

    /// Applies the plan, and kills the run at `point`.
    fn kill(&self, point: &Point) {
        let plan = &self.planned.plan;
        let mut runner = Runner::apply(&self.planned.project, plan, &[]);
        match point.place {
            Place::Opening => {}
            Place::Started(host, kind) => {
                runner.until("started", &plan.step(host, kind));
            }
            Place::Ended(host, kind) => {
                runner.until("ended", &plan.step(host, kind));
            }
        }
        std::thread::sleep(Duration::from_millis(point.delay));
        runner.kill();
        age_lock(&self.planned.project.machines[0]);
    }

    /// Does what follows a kill, and looks at what it leaves.
    fn go_on(&self, point: &Point) {
        let project = &self.planned.project;
        let [one, two] = &self.planned.commits;
        let (commit, command, version) = match point.after {
            After::Resume => (two, vec!["apply", self.planned.plan.arg()], "two"),
            After::Newer => (&self.three, vec!["deploy"], "three"),
            After::Older => (one, vec!["deploy"], "one"),
            After::Rollback => (two, vec!["rollback", one.as_str(), "-y"], "one"),
        };
        project.check_out(commit);
        let said = match point.elsewhere {
            true => Elsewhere::of(project, &[SECRET]).mrsk(&command),
            false => project.mrsk(&command),
        };
        assert_eq!(said.code, 0, "{point:?}\n{}", said.err);
        // Where nothing is to be done, nobody takes the dead run's lock over.
        if said.err.contains("nothing to do") && project.machines[0].is_locked() {
            project.mrsk(&["lock", "release"]).expect(0);
        }
        self.planned.all_serve(version);
        match point.after {
            After::Resume => {
                assert_eq!(self.planned.end_states(), self.undisturbed, "{point:?}");
                self.planned.nothing_was_done_twice();
            }
            After::Newer => self.planned.only_runs(&project.container(&self.three)),
            After::Older | After::Rollback => self.planned.only_runs(&project.container(one)),
        }
    }
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn after_a_kill_the_plan_is_finished_or_another_applied_with_nothing_done_twice() {
    let hosts = if is_matrix() { &HOSTS[..] } else { &HOSTS[..2] };
    let mut killed = Killed::new(hosts);
    for point in sample(&points(hosts), 6) {
        let begun = Instant::now();
        killed.planned.again();
        let users = Users::of(&killed.planned.project.machines);
        killed.kill(&point);
        killed.go_on(&point);
        users.were_all_served();
        eprintln!("killed: {point:?}: {:.1} s", begun.elapsed().as_secs_f32());
    }
}

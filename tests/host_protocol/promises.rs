//! A power cut at each moment of a plan's scripts: what was promised by then still holds, nothing is wedged, and nothing is told as not begun
//! that may have begun.

use std::collections::HashSet;
use std::fs;
use std::sync::Mutex;

use mrsk::facts::model::HostFacts;
use mrsk::facts::{Query, parse, probe_script};
use mrsk::name::RunId;
use mrsk::record::{Attempt, AttemptState, Ending, Listing, LockAnswer, LockDetails, TakeOver};
use mrsk::transport::answer::{FenceAnswer, ReleaseAnswer, WriteAnswer};
use mrsk::transport::request::{Holder, Inputs, LockTerms, StepRequest};

use crate::cuts::Cut;
use crate::disk::{self, Rest, Tree};
use crate::fixture::{self, Fixture, Sh, attempt, block, scope};
use crate::lives::{Holding, Steps, broken_life, details, holding, host, place, whole_life};
use crate::{lock, mutants, sample};

/// The shells whose `sync` can be watched: busybox runs its own.
const WATCHED: [Sh; 2] = [Sh::Dash, Sh::Bash];

/// What becomes of that which was not synced.
const RESTS: [Rest; 6] = [
    Rest::Lost,
    Rest::Empty,
    Rest::Torn,
    Rest::Whole,
    Rest::Mixed(1),
    Rest::Mixed(2),
];

/// A host after a power cut, and what its scripts must still answer.
struct After<'a> {
    fixture: Fixture,
    steps: &'a Steps,
    cut: &'a Cut,
}

impl After<'_> {
    fn fence(&self, digits: &str, run: &str, seen: u64) -> FenceAnswer {
        let place = place(&self.fixture, digits);
        let (host, run) = (&self.fixture.host, RunId::from(run));
        block(host.fence(&place, &run, &seen.into())).unwrap()
    }

    fn facts(&self) -> HostFacts {
        let query = Query {
            service: "app".into(),
            ..Query::default()
        };
        let said = block(self.fixture.host.probe(&probe_script(&query).unwrap()));
        parse(&said.unwrap(), &query.secrets).unwrap()
    }

    /// Runs a step, which must succeed.
    fn run(&self, digits: &str, run: &str, step: &StepRequest) {
        assert_eq!(self.ending(digits, run, step), Ending::Succeeded);
    }

    fn ending(&self, digits: &str, run: &str, step: &StepRequest) -> Ending {
        let place = place(&self.fixture, digits);
        let (host, inputs) = (&self.fixture.host, Inputs::default());
        let batch = std::slice::from_ref(step);
        block(fixture::start(host, &place, run, batch, &inputs)).unwrap();
        match block(host.attach(&place, &attempt(step))).unwrap() {
            Some(AttemptState::Ended(receipt)) => receipt.ending,
            other => panic!("{:?}: {other:?}", step.about.summary),
        }
    }

    fn finish(&self, digits: &str, run: &str) {
        let (place, run) = (place(&self.fixture, digits), RunId::from(run));
        let finished = block(self.fixture.host.finish(&place, &run)).unwrap();
        assert_eq!(finished, WriteAnswer::Written);
    }

    /// Whether the plan is listed as finished.
    fn is_finished(&self, digits: &str) -> bool {
        let finished = self.fixture.read("home/.mrsk/app@/finished");
        finished
            .lines()
            .any(|line| line == format!("sha256:{digits}"))
    }

    fn release_any(&self) -> ReleaseAnswer {
        let host = &self.fixture.host;
        block(host.release_any(&scope(), Holder::Any, "Ada")).unwrap()
    }

    /// Plan A's steps are told as what they are: begun, or maybe begun.
    fn judge_list(&self, listing: &Listing, steps: &[(&StepRequest, bool, bool)]) {
        for (step, may_have_begun, has_check) in steps {
            let is_shown = |shown: &&Attempt| shown.step == step.step;
            let shown = listing.attempts.iter().find(is_shown);
            let name = &step.about.summary;
            assert!(
                shown.is_none_or(|shown| shown.state != AttemptState::Running),
                "{name} lives"
            );
            let is_told = shown.is_some() || (*has_check && listing.restarted);
            assert!(is_told || !may_have_begun, "{name} is told as not begun");
        }
    }

    /// What is listed of plan A.
    fn judge_steps(&self, listing: &Listing) {
        let cut = self.cut;
        let is_done = |name: &str| cut.done.lines().any(|line| line == name);
        let is_claimed = |step: &StepRequest| {
            let words = format!("claimed {} 1", step.step);
            cut.said.iter().any(|(_, said)| *said == words)
        };
        let may = |step: &StepRequest, name: &str| is_done(name) || is_claimed(step);
        let Steps {
            checked,
            hook,
            local,
            ..
        } = self.steps;
        self.judge_list(
            listing,
            &[
                (checked, may(checked, "checked"), true),
                (hook, may(hook, "hook"), false),
                (local, cut.heard("local begins", "recorded"), false),
            ],
        );
    }

    fn judge(&self) {
        if self.cut.has_begun("forget") {
            return self.goes_on();
        }
        let (host, cut) = (&self.fixture.host, self.cut);
        self.judge_lock();
        let facts = self.facts();
        let (first, next) = (
            cut.heard("fence", "fenced"),
            cut.heard("next fence", "fenced"),
        );
        let least = u64::from(first) + u64::from(next);
        let most = u64::from(cut.has_begun("fence")) + u64::from(cut.has_begun("next fence"));
        let number = facts.serial.number;
        assert!((least..=most).contains(&number), "the serial is {number}");
        let is_finished = |digits| self.is_finished(digits);
        assert!(
            is_finished("a1") || !cut.heard("finish", "finished"),
            "A is not finished"
        );
        assert!(
            is_finished("b2") || !cut.heard("next finish", "finished"),
            "B is not finished"
        );
        self.judge_steps(&block(host.list(&place(&self.fixture, "a1"))).unwrap());
        let done = |name: &str| cut.done.lines().any(|line| line == name);
        let listing = block(host.list(&place(&self.fixture, "b2"))).unwrap();
        self.judge_list(
            &listing,
            &[(&self.steps.next_hook, done("next-hook"), false)],
        );
        // Those that were fenced off.
        let late = fixture::step("late", &["echo late >>$ROOT/late"]);
        if next || first {
            let run = if next { "r1" } else { "r0" };
            assert_eq!(self.ending("a1", run, &late), Ending::Refused);
            assert_eq!(self.fixture.read("late"), "");
            let sibling = self.fence("c3", "r5", u64::from(next));
            assert!(matches!(sibling, FenceAnswer::Superseded(_)), "{sibling:?}");
        }
        if first && !cut.has_begun("next fence") {
            self.run("a1", "r1", &fixture::step("more", &["true"]));
        }
        if next && !cut.has_begun("halt") {
            self.run("b2", "r2", &fixture::step("more", &["true"]));
        }
        if next {
            let answer = self.fence("a1", "r6", 0);
            assert!(matches!(answer, FenceAnswer::Superseded(_)), "{answer:?}");
        } else if !cut.has_begun("next fence") {
            self.resume();
        }
        self.goes_on();
    }

    /// Plan A goes on to its end.
    fn resume(&self) {
        let FenceAnswer::Fenced(own, _) = self.fence("a1", "r7", 0) else {
            panic!("A is not resumed")
        };
        self.judge_steps(&own);
        for step in [&self.steps.checked, &self.steps.hook] {
            let shown = own.attempts.iter().filter(|shown| shown.step == step.step);
            let again = StepRequest {
                attempt: shown.map(|shown| shown.number).max().unwrap_or(0) + 1,
                ..step.clone()
            };
            self.run("a1", "r7", &again);
        }
        self.finish("a1", "r7");
        assert!(self.is_finished("a1"), "A is not finished");
    }

    fn lock_text(&self) -> String {
        let status = block(self.fixture.host.lock_status(&scope())).unwrap();
        status.map(|status| status.text).unwrap_or_default()
    }

    /// The lock's details stay.
    fn judge_lock(&self) {
        let text = self.lock_text();
        match holding(self.cut) {
            Holding::Nobody => {}
            Holding::Run(run) => {
                let found = LockDetails::parse(&text).run;
                assert_eq!(found, Some(RunId::from(run)), "the lock: {text}");
            }
            Holding::Person => assert!(text.contains("held by hand"), "the lock: {text}"),
        }
    }

    fn take_lock(&self) -> LockAnswer {
        let terms = LockTerms {
            take_over: TakeOver::Always,
            ..LockTerms::default()
        };
        block(
            self.fixture
                .host
                .lock(&scope(), &details("r9", "d4"), &terms),
        )
        .unwrap()
    }

    /// A later plan takes the lock, once nobody can be alive, and is applied.
    fn goes_on(&self) {
        let home = self.fixture.path("home");
        let old = format!("{} {}\n", lock::boot(), lock::uptime() - 61);
        let mut tries = 0;
        while !matches!(self.take_lock(), LockAnswer::Acquired { .. }) {
            tries += 1;
            assert!(tries < 4, "nobody gets the lock: {:?}", self.take_lock());
            for silent in ["mrsk_lock/app@/beat", "mrsk_lock/seen"] {
                if home.join(silent).exists() {
                    fs::write(home.join(silent), &old).unwrap();
                }
            }
            if self.lock_text().contains("held by hand") {
                let answer = self.take_lock();
                assert!(matches!(answer, LockAnswer::Foreign { .. }), "{answer:?}");
                let released = self.release_any();
                assert_eq!(released, ReleaseAnswer::Released);
            } else {
                assert_ne!(holding(self.cut), Holding::Person, "a person's lock goes");
            }
        }
        let serial = self.facts().serial.number;
        let answer = self.fence("d4", "r9", serial);
        assert!(matches!(answer, FenceAnswer::Fenced(..)), "{answer:?}");
        self.run("d4", "r9", &fixture::step("d", &["true"]));
        self.finish("d4", "r9");
        assert_eq!(self.facts().serial.number, serial + 1);
        assert_eq!(lock::release(&self.fixture, "r9"), ReleaseAnswer::Released);
    }
}

/// A case: what a power cut leaves at a moment.
struct Case {
    cut: Cut,
    rest: Rest,
    tree: Tree,
}

/// Returns the cases that are judged, without those that are like another: all, or a sample; and in any case those behind each script,
/// which are all for a mutant.
fn cases(cuts: Vec<Cut>, offset: usize) -> Vec<Case> {
    let mut seen = HashSet::new();
    let mut cases = Vec::new();
    let (first, stride) = sample::lines(offset, STRIDE);
    let acts: Vec<&str> = cuts.iter().map(Cut::act).collect();
    let is_last: Vec<bool> = (1..=acts.len())
        .map(|at| acts.get(at) != Some(&acts[at - 1]))
        .collect();
    for (cut, is_last) in cuts.into_iter().zip(is_last) {
        for rest in RESTS {
            let tree = cut.image.after(rest);
            let is_new = seen.insert((tree.clone(), cut.said.clone(), cut.done.clone()));
            let is_first = is_last && matches!(rest, Rest::Lost | Rest::Empty);
            let is_chosen =
                mutants::wanted().is_none() && (seen.len() + stride - first).is_multiple_of(stride);
            if is_new && (is_first || is_chosen) {
                let cut = cut.clone();
                cases.push(Case { cut, rest, tree });
            }
        }
    }
    cases
}

/// Returns what is broken.
fn judge(sh: Sh, steps: &Steps, case: &Case) -> Option<String> {
    let fixture = host(sh);
    disk::write(&case.tree, &fixture.path("home"), &lock::boot());
    let cut = &case.cut;
    let after = After {
        fixture,
        steps,
        cut,
    };
    let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| after.judge()));
    let broken = judged.err()?;
    let words = broken.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| broken.downcast_ref::<&str>().copied());
    let text = |content: &[u8]| String::from_utf8_lossy(content).into_owned();
    let tree = case.tree.iter().filter_map(|(path, content)| {
        let content = text(content.as_deref()?);
        Some(format!("\n    {} {content:?}", path.display()))
    });
    Some(format!(
        "{sh:?}, cut at {}, the rest is {:?}: {}{}",
        cut.at,
        case.rest,
        words.unwrap_or_default(),
        tree.collect::<String>()
    ))
}

/// Judges a life: in one of the shells, which the commit chooses, or in all.
fn judge_all(life: fn(Sh, &Steps) -> Vec<Cut>) {
    let shells = WATCHED.into_iter().enumerate();
    for (at, sh) in shells.filter(|(at, _)| sample::is_whole() || sample::seed() % 2 == *at) {
        let steps = Steps::new();
        let cases = cases(life(sh, &steps), at);
        let open = Mutex::new(cases.iter());
        let broken = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while broken.lock().unwrap().len() < most_broken() {
                        let next = open.lock().unwrap().next();
                        let Some(case) = next else { break };
                        let problem = judge(sh, &steps, case);
                        broken.lock().unwrap().extend(problem);
                    }
                });
            }
        });
        let broken = broken.into_inner().unwrap();
        assert!(broken.is_empty(), "{}", broken.join("\n"));
        println!("{sh:?}: {} cases", cases.len());
    }
}

/// Returns how many cases that fail are told.
fn most_broken() -> usize {
    if mutants::wanted().is_some() { 1 } else { 4 }
}

/// Of so many cases one is judged.
const STRIDE: usize = 24;

#[test]
fn a_power_cut_at_each_moment_of_two_plans_breaks_no_promise() {
    judge_all(whole_life);
}

#[test]
fn a_power_cut_at_each_moment_of_a_takeover_breaks_no_promise() {
    judge_all(broken_life);
}

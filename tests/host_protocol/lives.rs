//! Lives of a host: scripts of plans, one after the other, each moment of which is noted.

use mrsk::name::{PlanDigest, RunId};
use mrsk::record::living::About;
use mrsk::record::{Ending, LockDetails, Receipt, TakeOver};
use mrsk::transport::request::{Holder, Inputs, LockTerms, Place, Record, Resolution, StepRequest};
use mrsk::transport::script;

use crate::cuts::{Cut, Watch};
use crate::fixture::{self, Fixture, Sh, attempt, scope};
use crate::lock;

/// A host whose engine has nothing.
pub fn host(sh: Sh) -> Fixture {
    let fixture = Fixture::new(sh);
    fixture.fake("id", "echo 1000");
    fixture.fake("curl", "exit 1");
    fixture.fake("docker", include_str!("engine.sh"));
    fixture
}

pub fn place(fixture: &Fixture, digits: &str) -> Place {
    Place {
        state_dir: fixture.path("home/.mrsk").display().to_string(),
        ..fixture.place_of(digits)
    }
}

/// The steps of plan A and of plan B: each has the same name in all of their attempts.
pub struct Steps {
    /// Has a check.
    pub checked: StepRequest,
    /// Have none: A's and B's.
    pub hook: StepRequest,
    pub next_hook: StepRequest,
    /// Is another machine's, and has none.
    pub local: StepRequest,
}

impl Steps {
    pub fn new() -> Self {
        let step = |name: &str| fixture::step(name, &[&format!("echo {name} >>$ROOT/done")]);
        let hook = |name: &str| StepRequest {
            claim_stays: true,
            about: About {
                kind: "post_hook".into(),
                ..step(name).about
            },
            ..step(name)
        };
        Self {
            checked: StepRequest {
                shared_lock: true,
                ..step("checked")
            },
            hook: hook("hook"),
            next_hook: hook("next-hook"),
            local: step("local"),
        }
    }

    fn record(&self, receipt: Option<Receipt>) -> Record {
        Record {
            attempt: attempt(&self.local),
            run: RunId::from("r1"),
            receipt,
            subject: "local".to_owned(),
            about: self.local.about.clone(),
        }
    }
}

fn receipt() -> Receipt {
    Receipt {
        ending: Ending::Succeeded,
        run: RunId::from("r1"),
        started: 1,
        ended: 2,
        value: None,
    }
}

pub fn details(run: &str, digits: &str) -> LockDetails {
    LockDetails {
        locked_by: "Ada".into(),
        plan: Some(PlanDigest::from(format!("sha256:{digits}"))),
        ..lock::details(run)
    }
}

/// Those of a person.
fn by_hand() -> LockDetails {
    LockDetails {
        run: None,
        plan: None,
        message: "held by hand".into(),
        ..details("", "")
    }
}

/// Scripts of a life that are about the lock, and what they leave of it.
fn lock_script(run: &str, digits: &str, terms: &LockTerms) -> script::Script {
    script::lock(&scope(), &details(run, digits), terms).unwrap()
}

fn start_script(
    fixture: &Fixture,
    digits: &str,
    run: &str,
    batch: &[StepRequest],
) -> script::Script {
    let inputs = Inputs::default();
    script::start(&place(fixture, digits), &RunId::from(run), batch, &inputs).unwrap()
}

fn fence_script(fixture: &Fixture, digits: &str, run: &str, seen: u64) -> script::Script {
    script::fence(&place(fixture, digits), &RunId::from(run), &seen.into()).unwrap()
}

/// Plan A is applied to its end, and plan B, which leaves the lock to a person.
pub fn whole_life(sh: Sh, steps: &Steps) -> Vec<Cut> {
    let fixture = host(sh);
    let mut watch = Watch::new(&fixture);
    let (run, next) = (RunId::from("r1"), RunId::from("r2"));
    let (a, b) = (place(&fixture, "a1"), place(&fixture, "b2"));
    let terms = LockTerms::default();
    let record = |receipt| script::record(&a, &steps.record(receipt)).unwrap();
    let start = |step: &StepRequest| {
        let batch = std::slice::from_ref(step);
        start_script(&fixture, "a1", "r1", batch)
    };
    watch.run("lock", lock_script("r1", "a1", &terms).text());
    watch.run("fence", fence_script(&fixture, "a1", "r1", 0).text());
    watch.run("step", start(&steps.checked).text());
    watch.run("hook", start(&steps.hook).text());
    watch.run("local begins", record(None).text());
    watch.run("beat", script::beat(&scope(), &run).unwrap().text());
    watch.run("local ends", record(Some(receipt())).text());
    watch.run("finish", script::finish(&a, &run).unwrap().text());
    watch.run("release", script::release(&scope(), &run).unwrap().text());
    let batch = [steps.next_hook.clone()];
    watch.run("next lock", lock_script("r2", "b2", &terms).text());
    watch.run("next fence", fence_script(&fixture, "b2", "r2", 1).text());
    watch.run(
        "next steps",
        start_script(&fixture, "b2", "r2", &batch).text(),
    );
    watch.run("next finish", script::finish(&b, &next).unwrap().text());
    let left = script::leave(&scope(), &next, &by_hand()).unwrap();
    watch.run("leave", left.text());
    watch.cuts
}

/// The run of plan A dies in a step without a check. Plan B takes its lock over and stops; a person takes the lock, and the records go.
pub fn broken_life(sh: Sh, steps: &Steps) -> Vec<Cut> {
    let fixture = host(sh);
    let mut watch = Watch::new(&fixture);
    let (a, b) = (place(&fixture, "a1"), place(&fixture, "b2"));
    let claim = script::record(&a, &steps.record(None)).unwrap();
    watch.run(
        "lock",
        lock_script("r1", "a1", &LockTerms::default()).text(),
    );
    watch.run("fence", fence_script(&fixture, "a1", "r1", 0).text());
    watch.run("local begins", claim.text());
    lock::age_beat(&fixture, 61);
    let terms = LockTerms {
        take_over: TakeOver::Always,
        ..LockTerms::default()
    };
    watch.run("next lock", lock_script("r2", "b2", &terms).text());
    watch.run("next fence", fence_script(&fixture, "b2", "r2", 1).text());
    let run = RunId::from("r2");
    watch.run("halt", script::halt(&b, &run).unwrap().text());
    watch.run("audit", script::audit(&b, &run).unwrap().text());
    let resolution = Resolution {
        attempt: attempt(&steps.local),
        receipt: receipt(),
        note: "Ada: looked".to_owned(),
        audit: "resolved".to_owned(),
    };
    watch.run("resolve", script::resolve(&a, &resolution).unwrap().text());
    let any = script::release_any(&scope(), Holder::Any, "Ada").unwrap();
    watch.run("release any", any.text());
    let person = script::lock(&scope(), &by_hand(), &LockTerms::default()).unwrap();
    watch.run("by hand", person.text());
    let forget = script::forget(&scope(), Some(&a.state_dir), None).unwrap();
    watch.run("forget", forget.text());
    watch.cuts
}

/// Who holds the lock for sure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Holding {
    Nobody,
    Run(&'static str),
    Person,
}

pub fn holding(cut: &Cut) -> Holding {
    let acts = [
        ("lock", "acquired", Holding::Run("r1")),
        ("release", "released", Holding::Nobody),
        ("next lock", "acquired", Holding::Run("r2")),
        ("leave", "left", Holding::Person),
        ("release any", "released", Holding::Nobody),
        ("by hand", "acquired", Holding::Person),
    ];
    let begun = acts.iter().filter(|(act, ..)| cut.has_begun(act));
    begun.fold(Holding::Nobody, |_, (act, word, then)| {
        match cut.heard(act, word) {
            true => *then,
            false => Holding::Nobody,
        }
    })
}

//! Links that break and come back.

use super::super::{Event, Outcome, StepStatus};
use super::bench::Bench;
use super::plans::{plan, switch, two_switches};
use crate::facts::model::{FileFacts, HostFacts};

/// A network that was away comes back for all hosts, and for all runs, in one moment.
#[test]
fn hosts_that_were_lost_at_once_are_not_asked_at_once() {
    let bench = |run: &str| Bench::with(two_switches(), |options| options.run = run.into());
    let mut times = std::collections::BTreeSet::new();
    for run in ["r1", "r2", "r3", "r4"] {
        let state = bench(run).state;
        for host in state.hosts.indices() {
            for seconds in [1, 2, 8] {
                let pause = state.after_pause(host, seconds).since(state.now);
                assert!(pause >= seconds * 500 && pause <= seconds * 1000, "{pause}");
                times.insert((seconds, pause));
            }
        }
    }
    assert!(times.len() > 20, "{times:?}");
}

/// A switch on a host whose link breaks before it says that it has claimed `sent`. When it is back, the checks of `hold` hold.
fn cut_off(sent: &str, boot: &str, hold: &[&str]) -> Bench {
    let mut bench = Bench::new(plan(switch("a"))).holds(sent);
    bench.claims = false;
    bench.boots.insert("a".into(), "first".into());
    let mut bench = bench.begin();
    bench.held.clear();
    bench.boots.insert("a".into(), boot.into());
    let mut facts = HostFacts::default();
    for file in hold {
        let there = FileFacts {
            sha256: "1".into(),
            ..FileFacts::default()
        };
        facts.files.insert((*file).into(), there);
    }
    bench.facts.insert("a".into(), facts);
    bench.tell(Event::ChannelLost("a".into(), "broken pipe".into()));
    bench.pass(1);
    bench.tell(Event::Reconnected("a".into()));
    assert_eq!(bench.outcome, Some(Outcome::Done));
    assert_eq!(bench.status("a/stop"), StepStatus::Succeeded);
    // A script that arrives late finds its number claimed.
    assert!(bench.state.steps.iter().all(|step| step.attempt == 1));
    bench
}

fn times(bench: &Bench, step: &str) -> usize {
    bench.ran().iter().filter(|ran| **ran == step).count()
}

#[test]
fn a_claim_that_a_restart_may_have_taken_is_made_up_for_by_the_check() {
    // It had run, and its claim was not on the disk.
    let bench = cut_off("a/pull", "second", &["a/pull"]);
    assert_eq!(times(&bench, "a/pull"), 1);
    // It had not, or it never arrived.
    assert_eq!(times(&cut_off("a/pull", "second", &[]), "a/pull"), 2);
    // The machine goes on: it never arrived, whatever is there.
    let bench = cut_off("a/pull", "first", &["a/pull"]);
    assert_eq!(times(&bench, "a/pull"), 2);
}

#[test]
fn a_check_that_holds_from_before_proves_nothing_of_what_was_handed_over_behind_others() {
    let bench = cut_off("a/start", "second", &["a/route"]);
    assert_eq!(times(&bench, "a/start"), 2);
    assert_eq!(times(&bench, "a/route"), 2);
    let bench = cut_off("a/start", "second", &["a/start", "a/route"]);
    assert_eq!(times(&bench, "a/start"), 1);
    assert_eq!(times(&bench, "a/route"), 1);
    assert_eq!(times(&bench, "a/stop"), 2);
}

//! Links that break and come back.

use super::bench::Bench;
use super::plans::two_switches;

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

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use indicatif::TermLike;

use super::*;
use crate::apply::state::Phase;
use crate::name::{HostName, StepId};
use crate::plan::Plan;
use crate::record::{Ending, PollAttempt};
use crate::report::Verbosity;
use crate::text::Styling;

/// A terminal that keeps everything that was written to it.
#[derive(Debug, Clone, Default)]
struct Paper(Arc<Mutex<String>>);

impl Paper {
    fn add(&self, text: &str) -> io::Result<()> {
        self.0.lock().unwrap().push_str(text);
        Ok(())
    }

    /// Waits until the thread that draws has written `text`.
    fn wait_for(&self, text: &str) {
        let limit = Instant::now() + Duration::from_secs(20);
        while !self.0.lock().unwrap().contains(text) {
            assert!(Instant::now() < limit, "{text:?} is not drawn");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl TermLike for Paper {
    fn width(&self) -> u16 {
        80
    }
    fn height(&self) -> u16 {
        24
    }
    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> io::Result<()> {
        self.add(text)?;
        self.add("\n")
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.add(text)
    }
    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A plan of one step on each of so many hosts.
fn plan(hosts: usize) -> Plan {
    let names: Vec<String> = (1..=hosts)
        .map(|number| format!("app{number:02}"))
        .collect();
    let steps: Vec<serde_json::Value> = names
        .iter()
        .map(|host| {
            serde_json::json!({
                "id": id(host), "kind": "pull", "host": host, "summary": format!("Pull app on {host}"),
                "why": "requested", "needs": [], "on_failure": "stop_run", "timeout_seconds": 1,
            })
        })
        .collect();
    let route = serde_json::json!({
        "ssh": {"user": "root"}, "host_keys": [], "roles": [], "serial": 0, "relies_on": [],
    });
    let hosts: BTreeMap<&String, &serde_json::Value> =
        names.iter().map(|name| (name, &route)).collect();
    serde_json::from_value(serde_json::json!({
        "format_version": "1.0", "operation": {"name": "deploy", "version": "2"}, "service": "app",
        "version": "2", "image": {"reference": "app:2"}, "config": {"path": "d", "sha256": ""},
        "secrets": [], "lock_host": "app01", "hosts": hosts, "contents": {}, "steps": steps,
        "unchanged": [], "warnings": [], "digest": "",
    }))
    .unwrap()
}

fn id(host: &str) -> String {
    format!("{host}/image/app/pull")
}

fn view(hosts: usize) -> View {
    View::new(
        Arc::new(plan(hosts)),
        "plan.json",
        Styling::Plain,
        Verbosity::Normal,
    )
}

fn started(host: &str) -> Progress {
    Progress::StepStarted(StepId::from(id(host)), 1)
}

/// Returns what is drawn at a time of the run's clock, later than every event.
fn drawn(
    view: &View,
    tally: &Tally,
    last_lines: &HashMap<StepId, String>,
    at: u64,
    width: u16,
) -> String {
    let (rows, more) = rows(view, tally, last_lines);
    let seen = Instant::now();
    let board = Board {
        rows,
        more,
        steps: steps(view, tally),
        last: (Millis(2_000), seen),
        width,
    };
    board.text(seen + Duration::from_millis(at - 2_000))
}

#[test]
fn busy_hosts_have_a_row_with_the_elapsed_time() {
    let view = view(2);
    let mut tally = Tally::default();
    tally.note(Millis(1_000), &started("app01"));
    tally.note(Millis(2_000), &started("app02"));
    let last_lines = HashMap::from([(StepId::from(id("app02")), "layer 3 of 5".to_owned())]);
    assert_eq!(
        drawn(&view, &tally, &last_lines, 63_500, 80),
        "  1m 02s  app01  Pull app on app01\n  1m 01s  app02  Pull app on app02: layer 3 of 5\n          steps 0/2"
    );
}

#[test]
fn a_poll_shows_its_attempt_and_what_it_saw() {
    let view = view(1);
    let mut tally = Tally::default();
    tally.note(Millis(1_000), &started("app01"));
    let poll = |attempt, status: &str| {
        let (of, status) = (7, status.to_owned());
        let poll = PollAttempt {
            attempt,
            of,
            status,
        };
        Progress::PollAttempt(StepId::from(id("app01")), poll)
    };
    for (event, row) in [
        (poll(1, ""), "attempt 1/7"),
        (poll(3, "503\n"), "attempt 3/7: 503"),
    ] {
        tally.note(Millis(2_000), &event);
        assert_eq!(
            drawn(&view, &tally, &HashMap::new(), 3_000, 80),
            format!("    2.0s  app01  Pull app on app01: {row}\n          steps 0/1")
        );
    }
}

#[test]
fn rows_fit_the_terminal() {
    let view = view(40);
    let mut tally = Tally::default();
    for number in 1..=40 {
        tally.note(Millis(0), &started(&format!("app{number:02}")));
    }
    let text = drawn(&view, &tally, &HashMap::new(), 2_000, 30);
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows.len(), ROWS + 2);
    assert!(rows.iter().all(|row| row.chars().count() < 30), "{text}");
    assert!(rows[ROWS].contains("24 more"), "{text}");
}

#[test]
fn a_failure_scrolls_above_with_its_output_and_the_end_follows() {
    let paper = Paper::default();
    let target = ProgressDrawTarget::term_like(Box::new(paper.clone()));
    let mut out = Vec::new();
    let mut live = Live::new(view(2), target, 80, &mut out);
    live.progress(Millis(0), &Progress::Phase(Phase::Walking));
    live.progress(Millis(0), &started("app01"));
    live.output(&StepId::from(id("app01")), "layer 3 of 5");
    live.progress(Millis(1), &started("app02"));
    paper.wait_for("Pull app on app01: layer 3 of 5");
    paper.wait_for("Pull app on app02");
    live.progress(
        Millis(7_000),
        &Progress::StepEnded {
            step: StepId::from(id("app01")),
            status: StepStatus::Failed {
                ending: Ending::Failed { code: 1 },
            },
            answer: String::new(),
            diagnosis: "manifest unknown".into(),
        },
    );
    live.progress(Millis(7_000), &Progress::HostBack(HostName::from("app01")));
    live.finish(
        &Summary {
            hosts: Vec::new(),
            steps: Vec::new(),
        },
        &Outcome::AlreadyApplied(None),
    );
    let drawn = paper.0.lock().unwrap().clone();
    let failed = "    7.0s  app01  Pull app on app01 … failed: exit status 1, after 7.0s";
    assert!(drawn.contains(failed), "{drawn}");
    assert!(drawn.contains("          | manifest unknown"), "{drawn}");
    assert!(
        String::from_utf8(out)
            .unwrap()
            .contains("already applied: ")
    );
}

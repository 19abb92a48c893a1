//! What a run prints, for each way it can end, against golden files. `MRSK_BLESS=1` rewrites them.

#[path = "../golden/mod.rs"]
mod golden;
mod refusals;
mod scenario;
mod stream;

use std::path::Path;
use std::sync::Arc;

use golden::Golden;
use mrsk::apply::driver::Observer;
use mrsk::apply::state::{
    GoneReason, HostSummary, LaterPlan, OtherStep, Outcome, Phase, Progress, SkipReason,
    StepStatus, StopReason,
};
use mrsk::name::{HostName, PlanDigest, StepId};
use mrsk::plan::kinds::WhenSuperseded;
use mrsk::record::{Ending, LockDetails, PollAttempt, StopRequest};
use mrsk::report::{Json, Lines, Planner, Resume, Verbosity, View};
use mrsk::text::Styling;
use scenario::{Run, plan};

const LOG_TAIL: &str = "$ docker logs --tail 50 app-web-2\n2023-03-24 listening on 3000\r\n\u{1b}[31mcannot reach the database\u{1b}[0m: connection refused\n\n";

fn view(verbosity: Verbosity) -> View {
    let path = ".mrsk/runs/5e1f/plan.json";
    View::new(Arc::new(plan()), path, Styling::Plain, verbosity)
}

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/report")
        .join(name);
    Golden::default().check(&path, text);
}

fn lines(run: &Run, outcome: &Outcome, verbosity: Verbosity) -> String {
    let mut out = Vec::new();
    let mut reporter = Lines::new(view(verbosity), &mut out);
    run.play(&mut reporter, outcome);
    String::from_utf8(out).unwrap()
}

fn check(name: &str, run: &Run, outcome: &Outcome) {
    golden(name, &lines(run, outcome, Verbosity::Normal));
}

/// A run whose first host has switched, up to the health check on the second.
fn to_second_host() -> Run {
    let mut run = Run::walking();
    for step in ["local/image/app/build", "local/image/app/push"] {
        run.ran(step, 4_200);
    }
    run.ran("app1/image/app/pull", 2_100);
    for verb in ["start", "healthcheck", "route", "drain", "stop"] {
        run.ran(&format!("app1/web/app-web-2/{verb}"), 700);
    }
    run.ended("local/barrier/canary/open", StepStatus::Succeeded);
    run.ran("app2/image/app/pull", 2_000);
    run.ran("app2/web/app-web-2/start", 900);
    run
}

fn skip_rest(run: &mut Run, reason: SkipReason) {
    for step in plan().steps {
        if run.is_open(&step.id) {
            run.ended(step.id.as_str(), StepStatus::Skipped { reason });
        }
    }
}

#[test]
fn done() {
    let mut run = to_second_host();
    run.ran("app2/web/app-web-2/healthcheck", 600);
    let id = "app2/web/app-web-2/route";
    run.started(id);
    run.wait(600);
    let answer = "app.example.com/up answered 301 after the switch, 200 before";
    run.answered(id, StepStatus::Succeeded, [answer, ""]);
    for verb in ["drain", "stop"] {
        run.ran(&format!("app2/web/app-web-2/{verb}"), 600);
    }
    run.ran("app2/job/app-job-2/start", 800);
    run.ended("app2/job/app-job-2/healthcheck", StepStatus::AlreadyDone);
    run.ran("app2/job/app-job-2/stop", 10_300);
    run.tell(Progress::Phase(Phase::Finishing));
    run.tell(Progress::Phase(Phase::Releasing));
    run.tell(Progress::Phase(Phase::Exited));
    check("done.txt", &run, &Outcome::Done);
    golden(
        "done.verbose.txt",
        &lines(&run, &Outcome::Done, Verbosity::Verbose),
    );
}

#[test]
fn done_but_for_a_doubt_that_changes_nothing() {
    let mut run = Run::walking();
    let steps: Vec<StepId> = plan().steps.iter().map(|step| step.id.clone()).collect();
    let (last, others) = steps.split_last().unwrap();
    for step in others {
        run.ended(step.as_str(), StepStatus::AlreadyDone);
    }
    run.started(last.as_str());
    run.ended(last.as_str(), StepStatus::InDoubt);
    check("done_in_doubt.txt", &run, &Outcome::Done);
}

#[test]
fn a_switch_after_which_users_are_not_served() {
    let mut run = to_second_host();
    run.ran("app2/web/app-web-2/healthcheck", 600);
    let id = "app2/web/app-web-2/route";
    run.started(id);
    run.wait(8_400);
    let answer = "app.example.com/up answered 404 of Traefik after the switch, 200 before";
    let ending = Ending::Failed { code: 1 };
    let log = format!(
        "{answer}\n$ docker logs --tail 50 traefik\nERR service \"nope@docker\" does not exist"
    );
    run.answered(id, StepStatus::Failed { ending }, [answer, &log]);
    run.tell(Progress::Stopping(StopReason::Failure(StepId::from(id))));
    skip_rest(&mut run, SkipReason::Blocked);
    let outcome = Outcome::Failed(vec![StepId::from(id)]);
    check("taken_back.txt", &run, &outcome);
}

#[test]
fn a_container_that_does_not_get_healthy() {
    let mut run = to_second_host();
    let id = "app2/web/app-web-2/healthcheck";
    run.started(id);
    for attempt in 1..=7 {
        run.wait(4_000);
        let status = "curl: (7) Failed to connect to 172.17.0.6 port 3000 after 0 ms".to_owned();
        run.tell(Progress::PollAttempt(
            id.into(),
            PollAttempt {
                attempt,
                of: 7,
                status,
            },
        ));
    }
    let ending = Ending::Failed { code: 1 };
    run.ended_with(id, StepStatus::Failed { ending }, LOG_TAIL);
    run.tell(Progress::Stopping(StopReason::Failure(StepId::from(id))));
    skip_rest(&mut run, SkipReason::Blocked);
    let outcome = Outcome::Failed(vec![StepId::from(id)]);
    check("failed.txt", &run, &outcome);
}

#[test]
fn an_image_that_the_registry_does_not_have() {
    let mut run = Run::walking();
    let id = "app1/image/app/pull";
    run.started(id);
    run.wait(400);
    let ending = Ending::Failed { code: 1 };
    let said = "Error response from daemon: manifest for registry.example.com/team/app:2 not found: manifest unknown";
    run.ended_with(id, StepStatus::Failed { ending }, said);
    skip_rest(&mut run, SkipReason::Blocked);
    let outcome = Outcome::Failed(vec![StepId::from(id)]);
    check("no_image.txt", &run, &outcome);
}

#[test]
fn a_canary_that_fails_after_a_retry() {
    let mut run = Run::walking();
    let id = "local/image/app/push";
    run.ran("local/image/app/build", 61_000);
    run.started(id);
    run.wait(1_000);
    run.tell(Progress::StepRetried {
        step: StepId::from(id),
        attempt: 1,
        ending: Ending::Failed { code: 1 },
        diagnosis: "denied: requested access to the resource is denied".into(),
    });
    run.started_again(id, 2);
    run.wait(1_100);
    let ending = Ending::Failed { code: 1 };
    run.ended_with(
        id,
        StepStatus::Failed { ending },
        "denied: requested access to the resource is denied",
    );
    skip_rest(&mut run, SkipReason::Blocked);
    let outcome = Outcome::Failed(vec![StepId::from(id)]);
    check("failed_here.txt", &run, &outcome);
}

#[test]
fn a_host_that_goes_away() {
    let mut run = to_second_host();
    let host = HostName::from("app2");
    run.started("app2/web/app-web-2/healthcheck");
    run.wait(3_000);
    run.tell(Progress::HostLost(
        host.clone(),
        "the master process ended".into(),
    ));
    run.wait(60_000);
    run.tell(Progress::HostGone(
        host.clone(),
        GoneReason::Unreachable,
        "connect to app2 port 22: no route to host".into(),
    ));
    run.tell(Progress::Stopping(StopReason::HostGone(host)));
    run.ended("app2/web/app-web-2/healthcheck", StepStatus::Lost);
    skip_rest(&mut run, SkipReason::HostGone);
    let outcome = Outcome::Failed(vec![StepId::from("app2/web/app-web-2/healthcheck")]);
    check("lost.txt", &run, &outcome);
}

const FULL: &str = "cannot write /var/lib/mrsk/app@/serial: No space left on device";

#[test]
fn a_host_whose_disk_is_full() {
    let mut run = to_second_host();
    let host = HostName::from("app2");
    let id = "app2/web/app-web-2/healthcheck";
    run.started(id);
    run.wait(3_000);
    run.tell(Progress::HostGone(
        host.clone(),
        GoneReason::Failed,
        FULL.into(),
    ));
    run.tell(Progress::Stopping(StopReason::HostGone(host)));
    run.ended(id, StepStatus::Lost);
    skip_rest(&mut run, SkipReason::HostGone);
    let outcome = Outcome::Failed(vec![StepId::from(id)]);
    check("disk_full.txt", &run, &outcome);
}

#[test]
fn a_lock_host_that_cannot_be_written() {
    let mut run = to_second_host();
    let host = HostName::from("app1");
    let gone = Progress::HostGone(
        host.clone(),
        GoneReason::Failed,
        "cannot write /home/deploy/.mrsk/app@/fence: Read-only file system".into(),
    );
    run.tell(gone.clone());
    run.tell(Progress::Stopping(StopReason::LockHostGone));
    skip_rest(&mut run, SkipReason::HostGone);
    run.tell(Progress::Phase(Phase::Releasing));
    run.tell(gone);
    check("lock_kept.txt", &run, &Outcome::Failed(Vec::new()));
}

#[test]
fn a_route_in_doubt() {
    let mut run = to_second_host();
    run.ran("app2/web/app-web-2/healthcheck", 900);
    let id = "app2/web/app-web-2/route";
    run.started(id);
    run.wait(2_000);
    run.tell(Progress::HostLost(
        HostName::from("app2"),
        "broken pipe".into(),
    ));
    run.wait(4_000);
    run.tell(Progress::HostBack(HostName::from("app2")));
    run.ended(id, StepStatus::InDoubt);
    skip_rest(&mut run, SkipReason::Blocked);
    let outcome = Outcome::InDoubt(vec![StepId::from(id)]);
    check("in_doubt.txt", &run, &outcome);
}

#[test]
fn a_step_in_doubt_that_has_no_check() {
    let mut run = Run::walking();
    for step in ["local/image/app/build", "local/image/app/push"] {
        run.ran(step, 4_200);
    }
    let id = "app1/image/app/pull";
    run.started(id);
    run.ended(id, StepStatus::InDoubt);
    skip_rest(&mut run, SkipReason::Blocked);
    let outcome = Outcome::InDoubt(vec![StepId::from(id)]);
    check("in_doubt_unchecked.txt", &run, &outcome);
}

#[test]
fn interrupted() {
    let orderly = Outcome::Interrupted(Vec::new());
    let mut run = to_second_host();
    run.started("app2/web/app-web-2/healthcheck");
    run.wait(2_000);
    run.tell(Progress::Stopping(StopReason::Interrupted));
    run.wait(700);
    run.ended("app2/web/app-web-2/healthcheck", StepStatus::Stopped);
    skip_rest(&mut run, SkipReason::Stopping);
    check("interrupted.txt", &run, &orderly);

    let request = StopRequest {
        person: "Ann".into(),
        message: "rollback, orders fail".into(),
    };
    let mut run = to_second_host();
    run.started("app2/web/app-web-2/healthcheck");
    run.tell(Progress::Stopping(StopReason::Requested(request.clone())));
    run.wait(700);
    run.ended("app2/web/app-web-2/healthcheck", StepStatus::Stopped);
    skip_rest(&mut run, SkipReason::Stopping);
    let by_note = Outcome::StopRequested(request, Vec::new());
    check("stop_requested.txt", &run, &by_note);

    let mut run = Run::walking();
    run.ran("local/image/app/build", 4_200);
    run.started("local/image/app/push");
    run.tell(Progress::Stopping(StopReason::Interrupted));
    run.wait(100);
    run.ended("local/image/app/push", StepStatus::Stopped);
    skip_rest(&mut run, SkipReason::Stopping);
    check("interrupted_before_a_switch.txt", &run, &orderly);

    let mut run = to_second_host();
    run.tell(Progress::Stopping(StopReason::Interrupted));
    run.tell(Progress::HostGone(
        HostName::from("app1"),
        GoneReason::Unreachable,
        "connect to app1 port 22: no route to host".into(),
    ));
    skip_rest(&mut run, SkipReason::Stopping);
    check("interrupted_without_lock_host.txt", &run, &orderly);

    let mut run = to_second_host();
    run.started("app2/web/app-web-2/healthcheck");
    run.tell(Progress::Stopping(StopReason::Interrupted));
    let sent = ["healthcheck", "route", "drain", "stop"];
    let sent = sent.map(|verb| StepId::from(format!("app2/web/app-web-2/{verb}")));
    let at_once = Outcome::Interrupted(sent.to_vec());
    check("interrupted_twice.txt", &run, &at_once);

    check("interrupted_early.txt", &Run::looking(), &orderly);
    check("interrupted_while_judging.txt", &Run::judging(), &orderly);
    let mut run = Run::new();
    run.started_ahead("local/image/app/build");
    check("interrupted_while_building.txt", &run, &orderly);
}

#[test]
fn the_events_as_json() {
    let mut run = to_second_host();
    let id = "app2/web/app-web-2/healthcheck";
    run.started(id);
    run.wait(28_000);
    let ending = Ending::Failed { code: 1 };
    run.ended_with(id, StepStatus::Failed { ending }, LOG_TAIL);
    let outcome = Outcome::Failed(vec![StepId::from(id)]);
    let mut out = Vec::new();
    let mut reporter = Json::new(view(Verbosity::Normal), &mut out);
    run.play(&mut reporter, &outcome);
    let text = String::from_utf8(out).unwrap();
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(value["event"].is_string(), "{line}");
    }
    golden("failed.jsonl", &text);
}

#[test]
fn what_a_host_prints_cannot_steer_the_terminal() {
    let hostile = "\u{1b}]0;title\u{7}\u{9b}2J\u{202e}";
    let mut run = to_second_host();
    let id = "app2/web/app-web-2/healthcheck";
    run.started(id);
    let ending = Ending::Failed { code: 1 };
    run.ended_with(id, StepStatus::Failed { ending }, hostile);
    run.tell(Progress::HostGone(
        HostName::from("app2"),
        GoneReason::Failed,
        hostile.into(),
    ));
    let outcomes = [
        Outcome::Failed(vec![id.into()]),
        Outcome::LockForeign(hostile.into()),
        Outcome::SecretsUnread(hostile.into()),
        Outcome::JournalFailed(hostile.into()),
        Outcome::Unreachable(vec![("app2".into(), hostile.into())]),
        Outcome::HostFailed(vec![("app2".into(), hostile.into())]),
        Outcome::Stale {
            host: hostile.into(),
            fact: hostile.into(),
            then: hostile.into(),
            now: hostile.into(),
        },
        Outcome::LeftOpen {
            details: LockDetails::parse(hostile),
            beat_age: u64::MAX,
            open: vec![OtherStep {
                host: hostile.into(),
                plan: hostile.into(),
                step: None,
                summary: hostile.into(),
                user: hostile.into(),
                since: None,
            }],
        },
        Outcome::StepsRunning(vec![OtherStep {
            host: hostile.into(),
            plan: hostile.into(),
            step: Some(hostile.into()),
            summary: hostile.into(),
            user: hostile.into(),
            since: Some(u64::MAX),
        }]),
        Outcome::Superseded(hostile.into(), Some(hostile.into())),
        Outcome::InDoubt(vec![hostile.into()]),
    ];
    for outcome in outcomes {
        let text = lines(&run, &outcome, Verbosity::Verbose);
        let harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(harmful), "{text:?}");
    }
}

#[test]
fn each_event_is_one_line_that_can_be_found() {
    let run = to_second_host();
    let mut out = Vec::new();
    let mut reporter = Lines::new(view(Verbosity::Normal), &mut out);
    for (at, event) in run.events() {
        reporter.progress(*at, event);
    }
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.lines().count(), run.events().len(), "{text}");
    let line = "    8.4s  app1   Pull app …";
    assert!(text.lines().any(|l| l == line), "{text}");
    let line = "   10.5s  app1   Pull app … done 2.1s (steps 3/18)";
    assert!(text.lines().any(|l| l == line), "{text}");
}

#[test]
fn many_hosts_without_trouble_share_a_row() {
    let run = to_second_host();
    let mut summary = run.summary();
    let line = |number: usize| HostSummary {
        host: Some(HostName::from(format!("web{number}"))),
        ran: 3,
        failed: usize::from(number == 7),
        millis: 1_000,
        ..HostSummary::default()
    };
    summary.hosts = (1..=100).map(line).collect();
    let mut out = Vec::new();
    Lines::new(view(Verbosity::Normal), &mut out).finish(&summary, &Outcome::Done);
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("\n web7 "), "{text}");
    assert!(text.contains(" 99 other hosts  297 "), "{text}");
    assert!(!text.contains("web8"), "{text}");
}

#[test]
fn colors_are_there_only_when_asked_for() {
    let run = to_second_host();
    for (styling, colored) in [(Styling::Plain, false), (Styling::Ansi, true)] {
        let view = View::new(Arc::new(plan()), "plan.json", styling, Verbosity::Verbose);
        let mut out = Vec::new();
        run.play(&mut Lines::new(view, &mut out), &Outcome::Done);
        assert_eq!(out.contains(&0x1b), colored);
    }
}

/// The page quotes lines without their time and place.
#[test]
fn what_the_page_on_unfinished_runs_quotes_is_said() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/resume.md")).unwrap();
    let reports: String = std::fs::read_dir(root.join("fixtures/report"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let blocks = page.split("```text\n").skip(1);
    let quoted = blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines());
    let missing: Vec<&str> = quoted.filter(|line| !reports.contains(line)).collect();
    assert_eq!(missing, Vec::<&str>::new());
    assert!(page.matches("```text").count() > 8);
}

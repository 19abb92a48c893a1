//! A host that lies in every answer of the protocol, over a real channel: a `sh` of this machine that reads its script and prints
//! something else.

use std::fs;
use std::time::{Duration, Instant};

use mrsk::name::{PlanDigest, RunId, StepId};
use mrsk::record::Listing;
use mrsk::record::living::About;
use mrsk::record::{LockDetails, Scope, WhenStopping};
use mrsk::transport::answer::Event;
use mrsk::transport::request::{AttemptRef, Inputs, LockTerms, Place, Record, StepRequest};
use mrsk::transport::{Excess, Host, LinkError, LocalShell};
use tempfile::TempDir;
use tokio::sync::mpsc;

const MIB: usize = 1024 * 1024;

/// Returns a host whose answers are what the script prints. It reads no request.
fn host(script: &str) -> Host {
    Host::local(LocalShell {
        argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
        directory: "/".into(),
        variables: Vec::new(),
    })
}

fn place() -> Place {
    Place {
        scope: Scope {
            service: "app".into(),
            destination: None,
        },
        state_dir: "/nowhere".into(),
        plan: PlanDigest::from("sha256:ab"),
    }
}

fn request() -> StepRequest {
    StepRequest {
        about: About::default(),
        step: StepId::from("h/pull").hash(),
        attempt: 1,
        actions: Vec::new(),
        diagnose: Vec::new(),
        cleanup: Vec::new(),
        timeout_seconds: 0,
        idle_timeout_seconds: 0,
        shared_lock: false,
        claim_stays: false,
        when_stopping: WhenStopping::Refuse,
        subject: String::new(),
        route: None,
    }
}

async fn start(host: &Host) -> (Result<(), LinkError>, Vec<Event>) {
    let (sender, mut receiver) = mpsc::channel(16);
    let run = RunId::from("r");
    let (place, batch, inputs) = (place(), [request()], Inputs::default());
    let starting = async {
        let result = host.start(&place, &run, &batch, &inputs, &sender).await;
        drop(sender);
        result
    };
    let telling = async {
        let mut events = Vec::new();
        while let Some(event) = receiver.recv().await {
            events.push(event);
        }
        events
    };
    tokio::join!(starting, telling)
}

/// Returns the greatest memory that this process had, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: usize = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib * 1024
}

/// One test, so that nothing else of this process needs memory meanwhile.
#[tokio::test]
async fn a_flood_is_given_up_and_needs_no_memory() {
    let zeros = "head -c 10G /dev/zero";
    let lines = "yes @mrsk attempt aaaaaaaa 1 lost | head -c 10G";
    let noise = "yes welcome to this host | head -c 10G";
    let polls = "yes @mrsk poll aaaaaaaa 1 2 - | head -c 10G";
    let _ = host("echo x").probe("true").await;
    let before = peak();
    let begun = Instant::now();
    for script in [zeros, lines, noise] {
        let error = host(script).probe("true").await.unwrap_err();
        assert!(matches!(error, LinkError::Excess(_)), "{script}: {error}");
        let error = host(script).list(&place()).await.unwrap_err();
        assert!(matches!(error, LinkError::Excess(_)), "{script}: {error}");
    }
    for script in [zeros, noise, polls] {
        let (result, events) = start(&host(script)).await;
        assert!(
            matches!(result, Err(LinkError::Excess(_))),
            "{script}: {result:?}"
        );
        assert!(events.len() < 1000, "{script}");
    }
    let errors = host("head -c 10M /dev/zero | tr '\\0' x >&2; echo @mrsk end")
        .list(&place())
        .await;
    assert_eq!(errors, Ok(Listing::default()));
    let grown = peak() - before;
    println!("grown by {} KiB in {:?}", grown / 1024, begun.elapsed());
    assert!(grown < 20 * MIB, "{grown}");
    assert!(begun.elapsed() < Duration::from_secs(120));

    let text = host(zeros).probe("true").await.unwrap_err().to_string();
    assert_eq!(text, "a line of its answer is longer than 1024 KiB");
    let text = host(noise).probe("true").await.unwrap_err();
    assert_eq!(text, LinkError::Excess(Excess::Total(8 * MIB)));

    thousand_random_answers().await;
}

#[tokio::test]
async fn what_is_not_of_this_answer_is_no_answer() {
    let step = request().step;
    let receipt = "succeeded 0 r 1 2 - end";
    let many = format!("echo @mrsk ended {step} 1 {receipt} - -;").repeat(3);
    for (script, word) in [
        ("echo @mrsk held; echo @mrsk end".to_owned(), "held"),
        (format!("echo @mrsk ended {step} 1 {receipt} -"), "ended"),
        (format!("echo @mrsk ended {step} -1 {receipt} - -"), "ended"),
        (many, "more claims and ends than steps"),
        ("echo @mrsk attempt x 1 lost".to_owned(), "attempt"),
        ("echo @mrsk end".to_owned(), "before the last step"),
    ] {
        let (result, _) = start(&host(&script)).await;
        let Err(LinkError::Protocol { line }) = &result else {
            panic!("{script}: {result:?}");
        };
        assert!(line.contains(word), "{script}: {line}");
    }
    // Torn: nothing is known.
    for script in ["", "echo @mrsk claimed", "printf '@mrsk end'"] {
        let (result, events) = start(&host(script)).await;
        assert!(result.is_err() && events.is_empty(), "{script}: {result:?}");
    }
    let tail = "x=$(head -c 150000 /dev/zero | tr '\\0' A)";
    let script = format!("{tail}; echo @mrsk ended {step} 1 failed 1 r 1 2 - end $x$x -");
    let (result, _) = start(&host(&script)).await;
    assert!(matches!(result, Err(LinkError::Excess(_))), "{result:?}");
    // An attached attempt is the one that was asked for.
    let asked = AttemptRef { step, number: 2 };
    let script = format!(
        "echo @mrsk attempt {} 1 ended {receipt}; echo @mrsk end",
        asked.step
    );
    let answer = host(&script).attach(&place(), &asked).await;
    assert!(
        matches!(answer, Err(LinkError::Protocol { .. })),
        "{answer:?}"
    );
}

/// A sequence of numbers that looks random and is the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % below
    }

    fn answer(&mut self, own: &str) -> Vec<u8> {
        const WORDS: [&str; 34] = [
            "@mrsk",
            "@mrsk",
            "@mrsk",
            "end",
            "end",
            "claimed",
            "taken",
            "ended",
            "attempt",
            "poll",
            "running",
            "lost",
            "succeeded",
            "failed",
            "refused",
            "fenced",
            "superseded",
            "held",
            "acquired",
            "foreign",
            "released",
            "written",
            "recorded",
            "finished",
            "error",
            "text",
            "-",
            "0",
            "1",
            "4294967296",
            "r",
            "bm8=",
            "====",
            "\u{202e}",
        ];
        let mut text = Vec::new();
        for _ in 0..self.next(6) {
            if self.next(3) > 0 {
                text.extend_from_slice(b"@mrsk ");
            }
            for _ in 0..self.next(12) {
                match self.next(12) {
                    0 => text.extend_from_slice(own.as_bytes()),
                    1 => text.push(u8::try_from(self.next(256)).unwrap()),
                    _ => text.extend_from_slice(WORDS[self.next(WORDS.len())].as_bytes()),
                }
                text.push(b' ');
            }
            text.push(b'\n');
        }
        if self.next(2) == 0 {
            text.extend_from_slice(b"@mrsk end\n");
        }
        text
    }
}

/// No answer makes the runner panic or wait, or gives it an event of a shape that it did not ask for.
async fn thousand_random_answers() {
    let directory = TempDir::new().unwrap();
    let own = request().step;
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let (run, place) = (RunId::from("r"), place());
    let record = Record {
        attempt: AttemptRef {
            step: own.clone(),
            number: 1,
        },
        run: run.clone(),
        receipt: None,
        subject: String::new(),
        about: About::default(),
    };
    for number in 0..1_000 {
        let file = directory.path().join(number.to_string());
        fs::write(&file, numbers.answer(&own)).unwrap();
        let host = host(&format!("cat {}", file.display()));
        match number % 9 {
            0 => drop(
                host.lock(&place.scope, &LockDetails::default(), &LockTerms::default())
                    .await,
            ),
            1 => drop(host.beat(&place.scope, &run).await),
            2 => drop(host.fence(&place, &run, &0.into()).await),
            3 => drop(host.list(&place).await),
            4 => drop(host.record(&place, &record).await),
            5 => drop(host.finish(&place, &run).await),
            7 => drop(host.others(&place, &[]).await),
            6 => drop(host.attach(&place, &record.attempt).await),
            _ => {
                let (_, events) = start(&host).await;
                assert!(events.len() <= 3, "{events:?}");
            }
        }
    }
}

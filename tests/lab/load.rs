//! The command tests/lab/load: a load on the addresses that it is given. tests/lab_load does the work.

#[path = "../lab_load/mod.rs"]
mod lab_load;

use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use lab_load::{Load, Settings};

const USAGE: &str = "usage: tests/lab/load [--clients N] [--for SECONDS] [--header-host NAME] [--path PATH] \
                     [--timeout SECONDS] [--json] ADDRESS[:PORT]...";
const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

static STOP: AtomicBool = AtomicBool::new(false);

unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
}

extern "C" fn on_signal(_: i32) {
    STOP.store(true, Relaxed);
}

struct Arguments {
    settings: Settings,
    seconds: Option<f64>,
    json: bool,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut settings = Settings::new(&[], 24);
        let (mut seconds, mut json) = (None, false);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--clients" => settings.clients = number(&value()?)?,
                "--for" => seconds = Some(duration(&value()?)?.as_secs_f64()),
                "--timeout" => settings.limit = duration(&value()?)?,
                "--header-host" => settings.host = Some(value()?),
                "--path" => settings.path = value()?,
                "--json" => json = true,
                option if option.starts_with('-') => return Err(format!("unknown: {option}")),
                address => settings.addresses.push(resolve(address)?),
            }
        }
        if settings.addresses.is_empty() || settings.clients < settings.addresses.len() {
            return Err("there must be an address, and a client for each".to_owned());
        }
        Ok(Self {
            settings,
            seconds,
            json,
        })
    }
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("no number: {text}"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| format!("no number: {text}"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("{text}: {error}"))
}

/// Returns the address that a text names; the port is 80 where it has none.
fn resolve(text: &str) -> Result<SocketAddr, String> {
    let mut found = text
        .to_socket_addrs()
        .or_else(|_| (text, 80).to_socket_addrs());
    let first = found.as_mut().ok().and_then(Iterator::next);
    first.ok_or_else(|| format!("no address: {text}"))
}

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("load: {problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let handler = on_signal as extern "C" fn(i32) as usize;
    // A shell starts what it sends to the background with SIGINT ignored; this ends that, too.
    unsafe {
        signal(SIGINT, handler);
        signal(SIGTERM, handler);
    }
    let load = Load::start(arguments.settings);
    let is_over = || {
        arguments
            .seconds
            .is_some_and(|seconds| load.elapsed().as_secs_f64() >= seconds)
    };
    while !STOP.load(Relaxed) && !is_over() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let report = load.stop();
    if arguments.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.summary());
    }
    ExitCode::from(u8::from(report.lost() > 0))
}

//! What a load found.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Record;

/// How many lost requests are described.
const DESCRIBED: usize = 10;

/// What a load found. Instants are durations since its beginning.
#[derive(Debug)]
pub struct Report {
    /// Whom it asked.
    pub addresses: Vec<SocketAddr>,
    /// The versions that answered, in the order of their first answers.
    pub versions: Vec<String>,
    /// Every request, by its beginning.
    pub records: Vec<Record>,
    /// When it began, by the clock.
    pub began: SystemTime,
    /// When it was told to stop.
    pub stopped: Duration,
}

/// The answers of one version at one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstAnswer {
    /// Who answered.
    pub address: SocketAddr,
    /// The version.
    pub version: String,
    /// When its first answer was complete.
    pub at: Duration,
    /// When its last one was.
    pub last: Duration,
    /// How many there were.
    pub answers: usize,
    /// How many requests were in flight at `at`, over all addresses; the one answered is among them.
    pub in_flight: usize,
    /// How many of them went to this address.
    pub in_flight_here: usize,
    /// Whether another version had answered here before: then `at` is when traffic had switched.
    pub is_switch: bool,
}

impl Report {
    pub(super) fn new(
        addresses: Vec<SocketAddr>,
        versions: Vec<String>,
        mut records: Vec<Record>,
        began: SystemTime,
        stopped: Duration,
    ) -> Self {
        records.sort_by_key(|record| record.start);
        Self {
            addresses,
            versions,
            records,
            began,
            stopped,
        }
    }

    /// Returns how many requests there were.
    pub fn requests(&self) -> usize {
        self.records.len()
    }

    /// Returns how many were not answered with 200.
    pub fn lost(&self) -> usize {
        self.lost_records().count()
    }

    /// Describes the first ten lost ones: when, where, what.
    pub fn losses(&self) -> Vec<String> {
        self.lost_records()
            .take(DESCRIBED)
            .map(|record| {
                format!(
                    "at {:.3} s, {}, {}: {} after {} ms",
                    record.start.as_secs_f64(),
                    self.addresses[record.address],
                    match (record.keeps, record.reconnected) {
                        (false, _) => "new connection",
                        (true, false) => "keep-alive",
                        (true, true) => "keep-alive, on a new connection",
                    },
                    record.outcome,
                    record.duration().as_millis()
                )
            })
            .collect()
    }

    /// Returns how many requests found their kept connection closed, and went to a new one.
    pub fn reconnects(&self) -> usize {
        self.records.iter().filter(|r| r.reconnected).count()
    }

    /// Returns the duration that this part (0 to 1) of the served requests did not exceed; zero where none was served.
    pub fn percentile(&self, part: f64) -> Duration {
        let served = self.records.iter().filter(|r| r.outcome.is_served());
        let mut durations: Vec<Duration> = served.map(Record::duration).collect();
        durations.sort_unstable();
        let rank = (part * durations.len() as f64).ceil() as usize;
        durations
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }

    /// Returns how long the longest request took, lost ones included.
    pub fn longest_request(&self) -> Duration {
        self.records
            .iter()
            .map(Record::duration)
            .max()
            .unwrap_or_default()
    }

    /// Returns the longest time in which one address gave no answer of 200, the beginning and the end of the load included.
    pub fn longest_silence(&self) -> Duration {
        (0..self.addresses.len())
            .map(|address| self.silence_of(address))
            .max()
            .unwrap_or_default()
    }

    /// Returns the longest time that users had to wait: for one answer, or for any of an address.
    pub fn longest_stall(&self) -> Duration {
        self.longest_request().max(self.longest_silence())
    }

    /// Returns how many requests were in flight at an instant, over all addresses.
    pub fn in_flight_at(&self, at: Duration) -> usize {
        self.flying(at).count()
    }

    /// Returns how many requests to one address were in flight at an instant.
    pub fn in_flight_to(&self, address: SocketAddr, at: Duration) -> usize {
        self.flying(at)
            .filter(|record| self.addresses[record.address] == address)
            .count()
    }

    /// Returns when each version first answered at each address, by that time.
    pub fn first_answers(&self) -> Vec<FirstAnswer> {
        let mut found = Vec::new();
        for address in 0..self.addresses.len() {
            let mut here: Vec<FirstAnswer> = (0..self.versions.len())
                .filter_map(|version| self.first_answer(address, version))
                .collect();
            here.sort_by_key(|first| first.at);
            for (number, first) in here.iter_mut().enumerate() {
                first.is_switch = number > 0;
            }
            found.extend(here);
        }
        found.sort_by_key(|first| first.at);
        found
    }

    /// Returns the least number of requests in flight, over all addresses, at any switch: the first answer of a version
    /// where another had answered before. None where nothing switched.
    pub fn in_flight_at_switches(&self) -> Option<usize> {
        let firsts = self.first_answers();
        let switches = firsts.iter().filter(|first| first.is_switch);
        switches.map(|first| first.in_flight).min()
    }

    /// Returns what a reader wants to know, in a few lines.
    pub fn summary(&self) -> String {
        let mut text = format!(
            "{} requests in {:.1} s, {} lost, {} reconnects\np50 {:.1} ms, p99 {:.1} ms, longest stall {:.1} ms \
             (longest request {:.1} ms, longest silence of an address {:.1} ms)\n",
            self.requests(),
            self.stopped.as_secs_f64(),
            self.lost(),
            self.reconnects(),
            ms(self.percentile(0.5)),
            ms(self.percentile(0.99)),
            ms(self.longest_stall()),
            ms(self.longest_request()),
            ms(self.longest_silence()),
        );
        for first in self.first_answers() {
            let _ = writeln!(
                text,
                "{}: version {}, {} answers from {:.3} s to {:.3} s{}",
                first.address,
                first.version,
                first.answers,
                first.at.as_secs_f64(),
                first.last.as_secs_f64(),
                match first.is_switch {
                    true => format!("; {} requests in flight at the switch", first.in_flight),
                    false => String::new(),
                }
            );
        }
        for loss in self.losses() {
            let _ = writeln!(text, "lost {loss}");
        }
        if self.lost() > DESCRIBED {
            let _ = writeln!(text, "and {} more lost", self.lost() - DESCRIBED);
        }
        text
    }

    /// Returns the same as JSON, in one line. Times are milliseconds.
    pub fn json(&self) -> String {
        let began = self.began.duration_since(UNIX_EPOCH).unwrap_or_default();
        let versions: Vec<String> = self.first_answers().iter().map(json_of).collect();
        let losses: Vec<String> = self.losses().iter().map(|loss| quoted(loss)).collect();
        format!(
            "{{\"began_unix_ms\":{},\"seconds\":{:.3},\"requests\":{},\"lost\":{},\"reconnects\":{},\"p50_ms\":{:.3},\
             \"p99_ms\":{:.3},\"longest_stall_ms\":{:.3},\"longest_request_ms\":{:.3},\"longest_silence_ms\":{:.3},\
             \"versions\":[{}],\"losses\":[{}]}}",
            began.as_millis(),
            self.stopped.as_secs_f64(),
            self.requests(),
            self.lost(),
            self.reconnects(),
            ms(self.percentile(0.5)),
            ms(self.percentile(0.99)),
            ms(self.longest_stall()),
            ms(self.longest_request()),
            ms(self.longest_silence()),
            versions.join(","),
            losses.join(",")
        )
    }

    fn lost_records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|r| !r.outcome.is_served())
    }

    fn flying(&self, at: Duration) -> impl Iterator<Item = &Record> {
        let begun = self.records.iter().take_while(move |r| r.start <= at);
        begun.filter(move |record| record.in_flight_at(at))
    }

    /// Returns the longest time in which this address gave no answer of 200.
    fn silence_of(&self, address: usize) -> Duration {
        let mut ends: Vec<Duration> = self
            .records
            .iter()
            .filter(|record| record.address == address && record.outcome.is_served())
            .map(|record| record.end)
            .collect();
        ends.sort_unstable();
        // The last answers come after the stop.
        ends.push(self.stopped.max(ends.last().copied().unwrap_or_default()));
        let before = std::iter::once(Duration::ZERO).chain(ends.iter().copied());
        before
            .zip(&ends)
            .map(|(before, end)| *end - before)
            .max()
            .unwrap_or_default()
    }

    fn first_answer(&self, address: usize, version: usize) -> Option<FirstAnswer> {
        let ends = self
            .records
            .iter()
            .filter(|record| record.address == address && record.version == Some(version))
            .filter(|record| record.outcome.is_served())
            .map(|record| record.end);
        let at = ends.clone().min()?;
        let asked = self.addresses[address];
        Some(FirstAnswer {
            address: asked,
            version: self.versions[version].clone(),
            at,
            last: ends.clone().max()?,
            answers: ends.count(),
            in_flight: self.in_flight_at(at),
            in_flight_here: self.in_flight_to(asked, at),
            is_switch: false,
        })
    }
}

fn json_of(first: &FirstAnswer) -> String {
    format!(
        "{{\"address\":\"{}\",\"version\":{},\"first_ms\":{:.3},\"last_ms\":{:.3},\"answers\":{},\"in_flight\":{},\"is_switch\":{}}}",
        first.address,
        quoted(&first.version),
        ms(first.at),
        ms(first.last),
        first.answers,
        first.in_flight,
        first.is_switch
    )
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

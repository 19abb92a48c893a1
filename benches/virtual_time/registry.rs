//! A registry that sends to all who pull at the same rate, up to what it can send in all and a host can receive.

use std::collections::BTreeMap;

/// Pulls that share a bandwidth. `T` is what each of them is for.
pub struct Registry<T> {
    /// In bytes per millisecond.
    capacity: f64,
    /// What one host receives at most, in bytes per millisecond.
    host: f64,
    /// What each pull has been sent since the first one began, in bytes, had it been there all the time.
    each: f64,
    /// When that was so, in milliseconds.
    at: f64,
    /// By the bytes at which they end, as bits, which are in their order; then by number.
    pulls: BTreeMap<(u64, u64), T>,
    numbers: u64,
    sent: f64,
    most: usize,
}

impl<T> Registry<T> {
    /// Returns a registry to which nobody is connected.
    pub fn new(capacity: f64, host: f64) -> Self {
        Self {
            capacity,
            host,
            each: 0.0,
            at: 0.0,
            pulls: BTreeMap::new(),
            numbers: 0,
            sent: 0.0,
            most: 0,
        }
    }

    /// Returns the most pulls that there were at the same time.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Returns what was sent, in bytes.
    pub fn sent(&self) -> f64 {
        self.sent
    }

    /// Begins a pull of so many bytes.
    pub fn add(&mut self, now: u64, bytes: f64, pull: T) {
        self.advance(now as f64);
        self.numbers += 1;
        let end = self.each + bytes;
        self.pulls.insert((end.to_bits(), self.numbers), pull);
        self.most = self.most.max(self.pulls.len());
    }

    /// Returns when the next pull ends, if nobody comes before, in milliseconds.
    pub fn next_end(&self) -> Option<u64> {
        let ((end, _), _) = self.pulls.first_key_value()?;
        let left = (f64::from_bits(*end) - self.each).max(0.0);
        Some((self.at + left / self.rate()).ceil() as u64)
    }

    /// Ends the next pull.
    pub fn take(&mut self, now: u64) -> T {
        self.advance(now as f64);
        let (_, pull) = self.pulls.pop_first().expect("a pull that ends");
        pull
    }

    fn rate(&self) -> f64 {
        self.host
            .min(self.capacity / self.pulls.len().max(1) as f64)
    }

    fn advance(&mut self, now: f64) {
        let passed = (now - self.at).max(0.0);
        self.each += passed * self.rate();
        self.sent += passed * self.rate() * self.pulls.len() as f64;
        self.at = now.max(self.at);
    }
}

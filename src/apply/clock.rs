//! The clock that a run goes by.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Linux's monotonic clock stops while the machine sleeps; macOS's does not.
#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

/// A clock that nobody sets, and that goes on while this machine sleeps: a lock ages on its host meanwhile.
pub trait Clock {
    /// Returns the time since some point in the past.
    fn now(&self) -> Duration;
}

/// The time since this machine started.
#[derive(Debug, Clone, Copy)]
pub struct BootClock;

impl Clock for BootClock {
    fn now(&self) -> Duration {
        Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
    }
}

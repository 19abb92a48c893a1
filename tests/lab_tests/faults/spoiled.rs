//! What is broken on a host, and how it is healed.

use crate::lab_project::Machine;

/// Something that is broken. Dropped, it is healed, also when the test fails.
pub struct Spoiled<'a> {
    heal: Option<Box<dyn Fn() + 'a>>,
}

impl<'a> Spoiled<'a> {
    /// What `heal` puts right.
    pub fn until(heal: impl Fn() + 'a) -> Self {
        Self {
            heal: Some(Box::new(heal)),
        }
    }

    /// Breaks a host by one shell command, and heals it by another.
    pub fn by(machine: &'a Machine, spoil: &str, heal: &'a str) -> Self {
        // First, so that half a fault is healed, too.
        let spoiled = Self::until(move || {
            machine.sh(heal);
        });
        machine.sh(spoil);
        spoiled
    }

    /// Ends the fault.
    pub fn heal(mut self) {
        if let Some(heal) = self.heal.take() {
            heal();
        }
    }
}

impl Drop for Spoiled<'_> {
    fn drop(&mut self) {
        if let Some(heal) = self.heal.take() {
            let healed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(heal));
            assert!(healed.is_ok() || std::thread::panicking());
        }
    }
}

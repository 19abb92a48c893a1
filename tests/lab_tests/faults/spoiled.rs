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

    /// Cuts a host off from everybody: what is sent to it, or from it, is lost.
    pub fn cut_off(machine: &'a Machine) -> Self {
        const UP: &str = "read -r device route < /run/cut; ip link set $device up; ip route add $route 2>/dev/null || :";
        Self::by(
            machine,
            "device=$(ip -o -4 addr show to 172.30.0.0/24 | awk '{print $2; exit}')
             echo $device $(ip route show default) > /run/cut && ip link set $device down",
            UP,
        )
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

//! Everything that breaks under a deploy, on the lab, one test for each fault: the plan is applied while users ask without
//! pause, the fault strikes, is healed, and the plan is applied again. Each test asserts the exit code, the message, the state
//! at the end, that docker did nothing twice, and what users lost: nothing on the hosts that the fault did not hit, and on the
//! hit one no more than the same fault costs without a deploy. docs/resume.md has the table of what is expected.
//!
//! Elsewhere: a host that dies for longer than a run waits (`resume`), Traefik that is gone and routing files that cannot be written
//! (`route_faults`), versions that fail (`failures`), runs that are killed at every step (`kill`), a disk that is full from the
//! start (`tests/local_link`), files torn by a power cut one by one (`tests/host_protocol/power_cut.rs`), and a runner's clock that
//! jumps (`tests/simulation/sleep.rs`).
//!
//! The lab's kernel has no netem: packets are lost by a packet filter, and held by a program in the way of ssh. What `date` says
//! is changed by a program of this name that comes first in the PATH of the scripts.

mod disks;
mod hosts;
mod journal;
mod locks;
mod network;
pub mod spoiled;
mod trial;

//! Commands that users run once in containers: what `mrsk app exec` and `mrsk accessory exec` share.

mod args;
mod interactive;
mod task;
mod words;

use crate::cli::failure::Failure;
use crate::cli::random;
use crate::digest;
use crate::exit_code::ExitCode;
use crate::name::HostName;

pub use args::ExecArgs;
pub use interactive::Attached;
pub use task::{Container, Task, run};

/// Returns the name of a container that is made for one command, and that nothing else has.
pub fn container_name(of: &str) -> Result<String, Failure> {
    let suffix = digest::hex(&random::bytes::<4>()?);
    Ok(format!("{of}-exec-{suffix}"))
}

/// Fails if an interactive command would run on several hosts.
pub fn single_host<'h>(hosts: &[&'h HostName]) -> Result<&'h HostName, Failure> {
    match hosts {
        [host] => Ok(host),
        hosts => {
            let names: Vec<&str> = hosts.iter().map(|host| host.as_str()).collect();
            let message = format!("-i runs on one host, but {} are selected", hosts.len());
            Err(Failure::new(ExitCode::Usage, message)
                .help(format!("choose one with --hosts: {}", names.join(", "))))
        }
    }
}

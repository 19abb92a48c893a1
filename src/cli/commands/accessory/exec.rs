//! `mrsk accessory exec`

use crate::cli::exec::{self, Attached, Container, ExecArgs, Task};
use crate::cli::failure::Failure;
use crate::cli::options::ReadOptions;
use crate::cli::reading::{Reading, Section, selection};
use crate::config::model::{Accessory, Config};
use crate::diagnostic::Diagnostic;
use crate::docker::once::{self, Once, Streams};
use crate::docker::{container, names};
use crate::facts::model::HostFacts;
use crate::name::HostName;
use crate::secret::Secrets;
use crate::transport::request::Inputs;

/// Arguments of `mrsk accessory exec`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of an accessory
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    exec: ExecArgs,
    #[command(flatten)]
    options: ReadOptions,
}

/// Runs a command on each host of an accessory. Returns its status if it is interactive.
pub async fn run(args: Args) -> Result<u8, Failure> {
    let words = args.exec.words()?;
    let mut reading = Reading::open(&args.options)?;
    let config = reading.config().clone();
    let mut targets = selection::accessories(&args.name, &args.options.hosts, &config)?;
    if args.exec.interactive {
        if args.options.hosts.hosts.is_empty() {
            targets.truncate(1);
        }
        exec::single_host(&Vec::from_iter(targets.iter().map(|(host, _)| *host)))?;
    }
    let secrets = match args.exec.reuse {
        true => Secrets::new(),
        false => reading.accessory_secrets(&args.options.project, &args.name)?,
    };
    let mut hosts: Vec<&HostName> = targets.iter().map(|(host, _)| *host).collect();
    hosts.dedup();
    let facts = reading.facts(hosts).await;
    let mut tasks = Vec::new();
    for (host, accessory) in targets {
        let Some(facts) = facts.get(host) else {
            continue;
        };
        if reading.is_foreign(host, &names::accessory(&config, accessory), facts) {
            continue;
        }
        match find(&config, accessory, facts, &args, &words)? {
            Some(container) => tasks.push(Task {
                section: Section {
                    inputs: Inputs {
                        secrets: secrets.clone(),
                        ..Inputs::default()
                    },
                    ..Section::titled(format!("Accessory {}", accessory.name), host)
                },
                title: format!("accessory exec {}", accessory.name),
                container,
            }),
            None => {
                let message = format!("{host}: the container of {} does not run", accessory.name);
                let help = "without --reuse the command gets a container of its own";
                reading.add(Diagnostic::error(message).help(help));
            }
        }
    }
    exec::run(reading, tasks, &args.exec, &words).await
}

/// Returns the container for the command; nothing if the one that is to be used does not run.
fn find(
    config: &Config,
    accessory: &Accessory,
    facts: &HostFacts,
    args: &Args,
    words: &[String],
) -> Result<Option<Container>, Failure> {
    let own = names::accessory(config, accessory);
    let present = facts.containers.get(&own);
    if args.exec.reuse {
        let running = present.filter(|container| container.state.is_up());
        return Ok(running.map(|_| Container::Running(own)));
    }
    let name = exec::container_name(&own)?;
    let streams = match args.exec.interactive {
        true => Attached::available().streams(),
        false => Streams::Output,
    };
    let mounts = container::accessory_mounts(config, accessory, &facts.home);
    let once = Once {
        name: &name,
        image: present.map_or(accessory.image.as_str(), |present| &present.image_id),
        words,
        streams,
        home: &facts.home,
    };
    let prepare = vec![once::create_of_accessory(config, accessory, mounts, &once)];
    Ok(Some(Container::New { name, prepare }))
}

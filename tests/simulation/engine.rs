//! A container engine, as far as plans of the compiler use it: what the parts of steps and of cleanups do to a host, one by one.

use std::collections::BTreeSet;

use mrsk::action::{Action, Arg, Poll, Probe, Run};
use mrsk::facts::model::{ContainerFacts, ContainerState, FileFacts, HostFacts};
use mrsk::name::Sha256Hex;
use mrsk::plan::Plan;

/// Requests in flight at a container that serves.
const BUSY: u64 = 5;

/// Carries out a part of a step of `plan` on a host. `Err` says why it fails.
pub fn carry_out(plan: &Plan, action: &Action, facts: &mut HostFacts) -> Result<(), String> {
    match action {
        Action::Run(run) => command(&words(run), facts),
        Action::Write(write) => {
            let text = plan.contents.get(&write.content).ok_or("no such content")?;
            let file = FileFacts {
                sha256: write.content.to_string(),
                text: text.clone(),
                aliases: aliases(text),
            };
            facts.files.insert(write.path.clone(), file);
            let served: Vec<String> = served(facts);
            for name in served {
                if let Some(container) = facts.containers.get_mut(&name) {
                    container.in_flight = BUSY;
                }
            }
            Ok(())
        }
        Action::Poll(poll) => wait(poll, facts),
        Action::Upload(_)
        | Action::Merge(_)
        | Action::VerifyImage(_)
        | Action::Reach(_)
        | Action::Complete(_) => Ok(()),
    }
}

/// The containers that routing files name, and that run.
fn served(facts: &HostFacts) -> Vec<String> {
    let named: BTreeSet<&String> = facts
        .files
        .values()
        .flat_map(|file| &file.aliases)
        .collect();
    let is_named =
        |container: &ContainerFacts| aliases_of(container).any(|one| named.contains(one));
    let running = facts
        .containers
        .iter()
        .filter(|(_, container)| container.state == ContainerState::Running && is_named(container));
    running.map(|(name, _)| name.clone()).collect()
}

/// The names that a container has in networks.
pub fn aliases_of(container: &ContainerFacts) -> impl Iterator<Item = &String> {
    let networks = container.networks.values();
    networks.flat_map(|network| &network.aliases)
}

/// The names of containers in the text of a routing file.
fn aliases(text: &str) -> BTreeSet<String> {
    let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    let places = text.match_indices("m-");
    let found = places.filter_map(|(at, _)| text.get(at..at + 18));
    let found = found.filter(|name| name[2..].chars().all(is_digit));
    found.map(str::to_owned).collect()
}

fn words(run: &Run) -> Vec<&str> {
    let texts = run.argv.iter().map(|arg| match arg {
        Arg::Literal(text) => text.as_str(),
        Arg::FromEnv(_) | Arg::Pushed(_) => "",
    });
    texts.collect()
}

fn command(words: &[&str], facts: &mut HostFacts) -> Result<(), String> {
    match words {
        ["docker", "create", rest @ ..] => create(rest, facts),
        ["docker", "network", "connect", rest @ .., network, name] => {
            let container = found(name, facts)?;
            let entry = container.networks.entry((*network).to_owned()).or_default();
            entry.aliases.extend(values(rest, "--alias"));
            Ok(())
        }
        ["docker", "start", name] => {
            found(name, facts)?.state = ContainerState::Running;
            Ok(())
        }
        ["docker", "stop", .., name] => {
            stop(found(name, facts)?);
            Ok(())
        }
        ["docker", "rm", "--force", name] => {
            facts.containers.remove(*name);
            Ok(())
        }
        ["docker", "rm", name] => {
            if found(name, facts)?.state == ContainerState::Running {
                return Err(format!("{name} runs"));
            }
            facts.containers.remove(*name);
            Ok(())
        }
        ["docker", "rename", from, to] => {
            if facts.containers.contains_key(*to) {
                return Err(format!("{to} is in use"));
            }
            let container = facts.containers.remove(*from);
            let container = container.ok_or_else(|| format!("no container {from}"))?;
            facts.containers.insert((*to).to_owned(), container);
            Ok(())
        }
        ["docker", "container", "prune", rest @ ..] => {
            let filters = values(rest, "--filter");
            facts.containers.retain(|_, container| {
                container.state == ContainerState::Running || !is_meant(container, &filters)
            });
            Ok(())
        }
        ["docker", "image", "rm", reference] => {
            facts.images.remove(*reference);
            Ok(())
        }
        ["rm", "-f", path] => {
            facts.files.remove(*path);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The values that an option has, which may stand several times.
fn values(words: &[&str], option: &str) -> Vec<String> {
    let pairs = words.windows(2).filter(|pair| pair[0] == option);
    pairs.map(|pair| pair[1].to_owned()).collect()
}

fn found<'a>(name: &str, facts: &'a mut HostFacts) -> Result<&'a mut ContainerFacts, String> {
    let container = facts.containers.get_mut(name);
    container.ok_or_else(|| format!("no container {name}"))
}

fn stop(container: &mut ContainerFacts) {
    container.state = ContainerState::Exited;
    container.healthy = false;
    container.in_flight = 0;
}

fn create(words: &[&str], facts: &mut HostFacts) -> Result<(), String> {
    let name = values(words, "--name").pop().ok_or("no name")?;
    if facts.containers.contains_key(&name) {
        return Err(format!("{name} is in use"));
    }
    let image = words.iter().find(|word| facts.images.contains_key(**word));
    let image = image.ok_or_else(|| format!("no image for {name}"))?;
    let labels = values(words, "--label");
    let labels = labels.iter().filter_map(|label| label.split_once('='));
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let network = values(words, "--network").pop();
    let network = network.unwrap_or_else(|| "bridge".to_owned());
    let number = 1 + facts
        .containers
        .values()
        .map(|one| one.created_at)
        .max()
        .unwrap_or(0);
    let container = ContainerFacts {
        id: Sha256Hex::of(format!("{name} {number}").as_bytes()).to_string(),
        image: (*image).to_owned(),
        image_id: facts.images[*image].id.clone(),
        labels: labels.collect(),
        networks: [(network, Default::default())].into(),
        created_at: number,
        ..ContainerFacts::default()
    };
    facts.containers.insert(name, container);
    Ok(())
}

/// Whether all filters of a `docker container prune` hold for a container.
fn is_meant(container: &ContainerFacts, filters: &[String]) -> bool {
    let has = |label: &str| match label.split_once('=') {
        Some((key, value)) => container
            .labels
            .get(key)
            .is_some_and(|found| found == value),
        None => container.labels.contains_key(label),
    };
    filters.iter().all(|filter| {
        match (
            filter.strip_prefix("label!="),
            filter.strip_prefix("label="),
        ) {
            (Some(label), _) => !has(label),
            (None, Some(label)) => has(label),
            (None, None) => false,
        }
    })
}

fn wait(poll: &Poll, facts: &mut HostFacts) -> Result<(), String> {
    let runs = |name: &str, facts: &HostFacts| {
        let container = facts.containers.get(name);
        container.is_some_and(|one| one.state == ContainerState::Running)
    };
    match poll.probe {
        Probe::Http | Probe::Running => {
            if !runs(&poll.container, facts) {
                return Err(format!("{} does not run", poll.container));
            }
            let container = found(&poll.container, facts)?;
            container.healthy = container.labels.contains_key("mrsk.healthcheck");
        }
        Probe::Route => {
            let alias = poll.host.as_deref().unwrap_or("");
            let alias = alias.trim_end_matches(".mrsk.internal");
            let is_named = facts
                .files
                .values()
                .any(|file| file.aliases.contains(alias));
            let serves = poll.expect.as_deref().is_none_or(|name| runs(name, facts));
            if !is_named || !serves || !runs(&poll.container, facts) {
                return Err(format!("{alias} does not answer"));
            }
        }
        Probe::Idle | Probe::Ended => {
            if let Some(container) = facts.containers.get_mut(&poll.container) {
                container.in_flight = 0;
            }
        }
    }
    Ok(())
}

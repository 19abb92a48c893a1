//! `mrsk app maintenance`

use std::net::IpAddr;

use crate::cli::failure::Failure;
use crate::cli::operation::{OnRoles, OperationArgs};
use crate::cli::options::HostOptions;
use crate::config::model::Config;
use crate::facts::model::SourceFacts;
use crate::plan::{AppOperation, Maintenance, Operation, OperationKind};

/// The longest message, in characters: it is a header of each answer.
const MAX_MESSAGE: usize = 200;

/// Arguments of `mrsk app maintenance`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    hosts: HostOptions,

    /// What people are told: header X-Maintenance-Message of each answer; also in `mrsk status` and at the end of each deploy
    #[arg(long, value_name = "TEXT", value_parser = parse_message)]
    message: Option<String>,

    /// After how many seconds clients may ask again: header Retry-After of each answer
    #[arg(long, value_name = "SECONDS")]
    retry_after: Option<u32>,

    /// Send the requests of these clients to the app: addresses or networks, separated by commas
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = parse_network)]
    allow: Vec<String>,

    /// Send the requests for PATH to the app, such as a load balancer's check; with `/` at the end: all below it; may be repeated
    #[arg(long, value_name = "PATH", value_parser = parse_path)]
    except: Vec<String>,

    /// Answer with this page of the app while a container of it runs, such as /503.html; the status stays 503
    #[arg(long, value_name = "PATH", value_parser = parse_path)]
    page: Option<String>,
}

impl OperationArgs for Args {
    fn operation(&self, config: &Config, source: &SourceFacts) -> Result<Operation, Failure> {
        let kind = OperationKind::App(AppOperation::Maintenance(Maintenance {
            by: String::new(),
            message: self.message.clone(),
            retry_after: self.retry_after,
            page: self.page.clone(),
            allow: self.allow.clone(),
            except: self.except.clone(),
        }));
        let hosts = self.hosts.clone();
        OnRoles { kind, hosts }.operation(config, source)
    }
}

fn parse_message(text: &str) -> Result<String, &'static str> {
    let message = text.trim();
    let is_one_line = !message.contains(char::is_control);
    match !message.is_empty() && is_one_line && message.chars().count() <= MAX_MESSAGE {
        true => Ok(message.to_owned()),
        false => Err("the message must be one line of 1 to 200 characters"),
    }
}

fn parse_network(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let invalid = "use an address or a network, such as 192.0.2.7 or 10.0.0.0/8";
    let address: IpAddr = address.parse().map_err(|_| invalid)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let is_valid = |bits: &str| bits.parse().is_ok_and(|bits: u8| bits <= most);
    match bits.is_none_or(is_valid) {
        true => Ok(text.to_owned()),
        false => Err(invalid),
    }
}

/// Reads a path that Traefik's rules take as it is.
fn parse_path(text: &str) -> Result<String, &'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~/+,:;@!$&=*%'()".contains(c);
    match text.starts_with('/') && text.chars().all(allowed) {
        true => Ok(text.to_owned()),
        false => Err("use a path of letters, digits and punctuation that begins with `/`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_rule_is_refused() {
        for text in ["192.0.2.7", "10.0.0.0/8", "::1", "2001:db8::/32"] {
            assert_eq!(parse_network(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "x",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/8`)",
            "::/129",
            "10.0.0/8",
        ] {
            assert!(parse_network(text).is_err(), "{text}");
        }
        for text in ["/up", "/admin/", "/a%20b", "/"] {
            assert_eq!(parse_path(text).as_deref(), Ok(text));
        }
        for text in ["", "up", "/a b", "/a`b", "/{x}", "/é", "/a?b", "/a\n"] {
            assert!(parse_path(text).is_err(), "{text}");
        }
        assert_eq!(parse_message(" Back at 10 ").as_deref(), Ok("Back at 10"));
        for text in ["", " ", "a\nb", &"x".repeat(201)] {
            assert!(parse_message(text).is_err(), "{text}");
        }
    }
}

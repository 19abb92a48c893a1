//! Lists of containers and images, as docker prints them.

use super::names::TRAEFIK;
use crate::action::Run;
use crate::config::model::{Accessory, Config, Role};
use crate::docker::names;

/// The columns of a list of containers.
const COLUMNS: [&str; 7] = [
    "CONTAINER ID",
    "IMAGE",
    "COMMAND",
    "CREATED",
    "STATUS",
    "PORTS",
    "NAMES",
];

/// What docker is to print of each container: its destination, then the columns.
const ROW: &str = concat!(
    r#"[{{json (.Label "destination")}},{{json .ID}},{{json .Image}},{{json .Command}},"#,
    r#"{{json .RunningFor}},{{json .Status}},{{json .Ports}},{{json .Names}}]"#
);

/// The spaces between two columns.
const GAP: usize = 3;

/// Which containers are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Containers {
    /// Those that run.
    Running,
    /// Those that do not run as well.
    All,
}

/// Returns the command that lists the containers of a role, of every destination, for [`table`].
pub fn of_role(config: &Config, role: &Role, which: Containers) -> Run {
    let service = format!("label=service={}", config.service);
    let role = format!("label=role={}", role.name);
    list(which, &[service, role])
}

/// Returns the command that lists Traefik's container, for [`table`].
pub fn of_traefik(which: Containers) -> Run {
    list(which, &[format!("name=^{TRAEFIK}$")])
}

/// Returns the command that lists an accessory's container, for [`table`].
pub fn of_accessory(config: &Config, accessory: &Accessory, which: Containers) -> Run {
    let name = names::accessory(config, accessory);
    list(which, &[format!("label=service={name}")])
}

fn list(which: Containers, filters: &[String]) -> Run {
    let mut argv = vec!["docker", "ps"];
    if which == Containers::All {
        argv.push("--all");
    }
    for filter in filters {
        argv.extend(["--filter", filter]);
    }
    argv.extend(["--format", ROW]);
    Run::literal(argv)
}

/// Returns what the commands here print as docker's table of the containers of `destination`: docker's filters cannot tell those
/// that have none. A line that docker would not print so is kept as it is.
pub fn table(answer: &str, destination: Option<&str>) -> String {
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    let mut others = String::new();
    for line in answer.lines().filter(|line| !line.is_empty()) {
        match serde_json::from_str::<[String; 8]>(line) {
            Ok([of, row @ ..]) if of == destination.unwrap_or_default() => rows.push(row),
            Ok(_) => {}
            Err(_) => others += &format!("{line}\n"),
        }
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| width(column).unwrap_or(0) + GAP)
        .collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths);
        let line: String = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        format!("{}\n", line.trim_end())
    });
    lines.chain([others]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_the_containers_of_the_destination_alone() {
        let answer = concat!(
            r#"["","aa","acme/shop:1","\"run\"","2 hours ago","Up 2 hours","80/tcp","shop-web-1"]"#,
            "\n",
            r#"["staging","bb","acme/shop:2","\"run\"","now","Up","","shop-web-staging-2"]"#,
            "\nwarning: odd\n"
        );
        let expected = "\
CONTAINER ID   IMAGE         COMMAND   CREATED       STATUS       PORTS    NAMES
aa             acme/shop:1   \"run\"     2 hours ago   Up 2 hours   80/tcp   shop-web-1
warning: odd
";
        assert_eq!(table(answer, None), expected);
        assert!(table(answer, Some("staging")).contains("shop-web-staging-2"));
        assert_eq!(table("", None).lines().count(), 1);
    }
}

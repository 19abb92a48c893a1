//! What was routed on a host: the lines of `routed` in its state directory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest;
use crate::name::PlanDigest;

/// How many routes are known of a host at most: the probe prints no more.
pub const MAX_ROUTES: usize = 120;

/// A route that has sent requests to a container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RoutedFacts {
    /// The role.
    pub role: String,
    /// The version that the container runs.
    pub version: String,
    /// Registry digest of its image, `sha256:…`; absent if the image had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The container's name.
    pub container: String,
    /// When requests were sent to it first, in seconds since 1970 by the host's clock.
    pub at: u64,
    /// The plan that did so; absent in lines of earlier versions of mrsk, as the next two are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanDigest>,
    /// The plan's operation, as `rollback`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub operation: String,
    /// Who applied it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub by: String,
}

impl RoutedFacts {
    /// Returns what is wrong with it, if anything: a version becomes the tag of an image, a digest what is pulled.
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        if !is_tag(&self.version) {
            return Some(("version", "is not a valid version"));
        }
        let is_digest = |digest: &str| digest::digits(digest).is_some();
        if self.digest.as_deref().is_some_and(|text| !is_digest(text)) {
            return Some(("digest", "is not a valid digest"));
        }
        if self
            .plan
            .as_ref()
            .is_some_and(|plan| plan.digits().is_none())
        {
            return Some(("plan", "is not a valid plan digest"));
        }
        let texts = [&self.role, &self.container, &self.operation, &self.by];
        let is_plain = |text: &&String| !text.contains(char::is_control);
        match texts.iter().all(is_plain) {
            true => None,
            false => Some(("by", "has control characters")),
        }
    }

    /// Reads a line `ROLE VERSION DIGEST CONTAINER TIME [PLAN OPERATION WHO]`; `None` if it is torn, or was not written by mrsk.
    fn read(line: &str) -> Option<Self> {
        let mut words = line.splitn(8, ' ');
        let mut word = || words.next();
        let (role, version, digest) = (word()?, word()?, word()?);
        let (container, time) = (word()?, word()?);
        let mut route = Self {
            role: role.to_owned(),
            version: version.to_owned(),
            digest: (digest != "-").then(|| digest.to_owned()),
            container: container.to_owned(),
            at: time.parse().ok().filter(|_| time.len() == 10)?,
            ..Self::default()
        };
        if let Some(plan) = word() {
            route.plan = Some(PlanDigest::from_digits(plan));
            route.operation = word()?.replace('-', " ");
            let by = word()?.chars();
            route.by = by.filter(|c| !c.is_control()).collect();
        }
        route.problem().is_none().then_some(route)
    }

    /// Whether both are the same route: its line may be there once more, torn.
    fn is(&self, other: &Self) -> bool {
        let key = |route: &Self| (route.at, route.role.clone(), route.container.clone());
        key(self) == key(other)
    }
}

/// Takes a line of the probe's answer, the oldest first. Lines of one route count once, the last of them. `None` if there are more than
/// the probe prints.
pub(super) fn add(routes: &mut Vec<RoutedFacts>, line: &str) -> Option<()> {
    let Some(route) = RoutedFacts::read(line) else {
        return Some(());
    };
    routes.retain(|other| !other.is(&route));
    routes.push(route);
    (routes.len() <= MAX_ROUTES).then_some(())
}

/// Returns whether `text` can be the tag of an image.
fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = text.bytes();
    text.len() <= 128
        && bytes.next().is_some_and(is_word)
        && bytes.all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Vec<String> {
        let mut routes = Vec::new();
        for line in lines {
            add(&mut routes, line).unwrap();
        }
        let line = |route: RoutedFacts| {
            let digest = route.digest.map(|digest| digest[..9].to_owned());
            let plan = route
                .plan
                .map(|plan| plan.digits().unwrap()[..2].to_owned());
            let RoutedFacts {
                version,
                at,
                operation,
                by,
                ..
            } = route;
            format!("{version} {digest:?} {at} {plan:?} {operation} {by}")
        };
        routes.into_iter().map(line).collect()
    }

    #[test]
    fn a_line_says_what_was_routed_by_which_plan() {
        let (digest, plan) = (format!("sha256:{}", "d".repeat(64)), "a".repeat(64));
        let of_plan = format!("web v2 {digest} app-web-v2 1700000002 {plan} app-boot Jo Do <j@x>");
        assert_eq!(
            read(&["web v1 - app-web-v1 1700000001", &of_plan]),
            [
                "v1 None 1700000001 None  ",
                r#"v2 Some("sha256:dd") 1700000002 Some("aa") app boot Jo Do <j@x>"#,
            ]
        );
    }

    #[test]
    fn lines_that_are_torn_or_damaged_are_left_out() {
        let plan = "a".repeat(64);
        for line in [
            "",
            "web",
            "web v1 - app-web-v1",
            "web v1 - app-web-v1 17000000",
            "web v1 sha256:12 app-web-v1 1700000001",
            "web -v1 - app-web-v1 1700000001",
            "web v$(x) - app-web-v1 1700000001",
            "web v1 - app-web-v1 1700000001 aaaa deploy me",
            &format!("web v1 - app-web-v1 1700000001 {plan} deploy"),
        ] {
            assert_eq!(read(&[line]), [""; 0], "{line}");
        }
        let escape = format!("web v1 - app-web-v1 1700000001 {plan} deploy m\u{1b}[2Je");
        assert_eq!(
            read(&[&escape]),
            [r#"v1 None 1700000001 Some("aa") deploy m[2Je"#]
        );
    }

    #[test]
    fn a_route_counts_once() {
        let plan = "a".repeat(64);
        let whole = format!("web v1 - app-web-v1 1700000001 {plan} deploy me");
        let later = "web v2 - app-web-v2 1700000002";
        let torn = "web v1 - app-web-v1 1700000001";
        assert_eq!(read(&[torn, &whole]).len(), 1);
        assert_eq!(
            read(&[&whole, later, &whole]),
            [
                "v2 None 1700000002 None  ",
                r#"v1 None 1700000001 Some("aa") deploy me"#
            ]
        );
    }

    #[test]
    fn a_host_that_prints_more_than_the_probe_does_is_not_believed() {
        let mut routes = Vec::new();
        let mut line =
            |at: usize| add(&mut routes, &format!("web v1 - app {}", 1_700_000_000 + at));
        for at in 0..MAX_ROUTES {
            assert_eq!(line(at), Some(()));
        }
        assert_eq!(line(MAX_ROUTES), None);
    }
}

//! Outcomes, and failures that are known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pattern::matches;
use crate::Datapath;

/// What came of an instance on a datapath.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// What must hold holds, and the packets took the lane that the case is about.
    Pass,
    /// It does not hold.
    Fail,
    /// The packets did not take the lane that the case is about, or no witness can tell.
    Unproven,
    /// This kernel, or this NIC, cannot do what the case is about, with its word for it.
    Unsupported,
    /// The case could not be run, or its reference is not as the case says.
    Error,
}

impl Outcome {
    /// Every outcome, best first.
    pub const ALL: [Outcome; 5] =
        [Outcome::Pass, Outcome::Unsupported, Outcome::Unproven, Outcome::Fail, Outcome::Error];

    /// The word in tables and files.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::Unproven => "unproven",
            Outcome::Unsupported => "unsupported",
            Outcome::Error => "error",
        }
    }
}

/// A failure that is known, with its reason. Where it does not fail any more, that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Instances: `CASE` or `CASE/ipv4-udp-*`; `*` stands for anything.
    pub instances: String,
    /// Datapaths on which it fails.
    pub datapaths: Vec<Datapath>,
    /// The first kernel version that it fails on, `6.1`; the oldest where left out.
    #[serde(default)]
    pub since: Option<String>,
    /// The first kernel version that it does not fail on any more.
    #[serde(default)]
    pub until: Option<String>,
    /// What came of it: `fail`, `unproven` or `unsupported`.
    pub outcome: Outcome,
    /// Of a fail, every field that may differ (`lost`, `ipv4.ttl`, `conntrack.*`): another one is a failure of its own, which
    /// this one does not explain. Results written before this was told have none, and there it explains all.
    #[serde(default)]
    pub differs: Vec<String>,
    /// Why, as far as it is understood, with the place in the kernel.
    pub reason: String,
    /// Where it is told: a thread, a commit, a document.
    pub link: String,
    /// Whether it does not happen every time.
    #[serde(default)]
    pub flaky: bool,
}

/// A kernel's version: its first numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version([u32; 3]);

impl Version {
    /// `6.1`, `6.12.117`, `6.12.117-amd64`, `7.3.0-rc1`; what is left out is 0.
    pub(super) fn parse(text: &str) -> Option<Version> {
        let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
        let mut version = [0; 3];
        let mut count = 0;
        for (slot, part) in version.iter_mut().zip(numbers.split('.')) {
            *slot = part.parse().ok()?;
            count += 1;
        }
        (count > 1).then_some(Version(version))
    }
}

impl Known {
    /// Whether it speaks of this instance on this datapath and this kernel (`uname -r`). A kernel whose version cannot be read
    /// has every known failure.
    pub fn covers(&self, instance: &str, datapath: Datapath, kernel: &str) -> bool {
        let case = instance.split('/').next().unwrap_or_default();
        self.datapaths.contains(&datapath)
            && (matches(&self.instances, instance) || matches(&self.instances, case))
            && Version::parse(kernel).is_none_or(|kernel| self.holds_on(kernel))
    }

    /// Whether it explains what came of an instance that it covers, by the fields in which that differs.
    pub fn explains<'a>(&self, outcome: Outcome, fields: impl IntoIterator<Item = &'a str>) -> bool {
        let told = |field: &str| self.differs.is_empty() || self.differs.iter().any(|pattern| matches(pattern, field));
        self.outcome == outcome && fields.into_iter().all(told)
    }

    fn holds_on(&self, kernel: Version) -> bool {
        let version = |text: &Option<String>| text.as_deref().and_then(Version::parse);
        version(&self.since).is_none_or(|since| since <= kernel)
            && version(&self.until).is_none_or(|until| kernel < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let version = |text| Version::parse(text).unwrap();
        assert!(version("6.1") < version("6.12.117-amd64"));
        assert!(version("6.12.117+deb12") < version("7.2.13"));
        assert_eq!(version("6.15"), version("6.15.0-rc1"));
        for wrong in ["", "x", "6", "six.one"] {
            assert_eq!(Version::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_known_failure_covers_its_instances_on_its_kernels() {
        let known = Known {
            instances: "fin-*/ipv4-tcp-*".to_owned(),
            datapaths: vec![Datapath::Flowtable],
            since: Some("6.1".to_owned()),
            until: Some("6.15".to_owned()),
            outcome: Outcome::Fail,
            differs: vec!["lost".to_owned(), "conntrack.*".to_owned()],
            reason: String::new(),
            link: String::new(),
            flaky: false,
        };
        let covers = |instance, kernel| known.covers(instance, Datapath::Flowtable, kernel);
        assert!(covers("fin-up/ipv4-tcp-plain-up", "6.12.117-amd64"));
        assert!(!covers("fin-up/ipv4-tcp-plain-up", "6.15.1"));
        assert!(!covers("fin-up/ipv4-tcp-plain-up", "5.10.0"));
        assert!(!covers("fin-up/ipv6-tcp-plain-up", "6.12"));
        assert!(!known.covers("fin-up/ipv4-tcp-plain-up", Datapath::FlowtableHw, "6.12"));
        let explains = |fields: &[&str]| known.explains(Outcome::Fail, fields.iter().copied());
        assert!(explains(&["lost", "conntrack.tcp_state", "lost"]));
        assert!(!explains(&["lost", "ipv4.ttl"]), "a second fault must not hide behind the first");
        assert!(!known.explains(Outcome::Unproven, []));
        let whole = Known { instances: "fin-up".to_owned(), until: None, ..known };
        assert!(whole.covers("fin-up/ipv6-tcp-plain-down", Datapath::Flowtable, "7.2"));
    }
}

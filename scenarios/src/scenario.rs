//! Scenarios: policy x traffic x method, by name, from TOML files.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::builtin;
use crate::control::Control;
use crate::datapath::Datapath;
use crate::fault::Fault;
use crate::links::Links;
use crate::method::{Engine, Method, MethodKind};
use crate::nearest::suggestion;
use crate::policy::Policy;
use crate::scenario_error::ScenarioError;
use crate::support::gap;
use crate::topology::Topology;
use crate::traffic::{Opening, Traffic};

/// What is measured: a policy over datapaths, with traffic, by a method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The name; that of the file where the file gives none.
    #[serde(default)]
    pub name: String,
    /// What it shows, in one sentence.
    pub about: String,
    /// What should happen to packets.
    pub policy: Policy,
    /// The datapaths that are compared.
    pub datapaths: Vec<Datapath>,
    /// What the DUT's ports are.
    #[serde(default)]
    pub topology: Topology,
    /// The engine that offers the traffic.
    #[serde(default)]
    pub engine: Engine,
    /// What is broken on purpose.
    #[serde(default)]
    pub control: Control,
    /// What the reference NIC does wrong on purpose, with the number that each fault takes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub faults: BTreeMap<Fault, u32>,
    /// Cheap rules that match nothing, ahead of the forward chain's own: what a slowdown of known cause looks like.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub extra_rules: u32,
    /// MTU and offloads of the links.
    #[serde(default)]
    pub links: Links,
    /// What is offered.
    pub traffic: Traffic,
    /// How it is measured.
    #[serde(default)]
    pub method: Method,
}

/// The most rules that may be put ahead.
const MAX_EXTRA_RULES: u32 = 10_000;

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Scenario {
    /// The scenario of a built-in name or of a path to a `.toml` file.
    pub fn load(name: &str) -> Result<Self, ScenarioError> {
        if let Some(text) = builtin::text(name) {
            return Self::parse(text, name, &format!("built-in scenario `{name}`"));
        }
        let path = Path::new(name);
        if !name.contains('/') && !name.ends_with(".toml") && !path.is_file() {
            let suggestion = suggestion(name, builtin::NAMES.iter().copied());
            return Err(ScenarioError::Unknown { name: name.to_owned(), suggestion });
        }
        let text = read(path).map_err(|source| ScenarioError::Unreadable { path: path.to_owned(), source })?;
        let stem = path.file_stem().map_or_else(|| name.to_owned(), |s| s.to_string_lossy().into_owned());
        Self::parse(&text, &stem, &format!("scenario file {}", path.display()))
    }

    /// A scenario from TOML text. `name` serves where the text gives none, `origin` names it in errors.
    pub fn parse(text: &str, name: &str, origin: &str) -> Result<Self, ScenarioError> {
        let mut scenario: Scenario = toml::from_str(text)
            .map_err(|error| ScenarioError::Malformed { origin: origin.to_owned(), message: error.to_string() })?;
        if scenario.name.is_empty() {
            scenario.name = name.to_owned();
        }
        scenario.settle()?;
        Ok(scenario)
    }

    /// Brings dependent values into line and checks the whole. Call it after changing a field.
    pub fn settle(&mut self) -> Result<(), ScenarioError> {
        if self.control == Control::NoOpening {
            self.traffic.opening = Opening::None;
        }
        self.check().map_err(|message| {
            let name = self.name.chars().take(64).collect::<String>().escape_debug().to_string();
            ScenarioError::Invalid { name, message }
        })
    }

    /// Puts the scenario into another topology. Where that has a NIC, the datapaths that use it are added as far as
    /// the policy has them.
    pub fn move_to(&mut self, topology: Topology) {
        self.topology = topology;
        for datapath in [Datapath::FlowtableHw, Datapath::Netdev, Datapath::NetdevHw] {
            let fits = topology.has_nic() && gap(topology, self.policy, datapath).is_none();
            if fits && !self.datapaths.contains(&datapath) {
                self.datapaths.push(datapath);
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        self.check_texts()?;
        if self.datapaths.is_empty() {
            return Err("datapaths is empty: name at least one".to_owned());
        }
        for (i, datapath) in self.datapaths.iter().enumerate() {
            if self.datapaths[..i].contains(datapath) {
                return Err(format!("datapaths names `{}` twice", datapath.name()));
            }
        }
        if let (Some(fault), false) = (self.faults.keys().next(), self.topology.has_nic()) {
            return Err(format!(
                "faults names `{}`, and only the reference NIC has faults: set topology = \"nic-router\"",
                fault.name()
            ));
        }
        self.faults.iter().try_for_each(|(fault, &number)| fault.check(number))?;
        let translates = matches!(self.policy, Policy::Masquerade | Policy::Dnat);
        if self.faults.contains_key(&Fault::WrongNatPort) && !translates {
            return Err("fault wrong-nat-port breaks only what is translated: set policy = \"masquerade\" or \"dnat\""
                .to_owned());
        }
        if self.topology.has_nic() && (self.links.gso || self.links.checksum) {
            return Err(
                "the reference NIC neither segments nor computes checksums: set gso = false and checksum = false in \
                        [links] (--gso false --checksum false)"
                    .to_owned(),
            );
        }
        if self.extra_rules > MAX_EXTRA_RULES {
            return Err(format!("extra_rules = {} is out of range: 0 to {MAX_EXTRA_RULES}", self.extra_rules));
        }
        self.check_generator()?;
        self.links.check()?;
        self.method.check()?;
        self.traffic.check(self.links.mtu)?;
        self.control.check(self.engine, &self.traffic)?;
        let unopened = self.engine == Engine::Raw && self.traffic.opening == Opening::None;
        if translates && unopened && self.traffic.direction.server_sends() {
            return Err("the server cannot send into flows behind a translation that nobody opened: set direction = \
                        \"upstream\" or opening = \"full\""
                .to_owned());
        }
        crate::method::check_engine(self.engine, &self.traffic, self.links.mtu, self.method.trial)
    }

    /// The kernel's generator, its method and the testbed without testers go together.
    fn check_generator(&self) -> Result<(), String> {
        let (pktgen, cost) = (self.engine == Engine::Pktgen, self.method.kind == MethodKind::Cost);
        if pktgen != cost {
            return Err(
                "engine = \"pktgen\" and kind = \"cost\" in [method] need each other: pktgen counts what a packet \
                        costs, and what arrives is for the other engines to count"
                    .to_owned(),
            );
        }
        let bare = self.topology == Topology::Bare;
        if pktgen && self.topology == Topology::Router {
            return Err(
                "engine = \"pktgen\" stands in the DUT's own kernel: set topology = \"bare\" or \"nic-router\""
                    .to_owned(),
            );
        }
        if bare && !pktgen {
            return Err("topology = \"bare\" has no testers: set engine = \"pktgen\" and kind = \"cost\" in [method]"
                .to_owned());
        }
        if bare && (self.links.gso || self.links.gro || self.links.checksum) {
            return Err(
                "topology = \"bare\" has dummy ports, which neither segment nor join: leave gso, gro and checksum \
                        of [links] at false"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Names stand in tables, file names and logs: one line of text, without what moves a terminal's cursor.
    fn check_texts(&self) -> Result<(), String> {
        let is_control = |c: char| {
            c.is_control() || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        for (key, text, most) in [("name", &self.name, 64), ("about", &self.about, 300)] {
            let length = text.chars().count();
            if text.trim().is_empty() || length > most {
                return Err(format!("{key} has {length} characters: 1 to {most} that are not all blank"));
            }
            if text.chars().any(is_control) {
                return Err(format!("{key} has control characters: one line of plain text, please"));
            }
        }
        Ok(())
    }
}

/// The text of a regular file; a pipe or a device could keep us waiting for ever.
fn read(path: &Path) -> io::Result<String> {
    if std::fs::metadata(path)?.is_file() {
        std::fs::read_to_string(path)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

#[cfg(test)]
mod tests;

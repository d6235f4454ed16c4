//! Acts on the ruleset.

use flowgauge_scenarios::ruleset::{FLOWTABLE, TABLE};

use crate::conform::station::{Bench, Damage, Refused};
use crate::nft;
use crate::witnesses::netlink::{Conversation, NETLINK_NETFILTER};
use crate::witnesses::rule_dump::{ANY_FAMILY, NETDEV, dump, family_name};

impl Bench {
    /// Deletes the flowtable, and with it the rules that add to it: nobody could delete it otherwise.
    pub(super) fn delete_flowtable(&mut self) -> Result<String, Refused> {
        let netns = &self.bed.dut.netns;
        let rules = dump(&mut Conversation::open(netns, NETLINK_NETFILTER)?, ANY_FAMILY, TABLE)?;
        let (mut text, mut family) = (String::new(), None);
        for rule in rules.iter().filter(|rule| rule.adds_to_flowtable) {
            let name = family_name(rule.family).unwrap_or_default();
            text += &format!("delete rule {name} {TABLE} {} handle {}\n", rule.chain, rule.handle);
            family = Some(name);
        }
        let Some(family) = family else { return Ok("there is no flowtable".to_owned()) };
        text += &format!("delete flowtable {family} {TABLE} {FLOWTABLE}\n");
        self.damage.insert(Damage::Ruleset);
        nft::execute(netns, "to delete the flowtable", &text)?;
        Ok(text)
    }

    pub(super) fn flush_table(&mut self) -> Result<String, Refused> {
        self.on_table("flush")
    }

    pub(super) fn delete_table(&mut self) -> Result<String, Refused> {
        self.on_table("delete")
    }

    /// The ruleset once more: the old one and the new one in one transaction, as `nft -f` does with a file that begins with
    /// `flush ruleset`.
    pub(super) fn reload(&mut self) -> Result<String, Refused> {
        self.damage.insert(Damage::Ruleset);
        nft::apply(&self.bed.dut.netns, self.ruleset())?;
        Ok("the ruleset replaced by the same".to_owned())
    }

    /// A case's own text.
    pub(super) fn nft(&mut self, text: &str) -> Result<String, Refused> {
        let text = self.named(text);
        self.damage.insert(Damage::Ruleset);
        nft::execute(&self.bed.dut.netns, "the text of a case", &text)?;
        Ok(text)
    }

    fn on_table(&mut self, verb: &str) -> Result<String, Refused> {
        let text = format!("{verb} table {}\n", self.table()?);
        self.damage.insert(Damage::Ruleset);
        nft::execute(&self.bed.dut.netns, "the text of an act", &text)?;
        Ok(text)
    }

    /// The table of the ruleset with its family, as nft names it.
    fn table(&self) -> Result<String, Refused> {
        let netdev = family_name(NETDEV);
        let families = nft::families_of(&self.bed.dut.netns, TABLE)?;
        let family = families.into_iter().find(|family| Some(*family) != netdev);
        let none = || Refused::Broken(format!("there is no table {TABLE}: was it deleted before?"));
        Ok(format!("{} {TABLE}", family.ok_or_else(none)?))
    }

    /// A text of a case with the names that it leaves open: `{lan}` and `{wan}` are devices, `{flowtable}` and `{table}`
    /// (with its family) are those of the ruleset.
    pub(super) fn named(&self, text: &str) -> String {
        let dut = &self.bed.dut;
        let mut named = text.replace("{lan}", &dut.lan_device.name).replace("{wan}", &dut.wan.name);
        named = named.replace("{lan_port}", &dut.lan.name).replace("{flowtable}", FLOWTABLE);
        match named.contains("{table}").then(|| self.table()) {
            Some(Ok(table)) => named.replace("{table}", &table),
            _ => named,
        }
    }
}

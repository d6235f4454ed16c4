//! Acts on the ruleset.

use flowgauge_scenarios::ruleset::{FLOWTABLE, TABLE};

use crate::conform::station::{Bench, Damage, Refused, tables};
use crate::nft;
use crate::witnesses::rule_dump::{NETDEV, family_name};

impl Bench {
    pub(super) fn delete_flowtable(&mut self) -> Result<String, Refused> {
        self.damage.insert(Damage::Ruleset);
        Ok(match tables::delete_flowtable(&self.bed.dut.netns)? {
            true => format!("the flowtable {FLOWTABLE} and the rules that add to it deleted"),
            false => "there is no flowtable".to_owned(),
        })
    }

    pub(super) fn flush_table(&mut self) -> Result<String, Refused> {
        self.empty_table(true).map(|()| format!("the rules of table {TABLE} deleted"))
    }

    pub(super) fn delete_table(&mut self) -> Result<String, Refused> {
        self.empty_table(false).map(|()| format!("table {TABLE} deleted"))
    }

    fn empty_table(&mut self, rules_only: bool) -> Result<(), Refused> {
        self.damage.insert(Damage::Ruleset);
        match tables::empty(&self.bed.dut.netns, rules_only)? {
            true => Ok(()),
            false => Err(no_table()),
        }
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
        self.state.ports_have_rules |= text.contains("table netdev");
        nft::execute(&self.bed.dut.netns, "the text of a case", &text)?;
        Ok(text)
    }

    /// The table of the ruleset with its family, as nft names it.
    fn table(&self) -> Result<String, Refused> {
        let netdev = family_name(NETDEV);
        let families = nft::families_of(&self.bed.dut.netns, TABLE)?;
        let family = families.into_iter().find(|family| Some(*family) != netdev);
        Ok(format!("{} {TABLE}", family.ok_or_else(no_table)?))
    }

    /// A text of a case with the names that it leaves open: `{lan}` and `{wan}` are devices, `{flowtable}` and `{table}`
    /// (with its family) are those of the ruleset, `{offload}` is `flags offload;` where the flowtable has it.
    pub(super) fn named(&self, text: &str) -> String {
        let dut = &self.bed.dut;
        let mut named = text.replace("{lan}", &dut.lan_device.name).replace("{wan}", &dut.wan.name);
        named = named.replace("{lan_port}", &dut.lan.name).replace("{flowtable}", FLOWTABLE);
        named = named.replace("{offload}", if self.offloads { "flags offload;" } else { "" });
        match named.contains("{table}").then(|| self.table()) {
            Some(Ok(table)) => named.replace("{table}", &table),
            _ => named,
        }
    }
}

fn no_table() -> Refused {
    Refused::Broken(format!("there is no table {TABLE}: was it deleted before?"))
}

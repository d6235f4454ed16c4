//! Rulesets are applied whole or not at all, and read back.

use flowgauge::nft::NftError;

use super::*;

#[test]
fn one_ruleset_replaces_another_of_whatever_family_and_plain_forwarding_leaves_none() {
    let testbed = testbed();
    let dut = &testbed.dut.netns;
    let mut witnesses = witnesses(&testbed);
    assert_eq!(witnesses.observe().rules, Reading::Absent);
    for families in [Families::Ipv4, Families::Ipv6, Families::Both, Families::Both] {
        nft::apply(dut, &text(Policy::Stateful, Datapath::Conntrack, families)).unwrap();
        let read = nft::read_back(dut).unwrap();
        assert_eq!(read.text.matches("table ").count(), 1, "{}", read.text);
        let chain = &read.chains[0];
        assert_eq!((chain.name.as_str(), chain.hook.as_str(), chain.rules), ("forward", "forward priority filter", 4));
        assert!(matches!(witnesses.observe().rules, Reading::Seen(_)));
    }
    nft::apply(dut, &text(Policy::Route, Datapath::Forward, Families::Both)).unwrap();
    assert_eq!(nft::read_back(dut).unwrap().text, "");
    assert_eq!(witnesses.observe().rules, Reading::Absent);
    // Nothing left to remove is fine, and so is removing what is there.
    nft::remove(dut).unwrap();
    nft::apply(dut, &text(Policy::Route, Datapath::Conntrack, Families::Both)).unwrap();
    nft::remove(dut).unwrap();
    assert_eq!(nft::read_back(dut).unwrap().text, "");
}

#[test]
fn a_refused_ruleset_is_shown_with_its_line_and_changes_nothing() {
    let testbed = testbed();
    let dut = &testbed.dut.netns;
    let sound = text(Policy::Route, Datapath::Conntrack, Families::Ipv4);
    nft::apply(dut, &sound).unwrap();
    let in_force = nft::read_back(dut).unwrap();

    let line = "\t\tiifname \"lan0\" counter comment \"classic upstream\"";
    assert!(sound.contains(line));
    // One that nft does not understand, and one that the kernel refuses.
    for (broken, words) in
        [("\t\tiifname \"lan0\" bogus counter", "syntax error"), ("\t\tjump nowhere", "No such file")]
    {
        let error = nft::apply(dut, &sound.replace(line, broken)).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("nft refused the ruleset: line 4: "), "{message}");
        assert!(message.contains(words) && message.contains(&format!("    4 | {broken}\n")), "{message}");
        let NftError::Refused(refusal) = error else { panic!("{error}") };
        let place = refusal.complaints[0].place.clone().expect("nft names the place");
        let word = broken.split_ascii_whitespace().last().unwrap();
        assert!(broken[place.columns.0 - 1..place.columns.1].contains(word), "{place:?}");
        assert_eq!(nft::read_back(dut).unwrap(), in_force);
    }
}

#[test]
fn the_version_of_nft_is_known() {
    assert!(nft::version().unwrap().starts_with(|c: char| c.is_ascii_digit()));
}

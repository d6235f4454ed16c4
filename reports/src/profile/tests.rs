use super::*;
use crate::table::Style;

/// Leaf first, as words.
fn stack(words: &str) -> Vec<Frame> {
    let frame = |word: &str| match word.split_once('@') {
        Some((function, module)) => Frame::of_module(function, module),
        None => Frame::kernel(word),
    };
    words.split_whitespace().map(frame).collect()
}

fn conntrack() -> Profile {
    let stacks = [
        ("nf_conntrack_in@nf_conntrack nf_hook_slow ip_rcv __netif_receive_skb_one_core pktgen_xmit@pktgen", 300),
        ("memcpy nf_conntrack_in@nf_conntrack nf_hook_slow ip_rcv pktgen_xmit@pktgen", 100),
        ("fib_table_lookup ip_route_input_slow ip_rcv_finish ip_rcv pktgen_xmit@pktgen", 200),
        ("memcpy pktgen_xmit@pktgen", 400),
    ];
    Profile::gather(20_011, 0, stacks.map(|(words, samples)| (stack(words), samples)))
}

fn flowtable() -> Profile {
    let stacks = [
        ("nf_flow_offload_ip_hook@nf_flow_table nf_hook_slow __netif_receive_skb_core pktgen_xmit@pktgen", 500),
        ("memcpy pktgen_xmit@pktgen", 500),
    ];
    Profile::gather(20_011, 0, stacks.map(|(words, samples)| (stack(words), samples)))
}

#[test]
fn costs_are_shares_of_a_packet_and_add_up() {
    let costs = conntrack().costs(6_000.0);
    assert_eq!(costs.samples, 1000);
    let stage = |stage| costs.stages.iter().find(|s| s.stage == stage).map_or(0.0, |s| s.per_packet);
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} and {b}");
    near(stage(Stage::Conntrack), 2_400.0);
    near(stage(Stage::Route), 1_200.0);
    near(stage(Stage::Generator), 2_400.0);
    near(costs.stages.iter().map(|s| s.per_packet).sum(), 6_000.0);
    near(costs.functions.iter().map(|f| f.per_packet).sum(), 6_000.0);
    let function =
        |name: &str, stage| costs.functions.iter().find(|f| f.frame.function == name && f.stage == stage).unwrap();
    // What serves all has a row for each stage that it served.
    near(function("memcpy", Stage::Generator).per_packet, 2_400.0);
    near(function("memcpy", Stage::Conntrack).per_packet, 600.0);
    near(function("nf_conntrack_in", Stage::Conntrack).with_callees, 2_400.0);
    near(function("pktgen_xmit", Stage::Generator).with_callees, 6_000.0);
    near(function("pktgen_xmit", Stage::Generator).per_packet, 0.0);
}

#[test]
fn a_function_that_calls_itself_counts_once() {
    let profile = Profile::gather(10_000, 0, [(stack("walk walk walk main"), 10)]);
    let costs = profile.costs(100.0);
    assert!(costs.functions.iter().all(|f| f.samples_with_callees == 10), "{costs:?}");
}

#[test]
fn the_difference_names_what_came_and_what_went() {
    let difference = Difference::between(
        &Side::new("conntrack", &conntrack(), 6_000.0),
        &Side::new("flowtable", &flowtable(), 3_200.0),
    );
    let names: Vec<(&str, i64)> =
        difference.functions.iter().map(|c| (c.frame.function.as_str(), c.difference().round() as i64)).collect();
    assert_eq!(
        names,
        [
            ("nf_conntrack_in", -1_800),
            ("nf_flow_offload_ip_hook", 1_600),
            ("fib_table_lookup", -1_200),
            ("memcpy", -800),
            ("memcpy", -600)
        ]
    );
    let sum: f64 = difference.functions.iter().map(Change::difference).sum();
    assert!((sum - difference.in_all()).abs() < 1e-6);
    let sum: f64 = difference.stages.iter().map(|s| s.new - s.base).sum();
    assert!((sum - difference.in_all()).abs() < 1e-6);
}

/// Samples of Debian's 6.12.117 under the instruction clock, forwarding what pktgen hands over: harness/tests/profile.
#[test]
fn real_stacks_fall_into_their_stages() {
    let stored = |text: &str| serde_json::from_str::<Profile>(text).unwrap().within("pktgen_thread_worker");
    let conntrack = stored(include_str!("tests/conntrack-6.12.json"));
    let flowtable = stored(include_str!("tests/flowtable-6.12.json"));
    let (base, new) = (Side::new("conntrack", &conntrack, 6_406.0), Side::new("flowtable", &flowtable, 3_175.0));
    let difference = Difference::between(&base, &new);
    let stage = |stage| difference.stages.iter().find(|s| s.stage == stage).map_or((0.0, 0.0), |s| (s.base, s.new));
    let (base, new) = stage(Stage::Generator);
    assert!((new / base - 1.0).abs() < 0.05, "the generator does the same on both: {base} and {new}");
    assert!(stage(Stage::Conntrack).0 > 900.0 && stage(Stage::Conntrack).1 == 0.0);
    assert!(stage(Stage::Flowtable).1 > 600.0 && stage(Stage::Flowtable).0 == 0.0);
    assert!(stage(Stage::Route).0 > 1_200.0 && stage(Stage::Route).1 < 50.0);
    assert!(stage(Stage::Other).0 < 10.0 && stage(Stage::Other).1 < 10.0);
    let first: Vec<&str> = difference.functions.iter().take(6).map(|c| c.frame.function.as_str()).collect();
    for name in ["nf_flow_offload_ip_hook", "__siphash_unaligned", "fib_table_lookup", "nft_do_chain"] {
        assert!(first.contains(&name), "{name} is not in {first:?}");
    }
    for svg in [difference_svg("real", &difference, 20).unwrap(), flame_svg("real", &conntrack, 6_406.0)] {
        balanced(&svg);
    }
}

#[test]
fn what_chance_explains_is_no_difference() {
    let profile = |a, b| Profile::gather(10_000, 0, [(stack("ip_rcv"), a), (stack("ip_forward"), b)]);
    let between = |base: &Profile, new: &Profile| {
        let (base, new) = (Side::new("base", base, 1000.0), Side::new("new", new, 1000.0));
        Difference::between(&base, &new).functions.iter().filter(|c| c.is_clear()).count()
    };
    assert_eq!(between(&profile(500, 500), &profile(510, 490)), 0);
    assert_eq!(between(&profile(50_000, 50_000), &profile(51_000, 49_000)), 2);
}

#[test]
fn equal_stacks_are_one_and_profiles_can_be_joined() {
    let one = Profile::gather(10_000, 1, [(stack("a b"), 2), (stack("c b"), 1), (stack("a b"), 3)]);
    assert_eq!((one.samples, one.stacks.len(), one.frames.len()), (6, 2, 3));
    assert_eq!(one.stacks[0].samples, 5);
    let both = one.and(&one);
    assert_eq!((both.samples, both.lost, both.stacks.len()), (12, 2, 2));
    assert_eq!(Profile::default().and(&one), one);
}

#[test]
fn the_part_within_a_function_leaves_the_rest_out() {
    let stacks = [("memcpy ip_rcv pktgen_xmit", 3), ("check_pte kdamond_fn", 4), ("pktgen_xmit", 5)];
    let profile = Profile::gather(10_000, 2, stacks.map(|(words, samples)| (stack(words), samples)));
    let part = profile.within("pktgen_xmit");
    assert_eq!((part.samples, part.lost, part.stacks.len(), part.frames.len()), (8, 2, 2, 3));
    assert_eq!(profile.within("no_such").samples, 0);
}

#[test]
fn a_profile_survives_its_file_and_damage_is_passed_over() {
    let profile = conntrack();
    let text = serde_json::to_string(&profile).unwrap();
    assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), profile);
    let mut damaged = profile;
    damaged.stacks[0].frames = vec![4_000_000_000, 0];
    assert_eq!(damaged.costs(100.0).samples, 1000);
    let _ = flame_svg("damaged", &damaged, 100.0);
}

#[test]
fn nothing_seen_is_no_division_by_nothing() {
    let empty = Profile::default();
    let costs = empty.costs(5_000.0);
    assert!(costs.functions.is_empty() && costs.stages.is_empty());
    let side = Side::new("none", &empty, 0.0);
    let difference = Difference::between(&side, &side);
    for text in [
        cost_table(&costs, 10, Style::default()),
        difference_table(&difference, 10, Style::default()),
        difference_svg("none", &difference, 10).unwrap(),
        flame_svg("none", &empty, 0.0),
    ] {
        assert!(!text.contains("NaN") && !text.contains("inf "), "{text}");
    }
}

#[test]
fn pictures_hold_every_clear_difference_and_are_well_formed() {
    let (base, new) = (conntrack(), flowtable());
    let difference =
        Difference::between(&Side::new("conntrack", &base, 6_000.0), &Side::new("flowtable", &new, 3_200.0));
    let bars = difference_svg("6.12.117", &difference, 20).unwrap();
    for name in ["nf_conntrack_in", "nf_flow_offload_ip_hook", "fib_table_lookup", "−2800"] {
        assert!(bars.contains(name), "{name} in {bars}");
    }
    assert!(!bars.contains("#010001"), "a stand-in is left");
    let flames = flame_svg("conntrack", &base, 6_000.0);
    assert!(flames.contains("<title>memcpy: 600 instructions per packet, 10.0 %, conntrack</title>"), "{flames}");
    for svg in [bars, flames] {
        balanced(&svg);
    }
}

#[test]
fn names_cannot_break_out_of_a_picture_or_a_table() {
    let evil = "</title><script>alert(1)</script>\u{1b}[2J\u{0}\"'&";
    let profile = Profile::gather(10_000, 0, [(vec![Frame::of_module(evil, evil)], 1000)]);
    let (base, new) = (Side::new(evil, &profile, 5_000.0), Side::new("new", &profile, 9_000.0));
    let difference = Difference::between(&base, &new);
    for svg in [flame_svg(evil, &profile, 5_000.0), difference_svg(evil, &difference, 5).unwrap()] {
        assert!(!svg.contains("<script") && !svg.contains('\u{1b}') && !svg.contains('\0'), "{svg}");
        balanced(&svg);
    }
    let text = cost_table(&base.costs, 5, Style::default()) + &difference_table(&difference, 5, Style::default());
    assert!(!text.contains('\u{1b}') && !text.contains('\0'), "{text}");
}

#[test]
fn a_deep_stack_draws_no_deeper_than_the_kernel_looks() {
    let words = (0..5_000).map(|n| format!("f{n}")).collect::<Vec<_>>().join(" ");
    let svg = flame_svg("deep", &Profile::gather(10_000, 0, [(stack(&words), 100)]), 100.0);
    assert_eq!(svg.matches("<rect").count(), 160 + 1, "and one in the legend");
}

#[test]
fn tables_say_the_numbers() {
    let (base, new) = (conntrack(), flowtable());
    let difference =
        Difference::between(&Side::new("conntrack", &base, 6_000.0), &Side::new("flowtable", &new, 3_200.0));
    insta::assert_snapshot!("costs", cost_table(&base.costs(6_000.0), 3, Style::default()));
    insta::assert_snapshot!("difference", difference_table(&difference, 2, Style::default()));
}

/// Every element is closed by its own name, and no text holds a bare bracket.
fn balanced(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    for part in svg.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag ends");
        assert!(!text.contains('>'), "{text}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{svg}");
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap_or_default());
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

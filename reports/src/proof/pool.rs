//! The proof of a row: all trials of a cell together.

use std::collections::BTreeMap;

use flowgauge_scenarios::Lane;

use super::finding::Finding;
use super::path::{Path, Shares};
use super::trial::Proof;
use super::witness::{DirectionShare, Witness, WitnessKind};

/// One proof from those of all trials, each with its block. Counts are summed; the path holds only where it held in
/// every trial; like findings are told once, with the number of trials.
pub fn pool(trials: &[(u32, Proof)]) -> Proof {
    let out: u64 = trials.iter().map(|(_, p)| p.out).sum();
    let witnesses = witnesses(trials);
    let mean = |lane: Lane| {
        let of = |w: &&Witness| w.kind.lane() == lane && w.packets.is_some();
        let shares: Vec<f64> = witnesses.iter().filter(of).map(|w| w.share).collect();
        (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
    };
    let shares = mean(Lane::Classic).map(|c| Shares::new(c, mean(Lane::Hardware).unwrap_or(0.0)));
    let hardware = mean(Lane::Hardware).and(shares).map(|s| s.hardware);
    let claims = trials.iter().filter_map(|(_, p)| p.claims).reduce(|mut a, b| {
        a.entries += b.entries;
        a.before += b.before;
        a.after += b.after;
        a.hardware_before += b.hardware_before;
        a.hardware += b.hardware;
        a
    });
    Proof {
        path: path(trials),
        out,
        bypass: shares.map(|s| 1.0 - s.classic),
        hardware,
        agreeing: trials.iter().map(|(_, p)| p.agreeing).min().unwrap_or(0),
        witnesses,
        directions: directions(trials),
        claims,
        findings: findings(trials),
    }
}

fn path(trials: &[(u32, Proof)]) -> Path {
    let Some((_, first)) = trials.first() else {
        return Path::Unproven { why: "no trial was done".to_owned() };
    };
    let with_block = |block: &u32, why: &String| format!("{why} (block {block})");
    for (block, proof) in trials {
        if let Path::Disagree { why } = &proof.path {
            return Path::Disagree { why: with_block(block, why) };
        }
    }
    for (block, proof) in trials {
        if let Path::Unproven { why } = &proof.path {
            return Path::Unproven { why: with_block(block, why) };
        }
    }
    if trials.iter().all(|(_, p)| p.path == first.path) { first.path.clone() } else { Path::Mixed }
}

/// Sums by witness. One that does not count packets gives its least share of the trials.
fn witnesses(trials: &[(u32, Proof)]) -> Vec<Witness> {
    let mut sums: BTreeMap<WitnessKind, (u64, Option<u64>, f64)> = BTreeMap::new();
    for (_, proof) in trials {
        for witness in &proof.witnesses {
            let (out, packets, least) = sums.entry(witness.kind).or_insert((0, None, 1.0));
            *out += proof.out;
            *least = f64::min(*least, witness.share);
            if let Some(counted) = witness.packets {
                *packets = Some(packets.unwrap_or(0) + counted.min(proof.out));
            }
        }
    }
    let pooled = |(kind, (out, packets, least)): (WitnessKind, (u64, Option<u64>, f64))| match packets {
        Some(packets) => Witness::counted(kind, out, packets),
        None => Witness { kind, packets, share: least },
    };
    sums.into_iter().map(pooled).collect()
}

fn directions(trials: &[(u32, Proof)]) -> Vec<DirectionShare> {
    let mut pooled: Vec<DirectionShare> = Vec::new();
    for share in trials.iter().flat_map(|(_, p)| &p.directions) {
        let [classic, hardware] = [share.classic, share.hardware].map(|count| count.map(|c| c.min(share.out)));
        match pooled.iter_mut().find(|d| d.direction == share.direction) {
            None => pooled.push(DirectionShare { classic, hardware, ..*share }),
            Some(sum) => {
                sum.out += share.out;
                sum.classic = sum.classic.zip(classic).map(|(a, b)| a + b);
                sum.hardware = sum.hardware.zip(hardware).map(|(a, b)| a + b);
                sum.idle &= share.idle;
            }
        }
    }
    pooled.into_iter().map(DirectionShare::settle).collect()
}

/// Texts that differ only in their numbers are one finding.
fn findings(trials: &[(u32, Proof)]) -> Vec<Finding> {
    let mut told: Vec<(String, Finding, usize)> = Vec::new();
    for finding in trials.iter().flat_map(|(_, p)| &p.findings) {
        let key: String = finding.text.chars().filter(|c| !c.is_ascii_digit() && *c != '.').collect();
        match told.iter_mut().find(|(k, f, _)| *k == key && f.severity == finding.severity) {
            Some((_, _, times)) => *times += 1,
            None => told.push((key, finding.clone(), 1)),
        }
    }
    let worded = |(_, mut finding, times): (String, Finding, usize)| {
        if trials.len() > 1 {
            finding.text = match times {
                t if t == trials.len() => format!("in all {t} trials: {}", finding.text),
                t => format!("in {t} of {} trials: {}", trials.len(), finding.text),
            };
        }
        finding
    };
    told.into_iter().map(worded).collect()
}

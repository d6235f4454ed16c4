//! The proof of a row: all trials of a cell together.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::path::Path;
use super::trial::Proof;
use super::witness::{self, DirectionShare, Witness, WitnessKind};

/// One proof from those of all trials, each with its block. Counts are summed; the path holds only where it held in
/// every trial; like findings are told once, with the number of trials.
pub fn pool(trials: &[(u32, Proof)]) -> Proof {
    let out: u64 = trials.iter().map(|(_, p)| p.out).sum();
    let witnesses = witnesses(trials);
    let shares: Vec<f64> = witnesses.iter().filter(|w| w.classic.is_some()).map(|w| w.bypass).collect();
    let claims = trials.iter().filter_map(|(_, p)| p.claims).reduce(|mut a, b| {
        a.entries += b.entries;
        a.before += b.before;
        a.after += b.after;
        a.hardware += b.hardware;
        a
    });
    Proof {
        path: path(trials),
        out,
        bypass: (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64),
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

fn witnesses(trials: &[(u32, Proof)]) -> Vec<Witness> {
    let mut sums: BTreeMap<WitnessKind, (u64, Option<u64>, f64)> = BTreeMap::new();
    for (_, proof) in trials {
        for witness in &proof.witnesses {
            let (out, classic, most) = sums.entry(witness.kind).or_insert((0, None, 0.0));
            *out += proof.out;
            *most = f64::max(*most, witness.bypass);
            if let Some(counted) = witness.classic {
                *classic = Some(classic.unwrap_or(0) + counted.min(proof.out));
            }
        }
    }
    let pooled = |(kind, (out, classic, most)): (WitnessKind, (u64, Option<u64>, f64))| Witness {
        kind,
        classic,
        bypass: classic.map_or(most, |classic| witness::bypass(out, classic)),
    };
    sums.into_iter().map(pooled).collect()
}

fn directions(trials: &[(u32, Proof)]) -> Vec<DirectionShare> {
    let mut pooled: Vec<DirectionShare> = Vec::new();
    for share in trials.iter().flat_map(|(_, p)| &p.directions) {
        match pooled.iter_mut().find(|d| d.direction == share.direction) {
            None => pooled.push(DirectionShare { classic: share.classic.map(|c| c.min(share.out)), ..*share }),
            Some(sum) => {
                sum.out += share.out;
                sum.classic = sum.classic.zip(share.classic).map(|(a, b)| a + b.min(share.out));
                sum.idle &= share.idle;
            }
        }
    }
    for d in &mut pooled {
        d.bypass = d.classic.filter(|_| !d.idle && d.out > 0).map(|classic| witness::bypass(d.out, classic));
    }
    pooled
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

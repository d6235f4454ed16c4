//! Which instances are set up together.

use std::collections::HashSet;

use super::{Case, Instance, REFERENCE, Station};
use crate::{Datapath, Topology};

/// Numbers the flows of `instances` and groups them: one ruleset serves all on one topology, bed, translation and family, but
/// for those whose bed is `alone`, which come last.
pub(super) fn stations(cases: &[Case], instances: &mut [Instance]) -> Vec<Station> {
    let mut together: Vec<(Station, Vec<usize>)> = Vec::new();
    for (index, instance) in instances.iter().enumerate() {
        let bed = &cases[instance.case].bed;
        let same = |(station, _): &&mut (Station, Vec<usize>)| {
            !bed.alone
                && station.bed == *bed
                && station.translation == instance.translation
                && station.family == instance.family
        };
        match together.iter_mut().find(same) {
            Some((_, members)) => members.push(index),
            None => {
                let station = Station {
                    topology: Topology::Router,
                    bed: bed.clone(),
                    translation: instance.translation,
                    family: instance.family,
                    datapaths: Vec::new(),
                    instances: Vec::new(),
                };
                together.push((station, vec![index]));
            }
        }
    }
    number_flows(cases, instances, &together);
    let mut stations = Vec::new();
    for topology in [Topology::Router, Topology::NicRouter] {
        for (station, members) in &together {
            stations.extend(on_topology(station, members, instances, topology));
        }
    }
    // Stable: within both halves the order of reports stays.
    stations.sort_by_key(|station| station.bed.alone);
    stations
}

/// Flows are counted from 0 in each station, alike on both topologies.
fn number_flows(cases: &[Case], instances: &mut [Instance], together: &[(Station, Vec<usize>)]) {
    for (_, members) in together {
        let mut next = 0;
        for &member in members {
            instances[member].first_flow = next;
            next += u32::from(cases[instances[member].case].flows());
        }
    }
}

fn on_topology(station: &Station, members: &[usize], instances: &[Instance], topology: Topology) -> Option<Station> {
    let here = |datapath: &Datapath| datapath.needs_nic() == topology.has_nic();
    let mut found = HashSet::new();
    let mut chosen = Vec::new();
    for &member in members {
        let datapaths: Vec<Datapath> = instances[member].datapaths.iter().copied().filter(here).collect();
        if !datapaths.is_empty() {
            chosen.push(member);
            found.extend(datapaths);
        }
    }
    if chosen.is_empty() {
        return None;
    }
    let under_test = Datapath::ALL.into_iter().filter(|d| *d != REFERENCE && found.contains(d));
    Some(Station {
        topology,
        datapaths: std::iter::once(REFERENCE).chain(under_test).collect(),
        instances: chosen,
        ..station.clone()
    })
}

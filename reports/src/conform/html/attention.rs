//! What there is to act on, ahead of everything else: cells of a case that stand alike in a column, told once.

use super::detail::Detail;
use super::rows::Section;
use crate::conform::cell::Standing;

/// Cells that somebody must look at.
pub(super) struct Attention<'a> {
    pub(super) standing: Standing,
    /// The first of them.
    pub(super) id: &'a str,
    pub(super) datapath: &'static str,
    pub(super) kernel: Option<&'a str>,
    pub(super) what: &'a str,
    pub(super) why: &'a str,
    pub(super) anchor: String,
    /// How many there are beside the first.
    pub(super) others: usize,
}

/// All that is to act on, the worst first.
pub(super) fn attention<'a>(sections: &[Section<'a>]) -> Vec<Attention<'a>> {
    let mut found: Vec<Attention<'a>> = Vec::new();
    for row in sections.iter().flat_map(|section| &section.cases) {
        let mut kinds: Vec<(&Detail<'a>, usize)> = Vec::new();
        for detail in row.details.iter().filter(|detail| detail.standing.to_act_on()) {
            let key = |one: &Detail<'a>| (one.standing, one.datapath, one.kernel, one.first);
            match kinds.iter_mut().find(|(first, _)| key(first) == key(detail)) {
                Some((_, others)) => *others += 1,
                None => kinds.push((detail, 0)),
            }
        }
        found.extend(kinds.into_iter().map(|(first, others)| Attention {
            standing: first.standing,
            id: first.id,
            datapath: first.datapath,
            kernel: first.kernel,
            what: first.what,
            why: first.why,
            anchor: first.anchor.clone(),
            others,
        }));
    }
    // Stable: within a standing the order of the cases stays. Failures come before what could not be run: they are the news.
    let weight = |one: &Attention<'_>| match one.standing {
        Standing::Fail => 0,
        Standing::Error => 1,
        Standing::UnexpectedPass => 2,
        _ => 3,
    };
    found.sort_by_key(weight);
    found
}

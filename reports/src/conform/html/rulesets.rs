//! The rulesets that shown cells ran on: each text once.

use super::rows::Section;
use crate::conform::ConformResult;
use crate::conform::bug::ruleset_text;
use crate::conform::cell::Standing;

/// A ruleset and the numbers of its lines on the page.
pub(super) struct RulesetView {
    /// Where links lead.
    pub(super) anchor: usize,
    /// On which datapath it was in force first.
    pub(super) datapath: &'static str,
    pub(super) text: String,
}

/// Numbers the rulesets of all cells that are shown and not a pass, and gives them.
pub(super) fn number(results: &[ConformResult], sections: &mut [Section<'_>]) -> Vec<RulesetView> {
    let mut views: Vec<RulesetView> = Vec::new();
    let rows = sections.iter_mut().flat_map(|section| &mut section.cases);
    for detail in rows.flat_map(|row| &mut row.details).filter(|detail| detail.standing != Standing::Pass) {
        let (Some(in_force), Some(result)) = (detail.ruleset, results.get(detail.result)) else { continue };
        let text = ruleset_text(result, in_force);
        let known = views.iter().position(|view| view.text == text);
        detail.ruleset_anchor = Some(known.unwrap_or_else(|| {
            views.push(RulesetView { anchor: views.len(), datapath: detail.datapath, text });
            views.len() - 1
        }));
    }
    views
}

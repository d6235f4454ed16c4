//! Samples of kernel stacks, as they are kept with a result.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A function of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Frame {
    /// Its name without the compiler's suffixes (`.isra.0`, `.constprop.0`, `.cold`).
    pub function: String,
    /// The module that holds it; none for the kernel itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
}

impl Frame {
    /// A function of the kernel itself.
    pub fn kernel(function: &str) -> Frame {
        Frame { function: function.to_owned(), module: None }
    }

    /// A function of a module.
    pub fn of_module(function: &str, module: &str) -> Frame {
        Frame { function: function.to_owned(), module: Some(module.to_owned()) }
    }

    /// The name in the source, by which a function of one kernel is found in another. The compiler's copies of a function
    /// (`.isra.0`, `.constprop.0`, `.part.0`), its unlikely half (`.cold`) and link-time suffixes (`.llvm.123`) are it.
    pub fn source_name(&self) -> &str {
        source_name(&self.function)
    }

    /// `nft_do_chain [nf_tables]`.
    pub fn label(&self) -> String {
        self.module.as_ref().map_or_else(|| self.function.clone(), |module| format!("{} [{module}]", self.function))
    }
}

/// [`Frame::source_name`] of a name as it stands in /proc/kallsyms.
pub fn source_name(symbol: &str) -> &str {
    match symbol.find('.') {
        Some(at) if at > 0 => &symbol[..at],
        _ => symbol,
    }
}

/// A way by which the kernel came to a function, and how often it was seen there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stack {
    /// Indices into [`Profile::frames`], the function that ran first, its callers after it.
    pub frames: Vec<u32>,
    /// Samples that found the kernel there.
    pub samples: u64,
}

/// What a sampler saw of the kernel, user space and idle left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// Samples that were kept.
    pub samples: u64,
    /// Samples that found no room in the sampler's buffer: where there are many, the shares are those of the beginning.
    pub lost: u64,
    /// Nanoseconds between two samples of a CPU; under the instruction clock as many instructions.
    pub period_ns: u64,
    /// Every function that was seen, once.
    pub frames: Vec<Frame>,
    /// Every stack that was seen, the most frequent first.
    pub stacks: Vec<Stack>,
}

impl Profile {
    /// A profile from stacks, leaf first; equal ones are summed up.
    pub fn gather(period_ns: u64, lost: u64, stacks: impl IntoIterator<Item = (Vec<Frame>, u64)>) -> Profile {
        let mut indices: BTreeMap<Frame, u32> = BTreeMap::new();
        let mut frames = Vec::new();
        let mut counts: BTreeMap<Vec<u32>, u64> = BTreeMap::new();
        for (stack, samples) in stacks {
            let index = |frame: Frame| {
                *indices.entry(frame).or_insert_with_key(|frame| {
                    frames.push(frame.clone());
                    frames.len() as u32 - 1
                })
            };
            *counts.entry(stack.into_iter().map(index).collect()).or_default() += samples;
        }
        let mut stacks: Vec<Stack> = counts.into_iter().map(|(frames, samples)| Stack { frames, samples }).collect();
        // Stable: equal counts stay in the order of their frames, so that the same samples give the same file.
        stacks.sort_by_key(|stack| std::cmp::Reverse(stack.samples));
        Profile { samples: stacks.iter().map(|stack| stack.samples).sum(), lost, period_ns, frames, stacks }
    }

    /// The functions of a stack, leaf first. An index without a function, in a damaged file, is passed over.
    pub fn functions<'a>(&'a self, stack: &'a Stack) -> impl DoubleEndedIterator<Item = &'a Frame> {
        stack.frames.iter().filter_map(|&index| self.frames.get(index as usize))
    }

    /// The part in which a function ran, it or what it called: of `pktgen_thread_worker` the way of its packets, without
    /// what else the kernel did meanwhile. What was put off to another thread is not in it.
    pub fn within(&self, function: &str) -> Profile {
        let inside = |stack: &&Stack| self.functions(stack).any(|frame| frame.function == function);
        let owned = |stack: &Stack| (self.functions(stack).cloned().collect(), stack.samples);
        Profile::gather(self.period_ns, self.lost, self.stacks.iter().filter(inside).map(owned))
    }

    /// Two profiles of the same thing as one, such as those of several trials.
    pub fn and(&self, other: &Profile) -> Profile {
        let owned = |profile: &Profile| -> Vec<(Vec<Frame>, u64)> {
            profile.stacks.iter().map(|s| (profile.functions(s).cloned().collect(), s.samples)).collect()
        };
        let period_ns = if self.samples == 0 { other.period_ns } else { self.period_ns };
        Profile::gather(period_ns, self.lost + other.lost, owned(self).into_iter().chain(owned(other)))
    }
}

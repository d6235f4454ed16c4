//! Comparisons of made-up results.

mod fixture;
mod refusals;
mod rows;
mod shown;
mod verdicts;

//! Comparisons of made-up results.

mod explained;
mod fixture;
mod refusals;
mod rows;
mod shown;
mod verdicts;

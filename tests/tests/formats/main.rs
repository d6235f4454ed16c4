//! Each format of `flowgauge report`, read by a program that pipelines read it with, or held to its published grammar where no
//! registry has one; on the sample, and on a sample whose names try to break out.
//!
//! Python's readers come from PyPI into a folder below `target/` on first use. Needs no privilege and no kernel.

mod benchstat;
mod ci;
mod csv;
mod json;
mod junit;
mod ktap;
mod markdown;
mod openmetrics;
mod readers;
mod results;

//! A witness without a kernel: it says what a test gave it.

use std::collections::VecDeque;
use std::fmt::Debug;

use super::witness::{Witness, WitnessError};

/// Says each of its lines once, in order, and then that it has nothing more to say.
#[derive(Debug)]
pub struct FakeWitness<T> {
    lines: VecDeque<Result<T, WitnessError>>,
}

impl<T> FakeWitness<T> {
    /// A witness that will say `lines`.
    pub fn new(lines: impl IntoIterator<Item = Result<T, WitnessError>>) -> Self {
        FakeWitness { lines: lines.into_iter().collect() }
    }
}

impl<T: Debug + Send> Witness<T> for FakeWitness<T> {
    fn read(&mut self) -> Result<T, WitnessError> {
        let spent = || Err(WitnessError::Unavailable("the fake witness has no more to say".to_owned()));
        self.lines.pop_front().unwrap_or_else(spent)
    }
}

//! Names on the command line: parsed from the lists of the scenarios room, so that clap knows them all, completes
//! them and suggests the nearest.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use flowgauge_scenarios::{Control, Datapath, Direction, Engine, Families, Fault, Policy, Protocol, Topology};

fn named<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
    about: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let values = all.iter().map(|&item| {
        let value = PossibleValue::new(name(item));
        if about(item).is_empty() { value } else { value.help(about(item)) }
    });
    // The parser has let only names of the list through.
    PossibleValuesParser::new(values)
        .try_map(move |text| all.iter().copied().find(|&item| name(item) == text).ok_or("an unknown name"))
}

fn silent<T>(_: T) -> &'static str {
    ""
}

pub(super) fn policy() -> impl TypedValueParser<Value = Policy> {
    named(&Policy::ALL, Policy::name, Policy::about)
}

pub(super) fn datapath() -> impl TypedValueParser<Value = Datapath> {
    named(&Datapath::ALL, Datapath::name, Datapath::about)
}

pub(super) fn control() -> impl TypedValueParser<Value = Control> {
    named(&Control::ALL, Control::name, Control::about)
}

pub(super) fn topology() -> impl TypedValueParser<Value = Topology> {
    named(&Topology::ALL, Topology::name, Topology::about)
}

/// `NAME` or `NAME=N`; without a number it is 1.
pub(super) fn fault(text: &str) -> Result<(Fault, u32), String> {
    let (name, number) = text.split_once('=').unwrap_or((text, "1"));
    let fault = Fault::of_name(name).ok_or_else(|| {
        let suggestion = flowgauge_scenarios::nearest::suggestion(name, Fault::ALL.iter().map(|f| f.name()));
        format!("there is no fault `{name}`: {suggestion} (`flowgauge list faults`)")
    })?;
    let number = number.parse().map_err(|_| format!("`{number}` is no number: {} takes {}", name, fault.about()))?;
    Ok((fault, number))
}

pub(super) fn families() -> impl TypedValueParser<Value = Families> {
    named(&Families::ALL, Families::name, silent)
}

pub(super) fn direction() -> impl TypedValueParser<Value = Direction> {
    named(&Direction::ALL, Direction::name, silent)
}

pub(super) fn engine() -> impl TypedValueParser<Value = Engine> {
    named(&Engine::ALL, Engine::name, silent)
}

pub(super) fn protocol() -> impl TypedValueParser<Value = Protocol> {
    named(&[Protocol::Udp, Protocol::Tcp], Protocol::name, silent)
}

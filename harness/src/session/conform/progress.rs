//! What a person sees while cases run: how far it is, and each failure at once with the command that repeats it.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use flowgauge_reports::conform::{CaseResult, CaseRun, ConformStart, fuzz_line};
use flowgauge_reports::event::{Event, Phase};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::count::{Count, good};
use super::repeat::Repeat;
use super::verdicts::Verdicts;
use crate::conform::runner::cells;
use crate::session::display::{Display, JsonLines};

/// More failures than this are not shown one by one: what breaks everything breaks it in the same way.
const SHOWN: usize = 40;

/// How often it is said how far the fuzzer is where lines stay.
const SPARSE: Duration = Duration::from_secs(10);

/// The displays that fit: none, JSON lines on standard output, a bar or plain lines on standard error.
pub(super) fn choose(json: bool, quiet: bool, kernel: Option<&str>, repeat: Repeat) -> Vec<Box<dyn Display>> {
    let mut displays: Vec<Box<dyn Display>> = Vec::new();
    if json {
        displays.push(Box::new(JsonLines { kernel: kernel.map(str::to_owned) }));
    }
    if !quiet {
        displays.push(Box::new(Progress::new(kernel, repeat)));
    }
    displays
}

/// Follows a run on one kernel.
struct Progress {
    prefix: String,
    repeat: Repeat,
    /// None where standard error is no terminal.
    bar: Option<ProgressBar>,
    verdicts: Option<Verdicts>,
    station: String,
    cells: usize,
    count: Count,
    failures: usize,
    began: Option<Instant>,
    fuzzes: bool,
    /// When it was last said how far the fuzzer is.
    said: Option<Instant>,
}

impl Progress {
    fn new(kernel: Option<&str>, repeat: Repeat) -> Progress {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Progress {
            prefix: kernel.map_or_else(String::new, |kernel| format!("{kernel}: ")),
            repeat,
            bar,
            verdicts: None,
            station: String::new(),
            cells: 0,
            count: Count::default(),
            failures: 0,
            began: None,
            fuzzes: false,
            said: None,
        }
    }

    fn say(&self, line: &str) {
        let text = format!("{}{line}", self.prefix);
        match &self.bar {
            Some(bar) => bar.println(text),
            // Progress that nobody can see is no reason to end a run.
            None => drop(writeln!(io::stderr(), "flowgauge: {text}")),
        }
    }

    fn message(&self, text: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}{text}", self.prefix));
        }
    }

    fn begin(&mut self, start: &ConformStart) {
        let plan = &start.plan;
        self.cells = cells(plan).len();
        self.verdicts = Some(Verdicts::new(start));
        let (cases, instances) = (plan.cases.len(), plan.instances.len());
        self.fuzzes = plan.fuzz.is_some();
        self.say(&match &plan.fuzz {
            Some(fuzz) => format!("run {}: {} packets of seed {}", start.run, fuzz.packets, fuzz.seed),
            None => format!(
                "run {}: {cases} {}, {instances} {}, {} runs",
                start.run,
                one_or(cases, "case", "cases"),
                one_or(instances, "instance", "instances"),
                self.cells
            ),
        });
    }

    /// How far the fuzzer is. Where nothing can be drawn over, a line now and then.
    fn fuzzing(&mut self, text: &str) {
        if self.bar.is_some() {
            self.message(text.to_owned());
        } else if self.said.is_none_or(|said| said.elapsed() >= SPARSE) {
            self.said = Some(Instant::now());
            self.say(text);
        }
    }

    fn case(&mut self, run: &CaseRun) {
        if self.began.replace(self.began.unwrap_or_else(Instant::now)).is_none()
            && let Some(bar) = &self.bar
        {
            bar.reset();
            bar.set_length(self.cells as u64);
            let template = "{elapsed_precise} [{bar:30}] {pos}/{len}, {eta} left  {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
        }
        let Some(verdicts) = &mut self.verdicts else { return };
        let result = verdicts.judge(run);
        self.count.add(&result);
        if !good(&result) {
            self.failures += 1;
            self.failure(&result);
        }
        let done = self.count.cells();
        match &self.bar {
            Some(bar) => {
                bar.set_position(done as u64);
                self.message(format!("{}; {}", self.station, self.count));
            }
            None => {
                if done.is_multiple_of(self.cells.div_ceil(10).max(1)) || done == self.cells {
                    let spent = self.began.map_or(Duration::ZERO, |began| began.elapsed());
                    let left = spent.mul_f64(self.cells.saturating_sub(done) as f64 / done as f64);
                    self.say(&format!(
                        "{done} of {} runs, about {} s left: {}",
                        self.cells,
                        left.as_secs(),
                        self.count
                    ));
                }
            }
        }
    }

    fn failure(&self, result: &CaseResult) {
        if self.failures > SHOWN {
            if self.failures == SHOWN + 1 {
                self.say("more failures are not shown here; the report has them all");
            }
            return;
        }
        let Some(verdicts) = &self.verdicts else { return };
        let Some(instance) = verdicts.start().plan.instances.get(result.instance) else { return };
        let what = if result.unexpected_pass { "passed, but is known not to" } else { result.outcome.name() };
        let why = if result.why.is_empty() { String::new() } else { format!(": {}", result.why) };
        self.say(&format!("{} on {} {what}{why}", instance.id, result.datapath.name()));
        self.say(&format!("  again: {}", self.repeat.line(&instance.id, result.datapath, result.mutation)));
    }
}

/// Consoles say much; the result keeps it all.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

impl Display for Progress {
    fn show(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::ConformStarted(start) => self.begin(start),
            Event::Environment(environment) => {
                if let Some(verdicts) = &mut self.verdicts {
                    verdicts.on_kernel(&environment.kernel_release);
                }
                if self.began.is_none() {
                    self.say(&format!("kernel {} ({})", environment.kernel_release, environment.kernel_origin));
                }
            }
            Event::Progress { phase: Phase::Drive, text } if self.fuzzes => self.fuzzing(text),
            Event::Progress { phase: Phase::Drive, text } => {
                self.station.clone_from(text);
                self.message(format!("{}; {}", self.station, self.count));
            }
            Event::Progress { text, .. } => match &self.bar {
                Some(_) => self.message(text.clone()),
                None => self.say(text),
            },
            Event::CaseRun(run) => self.case(run),
            Event::Fuzzed(found) => self.say(&fuzz_line(found)),
            Event::Warning(warning) => self.say(&format!("warning: {}; {}", first_line(&warning.text), warning.remedy)),
            Event::Complaint { text } => self.say(&format!("the kernel under test complained: {}", first_line(text))),
            Event::Finished | Event::Failed { .. } => {
                if let Some(bar) = &self.bar {
                    bar.finish_and_clear();
                }
            }
            // The page has it.
            Event::RulesetInForce(_) => {}
            // Of runs that measure.
            Event::Started(_)
            | Event::Grown { .. }
            | Event::Calibrated(_)
            | Event::TrialStarted { .. }
            | Event::Trial(_)
            | Event::TimeToOffload(_)
            | Event::Profile(_) => {}
        }
        Ok(())
    }
}
/// The word for so many.
fn one_or(count: usize, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

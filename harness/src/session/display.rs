//! What a person sees while a run goes on, on standard error; standard output is for results.

use std::io::{self, IsTerminal, Write};
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use flowgauge_reports::event::Event;
use flowgauge_reports::table::Style;
use flowgauge_scenarios::Plan;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A reader of the stream of events for people or for machines.
pub trait Display {
    /// Shows one event. An error when the place it writes to is broken; a reader that went away is none.
    fn show(&mut self, event: &Event) -> io::Result<()>;
}

/// The display that fits: none, JSON lines on standard output, a progress bar, or plain lines. Where there are several
/// kernels, each line says whose it is.
pub fn choose(json: bool, quiet: bool, kernel: Option<&str>) -> Vec<Box<dyn Display>> {
    let mut displays: Vec<Box<dyn Display>> = Vec::new();
    if json {
        displays.push(Box::new(JsonLines { kernel: kernel.map(str::to_owned) }));
    }
    if !quiet {
        let prefix = kernel.map_or_else(String::new, |kernel| format!("{kernel}: "));
        // Bars of several kernels would paint over each other.
        let bar = io::stderr().is_terminal() && kernel.is_none();
        displays.push(if bar { Box::new(Bar::new()) } else { Box::new(Lines { prefix, ..Lines::default() }) });
    }
    displays
}

/// The style of tables on standard output: its width and colour where it is a terminal.
pub fn style() -> Style {
    let terminal = io::stdout().is_terminal();
    let columns = if terminal { terminal_columns() } else { None };
    Style { width: columns.unwrap_or(110), colour: terminal && std::env::var_os("NO_COLOR").is_none() }
}

/// The style of tables in files.
pub fn plain() -> Style {
    Style { width: 110, colour: false }
}

fn terminal_columns() -> Option<u16> {
    let mut size = MaybeUninit::<libc::winsize>::zeroed();
    // SAFETY: TIOCGWINSZ writes one winsize to the pointer, which is valid and zeroed before.
    let size = unsafe {
        if libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, size.as_mut_ptr()) != 0 {
            return None;
        }
        size.assume_init()
    };
    (size.ws_col >= 40).then_some(size.ws_col)
}

/// Prints every event as it is; with the name of its kernel where there are several.
pub(super) struct JsonLines {
    pub(super) kernel: Option<String>,
}

impl Display for JsonLines {
    fn show(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_string(event)?;
        if let (Some(kernel), Some(members)) = (&self.kernel, line.strip_prefix('{')) {
            line = format!("{{\"kernel\":{},{members}", serde_json::to_string(kernel)?);
        }
        match writeln!(io::stdout(), "{line}") {
            // A reader that went away ends the output, not the run: its events are on disk.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => done,
        }
    }
}

/// A progress bar with the time left.
struct Bar {
    bar: ProgressBar,
    plan: Option<Plan>,
}

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        bar.set_style(
            ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar { bar, plan: None }
    }
}

impl Display for Bar {
    fn show(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Started(start) => self.plan = Some(start.plan.clone()),
            Event::Grown { plan } => {
                self.bar.set_length(plan.own_steps().len() as u64);
                self.plan = Some((**plan).clone());
            }
            Event::Progress { text, .. } => self.bar.set_message(text.clone()),
            Event::TrialStarted { step } => {
                let Some(plan) = &self.plan else { return Ok(()) };
                if self.bar.length() == Some(0) {
                    self.bar.reset();
                    self.bar.set_length(plan.own_steps().len() as u64);
                    let template = "{elapsed_precise} [{bar:30}] {pos}/{len} trials, {eta} left  {msg}";
                    if let Ok(style) = ProgressStyle::with_template(template) {
                        self.bar.set_style(style.progress_chars("=> "));
                    }
                }
                self.bar.set_message(name(plan, *step));
            }
            Event::Trial(_) => self.bar.inc(1),
            Event::Warning(warning) => self.bar.println(format!("warning: {}; {}", warning.text, warning.remedy)),
            Event::Complaint { text } => self.bar.println(format!("the kernel under test complained: {text}")),
            Event::Finished | Event::Failed { .. } => self.bar.finish_and_clear(),
            Event::Environment(_)
            | Event::Calibrated(_)
            | Event::TimeToOffload(_)
            | Event::Profile(_)
            | Event::ConformStarted(_)
            | Event::RulesetInForce(_)
            | Event::CaseRun(_)
            | Event::Fuzzed(_) => {}
        }
        Ok(())
    }
}

/// Plain lines, few enough for a log: phases, and progress at every tenth of the plan.
#[derive(Default)]
struct Lines {
    prefix: String,
    trials: usize,
    done: usize,
    began: Option<Instant>,
}

impl Display for Lines {
    fn show(&mut self, event: &Event) -> io::Result<()> {
        let line = match event {
            Event::Started(start) => {
                self.trials = start.plan.own_steps().len();
                format!("run {} with seed {}", start.run, start.plan.seed)
            }
            Event::Grown { plan } => {
                // Why it grows has just been said.
                self.trials = plan.own_steps().len();
                return Ok(());
            }
            Event::Progress { text, .. } => text.clone(),
            Event::Environment(e) => format!("kernel {} ({})", e.kernel_release, e.kernel_origin),
            Event::TrialStarted { .. } => {
                self.began.get_or_insert_with(Instant::now);
                return Ok(());
            }
            Event::Trial(_) => {
                self.done += 1;
                let tenth = self.trials.div_ceil(10);
                if !self.done.is_multiple_of(tenth) && self.done != self.trials {
                    return Ok(());
                }
                let spent = self.began.map_or(Duration::ZERO, |t| t.elapsed());
                let left = spent.mul_f64((self.trials - self.done.min(self.trials)) as f64 / self.done as f64);
                format!("{} of {} trials, about {} s left", self.done, self.trials, left.as_secs())
            }
            Event::Warning(warning) => format!("warning: {}; {}", warning.text, warning.remedy),
            Event::Complaint { text } => format!("the kernel under test complained: {text}"),
            Event::Calibrated(_)
            | Event::TimeToOffload(_)
            | Event::Profile(_)
            | Event::ConformStarted(_)
            | Event::RulesetInForce(_)
            | Event::CaseRun(_)
            | Event::Fuzzed(_)
            | Event::Finished
            | Event::Failed { .. } => return Ok(()),
        };
        // Progress that nobody can see is no reason to end a run.
        let _ = writeln!(io::stderr(), "flowgauge: {}{line}", self.prefix);
        Ok(())
    }
}

fn name(plan: &Plan, step: usize) -> String {
    let Some(step) = plan.steps.get(step) else { return String::new() };
    format!("{} on {}", plan.scenario(step.cell).name, plan.cells[step.cell].datapath.name())
}

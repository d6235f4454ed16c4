//! Results on disk: the sample, and one whose names, reasons and complaints try to break out of every format.

use std::path::PathBuf;

use flowgauge_reports::observation::Reading;
use flowgauge_reports::offered::DirectionReport;
use flowgauge_reports::trial::Offered;
use flowgauge_reports::{RunResult, sample};
use flowgauge_tests::{Scratch, flowgauge, run};

/// A result in a folder.
pub(crate) struct Kept {
    scratch: Scratch,
    /// What `flowgauge report` reads, judged as it judges it.
    pub(crate) result: RunResult,
    code: i32,
}

impl Kept {
    fn new(result: &RunResult, code: i32) -> Kept {
        let scratch = Scratch::new();
        result.save(scratch.path().join("result.json")).unwrap();
        let result = RunResult::load(scratch.path()).unwrap();
        Kept { scratch, result, code }
    }

    /// The file that `flowgauge report --format` writes.
    pub(crate) fn report(&self, format: &str) -> PathBuf {
        let file = self.scratch.path().join(format);
        let mut command = flowgauge(&["report", "--format", format, "--out"]);
        command.arg(&file).arg(self.scratch.path());
        run(command).expect_code(self.code);
        file
    }

    /// Its text.
    pub(crate) fn text(&self, format: &str) -> String {
        std::fs::read_to_string(self.report(format)).unwrap()
    }
}

/// The sample: all good, one hole.
pub(crate) fn sound() -> Kept {
    Kept::new(&sample::result(), 0)
}

/// Names of the four scenarios, the first of them twice, and how they look where they are shown on a line.
pub(crate) const NAMES: [(&str, &str); 4] = [
    (
        "a|b \"c\" 'd' <e> & ]]> `f` \\ #1 @team https://evil.example",
        "a|b \"c\" 'd' <e> & ]]> `f` \\ #1 @team https://evil.example",
    ),
    ("ok 1 - x # SKIP\nnot ok 2\r\u{1b}[31m", "ok 1 - x # SKIP\u{fffd}not ok 2\u{fffd}\u{fffd}[31m"),
    ("=1+1;{a=\"b\",}} 数量 \u{202e}\u{ffff}\\", "=1+1;{a=\"b\",}} 数量 \u{fffd}\u{fffd}\\"),
    (
        "a|b \"c\" 'd' <e> & ]]> `f` \\ #1 @team https://evil.example",
        "a|b \"c\" 'd' <e> & ]]> `f` \\ #1 @team https://evil.example (2)",
    ),
];

/// What stands in reasons and complaints.
pub(crate) const REASON: &str = "see <b>]]></b> | #SKIP # SKIP, \"@all\"\n[x](https://evil.example) \\";

/// The sample with those names, a bad row, an unproven one, a complaint and a hole with a reason of theirs.
pub(crate) fn hostile() -> Kept {
    let mut result = sample::result();
    for (scenario, (name, _)) in result.plan.scenarios.iter_mut().zip(NAMES) {
        scenario.name = name.to_owned();
    }
    let corrupt = |report: &mut DirectionReport| report.corrupted = 3;
    for trial in &mut result.trials {
        match (trial.cell, &mut trial.offered) {
            (0, Offered::Frames(reports)) => reports.iter_mut().for_each(corrupt),
            (1, _) => trial.after.ports = Reading::Missing { why: REASON.to_owned() },
            _ => {}
        }
    }
    result.plan.holes[0].gap.reason = REASON.to_owned();
    result.complaints = vec![REASON.to_owned()];
    if let Some(environment) = &mut result.environment {
        environment.kernel_release = "6.12 \"q\"\n# {x=\"y\"} | \\".to_owned();
    }
    Kept::new(&result, 1)
}

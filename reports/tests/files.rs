//! Results on disk: what was written is read, what is broken is told in one sentence.

use std::fs;
use std::path::PathBuf;

use flowgauge_reports::event::Event;
use flowgauge_reports::result::Ending;
use flowgauge_reports::{RunResult, sample};
use flowgauge_scenarios::Plan;

/// A folder of this test's own, gone when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("flowgauge-reports-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn lines(events: &[Event]) -> String {
    events.iter().map(|e| serde_json::to_string(e).unwrap() + "\n").collect()
}

fn error(path: &std::path::Path) -> String {
    RunResult::load(path).unwrap_err().to_string()
}

#[test]
fn a_saved_result_is_read_again_by_file_and_by_folder() {
    let folder = Folder::new("saved");
    let result = sample::result();
    result.save(folder.0.join("result.json")).unwrap();
    assert_eq!(RunResult::load(&folder.0).unwrap(), result);
    assert_eq!(RunResult::load(folder.0.join("result.json")).unwrap(), result);
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn a_stale_judgement_is_not_believed() {
    let folder = Folder::new("stale");
    let mut result = sample::result();
    result.judgement.rows.clear();
    result.save(folder.0.join("result.json")).unwrap();
    assert_eq!(RunResult::load(&folder.0).unwrap().judgement, sample::result().judgement);
}

#[test]
fn events_give_the_same_result_and_a_torn_last_line_only_truncates() {
    let folder = Folder::new("events");
    let (events, path) = (sample::events(), folder.0.join("events.jsonl"));
    let text = lines(&events);
    fs::write(&path, &text).unwrap();
    assert_eq!(RunResult::load(&folder.0).unwrap(), sample::result());
    let last = events.iter().rposition(|e| matches!(e, Event::Trial(_))).unwrap();
    let torn = lines(&events[..last]).len() + 500;
    fs::write(&path, &text[..torn]).unwrap();
    let result = RunResult::load(&folder.0).unwrap();
    assert_eq!((result.ending, result.trials.len()), (Ending::Truncated, sample::result().trials.len() - 1));
}

#[test]
fn a_plan_that_grows_on_the_way_comes_to_the_same() {
    let folder = Folder::new("grown");
    let (mut events, path) = (sample::events(), folder.0.join("events.jsonl"));
    let Event::Started(start) = &mut events[0] else { panic!("{:?}", events[0]) };
    let whole = start.plan.clone();
    let mut few = whole.scenarios.clone();
    few.iter_mut().for_each(|scenario| scenario.method.blocks = 4);
    start.plan = Plan::new(few, whole.seed);
    assert!(whole.continues(&start.plan) && !start.plan.continues(&whole));
    let first_new = start.plan.steps.len();
    let at =
        events.iter().position(|event| matches!(event, Event::TrialStarted { step } if *step == first_new)).unwrap();
    let with = |plan: Option<Plan>| {
        let mut events = events.clone();
        events.splice(at..at, plan.map(|plan| Event::Grown { plan: Box::new(plan) }));
        fs::write(&path, lines(&events)).unwrap();
    };
    with(Some(whole.clone()));
    assert_eq!(RunResult::load(&path).unwrap(), sample::result());
    with(None);
    assert!(error(&path).contains("contradicts itself"), "{}", error(&path));
    with(Some(Plan::new(whole.scenarios, whole.seed + 1)));
    assert!(error(&path).contains("grows into another"), "{}", error(&path));
}

#[test]
fn broken_files_are_told_in_one_sentence() {
    let folder = Folder::new("broken");
    let (json, jsonl) = (folder.0.join("result.json"), folder.0.join("events.jsonl"));
    assert!(error(&folder.0).contains("cannot read"));
    fs::write(&json, "{\"schema_version\": 1, \"run\": ").unwrap();
    assert!(error(&json).contains("line 1"), "{}", error(&json));
    fs::write(&json, "{}").unwrap();
    assert!(error(&json).contains("no schema_version"));
    fs::write(&json, "{\"schema_version\": 99}").unwrap();
    assert!(error(&json).contains("schema version 99"));
    sample::result().save(&json).unwrap();
    let text = fs::read_to_string(&json).unwrap();
    fs::write(&json, text.replacen("\"cell\": 0", "\"cell\": 999", 1)).unwrap();
    assert!(error(&json).contains("contradicts itself"), "{}", error(&json));
    let events = lines(&sample::events());
    fs::write(&jsonl, events.replacen("\"event\":\"trial\"", "\"event\":\"trail\"", 1)).unwrap();
    assert!(error(&jsonl).contains("line ") && error(&jsonl).contains("trail"), "{}", error(&jsonl));
    fs::write(&jsonl, events.replacen("\"event\":\"trial\"", "\"event\":\"\\u001b[2J\"", 1)).unwrap();
    assert!(error(&jsonl).contains("\u{fffd}[2J") && !error(&jsonl).contains('\u{1b}'), "{}", error(&jsonl));
    fs::write(&jsonl, events.lines().skip(1).collect::<Vec<_>>().join("\n")).unwrap();
    assert!(error(&jsonl).contains("do not begin with `started`"));
    fs::write(&jsonl, events.replacen("\"schema_version\":2", "\"schema_version\":3", 1)).unwrap();
    assert!(error(&jsonl).contains("schema version 3"));
    fs::write(&jsonl, "").unwrap();
    assert!(error(&jsonl).contains("do not begin"));
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let error = sample::result().save("/proc/flowgauge/result.json").unwrap_err().to_string();
    assert!(error.contains("cannot write /proc/flowgauge/result.json"), "{error}");
}

#[test]
fn a_result_of_version_1_is_read() {
    let folder = Folder::new("version-1");
    // What version 1 wrote: no topologies, no witnesses of hardware, no time to offload.
    let mut events: Vec<serde_json::Value> =
        sample::events().iter().map(|event| serde_json::to_value(event).unwrap()).collect();
    events.retain(|e| e["event"] != "time-to-offload");
    for event in &mut events {
        match event["event"].as_str().unwrap() {
            "started" => event["schema_version"] = 1.into(),
            "environment" => event["nics"].as_array_mut().unwrap().iter_mut().for_each(|nic| {
                nic.as_object_mut().unwrap().retain(|name, _| name != "topology" && name != "simulated");
            }),
            "trial" => {
                for moment in ["before", "after"] {
                    let known = ["ports", "rules", "ip_forwarding", "conntrack"];
                    event[moment].as_object_mut().unwrap().retain(|name, _| known.contains(&name.as_str()));
                }
            }
            _ => {}
        }
    }
    let text: String = events.iter().map(|e| e.to_string() + "\n").collect();
    fs::write(folder.0.join("events.jsonl"), text).unwrap();
    let result = RunResult::load(&folder.0).unwrap();
    let (old, new) = (&result.judgement.rows[..8], &sample::result().judgement.rows[..8]);
    assert_eq!(old, new, "on veth nothing is missing");
}

#[test]
fn the_folder_of_a_run_over_several_kernels_names_theirs() {
    let folder = Folder::new("kernels");
    for kernel in ["debian-6.12", "debian-7.2"] {
        fs::create_dir_all(folder.0.join(kernel)).unwrap();
        sample::result().save(folder.0.join(kernel).join("result.json")).unwrap();
    }
    let text = error(&folder.0);
    assert!(
        text.contains("several kernels") && text.contains("debian-6.12, ") && text.ends_with("debian-7.2"),
        "{text}"
    );
}

//! `lodecast serve`, killed at any moment: what it acknowledged is there, once, and the run is what a replay comes to.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lodecast::{FitOptions, LawFit, Model, Point, Run, Schedule, Scheduler, Sweep};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{data, json as json_of, lodecast, talk};

const STEPS: u64 = 4000;

/// A law fitted to eight runs of a toy.
fn model() -> Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    let fitted = || {
        let mut sweep = Sweep::new(vec!["val_loss:min".parse().expect("a metric")]);
        for peak in [0.02, 0.05, 0.1, 0.2] {
            for (name, schedule) in [("cosine", Schedule::cosine(peak)), ("constant", Schedule::constant(peak))] {
                let mut area = 0.0;
                let points = (0..40u64).map(|k| {
                    let rate = schedule.at_step(k, 40).max(1e-4);
                    area += 100.0 * rate / (1.0 + 4.0 * rate);
                    let loss = 0.1 + 2.0 / (1.0 + 0.05 * area) + 0.6 * rate;
                    Point::new(100 * k).train_loss(loss).learning_rate(rate).validation(loss + 0.05)
                });
                let points: Vec<Point> = points.collect();
                let mut run = Run::from_points(format!("{name} {peak}"), points).expect("steps increase");
                run.attributes.total_steps = Some(STEPS);
                sweep.runs.push(run);
            }
        }
        lodecast::fit(&sweep, &LawFit::default().into(), FitOptions::default()).expect("a usable sweep").model
    };
    MODEL.get_or_init(fitted).clone()
}

/// A folder with the model.
fn place() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join("models")).expect("made");
    model().save(folder.path().join("models/toy.lode")).expect("saved");
    folder
}

/// The command, serving.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lodecast"))
            .args(["serve", "--models", "models", "--store", "store", "--listen", "127.0.0.1:0"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command starts");
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut said).expect("a line");
        let address = said.trim().strip_prefix("serving at http://").unwrap_or_else(|| panic!("{said:?}")).to_owned();
        Self { child, address }
    }

    /// Status and body of an answer; none if there is none.
    fn ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let (address, length) = (&self.address, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let length: usize =
            head.to_lowercase().split("content-length: ").nth(1)?.lines().next()?.trim().parse().ok()?;
        (body.len() == length).then_some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, "").expect("an answer");
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn loss(run: u64, step: u64) -> f64 {
    let noise = (step.wrapping_mul(2_654_435_761).wrapping_add(97 * run) % 1000) as f64 / 1000.0;
    0.3 + 2.0 / (1.0 + 0.01 * step as f64) + 0.02 * noise
}

/// The rate of the schedule that is chosen for the time of that number.
fn flat(number: u64) -> f64 {
    0.03 + 1e-4 * (number % 1000) as f64
}

/// Kills the server at random moments while several trainings tell it their steps and somebody chooses schedules, and looks at what is left.
// Who asks for a thousand wants to know.
#[allow(clippy::print_stdout)]
fn killed(times: u64) {
    const RUNS: u64 = 4;
    let folder = place();
    let mut acknowledged = [0u64; RUNS as usize];
    let mut rates = [const { Vec::new() }; RUNS as usize];
    let mut chosen = 0;
    let mut moment = 12_345_u64;
    for round in 0..times {
        let mut serving = Serving::start(folder.path());
        let settings = json!({"model": "toy", "total_steps": STEPS}).to_string();
        for run in 0..RUNS {
            let (status, _) = serving.ask("PUT", &format!("/v1/runs/run-{run}"), &settings).expect("an answer");
            assert_eq!(status, if round == 0 { 201 } else { 200 });
            let last = serving.get(&format!("/v1/runs/run-{run}"))["last_step"].as_u64();
            let known = last.map_or(0, |last| last + 1);
            let told = acknowledged[run as usize];
            // The one that was on its way may have arrived.
            assert!(
                known == told || known == told + 1,
                "run {run}: {known} points are there, {told} were acknowledged"
            );
        }
        serving.ask("PUT", "/v1/runs/chosen", &settings).expect("an answer");
        let rate = serving.get(&format!("/v1/runs/chosen/learning-rate?step={}", STEPS - 1)).as_f64().expect("a rate");
        assert!(chosen == 0 || rate == flat(chosen) || rate == flat(chosen + 1), "{rate} after {chosen} choices");
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let time = Duration::from_micros(2_000 + (moment >> 33) % 120_000);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (serving, over) = (&serving, &over);
            for (run, (told, rates)) in acknowledged.iter_mut().zip(&mut rates).enumerate() {
                scope.spawn(move || {
                    while !over.load(Ordering::Relaxed) && *told < STEPS {
                        let form = format!("step={told}&train_loss={:?}", loss(run as u64, *told));
                        let Some((200, rate)) = serving.ask("POST", &format!("/v1/runs/run-{run}/step"), &form) else {
                            continue;
                        };
                        rates.push(rate.trim().parse::<f64>().expect("a rate"));
                        *told += 1;
                    }
                });
            }
            let chosen = &mut chosen;
            scope.spawn(move || {
                // Every decision is kept for good: not too many of them.
                while round % 5 == 0 && !over.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(15));
                    let choice = json!({"knots": [{"progress": 0.0, "learning_rate": flat(*chosen + 1)}]}).to_string();
                    if let Some((200, _)) = serving.ask("PUT", "/v1/runs/chosen/schedule", &choice) {
                        *chosen += 1;
                    }
                }
            });
            std::thread::sleep(time);
            // SIGKILL: nothing is brought to an end.
            Command::new("kill").args(["-9", &serving.child.id().to_string()]).status().expect("killed");
            over.store(true, Ordering::Relaxed);
        });
        serving.child.wait().expect("gone");
    }
    let serving = Serving::start(folder.path());
    assert!(acknowledged.iter().sum::<u64>() > 2 * times && chosen >= times / 10, "{acknowledged:?}, {chosen}");
    println!("killed {times} times: {} steps and {chosen} choices were acknowledged", acknowledged.iter().sum::<u64>());
    for (run, told) in acknowledged.iter().enumerate() {
        // What a scheduler in the training comes to with as many points.
        let last = serving.get(&format!("/v1/runs/run-{run}"));
        let points = last["last_step"].as_u64().map_or(0, |last| last + 1);
        let mut inside = Scheduler::builder(model()).total_steps(STEPS).build().expect("a scheduler");
        for step in 0..points {
            inside.observe(Point::new(step).train_loss(loss(run as u64, step)));
            if let Some(rate) = rates[run].get(step as usize).filter(|_| step < *told) {
                assert_eq!(rate.to_bits(), inside.learning_rate(step + 1).to_bits(), "run {run}, step {step}");
            }
        }
        let rate = last["learning_rate"].as_f64().expect("a rate");
        assert_eq!(rate.to_bits(), inside.learning_rate(points).to_bits());
        assert_eq!(last["decisions"].as_array().map(Vec::len), Some(inside.replans() as usize));
    }
}

#[cfg(unix)]
#[test]
fn killed_at_any_moment_it_loses_nothing_that_it_acknowledged() {
    killed(20);
}

#[cfg(unix)]
#[test]
#[ignore = "nightly: a thousand moments"]
fn killed_at_a_thousand_moments_it_loses_nothing_that_it_acknowledged() {
    killed(1000);
}

#[test]
fn runs_on_a_server_are_listed() {
    let folder = place();
    let serving = Serving::start(folder.path());
    let settings = json!({"model": "toy", "total_steps": STEPS}).to_string();
    serving.ask("PUT", "/v1/runs/first", &settings).expect("an answer");
    let address = format!("http://{}", serving.address);
    let said = data(folder.path(), &["runs", "--live", &address]);
    assert!(said.contains("first") && said.contains("ends at"), "{said}");
    let listed = json_of(folder.path(), &["runs", "--live", &address, "--json"]);
    assert_eq!((&listed["runs"][0]["id"], &listed["runs"][0]["total_steps"]), (&"first".into(), &STEPS.into()));
    drop(serving);
    let output = lodecast(folder.path(), &["runs", "--live", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(talk(&output).contains("lodecast serve"), "{}", talk(&output));
}

#[test]
fn what_cannot_be_served_is_said_with_what_to_do() {
    let folder = place();
    let serving = Serving::start(folder.path());
    for (arguments, words) in [
        (&["--store", "store"][..], "--store"),
        (&["--store", "other", "--listen", "0.0.0.0:0"], "--token-file"),
        (&["--store", "other", "--token-file", "none"], "none"),
        (&["--store", "other", "--source", "none"], "none"),
        (&["--store", "other", "--listen", &serving.address], "give another port"),
        #[cfg(unix)]
        (&["--store", "other", "--socket", "models"], "something else is there"),
    ] {
        let mut all = vec!["serve", "--models", "models", "--listen", "127.0.0.1:0"];
        if arguments.contains(&"--listen") || arguments.contains(&"--socket") {
            all.truncate(3);
        }
        all.extend(arguments);
        let output = lodecast(folder.path(), &all);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}\n{}", talk(&output));
        assert!(talk(&output).contains(words), "{arguments:?}\n{}", talk(&output));
    }
}

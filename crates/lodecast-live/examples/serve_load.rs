//! Loads a server of `lodecast serve` with many runs, and says how long its answers took.
//!
//! ```sh
//! lodecast serve --models models --store store &
//! cargo run --release -p lodecast-live --example serve_load -- 127.0.0.1:7979 MODEL RUNS STEPS POINTS_A_SECOND SECONDS [PID]
//! ```
//!
//! Every request has its time, whatever became of those before it: an answer that came late makes the next ones late, and is counted
//! so. Runs are between half and one and a half times as long as STEPS, so that they do not all decide at once, and one that is over is
//! followed by another. PID is the server's, to look at its memory.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

const CONNECTIONS: u64 = 200;

/// A connection that is kept.
struct Connection {
    address: String,
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(address: &str) -> Result<Self, Box<dyn Error>> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        Ok(Self { address: address.to_owned(), stream: BufReader::new(stream) })
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<(u16, String), Box<dyn Error>> {
        let (address, length) = (&self.address, body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n{body}");
        self.stream.get_mut().write_all(head.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).ok_or("no status")?.parse()?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some(found) = line.to_lowercase().strip_prefix("content-length:") {
                length = found.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, String::from_utf8(body)?))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, model, runs, steps, pace, seconds, pid @ ..] = &arguments[..] else {
        return Err("say ADDRESS MODEL RUNS STEPS POINTS_A_SECOND SECONDS [PID]".into());
    };
    let (runs, steps, pace): (u64, u64, u64) = (runs.parse()?, steps.parse()?, pace.parse()?);
    let seconds: u64 = seconds.parse()?;
    let all = pace * seconds;
    let length = |run: u64| steps / 2 + run.wrapping_mul(2_654_435_761) % steps;
    // Which one after the other, at which step.
    let place = |run: u64, step: u64| (step / length(run), step % length(run));
    let name = |run: u64, round: u64| format!("/v1/runs/load-{run}-{round}");
    let settings = |run: u64| format!("{{\"model\": \"{model}\", \"total_steps\": {}, \"seed\": {run}}}", length(run));
    let begun = Instant::now();
    let mut making = Connection::open(address)?;
    for run in 0..runs {
        while making.ask("PUT", &name(run, 0), &settings(run))?.0 == 429 {
            thread::sleep(Duration::from_millis(100));
        }
    }
    println!("{runs} runs of about {steps} steps made in {:.1} s", begun.elapsed().as_secs_f64());

    let times: Mutex<Vec<Duration>> = Mutex::default();
    let (next, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let connections = (0..CONNECTIONS).map(|_| Connection::open(address)).collect::<Result<Vec<_>, _>>()?;
    // Time for all of them to be waiting.
    let begun = Instant::now() + Duration::from_secs(1);
    thread::scope(|scope| {
        for mut connection in connections {
            let (times, next, refused, name, settings, place, length) =
                (&times, &next, &refused, &name, &settings, &place, &length);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Relaxed);
                    if number >= all {
                        return;
                    }
                    let due = begun + Duration::from_nanos(1_000_000_000 * number / pace);
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    let run = number % runs;
                    let (round, step) = place(run, number / runs);
                    if round > 0 && step == 0 {
                        let _ = connection.ask("PUT", &name(run, round), &settings(run));
                    }
                    let progress = step as f64 / length(run) as f64;
                    let noise = (number.wrapping_mul(2_654_435_761) % 1000) as f64 / 1000.0;
                    let loss = 0.3 + 2.0 / (1.0 + 20.0 * progress) + 0.02 * noise;
                    let validation =
                        if step % 10 == 9 { format!("&validation={}", 0.3 + 0.5 * progress) } else { String::new() };
                    let form = format!("step={step}&train_loss={loss}{validation}");
                    let answer = connection.ask("POST", &format!("{}/step", name(run, round)), &form);
                    if !answer.is_ok_and(|(status, _)| status == 200) {
                        refused.fetch_add(1, Relaxed);
                    }
                    if let Ok(mut times) = times.lock() {
                        times.push(due.elapsed());
                    }
                }
            });
        }
        scope.spawn(|| {
            while next.load(Relaxed) < all {
                if let Some(kilobytes) = pid.first().and_then(|pid| resident(pid)) {
                    println!(
                        "after {:4.0} s: {:.1} MB resident",
                        begun.elapsed().as_secs_f64(),
                        kilobytes as f64 / 1e3
                    );
                }
                let until = Instant::now() + Duration::from_mins(1);
                while Instant::now() < until && next.load(Relaxed) < all {
                    thread::sleep(Duration::from_millis(200));
                }
            }
        });
    });
    let mut times = times.into_inner()?;
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!(
        "{} answers in {:.1} s, {} refused; half within {:.1} ms, 99 % within {:.1} ms, 99.9 % within {:.1} ms, all within {:.1} ms",
        times.len(),
        begun.elapsed().as_secs_f64(),
        refused.load(Relaxed),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
    Ok(())
}

/// Resident memory of a process, in kilobytes.
fn resident(pid: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

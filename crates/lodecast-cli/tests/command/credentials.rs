//! Passwords and tokens, in addresses and in the environment, are in nothing that `lodecast import` says or writes.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

/// A server on the loopback device that answers each connection with `answer`, and its port.
fn serve(answer: impl Fn(&mut TcpStream) -> Option<()> + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // The client may leave before the end.
            let _ = answer(&mut stream);
        }
    });
    port
}

/// A tracking server that knows `credentials`, and repeats those it does not know.
fn mlflow(credentials: &'static str) -> u16 {
    serve(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let (mut request, mut authorization, mut length) = (String::new(), String::new(), 0);
        reader.read_line(&mut request).ok()?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "authorization" => value.clone_into(&mut authorization),
                "content-length" => length = value.parse().ok()?,
                _ => {}
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        let (status, body) = if authorization != credentials {
            ("401 Unauthorized", format!(r#"{{"message": "nobody has '{authorization}'"}}"#))
        } else if request.contains("experiments/search") {
            ("200 OK", r#"{"experiments": [{"experiment_id": "1", "name": "e"}]}"#.to_owned())
        } else if request.contains("runs/search") {
            let metrics = ["loss", "lr", "val_acc"].map(|key| format!(r#"{{"key": "{key}"}}"#)).join(",");
            let info = r#""info": {"run_id": "r", "lifecycle_stage": "active"}"#;
            ("200 OK", format!(r#"{{"runs": [{{{info}, "data": {{"metrics": [{metrics}]}}}}]}}"#))
        } else {
            ("200 OK", r#"{"metrics": [{"value": 0.5, "step": "3"}, {"value": 0.25, "step": "4"}]}"#.to_owned())
        };
        let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).ok()
    })
}

/// A PostgreSQL server that asks for a password in the clear and takes none.
fn postgresql() -> u16 {
    fn take(stream: &mut TcpStream, header: usize) -> Option<()> {
        let mut head = vec![0; header];
        stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes(*head.last_chunk()?) as usize;
        stream.read_exact(&mut vec![0; length.checked_sub(4)?]).ok()
    }
    serve(|stream| {
        // The question whether it encrypts; the start of a session, which has no letter before its length either; and the
        // password, which has one.
        take(stream, 4)?;
        stream.write_all(b"N").ok()?;
        take(stream, 4)?;
        stream.write_all(b"R\0\0\0\x08\0\0\0\x03").ok()?;
        take(stream, 5)?;
        let refusal = b"SFATAL\0C28P01\0Mpassword authentication failed for user \"me\"\0\0";
        let length = u32::try_from(refusal.len() + 4).ok()?.to_be_bytes();
        stream.write_all(&[b"E", &length[..], refusal].concat()).ok()
    })
}

/// Runs the import, with the address of a port on this machine, in every way in which it says something.
fn import(folder: &Path, address: &str, variables: &[(&str, &str)]) -> Vec<Output> {
    let ways = [
        &["--force", "-o", "sweep.csv"][..],
        &["--dry-run"],
        &["--dry-run", "--json"],
        &["--json", "--force", "-o", "sweep.jsonl"],
    ];
    let mut outputs = Vec::new();
    for (format, way) in ["", "mlflow", "optuna"].into_iter().flat_map(|format| ways.map(|way| (format, way))) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lodecast"));
        command.arg("import").args(Some(format).filter(|name| !name.is_empty())).arg(address).args(way);
        for name in ["USERNAME", "PASSWORD", "TOKEN"] {
            command.env_remove(format!("MLFLOW_TRACKING_{name}"));
        }
        command.env_remove("PGPASSWORD").envs(variables.iter().copied()).current_dir(folder);
        outputs.push(command.env("RUST_BACKTRACE", "1").output().expect("the command starts"));
    }
    outputs
}

/// Everything that was said and written, none of which may hold a part of a secret.
fn check(folder: &Path, outputs: &[Output]) -> String {
    let mut all: Vec<String> = Vec::new();
    for output in outputs {
        all.extend([&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
    }
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        all.push(String::from_utf8_lossy(&fs::read(path).expect("readable")).into_owned());
    }
    let all = all.join("\n");
    // "me:s3cret-w0rd" in base 64, as HTTP has it.
    for secret in ["s3cret", "w0rd", "bWU6czNjcmV0LXcwcmQ="] {
        assert!(!all.contains(secret), "{secret} is shown: {all}");
    }
    all
}

#[test]
fn a_tracking_server_that_takes_them() {
    for (credentials, variables) in [
        ("Bearer s3cret-w0rd", &[("MLFLOW_TRACKING_TOKEN", "s3cret-w0rd")][..]),
        (
            "Basic bWU6czNjcmV0LXcwcmQ=",
            &[("MLFLOW_TRACKING_USERNAME", "me"), ("MLFLOW_TRACKING_PASSWORD", "s3cret-w0rd")],
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let outputs = import(folder.path(), &format!("http://127.0.0.1:{}", mlflow(credentials)), variables);
        assert_eq!(outputs.iter().filter(|output| output.status.success()).count(), 8, "with MLflow's reader");
        assert!(check(folder.path(), &outputs).contains("/#/experiments/1/runs/r"), "the source is told");
    }
}

#[test]
fn a_tracking_server_that_refuses_and_repeats_them() {
    for variables in [
        &[("MLFLOW_TRACKING_TOKEN", "s3cret-w0rd")][..],
        &[("MLFLOW_TRACKING_USERNAME", "me"), ("MLFLOW_TRACKING_PASSWORD", "s3cret-w0rd")],
        // No header may hold it.
        &[("MLFLOW_TRACKING_TOKEN", "s3cret-w0rd\n")],
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let outputs = import(folder.path(), &format!("http://127.0.0.1:{}", mlflow("none")), variables);
        assert!(outputs.iter().all(|output| output.status.code() == Some(1)));
        check(folder.path(), &outputs);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let token = [("MLFLOW_TRACKING_TOKEN", "s3cret-w0rd")];
    let outputs = import(folder.path(), &format!("http://127.0.0.1:{}", mlflow("none")), &token);
    let said = check(folder.path(), &outputs);
    assert!(said.contains("nobody has 'Bearer ***'") && said.contains("MLFLOW_TRACKING_TOKEN"), "{said}");
}

#[test]
fn a_database_that_refuses_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = postgresql();
    let outputs = [
        import(folder.path(), &format!("postgresql://me:s3cret-w0rd@127.0.0.1:{port}/runs"), &[]),
        import(folder.path(), &format!("postgresql://127.0.0.1:{port}/runs?user=me&password=s3cret-w0rd"), &[]),
        import(folder.path(), &format!("postgresql://me@127.0.0.1:{port}/runs"), &[("PGPASSWORD", "s3cret-w0rd")]),
    ];
    let said = check(folder.path(), &outputs.concat());
    assert!(said.contains("password authentication failed"), "the server was reached: {said}");
}

#[test]
fn addresses_that_hold_them() {
    for address in [
        "http://me:s3cret-w0rd@127.0.0.1:9",
        "http://127.0.0.1:9/?token=s3cret-w0rd",
        "http://me:s3cret/w0rd@127.0.0.1:9",
        "postgresql://me:s3cret/w0rd@127.0.0.1:9/runs",
        "postgresql://me:s3cret@w0rd@127.0.0.1:9/runs",
        "postgresql://me:s3cret?w0rd=@127.0.0.1:9/runs",
        "postgresql://me:s3cret-w0rd@127.0.0.1:port/runs",
        "postgresql://127.0.0.1:9/runs?password=s3cret&w0rd=1",
        "postgresql+psycopg2://me:s3cret-w0rd@127.0.0.1:9/runs?sslmode=require",
        "postgresql:/me:s3cret-w0rd@127.0.0.1:9/runs",
        "me:s3cret-w0rd@127.0.0.1:9",
        "sqlite://me:s3cret-w0rd@host/runs.db",
        "mysql://me:s3cret-w0rd@127.0.0.1:9/runs",
        "s3://me:s3cret-w0rd@host/runs",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let outputs = import(folder.path(), address, &[]);
        assert!(outputs.iter().all(|output| output.status.code() == Some(1)), "{address}");
        check(folder.path(), &outputs);
    }
}

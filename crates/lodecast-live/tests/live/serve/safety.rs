//! One test a rule: who gets in, and what is refused.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use lodecast_live::{Address, Error, Server, ServerOptions};
use serde_json::json;

use super::{Served, raw};

const READ: &str = "reading-0123456789abcdef";
const WRITE: &str = "writing-0123456789abcdef";

/// A server that asks for tokens.
fn guarded() -> Served {
    guarded_with(|_| {})
}

fn guarded_with(change: impl FnOnce(&mut ServerOptions)) -> Served {
    let mut served = Served::new();
    served.server = None;
    let path = served.path().join("tokens");
    fs::write(&path, format!("read {READ}\nwrite mine-* {WRITE}\n")).expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
    }
    served.start(|options| {
        options.token_file = Some(path);
        change(options);
    });
    served
}

#[test]
fn an_address_for_others_needs_tokens() {
    let served = Served::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let options = ServerOptions {
            address: Address::Tcp(address.parse().expect("an address")),
            store: served.path().join("other"),
            ..served.options()
        };
        let error = Server::open(options).expect_err("refused");
        assert!(matches!(error, Error::Page { .. }) && error.to_string().contains("--token-file"), "{error}");
    }
    let served = guarded();
    let store = served.path().join("other");
    let options = ServerOptions {
        address: Address::Tcp("0.0.0.0:0".parse().expect("an address")),
        token_file: Some(served.path().join("tokens")),
        store,
        ..served.options()
    };
    Server::open(options).expect("with tokens it may");
}

#[test]
fn tokens_open_what_they_are_for() {
    let served = guarded();
    let settings = json!({"model": "toy", "total_steps": 100}).to_string();
    let ask = |method: &str, path: &str, token: &str, body: &str| {
        served.ask_with(method, path, &format!("authorization: Bearer {token}\r\n"), body)
    };
    assert_eq!(served.get("/healthz").status, 200, "who watches whether it lives need not be known");
    for path in ["/", "/v1/runs", "/v1/runs/mine-1", "/metrics", "/v1/models", "/runs/mine-1/events"] {
        let refused = served.get(path);
        assert!(refused.is_problem(401).head.contains("www-authenticate: bearer"), "{path}");
    }
    ask("PUT", "/v1/runs/mine-1", READ, &settings).is_problem(403);
    ask("PUT", "/v1/runs/yours", WRITE, &settings).is_problem(403);
    ask("PUT", "/v1/runs/mine-1", "wrong-0123456789abcdef", &settings).is_problem(401);
    served.ask("PUT", "/v1/runs/mine-1", &settings).is_problem(401);
    assert_eq!(ask("PUT", "/v1/runs/mine-1", WRITE, &settings).status, 201);
    assert_eq!(ask("POST", "/v1/runs/mine-1/step", WRITE, "step=0&train_loss=1").status, 200);
    for path in ["step", "points", "extend", "resume"] {
        ask("POST", &format!("/v1/runs/mine-1/{path}"), READ, "{}").is_problem(403);
    }
    for (method, path) in [("PUT", "source"), ("PUT", "schedule"), ("DELETE", "schedule")] {
        ask(method, &format!("/v1/runs/mine-1/{path}"), READ, "{}").is_problem(403);
        served.ask(method, &format!("/v1/runs/mine-1/{path}"), "{}").is_problem(401);
    }
    let choice = json!({"knots": [{"progress": 0.0, "learning_rate": 0.1}]}).to_string();
    assert_eq!(ask("PUT", "/v1/runs/mine-1/schedule", WRITE, &choice).status, 200);
    assert_eq!(ask("GET", "/v1/runs/mine-1", READ, "").status, 200);
}

#[test]
fn a_browser_says_its_token_once_and_can_only_read_with_it() {
    let served = guarded();
    let to_page = served.ask_with("GET", "/", "accept: text/html\r\n", "");
    assert!(to_page.status == 303 && to_page.head.contains("location: /login"), "{to_page:?}");
    assert_eq!(served.get("/login").status, 200);
    served.ask("POST", "/login", "token=wrong-0123456789abcdef").is_problem(401);
    let again = served.ask_with("POST", "/login", "accept: text/html\r\n", "token=wrong-0123456789abcdef");
    assert!(again.status == 401 && again.body.contains("method=\"post\" action=\"/login\">"), "{again:?}");
    let entered = served.ask("POST", "/login", &format!("token={WRITE}"));
    assert!(entered.status == 303 && entered.head.contains("httponly; samesite=strict"), "{entered:?}");
    let cookie = format!("cookie: lodecast={WRITE}\r\n");
    assert_eq!(served.ask_with("GET", "/", &cookie, "").status, 200);
    served.ask_with("PUT", "/v1/runs/mine-1", &cookie, "{}").is_problem(401);
    served.ask_with("PUT", "/v1/runs/mine-1/schedule", &cookie, "{}").is_problem(401);
}

#[test]
fn a_browser_is_led_to_the_page_that_it_wanted_and_nowhere_else() {
    let served = guarded();
    let led = |path: &str| served.ask_with("GET", path, "accept: text/html\r\n", "").head;
    assert!(led("/runs/mine-1").contains("location: /login?to=/runs/mine-1\r\n"), "{}", led("/runs/mine-1"));
    assert!(led("/v1/runs").contains("location: /login\r\n"), "{}", led("/v1/runs"));
    // The form keeps it, also where the token was wrong, and the answer to it leads there.
    let form = "<form class=\"asked\" method=\"post\" action=\"/login?to=/runs/mine-1\">";
    assert!(served.get("/login?to=/runs/mine-1").body.contains(form));
    let html = "accept: text/html\r\n";
    let again = served.ask_with("POST", "/login?to=/runs/mine-1", html, "token=wrong-0123456789abcdef");
    assert!(again.status == 401 && again.body.contains(form), "{again:?}");
    let entered = |to: &str| served.ask("POST", &format!("/login{to}"), &format!("token={READ}")).head;
    assert!(entered("?to=/runs/mine-1").contains("location: /runs/mine-1\r\n"));
    for to in [
        "",
        "?to=",
        "?to=//evil.example",
        "?to=/\\evil.example",
        "?to=https://evil.example/runs/a",
        "?to=/runs//evil.example",
        "?to=/runs/..",
        "?to=/runs/a/../../login",
        "?to=/runs/%2e%2e",
        "?to=/runs/a%0d%0ax-header:1",
        "?to=/runs/a\"><script>",
        "?to=/v1/runs",
    ] {
        let to = to.replace(['"', '<', '>', '\\'], "%22");
        assert!(entered(&to).contains("location: /\r\n"), "{to}: {}", entered(&to));
        assert!(served.get(&format!("/login{to}")).body.contains("action=\"/login\""), "{to}");
    }
    // It looks as the other pages do; what shows runs is for those who may read.
    assert_eq!(served.get("/page.css").status, 200);
    for path in ["/page.js", "/plot.js", "/list.js"] {
        served.get(path).is_problem(401);
    }
}

#[test]
fn no_secret_is_said() {
    let served = guarded();
    for answer in [
        served.ask_with("GET", "/v1/runs", "authorization: Bearer wrong-secret-0123456789\r\n", ""),
        served.ask_with("PUT", "/v1/runs/yours", &format!("authorization: Bearer {WRITE}\r\n"), "{}"),
        served.ask_with("GET", "/metrics", &format!("authorization: Bearer {READ}\r\n"), ""),
    ] {
        assert!(!answer.body.contains("0123456789") && !answer.head.contains("0123456789"), "{answer:?}");
    }
}

#[test]
fn other_names_and_other_sites_are_not_let_in() {
    let served = Served::with(|options| options.names = vec!["runs.lab.example".to_owned()]);
    let address = served.address();
    let port = address.port();
    for (host, headers, status) in [
        ("runs.lab.example".to_owned(), String::new(), 200),
        (format!("localhost:{port}"), String::new(), 200),
        (format!("evil.example:{port}"), String::new(), 403),
        (format!("127.0.0.1:{port}"), "origin: http://evil.example\r\n".to_owned(), 403),
        (format!("127.0.0.1:{port}"), "origin: null\r\n".to_owned(), 403),
        (format!("127.0.0.1:{port}"), "sec-fetch-site: cross-site\r\n".to_owned(), 403),
        (format!("127.0.0.1:{port}"), format!("origin: http://127.0.0.1:{port}\r\n"), 200),
    ] {
        for path in ["/healthz", "/v1/runs", "/"] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n");
            assert_eq!(raw(address, &request).status, status, "{request}");
        }
        // What a form of another site could send.
        let body = "step=0&train_loss=1";
        let length = body.len();
        let request = format!(
            "POST /v1/runs/none/step HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
        );
        assert_eq!(raw(address, &request).status, if status == 200 { 404 } else { 403 }, "{request}");
    }
}

#[test]
fn models_and_runs_go_by_name_never_by_path() {
    let served = Served::new();
    fs::copy(served.path().join("models/toy.lode"), served.path().join("secret.lode")).expect("copied");
    for name in ["../secret", "..%2fsecret", "/etc/passwd", "toy.lode", "", ".", "secret"] {
        let body = json!({"model": name, "total_steps": 100}).to_string();
        let refused = served.ask("PUT", "/v1/runs/run", &body);
        assert!(matches!(refused.status, 400 | 422), "{name}: {refused:?}");
        let folder = served.path().to_str().expect("Unicode");
        assert!(!refused.body.contains(folder), "where models lie is nobody's business: {refused:?}");
    }
    for run in ["..%2f..%2fetc", "a%2fb", "%00", "a%20b", ".hidden", &"a".repeat(200)] {
        served.make(run).is_problem(400);
    }
}

#[test]
fn bad_input_is_told_from_good_and_nothing_of_it_is_stored() {
    let served = Served::new();
    for (body, status) in [
        ("", 400),
        ("{", 400),
        (r#"{"model": "toy"}"#, 400),
        (r#"{"model": "toy", "total_steps": -1}"#, 400),
        (r#"{"model": "toy", "total_steps": 0}"#, 422),
        (r#"{"model": "toy", "total_steps": 100, "wat": 1}"#, 400),
        (r#"{"model": "toy", "total_steps": 100, "lead": 0}"#, 422),
        (r#"{"model": "toy", "total_steps": 100, "range_factor": 0.5}"#, 422),
        (r#"{"model": "toy", "total_steps": 100, "replan_at": [2]}"#, 422),
        (r#"{"model": "toy", "total_steps": 100, "replan_every": 1e-9}"#, 422),
        (r#"{"model": "none", "total_steps": 100}"#, 422),
    ] {
        served.ask("PUT", "/v1/runs/run", body).is_problem(status);
    }
    assert_eq!(served.get("/v1/runs").json()["count"], 0);
    served.step("run", "step=0&train_loss=1").is_problem(404);
    served.make("run");
    for (path, body, status) in [
        ("step", "train_loss=1", 400),
        ("step", "step=0&train_loss=x", 400),
        ("step", "step=99999999999999999999", 400),
        ("step", "step=9999", 409),
        ("points", "{}", 400),
        ("points", r#"{"points": [{"step": 0, "train_loss": NaN}]}"#, 400),
        ("extend", r#"{"total_steps": "many"}"#, 400),
        ("extend", r#"{"total_steps": 1e300}"#, 400),
        ("extend", r#"{"total_steps": 18446744073709551615}"#, 422),
        ("resume", "{}", 400),
        ("resume", "{\"step\": -1}", 400),
    ] {
        served.ask("POST", &format!("/v1/runs/run/{path}"), body).is_problem(status);
    }
    let many: Vec<_> = (0..1001).map(|step| json!({"step": step})).collect();
    served.post("run", "points", &json!({"points": many})).is_problem(413);
    served.ask("DELETE", "/v1/runs/run", "").is_problem(405);
    served.get("/nothing").is_problem(404);
    served.get("/v1/runs/run/schedule?wait=x").is_problem(400);
    let run = served.get("/v1/runs/run").json();
    assert_eq!((&run["last_step"], &run["revision"]), (&serde_json::Value::Null, &1.into()));
}

#[test]
fn what_is_large_or_comes_too_often_is_refused() {
    let served = Served::with(|options| options.pace = 5.0);
    served.make("run");
    served.ask("POST", "/v1/runs/run/points", &" ".repeat(600_000)).is_problem(413);
    let long = format!("x-long: {}\r\n", "a".repeat(40_000));
    // The connection may be gone before its answer is read.
    assert!(matches!(served.ask_with("GET", "/", &long, "").status, 0 | 400 | 431));
    assert!(matches!(served.ask_with("GET", "/", &"x-other: a\r\n".repeat(100), "").status, 400 | 431));
    let answers: Vec<u16> =
        (0..40).map(|step| served.step("run", &format!("step={step}&train_loss=1")).status).collect();
    assert!(answers[..10].iter().all(|&status| status == 200), "{answers:?}");
    assert!(answers.contains(&429), "{answers:?}");
    assert_eq!(served.get("/healthz").status, 200);
}

#[test]
fn what_is_misspelt_or_cannot_be_read_is_told_with_what_to_do() {
    let served = Served::new();
    served.make("run");
    for path in ["/v1/runs/run/learning-rate?stp=3", "/v1/runs/run/schedule?after=1", "/v1/runs?page=2"] {
        let refused = served.get(path);
        assert!(refused.is_problem(400).body.contains("say any of"), "{refused:?}");
    }
    served.get("/runs/%ff%fe/view").is_problem(400);
    served.ask("PUT", "/v1/runs/%ff%fe", "{}").is_problem(400);
    let start = json!({"model": "toy", "total_steps": 100, "start": {"kind": "parametric", "family": "cosine", "peak_lr": 50.0, "warmup": 0.0}});
    let refused = served.ask("PUT", "/v1/runs/high", &start.to_string());
    assert!(refused.is_problem(422).body.contains("range_factor"), "{refused:?}");
    served.get("/v1/runs/high").is_problem(404);
}

#[test]
fn who_looks_too_often_waits_and_trainings_do_not() {
    let served = Served::with(|options| options.looks = 5.0);
    served.make("run");
    let looks: Vec<u16> = (0..40).map(|_| served.get("/runs/run/view").status).collect();
    assert!(looks[..10].iter().all(|&status| status == 200) && looks.contains(&429), "{looks:?}");
    let rates = (0..40).map(|step| served.get(&format!("/v1/runs/run/learning-rate?step={step}")).status);
    assert!(rates.into_iter().all(|status| status == 200));
    assert_eq!(served.step("run", "step=1&train_loss=1").status, 200);
}

#[test]
fn a_reader_that_asks_without_end_waits_and_no_other_does() {
    let served = guarded_with(|options| (options.looks, options.polls) = (5.0, 5.0));
    let ask = |method: &str, path: &str, token: &str, body: &str| {
        served.ask_with(method, path, &format!("authorization: Bearer {token}\r\n"), body)
    };
    let settings = json!({"model": "toy", "total_steps": 100}).to_string();
    assert_eq!(ask("PUT", "/v1/runs/mine-1", WRITE, &settings).status, 201);
    for (path, at_once) in [
        ("/v1/runs", 10),
        ("/v1/runs/mine-1/schedule", 10),
        // Also what is not there has to be looked for.
        ("/v1/runs/none/learning-rate", 0),
    ] {
        let answers: Vec<_> = (0..3 * at_once + 20).map(|_| ask("GET", path, READ, "")).collect();
        assert!(answers[..at_once].iter().all(|answer| answer.status == 200), "{path}: {answers:?}");
        let refused = answers.iter().find(|answer| answer.status == 429).expect("a refusal");
        assert!(refused.is_problem(429).head.contains("retry-after: 1"), "{path}: {refused:?}");
        assert!(ask("GET", path, WRITE, "").status != 429, "{path}: one token's haste is no other's");
    }
    assert_eq!(ask("POST", "/v1/runs/mine-1/step", WRITE, "step=0&train_loss=1").status, 200);
    assert_eq!(served.get("/login").status, 200, "who has said no token yet has not asked");
}

#[test]
fn a_refusal_that_leaves_a_body_unread_says_that_its_connection_ends() {
    let served = guarded();
    let address = served.address();
    let begun = |request: &str, length: usize| {
        let head = format!("{request} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n");
        let mut stream = TcpStream::connect(address).expect("connected");
        stream.write_all(head.as_bytes()).expect("sent");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        let mut answer = vec![0; 4096];
        let count = stream.read(&mut answer).expect("an answer before the body");
        String::from_utf8_lossy(&answer[..count]).to_lowercase()
    };
    for request in ["POST /v1/runs/mine-1/step", "PUT /v1/runs/mine-1", "POST /nothing", "PUT /healthz"] {
        let answer = begun(request, 100);
        assert!(
            answer.starts_with("http/1.1 4") && answer.contains("\r\nconnection: close\r\n"),
            "{request}: {answer}"
        );
    }
    assert!(!begun("GET /v1/runs", 0).contains("connection: close"), "nothing of it was left");
    // What was read is refused over a connection that stays.
    let headers = format!("authorization: Bearer {WRITE}\r\n");
    let request = |body: &str, last: &str| {
        let length = body.len();
        let head = "POST /v1/runs/mine-none/step HTTP/1.1\r\n";
        format!("{head}host: {address}\r\n{headers}{last}content-length: {length}\r\n\r\n{body}")
    };
    let both = raw(address, &(request("step=0", "") + &request("step=1", "connection: close\r\n")));
    assert!(both.status == 404 && !both.head.contains("connection: close") && both.body.contains("HTTP/1.1 404"));
}

#[test]
fn who_dawdles_is_left_alone() {
    let served = Served::new();
    served.make("run");
    let address = served.address();
    // The head of a request, and a body, that never come to an end.
    let beginnings = [
        "GET / HTTP/1.1\r\nhost:".to_owned(),
        format!("POST /v1/runs/run/step HTTP/1.1\r\nhost: {address}\r\ncontent-length: 100\r\n\r\nstep=1"),
    ];
    let begun = Instant::now();
    let waiting: Vec<TcpStream> = beginnings
        .iter()
        .map(|beginning| {
            let mut stream = TcpStream::connect(address).expect("connected");
            stream.write_all(beginning.as_bytes()).expect("sent");
            stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
            stream
        })
        .collect();
    // Others are served meanwhile.
    served.step("run", "step=0&train_loss=1").rate();
    for mut stream in waiting {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
    }
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
}

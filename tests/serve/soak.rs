//! Rows and requests for minutes, with restarts in between: no error, and memory that does not grow.

use std::time::{Duration, Instant};

use super::project::{Project, Server, until};

/// How long it goes on; an hour's worth by `MLSYS_SOAK_SECONDS=3600`.
const USUAL: u64 = 300;

/// How long one server lives.
const LIFE: Duration = Duration::from_secs(60);

/// Memory may vary by so much between the middle of a server's life and its end.
const GROWTH: f64 = 1.15;

#[test]
fn minutes_of_rows_and_requests_leave_nothing_behind() {
    let seconds = std::env::var("MLSYS_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(USUAL);
    let (begin, whole) = (Instant::now(), Duration::from_secs(seconds));
    let project = Project::new();
    project.run();
    let (mut sent, mut counted) = (0_u64, 0);
    let mut kill = false;
    while begin.elapsed() < whole {
        let mut server = project.serve();
        let life = Instant::now();
        let (mut middle, mut asked) = (None, 0_u64);
        while life.elapsed() < LIFE && begin.elapsed() < whole {
            project.stream(&(0..50).map(|more| row(sent + more)).collect::<String>());
            sent += 50;
            for _ in 0..20 {
                let at = instant(sent);
                let body = format!("{{\"at\":\"{at}\",\"who\":\"w{}\",\"amount\":{}.5}}", asked % 40, asked % 90 + 1);
                let reply = server.ask(&body);
                assert_eq!(reply.status, 200, "{}", reply.body);
                asked += 1;
            }
            if life.elapsed() > LIFE / 2 && middle.is_none() {
                middle = Some(memory(&server));
            }
        }
        if let Some(middle) = middle.filter(|_| life.elapsed() >= LIFE) {
            let end = memory(&server);
            assert!(end < middle * GROWTH, "memory went from {middle} to {end} MiB");
        }
        until(|| server.metric("mlsys_stream_rows_total", "outcome=\"counted\"") > 0.0);
        // Whatever this one has counted and stored, the next one does not count again.
        counted += u64::from(server.counted());
        kill = !kill;
        match kill {
            true => server.kill(),
            false => assert!(server.stop(Duration::from_secs(20)), "it does not end"),
        }
    }
    let server = project.serve();
    until(|| server.metric("mlsys_stream_rows_total", "outcome=\"duplicate\"") == 0.0 && is_through(&server, sent));
    assert!(counted + u64::from(server.counted()) >= sent, "{counted} of {sent} rows counted");
    assert!(project.quarantined().is_empty(), "{}", project.quarantined());
}

/// Whether the stream has been read to its end: the last row's second is the watermark.
fn is_through(server: &Server, sent: u64) -> bool {
    let watermark = server.metric("mlsys_stream_watermark_seconds", "payments");
    watermark >= (BEGIN + (sent - 1)) as f64
}

/// 2024-01-02T00:00:00Z.
const BEGIN: u64 = 1_704_153_600;

/// A row a second, of forty people.
fn row(number: u64) -> String {
    let (id, at, who, amount) = (10_000 + number, instant(number), number * 7 % 40, number % 97 + 1);
    format!("{{\"id\":{id},\"at\":\"{at}\",\"who\":\"w{who}\",\"amount\":{amount}.25,\"bad\":false}}\n")
}

/// The moment so many seconds after the beginning.
fn instant(second: u64) -> String {
    let (day, rest) = (2 + second / 86_400, second % 86_400);
    format!("2024-01-{day:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// What a server holds, in MiB.
fn memory(server: &Server) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

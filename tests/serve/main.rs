//! `mlsysc serve` as users run it: requests are answered with features of the moment, streams keep them fresh, a kill loses
//! nothing, a promoted version takes over without a dropped request.

mod project;
mod soak;

use std::time::Duration;

use serde_json::Value;

use project::{Project, until};

/// A payment that is asked about.
const ASKED: &str = r#"{"at": "2024-01-02T00:00:00Z", "who": "a", "amount": 10.0}"#;

fn event(id: u32, minute: u32, who: &str, amount: f64) -> String {
    format!(
        "{{\"id\":{id},\"at\":\"2024-01-01T23:{minute:02}:00Z\",\"who\":\"{who}\",\"amount\":{amount},\"bad\":false}}\n"
    )
}

#[test]
fn rows_of_a_stream_count_once_in_what_is_answered() {
    let project = Project::new();
    project.run();
    let mut server = project.serve();
    let before = server.ask(ASKED);
    assert_eq!(before.status, 200, "{}", before.body);
    let answer: Value = serde_json::from_str(&before.body).unwrap();
    assert_eq!((&answer["model"], &answer["version"]), (&"m".into(), &1.into()), "{answer}");
    assert_eq!(server.counted(), 0);
    // What another one does changes nothing, what this one does changes the answer.
    project.stream(&event(901, 10, "b", 50.0));
    until(|| server.counted() == 1);
    assert_eq!(server.prediction(ASKED), before.prediction());
    project.stream(
        &(event(902, 20, "a", 70.0) + &event(902, 20, "a", 70.0) + "{\"no\": row}\n" + &event(903, 30, "a", -1.0)),
    );
    until(|| server.counted() == 2 && server.metric("mlsys_stream_rows_total", "outcome=\"malformed\"") == 1.0);
    let after = server.prediction(ASKED);
    assert_ne!(after, before.prediction());
    // The same payment again, a line that is no row, and a payment that an expectation keeps aside.
    assert_eq!(server.metric("mlsys_stream_rows_total", "outcome=\"duplicate\""), 1.0);
    assert_eq!(server.metric("mlsys_stream_rows_total", "outcome=\"set_aside\""), 1.0);
    let aside = project.quarantined();
    assert!(aside.contains("no\\\": row") && aside.contains("does not satisfy"), "{aside}");
    // Later the windows of an hour see nothing of it any more, although nothing has come.
    let day = |day: u32| server.prediction(&ASKED.replace("2024-01-02", &format!("2024-01-0{day}")));
    assert_eq!(day(3), day(4));
    assert_ne!(day(3), after);
    // Killed and begun again: what was committed is there, what was not comes again.
    server.kill();
    project.stream(&event(904, 40, "a", 5.0));
    let server = project.serve();
    until(|| server.metric("mlsys_stream_rows_total", "outcome=\"counted\"") >= 1.0);
    until(|| server.prediction(ASKED) != after);
    // From nothing, over the whole stream, it comes to the same.
    let expected = server.prediction(ASKED);
    drop(server);
    std::fs::remove_dir_all(project.path().join(".mlsys/online")).unwrap();
    let server = project.serve();
    until(|| server.counted() == 3);
    assert_eq!(server.prediction(ASKED), expected);
}

#[test]
fn mistakes_are_told_by_name() {
    let project = Project::new();
    project.run();
    let server = project.serve();
    let told = |body: &str| {
        let reply = server.ask(body);
        assert_eq!(reply.status, 400, "{}", reply.body);
        reply.body
    };
    assert!(told(&ASKED.replace("10.0", "\"much\"")).contains("amount"));
    assert!(told(&ASKED.replace("\"amount\"", "\"amuont\"")).contains("did you mean `amount`"));
    assert!(told("{").contains("request_id"));
    assert_eq!(server.get("/v1/appi/predict").0, 405);
    assert_eq!(server.send("POST", "/v1/appi/predict", ASKED).status, 404);
    assert_eq!(server.get("/health/ready").0, 200);
    assert!(server.get("/openapi.json").1.contains("\"amount\""));
    assert!(server.get("/v2/models/api").1.contains("\"inputs\""));
    // Another process cannot keep the same features fresh.
    let second = project.serve_again();
    assert!(second.contains("E0947"), "{second}");
}

#[test]
fn a_promoted_version_takes_over_without_a_dropped_request() {
    let project = Project::new();
    project.run();
    let server = project.serve();
    let first = server.prediction(ASKED);
    project.write(&[("epochs 3", "epochs 9")]);
    project.run();
    let mut answered = 0;
    until(|| {
        let reply = server.ask(ASKED);
        assert_eq!(reply.status, 200, "{}", reply.body);
        answered += 1;
        reply.prediction() != first
    });
    assert!(answered > 1);
    let answer: Value = serde_json::from_str(&server.ask(ASKED).body).unwrap();
    assert_eq!(answer["version"], 2, "{answer}");
    assert!(server.stop(Duration::from_secs(10)), "it does not end");
    assert!(project.logged() > 0);
}

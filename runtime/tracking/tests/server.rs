//! A server that answers as a script says, over a real socket: whatever it does, news are sent once it lets them, nothing waits
//! without bounds, and no secret is told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod support;

use std::time::{Duration, Instant};

use mlsys_tracking::mlflow::Credentials;
use mlsys_tracking::{Came, Ended, Moved, News, Registered, Training};
use mlsys_training::{EpochReport, Scores};
use support::{Answer, Asked, Place, Server, pace};

#[tokio::test]
async fn a_training_is_told_with_its_files_and_its_version() {
    let server = Server::mlflow().await;
    let place = Place::new();
    let report = place.tell(&server.address, &Credentials::None, [place.ended(), place.registered()]).await;
    assert_eq!(report.warning, None);
    let asked = server.asked();
    let files: Vec<(&str, usize)> = asked
        .iter()
        .filter(|asked| asked.method == "PUT")
        .map(|asked| (asked.path.rsplit("/artefacts/").next().unwrap(), asked.body.len()))
        .collect();
    assert_eq!(files, [("model/model.json", 2), ("report.json", 8), ("model/weights%20_1.bin", 3 << 20)]);
    let bodies: Vec<&Asked> = asked.iter().filter(|asked| asked.path.ends_with("/log-batch")).collect();
    assert!(bodies.iter().all(|asked| asked.body.len() <= 1_000_000));
    let metrics: usize = bodies.iter().map(|asked| asked.list("metrics")).sum();
    assert!(metrics >= 2 * support::EPOCHS && bodies.iter().all(|asked| asked.list("metrics") <= 1000));
    assert_eq!(server.count("runs/create"), 1);
    assert_eq!(server.count("model-versions/create"), 1);
    assert_eq!(server.count("registered-models/alias"), 2);
    assert!(!place.spool().exists());
}

/// 429 with Retry-After, 500 and 503, and a connection that is cut before and after the server has done what it was asked.
#[tokio::test]
async fn failures_that_pass_are_waited_for() {
    for (path, answers, least) in [
        ("runs/search", vec![Answer::Status(429, "Retry-After: 1\r\n", "slow down")], 1000),
        ("log-batch", vec![Answer::Status(500, "", "oops"), Answer::Status(503, "", "")], 0),
        ("runs/create", vec![Answer::Cut], 0),
        ("runs/create", vec![Answer::DoneAndCut], 0),
        ("model-versions/create", vec![Answer::DoneAndCut], 0),
        ("mlflow-artifacts", vec![Answer::Cut, Answer::Status(502, "", "<html>Bad Gateway</html>")], 0),
    ] {
        let server = Server::mlflow().await;
        server.script(path, answers);
        let place = Place::new();
        let started = Instant::now();
        let report = place.tell(&server.address, &Credentials::None, [place.ended(), place.registered()]).await;
        assert_eq!(report.warning, None, "{path}");
        assert!(started.elapsed() >= Duration::from_millis(least), "{path}: {:?}", started.elapsed());
        // What was done although the answer was lost is found, and not done twice.
        assert_eq!(server.runs(), 1, "{path}");
        assert_eq!(server.versions(), 1, "{path}");
    }
}

#[tokio::test]
async fn a_date_is_a_time_to_wait_too() {
    let server = Server::mlflow().await;
    let header = "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n";
    server.script("runs/search", vec![Answer::Status(429, header, "")]);
    let place = Place::new();
    assert_eq!(place.tell(&server.address, &Credentials::None, [place.ended()]).await.warning, None);
}

/// What nobody can mend while the run goes on is said once, within the time that there is, and kept for the next run.
#[tokio::test]
async fn failures_that_stay_are_one_warning_and_what_was_not_sent_is_sent_by_the_next_run() {
    for (answer, reason) in [
        (Answer::Status(500, "", "oops"), "status 500"),
        (Answer::Status(200, "", "<html>Welcome</html>"), "no MLflow server"),
        (Answer::Status(200, "", "{\"experiment\": {}}"), "no `experiment_id`"),
        (Answer::Status(404, "", "not found"), "no MLflow server"),
        (Answer::Status(302, "Location: http://elsewhere/\r\n", ""), "sends elsewhere"),
        (Answer::Status(401, "", "who are you"), "MLFLOW_TRACKING_TOKEN"),
        (Answer::Status(403, "", "{\"error_code\": \"PERMISSION_DENIED\", \"message\": \"no\"}"), "does not allow"),
        (Answer::Cut, "the connection was cut"),
        (Answer::Never, "does not answer in time"),
        (Answer::Endless, "no end"),
    ] {
        let server = Server::mlflow().await;
        server.always(Some(answer.clone()));
        let place = Place::new();
        let token = Credentials::Token("secret-of-nobody".to_owned());
        let started = Instant::now();
        let report = place.tell(&server.address, &token, [place.ended(), place.registered(), moved()]).await;
        assert!(started.elapsed() < Duration::from_secs(20), "{answer:?}: {:?}", started.elapsed());
        let warning = report.warning.unwrap();
        assert!(warning.contains(reason), "{answer:?}: {warning}");
        assert!(warning.contains(&format!("`{}`", server.address)), "{warning}");
        assert!(warning.contains("1 training, 1 judgement of gates, 1 alias"), "{warning}");
        assert!(!warning.contains("secret-of-nobody"), "{warning}");
        let kept = std::fs::read_to_string(place.spool()).unwrap();
        assert!(!kept.contains("secret-of-nobody"));

        server.always(None);
        let warning = place.tell(&server.address, &token, []).await.warning.unwrap();
        assert!(warning.contains("version 9 of `other`") && !warning.contains("told of"), "{warning}");
        assert_eq!((server.runs(), server.versions()), (1, 1), "{answer:?}");
        assert!(!place.spool().exists());
    }
}

#[tokio::test]
async fn nobody_at_the_address_costs_little_time() {
    let place = Place::new();
    let address = support::nobody().await;
    let started = Instant::now();
    let warning = place.tell(&address, &Credentials::None, [place.ended()]).await.warning.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(warning.contains("cannot be reached") && warning.contains(&address), "{warning}");
}

/// An end that would take longer than it may is cut: a server that needs a second for each answer holds nobody up.
#[tokio::test]
async fn a_slow_server_does_not_hold_up_the_end() {
    let server = Server::mlflow().await;
    server.always(Some(Answer::Slow(Duration::from_millis(900))));
    let place = Place::new();
    let started = Instant::now();
    let warning = place.tell(&server.address, &Credentials::None, [place.ended()]).await.warning.unwrap();
    let bound = pace().flush + Duration::from_secs(4);
    assert!(started.elapsed() < bound, "{:?}", started.elapsed());
    assert!(warning.contains("did not take everything within"), "{warning}");
}

#[tokio::test]
async fn credentials_are_sent_and_a_wrong_token_is_refused() {
    let server = Server::mlflow().await;
    server.expect("Bearer right");
    let place = Place::new();
    let wrong = Credentials::Token("wrong".to_owned());
    let warning = place.tell(&server.address, &wrong, [place.ended()]).await.warning.unwrap();
    assert!(warning.contains("refuses the credentials") && !warning.contains("wrong"), "{warning}");
    // A refusal is not asked for again and again.
    assert_eq!(server.asked().len(), 1);
    let right = Credentials::Token("right".to_owned());
    assert_eq!(place.tell(&server.address, &right, []).await.warning, None);
    server.expect("Basic bWU6cGFzc3dvcmQ=");
    let user = Credentials::User("me".to_owned(), "password".to_owned());
    assert_eq!(place.tell(&server.address, &user, [place.ended()]).await.warning, None);
    assert_eq!(format!("{wrong:?} {user:?}"), "Token(…) User(…)");
}

/// What the server does not want is said, and what comes after it is sent.
#[tokio::test]
async fn one_refusal_keeps_nothing_else_back() {
    let server = Server::mlflow().await;
    let no = "{\"error_code\": \"INVALID_PARAMETER_VALUE\", \"message\": \"Changing param values is not allowed\"}";
    server.script("log-batch", vec![Answer::Status(400, "", no)]);
    let place = Place::new();
    let report = place.tell(&server.address, &Credentials::None, [place.ended(), place.registered(), moved()]).await;
    let warning = report.warning.unwrap();
    assert!(warning.contains("Changing param values is not allowed"), "{warning}");
    assert!(warning.contains("version 9 of `other`"), "{warning}");
    assert_eq!((server.runs(), server.versions()), (1, 1));
    assert!(!place.spool().exists());
}

/// A request on which the server fails each time, and says that it does, does not block what waits behind it.
#[tokio::test]
async fn what_the_server_always_fails_on_is_given_up() {
    let server = Server::mlflow().await;
    let broken = "{\"error_code\": \"INTERNAL_ERROR\", \"message\": \"division by zero\"}";
    server.script("mlflow-artifacts", vec![Answer::Status(500, "", broken); pace().attempts as usize]);
    let place = Place::new();
    let report = place.tell(&server.address, &Credentials::None, [place.ended(), place.registered()]).await;
    assert!(report.warning.unwrap().contains("division by zero"));
    assert_eq!(server.versions(), 1);
}

#[tokio::test]
async fn a_training_that_is_told_twice_is_one_run() {
    let server = Server::mlflow().await;
    let place = Place::new();
    let began = News::Began(place.training());
    let epochs = (1..=3).map(|epoch| {
        let report = EpochReport { epoch, loss: 0.5, validate: Scores::default(), seconds: f64::from(epoch) };
        News::Epoch { training: place.training().id, trial: None, report }
    });
    // A run that is cut off, then one that goes on, then one that has nothing to do.
    place.tell(&server.address, &Credentials::None, [began.clone()].into_iter().chain(epochs)).await;
    place.tell(&server.address, &Credentials::None, [began, place.ended(), place.registered()]).await;
    let asked = server.asked().len();
    place.tell(&server.address, &Credentials::None, [place.ended(), place.registered()]).await;
    assert_eq!((server.runs(), server.versions()), (1, 1));
    assert_eq!(server.logged("loss"), support::EPOCHS, "each epoch was sent once");
    let further: Vec<String> = server.asked().split_off(asked).into_iter().map(|asked| asked.path).collect();
    assert_eq!(further.len(), 3, "a training that is known costs an experiment, a run and a version: {further:?}");
}

#[tokio::test]
async fn a_failed_training_is_told_and_goes_on_as_the_same_run() {
    let server = Server::mlflow().await;
    let place = Place::new();
    let came = Came::Failed { reason: "E0932: the loss is not a number".to_owned() };
    let failed = News::Ended(Box::new(Ended { training: place.training(), at: 2000, came }));
    place.tell(&server.address, &Credentials::None, [News::Began(place.training()), failed]).await;
    assert_eq!(server.status(), "FAILED");
    place.tell(&server.address, &Credentials::None, [News::Began(place.training()), place.ended()]).await;
    assert_eq!((server.runs(), server.status().as_str()), (1, "FINISHED"));
}

/// A run that is interrupted leaves what it has not sent to the next one.
#[tokio::test]
async fn what_is_dropped_is_kept() {
    let server = Server::mlflow().await;
    server.always(Some(Answer::Never));
    let place = Place::new();
    let tracking = place.tracking(&server.address, &Credentials::None);
    tracking.tell(place.ended());
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(tracking);
    assert!(place.spool().exists());
    server.always(None);
    assert_eq!(place.tell(&server.address, &Credentials::None, []).await.warning, None);
    assert_eq!(server.runs(), 1);
}

#[tokio::test]
async fn telling_never_waits_and_what_is_too_much_is_counted() {
    let server = Server::mlflow().await;
    server.always(Some(Answer::Never));
    let place = Place::new();
    let tracking = place.tracking(&server.address, &Credentials::None);
    let started = Instant::now();
    for epoch in 1..=50_000 {
        let report = EpochReport { epoch, loss: 0.5, validate: Scores::default(), seconds: 0.0 };
        tracking.tell(News::Epoch { training: place.training().id, trial: Some(1), report });
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let warning = tracking.end().await.warning.unwrap();
    assert!(warning.contains("was too slow: 4"), "{warning}");
}

fn moved() -> News {
    let (model, fingerprint, alias) = ("other".to_owned(), "unknown".to_owned(), "champion".to_owned());
    News::Moved(Moved { model, fingerprint, version: 9, alias })
}

impl Place {
    fn ended(&self) -> News {
        let came = Came::Model { report: Box::new(support::report()), folder: self.model() };
        News::Ended(Box::new(Ended { training: self.training(), at: 30_000, came }))
    }

    fn training(&self) -> Training {
        support::training()
    }

    fn registered(&self) -> News {
        News::Registered(Registered {
            training: self.training().id,
            version: Some(4),
            gates: vec!["test.auc >= 0.7: 0.71, met".to_owned()],
            aliases: vec!["champion".to_owned(), "latest".to_owned()],
        })
    }
}

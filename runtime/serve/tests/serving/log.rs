//! What is kept of answers.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int64Type, UInt32Type, UInt64Type};
use mlsys_plan::{Deployment, Fallback};
use mlsys_serve::Options;
use mlsys_serve::log::{Log, LogOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::support::{Doubling, POISON, Started, WRONG, deployment, start};

async fn logged(share: f64, options: LogOptions) -> Started {
    let logged = Deployment { log: Some(share), fallback: Some(Fallback::Number(0.0)), ..deployment() };
    let options = Options { log: Some(Log::open(options).unwrap()), ..Options::default() };
    start(logged, Arc::new(Doubling::new(5)), options).await
}

fn read(folder: &Path) -> Vec<RecordBatch> {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            assert_eq!(path.extension().unwrap(), "parquet");
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
            let batches: Vec<_> = reader.map(Result::unwrap).collect();
            concat_batches(&batches[0].schema(), &batches).unwrap()
        })
        .collect()
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Vec<Option<&'a str>> {
    batch.column_by_name(name).unwrap().as_string::<i32>().iter().collect()
}

#[tokio::test]
async fn answers_are_kept_with_all_that_led_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let server = logged(1.0, LogOptions::new(folder.path())).await;
    let rows = format!(r#"{{"rows":[{{"id":1,"name":"x"}},{{"id":{WRONG}}}]}}"#);
    server.send("POST", "/v1/double/predict", &[("x-request-id", "first")], rows).await;
    server.ask(format!(r#"{{"id":{POISON}}}"#)).await;
    server.ask("{").await;
    server.server.stop().await;
    let files = read(folder.path());
    assert_eq!(files.len(), 2, "the fallback looked no features up, which makes other columns");
    let first = &files[0];
    assert_eq!(texts(first, "request_id"), [Some("first"); 2]);
    assert_eq!(first.column_by_name("row").unwrap().as_primitive::<UInt32Type>().values(), &[0, 1]);
    assert_eq!(first.column_by_name("version").unwrap().as_primitive::<UInt64Type>().values(), &[5, 5]);
    assert_eq!(first.column_by_name("id").unwrap().as_primitive::<Int64Type>().values(), &[1, WRONG]);
    assert_eq!(texts(first, "name"), [Some("x"), None]);
    assert_eq!(texts(first, "fallback"), [None, Some("failed")]);
    assert_eq!(texts(first, "artefact"), [Some("hash5"); 2]);
    assert_eq!(first.column_by_name("prediction").unwrap().as_primitive::<Int64Type>().values(), &[2, 0]);
    let features = first.column_by_name("group.seen").unwrap();
    assert_eq!((features.as_primitive::<Int64Type>().value(0), features.is_null(1)), (2, true));
    assert_eq!(texts(&files[1], "fallback"), [Some("failed")]);
}

#[tokio::test]
async fn personal_data_is_hashed_or_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let hidden = vec!["group.seen".to_owned()];
    let options = LogOptions {
        hidden,
        hashed: vec!["name".to_owned()],
        hash_key: b"key".to_vec(),
        ..LogOptions::new(folder.path())
    };
    let server = logged(1.0, options).await;
    server.ask(r#"{"rows":[{"id":1,"name":"ann"},{"id":2,"name":"bob"},{"id":3,"name":"ann"},{"id":4}]}"#).await;
    server.server.stop().await;
    let files = read(folder.path());
    let names = texts(&files[0], "name");
    assert_eq!(names[0], names[2]);
    assert_ne!(names[0], names[1]);
    assert_eq!((names[0].unwrap().len(), names[3]), (32, None));
    assert!(files[0].column_by_name("group.seen").is_none());
    // HMAC-SHA-256 of "\"ann\"" with the key "key", as openssl computes it.
    assert_eq!(names[0], Some("b081c8f63d89eb2e75e70905aba95436"));
}

#[tokio::test]
async fn a_share_is_kept_and_files_are_changed_by_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let server = logged(0.5, LogOptions { rows: 4, ..LogOptions::new(folder.path()) }).await;
    for id in 0..20 {
        server.ask(format!(r#"{{"id":{id}}}"#)).await;
    }
    server.server.stop().await;
    let sizes: Vec<usize> = read(folder.path()).iter().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [4, 4, 2]);
    assert!(server.server.metrics_text().contains(r#"mlsys_payload_log_rows_total{deployment="double"} 10"#));
}

#[tokio::test]
async fn nothing_is_logged_that_is_not_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { log: Some(Log::open(LogOptions::new(folder.path())).unwrap()), ..Options::default() };
    let server = start(deployment(), Arc::new(Doubling::new(1)), options).await;
    server.ask(r#"{"id":1}"#).await;
    server.server.stop().await;
    assert_eq!(read(folder.path()).len(), 0);
}

/// The thread cannot write: its folder is gone. Answers go on, and it is known how many files are missing.
#[tokio::test]
async fn a_log_that_cannot_be_written_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(LogOptions { rows: 1, ..LogOptions::new(folder.path()) }).unwrap();
    folder.close().unwrap();
    let logged = Deployment { log: Some(1.0), ..deployment() };
    let server =
        start(logged, Arc::new(Doubling::new(1)), Options { log: Some(log.clone()), ..Options::default() }).await;
    for id in 0..3 {
        assert_eq!(server.ask(format!(r#"{{"id":{id}}}"#)).await.status, 200);
    }
    server.server.stop().await;
    assert_eq!(log.failures(), 3);
}

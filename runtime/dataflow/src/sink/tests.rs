//! The bytes of stored tables.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use super::Sink;

/// Files are compared by their bytes: of equal rows they are equal, however these came.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_does_not_depend_on_the_size_of_batches() {
    const ROWS: usize = 150_000;
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values((0..ROWS as i64).map(|row| row * row % 100_003)));
    let texts: ArrayRef = Arc::new(StringArray::from_iter(
        (0..ROWS).map(|row| (row % 7 > 0).then(|| format!("text {}", row * 31 % 50_021))),
    ));
    let rows = RecordBatch::try_from_iter_with_nullable([("number", numbers, true), ("text", texts, true)]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for size in [8192, 5000, 777, ROWS] {
        let path = folder.path().join(format!("{size}.parquet"));
        let mut sink = Sink::create(&path, &rows.schema()).unwrap();
        let mut start = 0;
        while start < ROWS {
            let count = size.min(ROWS - start);
            sink.write(rows.slice(start, count)).await.unwrap();
            start += count;
        }
        sink.finish().await.unwrap().publish().unwrap();
        files.push(fs::read(path).unwrap());
    }
    assert!(files.iter().all(|file| *file == files[0]), "{:?}", files.iter().map(Vec::len).collect::<Vec<_>>());
}

//! Tables in parts: what an appended, a changed and a removed file cost, and that the result is that of a build from
//! nothing.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use mlsys_dataflow::{Parts, PartsReport, SourceReport, Target, files_of, forget_parts};
use mlsys_plan::{Aggregate, EntityKey, Features, Fingerprint, Join, JoinKey, Label, Observe, Source, Type, Window};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::build::*;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// A payment: its number, its customer, when it was made, its amount.
pub(crate) type Payment = (i64, i64, i64, i64);

/// Files by name.
pub(crate) type Files = BTreeMap<String, Vec<Payment>>;

fn payments(has_key: bool) -> Source {
    let schema = [
        ("id", Type::Int64.required()),
        ("customer", Type::Int64.required()),
        ("at", Type::Timestamp.required()),
        ("amount", Type::Int64.optional()),
    ];
    let positive = compare(mlsys_plan::BinaryOp::Less, int(0), column("amount", Type::Int64));
    Source {
        time: Some("at".to_owned()),
        key: if has_key { vec!["id".to_owned()] } else { Vec::new() },
        expectations: vec![expectation(positive, mlsys_plan::OnViolation::Quarantine, 7)],
        ..source(csv("day-*.csv"), &schema)
    }
}

fn observe() -> Observe {
    Observe {
        label: Some(Label {
            name: "amount".to_owned(),
            expr: column("amount", Type::Int64),
            known_at: column("at", Type::Timestamp),
            looks: Vec::new(),
        }),
        keys: vec![derived("customer", column("customer", Type::Int64))],
        inputs: vec![derived("id", column("id", Type::Int64))],
        ..observing("model", 60)
    }
}

pub(crate) fn spending(windows: &[Window]) -> Features {
    let aggregate = |(index, window): (usize, &Window)| Aggregate {
        name: format!("f{index}"),
        function: "sum".to_owned(),
        argument: Some(column("amount", Type::Int64)),
        args: BTreeMap::new(),
        filter: None,
        window: *window,
        step: None,
        offset: 0,
        ty: Type::Int64.optional(),
        line: 1,
    };
    Features {
        name: "spending".to_owned(),
        entity: "customer".to_owned(),
        keys: vec![EntityKey { name: "id".to_owned(), column: "customer".to_owned(), ty: Type::Int64.required() }],
        source: "rides".to_owned(),
        at: column("at", Type::Timestamp),
        time: Some("at".to_owned()),
        filter: None,
        order: vec!["id".to_owned()],
        aggregates: windows.iter().enumerate().map(aggregate).collect(),
        derived: Vec::new(),
        refresh: None,
    }
}

/// What a build has come to, and the rows of its tables as text.
#[derive(Debug)]
pub(crate) struct Built {
    source: SourceReport,
    observe: Option<PartsReport>,
    pub(crate) join: Option<PartsReport>,
    pub(crate) rows: [Vec<String>; 3],
    quarantined: Vec<String>,
    /// How the join ran, if that was asked for.
    pub(crate) explain: Option<String>,
}

fn write(project: &Project, files: &Files) {
    for name in project.files().iter().filter(|name| name.starts_with("day-")) {
        std::fs::remove_file(project.path(name)).unwrap();
    }
    for (name, rows) in files {
        let rows: String = rows
            .iter()
            .map(|(id, customer, at, amount)| format!("{id},{customer},1970-01-01T00:00:00.{at:06}Z,{amount}\n"))
            .collect();
        project.write(name, &format!("id,customer,at,amount\n{rows}"));
    }
}

/// Builds source, examples and sums over these windows from the files, in parts that stay in the project.
async fn build(project: &Project, files: &Files, has_key: bool, windows: &[Window]) -> Built {
    build_group(project, files, has_key, &spending(windows)).await
}

/// As [`build`], with features `f0`, `f1` and so on of any kind.
pub(crate) async fn build_group(project: &Project, files: &Files, has_key: bool, group: &Features) -> Built {
    write(project, files);
    let root = project.path("state");
    let folders = ["source", "observe", "join"].map(|name| root.join("parts").join(name));
    let tables = ["source", "observe", "join"].map(|name| root.join(name).join("data.parquet"));
    tables.iter().for_each(|table| std::fs::create_dir_all(table.parent().unwrap()).unwrap());
    let [of_source, of_observe, of_join] =
        folders.each_ref().map(|folder| Parts { folder, root: &root, definition: "v1", elsewhere: None });
    let digests: Vec<String> =
        files.values().map(|rows| Fingerprint::of(format!("{rows:?}").as_bytes()).as_str().to_owned()).collect();
    let (payments, dataflow) = (payments(has_key), &project.dataflow);
    let quarantine = project.path("quarantine.parquet");
    let folder = project.folder.path();
    let read = dataflow.source_in_parts(&payments, folder, &tables[0], of_source, &digests, &quarantine, &|_| {}).await;
    let source = read.unwrap().report;
    let target = Target { table: &tables[1], parts: Some(of_observe) };
    let observed = dataflow.observe(&observe(), &tables[0], &[], target, &|_| {}).await.unwrap();
    let join = Join {
        model: "model".to_owned(),
        group: group.name.clone(),
        alias: None,
        keys: vec![JoinKey { key: "id".to_owned(), column: "customer".to_owned() }],
        features: group.aggregates.iter().map(|aggregate| aggregate.name.clone()).collect(),
    };
    let target = Target { table: &tables[2], parts: Some(of_join) };
    let joined = dataflow.join(&join, group, &tables[1], &tables[0], target, &|_| {}).await.unwrap();
    for (folder, table) in folders.iter().zip(&tables) {
        forget_parts(folder, std::slice::from_ref(table)).unwrap();
    }
    let quarantined = if quarantine.exists() { show(&read_table(&quarantine)) } else { Vec::new() };
    let rows = tables.each_ref().map(|table| rows(table, join.features.len()));
    Built { source, observe: observed.parts, join: joined.parts, rows, quarantined, explain: joined.explain }
}

/// The rows of a table, with so many features; files may have others that nobody wants any more.
fn rows(table: &std::path::Path, features: usize) -> Vec<String> {
    let mut columns: BTreeMap<String, arrow::array::ArrayRef> = BTreeMap::new();
    for files in files_of(table).unwrap() {
        let batches: Vec<_> = files.iter().map(|file| read_table(file)).collect();
        let is_wanted =
            |name: &String| name.strip_prefix("spending.f").is_none_or(|f| f.parse::<usize>().unwrap() < features);
        let shared = |name: &String| batches.iter().all(|batch| names(batch).contains(name));
        let wanted = names(&batches[0]).into_iter().filter(|name| is_wanted(name) && shared(name));
        for name in wanted {
            let pieces: Vec<_> = batches.iter().map(|batch| batch.column_by_name(&name).unwrap().as_ref()).collect();
            columns.insert(name, arrow::compute::concat(&pieces).unwrap());
        }
    }
    show(
        &arrow::array::RecordBatch::try_from_iter_with_nullable(
            columns.iter().map(|(name, column)| (name, column.clone(), true)),
        )
        .unwrap(),
    )
}

fn parts(total: u64, made: u64) -> Option<PartsReport> {
    Some(PartsReport { total, made })
}

fn days(count: i64) -> Files {
    let day = |day: i64| {
        let rows = (0..6).map(|row| (day * 10 + row, row % 2, day * 10 + row, row + 1)).collect();
        (format!("day-{day:02}.csv"), rows)
    };
    (0..count).map(day).collect()
}

const WINDOWS: [Window; 2] = [Window::Range { width: 12 }, Window::Last { rows: 2 }];

#[tokio::test(flavor = "multi_thread")]
async fn an_appended_day_costs_a_day() {
    let project = Project::with(2, 4);
    let windows = [Window::Range { width: 12 }];
    let first = build(&project, &days(4), true, &windows).await;
    assert_eq!((first.source.parts, first.observe, first.join), (parts(4, 4), parts(4, 4), parts(4, 4)));
    let again = build(&project, &days(4), true, &windows).await;
    assert_eq!((again.source.parts, again.observe, again.join), (parts(4, 0), parts(4, 0), parts(4, 0)));
    let more = build(&project, &days(5), true, &windows).await;
    assert_eq!((more.source.parts, more.observe, more.join), (parts(5, 1), parts(5, 1), parts(5, 1)));
    let fresh = build(&Project::with(2, 4), &days(5), true, &windows).await;
    assert_eq!(more.rows, fresh.rows);
    // What is no part any more does not stay.
    let fewer = build(&project, &days(2), true, &windows).await;
    assert_eq!((fewer.source.parts, fewer.join), (parts(2, 0), parts(2, 0)));
    let kept = std::fs::read_dir(project.path("state/parts/join")).unwrap();
    let kept = kept.filter(|entry| entry.as_ref().unwrap().path().extension() == Some("parquet".as_ref()));
    assert_eq!(kept.count(), 2);
}

/// A row that comes late, in the file of the next day, is seen by those who would have seen it.
#[tokio::test(flavor = "multi_thread")]
async fn late_rows_cost_the_parts_that_see_them() {
    let project = Project::with(2, 4);
    let windows = [Window::Range { width: 12 }];
    build(&project, &days(4), true, &windows).await;
    let mut late = days(5);
    late.get_mut("day-04.csv").unwrap().push((100, 1, 31, 1000));
    let after = build(&project, &late, true, &windows).await;
    // Day 3, from 30 to 35, and day 4 itself.
    assert_eq!((after.source.parts, after.observe, after.join), (parts(5, 1), parts(5, 1), parts(5, 2)));
    let fresh = build(&Project::with(2, 4), &late, true, &windows).await;
    assert_eq!(after.rows, fresh.rows);
    assert!(after.rows[2].contains(&"1016".to_owned()), "{:?}", after.rows[2]);
}

/// A feature that is new or was changed is made alone; the others stay, and grow by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_feature_is_made_alone() {
    let project = Project::with(2, 4);
    let range = |width| Window::Range { width };
    let fresh = async |count, windows: &[Window]| build(&Project::with(2, 4), &days(count), true, windows).await.rows;
    build(&project, &days(4), true, &[range(12), range(30)]).await;
    // The second feature looks back further: four parts for it, none for the first.
    let changed = build(&project, &days(4), true, &[range(12), range(31)]).await;
    assert_eq!(changed.join, parts(8, 4));
    assert_eq!(changed.rows, fresh(4, &[range(12), range(31)]).await);
    // A day more costs one part for each of them.
    let more = build(&project, &days(5), true, &[range(12), range(31)]).await;
    assert_eq!(more.join, parts(10, 2));
    assert_eq!(more.rows, fresh(5, &[range(12), range(31)]).await);
    // A third feature, and the first one is changed.
    let third = build(&project, &days(5), true, &[range(13), range(31), Window::All]).await;
    assert_eq!(third.join, parts(10, 5));
    assert_eq!(third.rows, fresh(5, &[range(13), range(31), Window::All]).await);
    // One that is not wanted any more costs nothing.
    let fewer = build(&project, &days(5), true, &[range(13), range(31)]).await;
    assert_eq!((fewer.join, fewer.rows), (parts(10, 0), fresh(5, &[range(13), range(31)]).await));
    // Back to what was forgotten.
    let back = build(&project, &days(5), true, &[range(12), range(30)]).await;
    assert_eq!(back.rows, fresh(5, &[range(12), range(30)]).await);
}

/// A file in which a row was replaced has a column more than one in which none was, and may come behind it.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_replaced_count_for_nothing_whichever_file_they_are_in() {
    let (plain, corrected) = (vec![(1, 1, 1, 5)], vec![(2, 1, 10, 100), (2, 1, 20, 7), (3, 1, 30, 1)]);
    for names in [["day-00.csv", "day-01.csv"], ["day-01.csv", "day-00.csv"]] {
        let named = names.map(str::to_owned).into_iter().zip([plain.clone(), corrected.clone()]);
        let built = build(&Project::with(2, 4), &named.collect(), true, &[Window::All]).await;
        assert_eq!((built.source.replaced, built.source.rows_written), (1, 4));
        let mut sums = built.rows[2].clone();
        sums.sort();
        assert_eq!(sums, ["0", "12", "5"], "{names:?}");
    }
}

/// A correction in another file: the last row of a key counts, and the files are one part.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_several_files_with_one_key_are_found() {
    let project = Project::with(2, 4);
    build(&project, &days(3), true, &WINDOWS).await;
    let mut corrected = days(4);
    corrected.get_mut("day-03.csv").unwrap().push((1, 1, 1, 500));
    let after = build(&project, &corrected, true, &WINDOWS).await;
    assert_eq!((after.source.duplicates, after.source.rows_written), (1, 24));
    assert_eq!(after.source.parts.unwrap().total, 1);
    let fresh = build(&Project::with(2, 4), &corrected, true, &WINDOWS).await;
    assert_eq!(after.rows, fresh.rows);
    // With another time it is a version of the row, which replaces it from then on.
    corrected.get_mut("day-03.csv").unwrap().last_mut().unwrap().2 = 32;
    let later = build(&project, &corrected, true, &WINDOWS).await;
    assert_eq!((later.source.duplicates, later.source.replaced, later.source.rows_written), (0, 1, 25));
    // Without a key they are different payments.
    let apart = build(&project, &corrected, false, &WINDOWS).await;
    assert_eq!(apart.source.rows_written, 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_parts_set_aside_lies_in_one_file() {
    let project = Project::with(2, 4);
    let mut files = days(3);
    files.get_mut("day-00.csv").unwrap().push((90, 0, 3, -1));
    files.get_mut("day-02.csv").unwrap().push((91, 0, 23, 0));
    let built = build(&project, &files, true, &WINDOWS).await;
    assert_eq!((built.source.quarantined, built.source.checks[0].violations), (2, 2));
    assert_eq!(built.quarantined.len(), 2, "{:?}", built.quarantined);
    let again = build(&project, &days(3), true, &WINDOWS).await;
    assert!(again.quarantined.is_empty());
}

/// Rows that no two of may be equal in these columns: a day more is a part more, until one of its rows repeats another's.
#[tokio::test(flavor = "multi_thread")]
async fn rows_are_unique_in_all_parts() {
    let project = Project::with(2, 4);
    let mut files = days(3);
    // Files of days are apart in their ids; this one repeats a row of its own file.
    files.get_mut("day-01.csv").unwrap().push((12, 0, 19, 7));
    let source = async |files: &Files| {
        write(&project, files);
        let folder = project.path("state/parts/unique");
        let root = project.path("state");
        let parts = Parts { folder: &folder, root: &root, definition: "v1", elsewhere: None };
        let digests: Vec<String> =
            files.values().map(|rows| Fingerprint::of(format!("{rows:?}").as_bytes()).as_str().to_owned()).collect();
        let mut source = payments(false);
        let check = mlsys_plan::Check::Unique(vec!["id".to_owned()]);
        let on_violation = mlsys_plan::OnViolation::Quarantine;
        source.checks = vec![mlsys_plan::TableCheck { check, on_violation, line: 8 }];
        let (table, quarantine) = (root.join("unique.parquet"), project.path("aside.parquet"));
        let read = project.dataflow.source_in_parts(
            &source,
            project.folder.path(),
            &table,
            parts,
            &digests,
            &quarantine,
            &|_| {},
        );
        let report = read.await.unwrap().report;
        (report.parts.unwrap(), report.rows_written, report.checks[1].violations, report.quarantined)
    };
    assert_eq!(source(&files).await, (PartsReport { total: 3, made: 3 }, 18, 1, 1));
    files.append(&mut days(4).split_off("day-03.csv"));
    assert_eq!(source(&files).await, (PartsReport { total: 4, made: 1 }, 24, 1, 1));
    files.get_mut("day-03.csv").unwrap().push((1, 0, 39, 7));
    let (parts, written, violations, aside) = source(&files).await;
    assert_eq!((parts.total, written, violations, aside), (1, 24, 2, 2));
}

/// Days of payments, in the file of their day or of one soon after.
fn history() -> impl Strategy<Value = Vec<(usize, Payment)>> {
    let payment = (0_i64..3, 0_i64..100, -1_i64..9, 0_usize..8, 0_i64..40);
    prop::collection::vec(payment, 1..60).prop_map(|payments| {
        let placed = payments.into_iter().enumerate().map(|(number, (customer, at, amount, delay, repeated))| {
            let file = (at / 20) as usize + usize::from(delay == 0);
            // Some payments have the number of another one.
            let id = if repeated < 2 { repeated } else { 10 + number as i64 };
            (file, (id, customer, at, amount))
        });
        placed.collect()
    })
}

pub(crate) fn files(history: &[(usize, Payment)]) -> Files {
    let mut files = Files::new();
    for (file, payment) in history {
        files.entry(format!("day-{file}.csv")).or_default().push(*payment);
    }
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever was there before: the tables are those of a build from nothing.
    #[test]
    fn a_build_on_what_is_there_is_a_build_from_nothing(
        before in history(),
        steps in prop::collection::vec((0_usize..7, 0.0_f64..1.0), 1..4),
        more in history(),
        has_key in any::<bool>(),
        windows in prop::collection::vec(prop_oneof![
            Just(Window::All),
            (1_i64..50).prop_map(|width| Window::Range { width }),
            (1_u32..4).prop_map(|rows| Window::Last { rows }),
        ], 1..3),
    ) {
        let project = Project::with(2, 16);
        let (mut history, mut windows) = (before, windows);
        RUNTIME.block_on(build(&project, &files(&history), has_key, &windows));
        for (kind, share) in steps {
            let some = |from: &[(usize, Payment)]| (from.len() as f64 * share) as usize;
            match kind {
                // Rows are added, at the end or anywhere, or go.
                0 | 1 => history.extend_from_slice(&more[..some(&more)]),
                2 => history.truncate(some(&history).max(1)),
                3 => drop(history.remove(some(&history).min(history.len() - 1))),
                // A feature is changed, or goes.
                4 => *windows.last_mut().unwrap() = Window::Range { width: 1 + (share * 60.0) as i64 },
                5 => windows.truncate(1),
                _ => history.iter_mut().for_each(|(file, _)| *file += usize::from(share > 0.5)),
            }
            if history.is_empty() {
                break;
            }
            let found = RUNTIME.block_on(build(&project, &files(&history), has_key, &windows));
            let fresh = RUNTIME.block_on(build(&Project::with(1, 8192), &files(&history), has_key, &windows));
            prop_assert_eq!(found.rows, fresh.rows);
            prop_assert_eq!(found.quarantined, fresh.quarantined);
        }
    }
}

//! Tiles: features of an appended part that are computed from tiles are those of a build that has none.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use mlsys_dataflow::{Dataflow, Options};
use mlsys_plan::{Aggregate, BinaryOp, Derived, Expr, Features, Type, Window};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::build::*;
use crate::parts::{Built, Files, Payment, build_group, spending};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// A group with these features: an aggregate of the amount, a window, an offset and a step each.
fn group(features: &[(&str, bool, Window, i64, Option<i64>)], has_key: bool) -> Features {
    let feature =
        |(index, (function, is_filtered, window, offset, step)): (usize, &(&str, bool, Window, i64, Option<i64>))| {
            let amount = || column("amount", Type::Int64);
            let large = || Expr { ty: Type::Bool.optional(), ..compare(BinaryOp::Less, int(4), amount()) };
            let (function, argument) = match *function {
                "rows" => ("count", None),
                "any" | "all" => (*function, Some(large())),
                other => (other, Some(amount())),
            };
            let ty = match function {
                "any" | "all" => Type::Bool,
                "mean" => Type::Float64,
                _ => Type::Int64,
            };
            Aggregate {
                name: format!("f{index}"),
                function: function.to_owned(),
                argument,
                args: BTreeMap::new(),
                filter: is_filtered.then(large),
                window: *window,
                step: *step,
                offset: *offset,
                ty: ty.optional(),
                line: 1,
            }
        };
    let order = if has_key { vec!["id".to_owned()] } else { Vec::new() };
    Features { aggregates: features.iter().enumerate().map(feature).collect(), order, ..spending(&[]) }
}

/// A project in which every join keeps tiles, and tells how it ran.
fn with_tiles() -> Project {
    let options = Options { threads: Some(2), explain: true, ..Options::default() };
    let dataflow = Dataflow::new(&options).unwrap().with_batch_size(16).with_tiles_from(0);
    Project { dataflow, ..Project::with(2, 16) }
}

/// Days of ten instants with some payments each.
fn days(count: i64) -> Files {
    let payment =
        |day: i64, row: i64| (day * 10 + row, (day + row) % 3, day * 10 + row % 9, (day * 7 + row * 5) % 9 + 1);
    (0..count).map(|day| (format!("day-{day:03}.csv"), (0..10).map(|row| payment(day, row)).collect())).collect()
}

fn reads_tiles(built: &Built) -> bool {
    built.explain.as_ref().is_some_and(|explain| explain.contains("/tile."))
}

const EVERY: [&str; 10] = ["count", "rows", "sum", "mean", "min", "max", "any", "all", "first", "last"];

/// Every aggregate that tiles have, over a window that needs them and over everything.
#[tokio::test(flavor = "multi_thread")]
async fn an_appended_day_reads_tiles() {
    for has_key in [true, false] {
        let range = Window::Range { width: 300 };
        let features: Vec<_> = EVERY
            .iter()
            .flat_map(|name| [(*name, false, range, 0, None), (*name, true, Window::All, 3, None)])
            .collect();
        let group = group(&features, has_key);
        let project = with_tiles();
        let first = build_group(&project, &days(60), has_key, &group).await;
        assert!(!reads_tiles(&first));
        for day in 61..70 {
            let more = build_group(&project, &days(day), has_key, &group).await;
            assert!(reads_tiles(&more), "{:?}", more.explain);
            assert_eq!(more.join.unwrap().made, 1);
            let fresh = build_group(&Project::with(2, 16), &days(day), has_key, &group).await;
            assert_eq!(more.rows, fresh.rows);
        }
    }
}

/// Tiles of rows that changed are not those of the rows.
#[tokio::test(flavor = "multi_thread")]
async fn late_rows_are_in_no_old_tile() {
    let group = group(&[("sum", false, Window::All, 0, None), ("last", false, Window::All, 0, None)], true);
    let project = with_tiles();
    build_group(&project, &days(60), true, &group).await;
    let mut late = days(61);
    late.get_mut("day-010.csv").unwrap().push((5000, 1, 105, 1000));
    // Rows of the first days come in the last file.
    late.get_mut("day-060.csv").unwrap().push((5001, 2, 3, 2000));
    let found = build_group(&project, &late, true, &group).await;
    let fresh = build_group(&Project::with(2, 16), &late, true, &group).await;
    assert_eq!(found.rows, fresh.rows);
    let found = build_group(&project, &days(62), true, &group).await;
    let fresh = build_group(&Project::with(2, 16), &days(62), true, &group).await;
    assert_eq!(found.rows, fresh.rows);
}

/// A group with an aggregate that tiles do not have reads rows; what derives from others reads tiles.
#[tokio::test(flavor = "multi_thread")]
async fn tiles_are_read_where_they_are_enough() {
    let with = |name| group(&[("mean", false, Window::All, 0, None), (name, false, Window::All, 0, None)], true);
    let mut counted = with("count");
    let expr = Expr {
        ty: Type::Bool.optional(),
        ..compare(BinaryOp::Less, column("f1", Type::Int64), column("f1", Type::Int64))
    };
    counted.derived.push(Derived { name: "f2".to_owned(), expr });
    for (group, is_enough) in [(counted, true), (with("count_distinct"), false)] {
        let project = with_tiles();
        build_group(&project, &days(60), true, &group).await;
        let found = build_group(&project, &days(61), true, &group).await;
        assert_eq!(reads_tiles(&found), is_enough);
        assert_eq!(found.rows, build_group(&Project::with(2, 16), &days(61), true, &group).await.rows);
    }
}

/// What is of no use any more does not stay.
#[tokio::test(flavor = "multi_thread")]
async fn old_tiles_go() {
    let group = group(&[("sum", false, Window::Range { width: 200 }, 0, None)], true);
    let project = with_tiles();
    let mut most = 0;
    for day in (60..120).step_by(3) {
        build_group(&project, &days(day), true, &group).await;
        let folder = std::fs::read_dir(project.path("state/parts/join")).unwrap();
        let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        most = most.max(names.filter(|name| name.starts_with("tile.")).count());
    }
    // Blocks of 64 and 256 instants that have ended.
    assert!((3..=26).contains(&most), "{most}");
    let emptied = spending(&[Window::Last { rows: 2 }]);
    build_group(&project, &days(121), true, &emptied).await;
    let folder = std::fs::read_dir(project.path("state/parts/join")).unwrap();
    assert!(
        !folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).any(|name| name.starts_with("tile."))
    );
}

fn payments() -> impl Strategy<Value = Vec<(usize, Payment)>> {
    let payment = (0_i64..3, 0_i64..600, 1_i64..9, 0_usize..12);
    prop::collection::vec(payment, 40..120).prop_map(|payments| {
        let placed = payments.into_iter().enumerate().map(|(number, (customer, at, amount, delay))| {
            // One row in twelve comes in a later file.
            ((at / 10) as usize + usize::from(delay == 0) * 3, (number as i64, customer, at, amount))
        });
        placed.collect()
    })
}

fn files(payments: &[(usize, Payment)], until: usize) -> Files {
    let mut files = Files::new();
    for (file, payment) in payments.iter().filter(|(file, _)| *file < until) {
        files.entry(format!("day-{file:03}.csv")).or_default().push(*payment);
    }
    files
}

fn feature() -> impl Strategy<Value = (&'static str, bool, Window, i64, Option<i64>)> {
    let window = prop_oneof![
        Just((Window::All, None)),
        (1_i64..400).prop_map(|width| (Window::Range { width }, None)),
        (1_i64..40, 1_i64..10).prop_map(|(step, count)| (Window::Range { width: step * count }, Some(step))),
    ];
    let parts = (prop::sample::select(EVERY.to_vec()), any::<bool>(), window, prop_oneof![Just(0), 0_i64..80]);
    parts.prop_map(|(name, is_filtered, (window, step), offset)| (name, is_filtered, window, offset, step))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn features_from_tiles_are_those_from_rows(
        payments in payments(),
        features in prop::collection::vec(feature(), 1..5),
        has_key in any::<bool>(),
        begin in 20_usize..50,
        steps in prop::collection::vec(1_usize..6, 1..4),
    ) {
        let (project, group) = (with_tiles(), group(&features, has_key));
        let mut until = begin;
        for step in [0].into_iter().chain(steps) {
            until += step;
            let files = files(&payments, until);
            if files.is_empty() {
                continue;
            }
            let found = RUNTIME.block_on(build_group(&project, &files, has_key, &group));
            let fresh = RUNTIME.block_on(build_group(&Project::with(1, 8192), &files, has_key, &group));
            prop_assert_eq!(found.rows, fresh.rows);
        }
    }
}

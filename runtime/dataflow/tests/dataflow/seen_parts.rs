//! Examples in parts that see more than their own rows: ticks, labels that look ahead, lookups as of a time. What an
//! appended day costs, and that the result is that of one piece.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use mlsys_dataflow::{Ahead, Dataflow, LookedUp, Parts, PartsReport, Target, files_of, forget_parts};
use mlsys_plan::{
    Aggregate, BinaryOp, EntityKey, Expr, ExprKind, Features, Fingerprint, Join, JoinKey, Label, LookAhead, Observe,
    Source, Split, Ticks, TimeSplit, Type, Window,
};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::build::*;
use crate::parts::{Files, Payment, files};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

const HOUR: i64 = 3_600_000_000;

/// How examples are made.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// At rows, with a label that looks ahead.
    Ahead,
    /// At ticks, with a label that looks ahead.
    Every,
    /// At rows, with inputs that are looked up in a group and in the latest rows.
    LookUp,
}

fn payments() -> Source {
    let schema = [
        ("id", Type::Int64.required()),
        ("customer", Type::Int64.required()),
        ("at", Type::Timestamp.required()),
        ("amount", Type::Int64.optional()),
    ];
    Source { time: Some("at".to_owned()), ..source(csv("day-*.csv"), &schema) }
}

/// The latest payment of each customer.
fn latest() -> Source {
    Source { name: "latest".to_owned(), key: vec!["customer".to_owned()], ..payments() }
}

fn aggregate(name: &str, argument: Expr, window: Window) -> Aggregate {
    Aggregate {
        name: name.to_owned(),
        function: "sum".to_owned(),
        argument: Some(argument),
        args: BTreeMap::new(),
        filter: None,
        window,
        step: None,
        offset: 0,
        ty: Type::Int64.optional(),
        line: 1,
    }
}

fn group(name: &str, aggregates: Vec<Aggregate>) -> Features {
    Features {
        name: name.to_owned(),
        entity: "customer".to_owned(),
        keys: vec![EntityKey { name: "id".to_owned(), column: "customer".to_owned(), ty: Type::Int64.required() }],
        source: "rides".to_owned(),
        at: column("at", Type::Timestamp),
        time: Some("at".to_owned()),
        filter: None,
        order: Vec::new(),
        aggregates,
        derived: Vec::new(),
        refresh: None,
    }
}

/// What is looked up: sums over three hours.
fn recent() -> Features {
    group("recent", vec![aggregate("f0", column("amount", Type::Int64), Window::Range { width: 3 * HOUR })])
}

/// A group over what its rows look up.
fn built_on() -> Features {
    let window = Window::Range { width: 30 * HOUR };
    group("built_on", vec![aggregate("f0", lookup("recent", "f0"), window)])
}

fn lookup(table: &str, name: &str) -> Expr {
    let keys = vec![column("customer", Type::Int64)];
    let kind = ExprKind::Lookup { table: table.to_owned(), keys, column: name.to_owned() };
    Expr { kind, ty: Type::Int64.optional() }
}

fn observe(kind: Kind) -> Observe {
    const WIDTH: i64 = 5 * HOUR;
    let at = if kind == Kind::Every { mlsys_plan::columns::AT } else { "at" };
    let at = column(at, Type::Timestamp);
    let look = LookAhead {
        name: "label.1".to_owned(),
        source: "rides".to_owned(),
        keys: vec![EntityKey {
            name: "customer".to_owned(),
            column: "customer".to_owned(),
            ty: Type::Int64.required(),
        }],
        function: "count".to_owned(),
        argument: None,
        args: BTreeMap::new(),
        filter: None,
        width: WIDTH,
        ty: Type::Int64.required(),
    };
    let looks = if kind == Kind::LookUp { Vec::new() } else { vec![look] };
    let expr = if looks.is_empty() { column("amount", Type::Int64) } else { column("label.1", Type::Int64) };
    let known_at =
        binary(BinaryOp::Add, at.clone(), duration(if looks.is_empty() { 0 } else { WIDTH }), Type::Timestamp);
    let inputs = match kind {
        Kind::LookUp => vec![derived("sum", lookup("recent", "f0")), derived("last", lookup("latest", "amount"))],
        _ => vec![derived("id", column("id", Type::Int64))],
    };
    let every = Ticks { interval: 6 * HOUR, entity: "customer".to_owned(), keys: vec!["customer".to_owned()] };
    Observe {
        model: "model".to_owned(),
        source: "rides".to_owned(),
        at,
        time: Some("at".to_owned()),
        every: (kind == Kind::Every).then_some(every),
        filter: None,
        feature_filter: None,
        label: Some(Label { name: "label".to_owned(), expr, known_at, looks }),
        group: None,
        debias: None,
        keys: vec![derived("customer", column("customer", Type::Int64))],
        slices: Vec::new(),
        inputs,
        split: Split::Time(TimeSplit { from: None, validate: None, test: 60 * HOUR, until: None }),
    }
}

struct Built {
    observe: Option<PartsReport>,
    join: Option<PartsReport>,
    /// The rows of examples and features.
    rows: [Vec<String>; 2],
}

/// A project with its payments, whose source is made in parts.
struct Days {
    project: Project,
}

impl Days {
    fn new(threads: usize) -> Self {
        Days { project: Project::with(threads, 16) }
    }

    fn write(&self, files: &Files) {
        for name in self.project.files().iter().filter(|name| name.starts_with("day-")) {
            std::fs::remove_file(self.project.path(name)).unwrap();
        }
        for (name, rows) in files {
            let row = |(id, customer, hour, amount): &Payment| {
                format!("{id},{customer},1970-01-{:02}T{:02}:00:00Z,{amount}\n", 1 + hour / 24, hour % 24)
            };
            let rows: String = rows.iter().map(row).collect();
            self.project.write(name, &format!("id,customer,at,amount\n{rows}"));
        }
    }

    /// The dataflow with what is looked up at hand.
    async fn dataflow(&self, table: &Path) -> Dataflow {
        let (payments, latest, recent) = (payments(), latest(), recent());
        let tables = [
            LookedUp { source: &payments, group: Some(&recent), table: table.to_owned() },
            LookedUp { source: &latest, group: None, table: table.to_owned() },
        ];
        self.project.dataflow.clone().looking_up(&tables).await.unwrap()
    }

    /// Builds examples and a group at them in parts that stay, or in one piece.
    async fn build(&self, files: &Files, kind: Kind, in_parts: bool) -> Built {
        self.write(files);
        let root = self.project.path("state");
        let folders = ["source", "observe", "join"].map(|name| root.join("parts").join(name));
        let tables = ["source", "observe", "join"].map(|name| root.join(name).join("data.parquet"));
        tables.iter().for_each(|table| std::fs::create_dir_all(table.parent().unwrap()).unwrap());
        let parts = |folder| Parts { folder, root: &root, definition: "v1", elsewhere: None };
        let digest = |rows: &Vec<Payment>| Fingerprint::of(format!("{rows:?}").as_bytes()).as_str().to_owned();
        let digests: Vec<String> = files.values().map(digest).collect();
        let (source, quarantine) = (payments(), self.project.path("quarantine.parquet"));
        let (folder, of_source) = (self.project.folder.path(), parts(folders[0].as_path()));
        let read = self.project.dataflow.source_in_parts(
            &source,
            folder,
            &tables[0],
            of_source,
            &digests,
            &quarantine,
            &|_| {},
        );
        read.await.unwrap();
        let dataflow = self.dataflow(&tables[0]).await;
        let target =
            |index: usize| Target { table: &tables[index], parts: in_parts.then(|| parts(folders[index].as_path())) };
        let ahead = [Ahead { source: &source, table: &tables[0] }];
        let ahead = if kind == Kind::LookUp { &[] } else { &ahead[..] };
        let observed = dataflow.observe(&observe(kind), &tables[0], ahead, target(1), &|_| {}).await.unwrap();
        let group = built_on();
        let join = Join {
            model: "model".to_owned(),
            group: group.name.clone(),
            alias: None,
            keys: vec![JoinKey { key: "id".to_owned(), column: "customer".to_owned() }],
            features: vec!["f0".to_owned()],
        };
        let joined = dataflow.join(&join, &group, &tables[1], &tables[0], target(2), &|_| {}).await.unwrap();
        for (folder, table) in folders.iter().zip(&tables) {
            forget_parts(folder, std::slice::from_ref(table)).unwrap();
        }
        let rows = [&tables[1], &tables[2]].map(|table| {
            let files = files_of(table).unwrap().concat();
            files.iter().flat_map(|file| show(&read_table(file))).collect()
        });
        Built { observe: observed.parts, join: joined.parts, rows }
    }
}

fn parts(total: u64, made: u64) -> Option<PartsReport> {
    Some(PartsReport { total, made })
}

/// Six payments a day, of two customers.
fn days(count: i64) -> Files {
    let day = |day: i64| {
        let rows = (0..6).map(|row| (day * 10 + row, row % 2, day * 24 + row * 4, row + 1)).collect();
        (format!("day-{day:02}.csv"), rows)
    };
    (0..count).map(day).collect()
}

/// With a label that looks five hours ahead the day before is looked at again: its last labels were not known. They ask for
/// the same features as before.
#[tokio::test(flavor = "multi_thread")]
async fn an_appended_day_costs_a_day_whatever_it_sees() {
    for (kind, again) in [(Kind::Ahead, 2), (Kind::Every, 2), (Kind::LookUp, 1)] {
        let kept = Days::new(2);
        let first = kept.build(&days(5), kind, true).await;
        assert_eq!((first.observe, first.join), (parts(5, 5), parts(5, 5)), "{kind:?}");
        let unchanged = kept.build(&days(5), kind, true).await;
        assert_eq!((unchanged.observe, unchanged.join), (parts(5, 0), parts(5, 0)), "{kind:?}");
        let more = kept.build(&days(6), kind, true).await;
        assert_eq!((more.observe, more.join), (parts(6, again), parts(6, 1)), "{kind:?}");
        let whole = Days::new(1).build(&days(6), kind, false).await;
        assert_eq!(more.rows, whole.rows, "{kind:?}");
        assert!(more.rows[0].len() > 20, "{kind:?}: {}", more.rows[0].len());
    }
}

/// A late row costs the days that can see it: those whose lookups or labels reach it.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_row_costs_the_days_that_see_it() {
    let kept = Days::new(2);
    kept.build(&days(6), Kind::Ahead, true).await;
    let mut late = days(6);
    // In the second day, in the file of the last one.
    late.get_mut("day-05.csv").unwrap().push((100, 1, 30, 50));
    let after = kept.build(&late, Kind::Ahead, true).await;
    let whole = Days::new(1).build(&late, Kind::Ahead, false).await;
    assert_eq!(after.rows, whole.rows);
    let made = after.observe.unwrap().made;
    assert!((2..=6).contains(&made), "{made}");
}

fn history() -> impl Strategy<Value = Vec<(usize, Payment)>> {
    let payment = (0_i64..3, 0_i64..140, 0_i64..9, 0_usize..6);
    prop::collection::vec(payment, 1..50).prop_map(|payments| {
        let placed = payments.into_iter().enumerate().map(|(number, (customer, hour, amount, delay))| {
            let file = (hour / 24) as usize + usize::from(delay == 0);
            (file, (number as i64, customer, hour, amount))
        });
        placed.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever was there before: examples and features are those of one piece.
    #[test]
    fn a_build_on_what_is_there_is_one_piece(
        before in history(),
        steps in prop::collection::vec((0_usize..4, 0.0_f64..1.0), 1..4),
        more in history(),
        kind in prop_oneof![Just(Kind::Ahead), Just(Kind::Every), Just(Kind::LookUp)],
    ) {
        let kept = Days::new(2);
        let mut history = before;
        RUNTIME.block_on(kept.build(&files(&history), kind, true));
        for (step, share) in steps {
            let some = |from: &[(usize, Payment)]| (from.len() as f64 * share) as usize;
            match step {
                0 | 1 => history.extend(more[..some(&more)].iter().map(|(file, one)| (*file, (one.0 + 1000, one.1, one.2, one.3)))),
                2 => history.truncate(some(&history).max(1)),
                _ => drop(history.remove(some(&history).min(history.len() - 1))),
            }
            if history.is_empty() {
                break;
            }
            let found = RUNTIME.block_on(kept.build(&files(&history), kind, true));
            let whole = RUNTIME.block_on(Days::new(1).build(&files(&history), kind, false));
            prop_assert_eq!(&found.rows[0], &whole.rows[0]);
            prop_assert_eq!(&found.rows[1], &whole.rows[1]);
        }
    }
}

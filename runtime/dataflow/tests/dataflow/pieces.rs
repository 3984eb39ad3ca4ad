//! Examples in pieces: those at ticks, with labels that look ahead, and with what they look up, of any history are those of a
//! build from nothing, and an appended day makes what can see it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use mlsys_dataflow::{Ahead, LookedUp, ObserveReport, Parts, PartsReport, Target, files_of, forget_parts};
use mlsys_plan::{
    Aggregate, BinaryOp, Call, EntityKey, Expr, ExprKind, Features, Fingerprint, Label, LookAhead, Observe, Source,
    Split, Ticks, TimeSplit, Type, Value, Window, columns,
};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::build::*;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// Times are in quarters of a day.
const QUARTER: i64 = 21_600_000_000;

/// A row: the table in which it is, its file there, its number, its key, its time, its value.
type Row = (&'static str, usize, i64, i64, i64, i64);

/// Examples as text, and what is told of them.
type Made = (Vec<String>, ObserveReport);

/// What is observed, looked ahead at and looked up: each has a number, a key `k`, a time and a value.
const PEOPLE: &str = "people";
const EVENTS: &str = "events";
const PRICES: &str = "prices";
const TABLES: [&str; 3] = [PEOPLE, EVENTS, PRICES];

/// How examples are made.
#[derive(Clone, Debug)]
struct Way {
    /// At ticks so many quarters apart, or at the rows of people.
    every: Option<i64>,
    /// How far the label looks ahead at events, and at people.
    ahead: Vec<(&'static str, i64)>,
    /// Windows of events that are looked up, of so many quarters; 0 for all of the past.
    windows: Vec<i64>,
    /// Whether prices are looked up.
    has_prices: bool,
    /// Whether what is looked up and looked ahead at looks up prices itself.
    is_nested: bool,
    /// Whether prices choose among people.
    is_filtered: bool,
    /// Whether people have a time, before which they are not there.
    is_timed: bool,
    from: Option<i64>,
    until: Option<i64>,
    /// Whether chance divides, in place of time, and then whether it does so by key.
    by_chance: Option<bool>,
}

const PLAIN: Way = Way {
    every: None,
    ahead: Vec::new(),
    windows: Vec::new(),
    has_prices: false,
    is_nested: false,
    is_filtered: false,
    is_timed: true,
    from: None,
    until: None,
    by_chance: None,
};

fn lookup(table: &str, name: &str) -> Expr {
    let keys = vec![column("k", Type::Int64)];
    Expr {
        kind: ExprKind::Lookup { table: table.to_owned(), keys, column: name.to_owned() },
        ty: Type::Int64.optional(),
    }
}

fn table(name: &str) -> Source {
    let schema = [
        ("id", Type::Int64.required()),
        ("k", Type::Int64.optional()),
        ("at", Type::Timestamp.optional()),
        ("v", Type::Int64.optional()),
    ];
    let found = source(csv(&format!("{name}-*.csv")), &schema);
    // Prices are known by whose they are: a later one replaces the earlier one.
    let key = if name == PRICES { "k" } else { "id" };
    Source { name: name.to_owned(), time: Some("at".to_owned()), key: vec![key.to_owned()], ..found }
}

fn customer() -> Vec<EntityKey> {
    vec![EntityKey { name: "k".to_owned(), column: "k".to_owned(), ty: Type::Int64.optional() }]
}

/// The group that examples look up.
fn group(way: &Way) -> Features {
    let value = || if way.is_nested { lookup(PRICES, "v") } else { column("v", Type::Int64) };
    let aggregate = |(index, window): (usize, &i64)| Aggregate {
        name: format!("f{index}"),
        function: "sum".to_owned(),
        argument: Some(value()),
        args: BTreeMap::new(),
        filter: None,
        window: if *window == 0 { Window::All } else { Window::Range { width: window * QUARTER } },
        step: None,
        offset: index as i64 * QUARTER,
        ty: Type::Int64.optional(),
        line: 1,
    };
    Features {
        name: "group".to_owned(),
        entity: "one".to_owned(),
        keys: customer(),
        source: EVENTS.to_owned(),
        at: column("at", Type::Timestamp),
        time: Some("at".to_owned()),
        filter: None,
        order: vec!["id".to_owned()],
        aggregates: way.windows.iter().enumerate().map(aggregate).collect(),
        derived: Vec::new(),
        refresh: None,
    }
}

fn label(way: &Way, at: &Expr) -> Label {
    let dear = || compare(BinaryOp::Less, int(3), lookup(PRICES, "v"));
    let look = |(index, (source, width)): (usize, &(&str, i64))| LookAhead {
        name: format!("label.{index}"),
        source: (*source).to_owned(),
        keys: customer(),
        function: "sum".to_owned(),
        argument: Some(column("v", Type::Int64)),
        args: BTreeMap::new(),
        filter: way.is_nested.then(dear),
        width: width * QUARTER,
        ty: Type::Int64.optional(),
    };
    let looks: Vec<LookAhead> = way.ahead.iter().enumerate().map(look).collect();
    let sum = |sum, look: &LookAhead| binary(BinaryOp::Add, sum, column(&look.name, Type::Int64), Type::Int64);
    let known_at = match looks.iter().map(|look| look.width).max() {
        Some(width) => binary(BinaryOp::Add, at.clone(), duration(width), Type::Timestamp),
        None => at.clone(),
    };
    let expr = looks.iter().fold(column("v", Type::Int64), sum);
    Label { name: "label".to_owned(), expr, known_at, looks }
}

fn observe(way: &Way) -> Observe {
    let at = column(if way.every.is_some() { columns::AT } else { "at" }, Type::Timestamp);
    let mut inputs = vec![derived("id", column("id", Type::Int64))];
    let features = (0..way.windows.len()).map(|index| format!("f{index}"));
    inputs.extend(features.map(|name| derived(&name, lookup("group", &name))));
    inputs.extend(way.has_prices.then(|| derived("price", lookup(PRICES, "v"))));
    Observe {
        model: "model".to_owned(),
        source: PEOPLE.to_owned(),
        label: Some(label(way, &at)),
        at,
        time: way.is_timed.then(|| "at".to_owned()),
        every: way.every.map(|interval| Ticks {
            interval: interval * QUARTER,
            entity: "one".to_owned(),
            keys: vec!["k".to_owned()],
        }),
        filter: way.is_filtered.then(|| compare(BinaryOp::Less, int(2), lookup(PRICES, "v"))),
        feature_filter: None,
        group: None,
        debias: None,
        keys: vec![derived("k", column("k", Type::Int64))],
        slices: Vec::new(),
        inputs,
        split: split(way),
    }
}

fn split(way: &Way) -> Split {
    match way.by_chance {
        Some(is_grouped) => {
            let by = is_grouped.then(|| ("by".to_owned(), Value::String("k".to_owned())));
            let name = if is_grouped { "group" } else { "random" };
            Split::Other(Call { name: name.to_owned(), args: by.into_iter().collect() })
        }
        None => Split::Time(TimeSplit {
            from: way.from.map(|from| from * QUARTER),
            validate: None,
            test: 60 * QUARTER,
            until: way.until.map(|until| until * QUARTER),
        }),
    }
}

/// The files of a table by name; there is one at least.
fn files(history: &[Row], table: &str) -> BTreeMap<String, String> {
    let name = |file: usize| format!("{table}-{file:03}.csv");
    let header = "id,k,at,v\n";
    let mut files = BTreeMap::from([(name(0), header.to_owned())]);
    for (_, file, id, k, time, v) in history.iter().filter(|(of, ..)| *of == table) {
        let text = files.entry(name(*file)).or_insert_with(|| header.to_owned());
        let k = if *k < 0 { "NA".to_owned() } else { k.to_string() };
        let time = format!("1970-{:02}-{:02}T{:02}:00:00Z", time / 100 + 1, time % 100 / 4 + 1, time % 4 * 6);
        text.push_str(&format!("{id},{k},{time},{v}\n"));
    }
    files
}

/// Reads a table in parts.
async fn read(project: &Project, history: &[Row], name: &str) -> std::path::PathBuf {
    for old in project.files().iter().filter(|file| file.starts_with(name)) {
        std::fs::remove_file(project.path(old)).unwrap();
    }
    let files = files(history, name);
    files.iter().for_each(|(name, text)| project.write(name, text));
    let root = project.path("state");
    let (folder, table) = (root.join("parts").join(name), root.join(name).join("data.parquet"));
    std::fs::create_dir_all(table.parent().unwrap()).unwrap();
    let parts = Parts { folder: &folder, root: &root, definition: "v1", elsewhere: None };
    let digests: Vec<String> =
        files.values().map(|text| Fingerprint::of(text.as_bytes()).as_str().to_owned()).collect();
    let (aside, source) = (root.join("aside.parquet"), self::table(name));
    let read =
        project.dataflow.source_in_parts(&source, project.folder.path(), &table, parts, &digests, &aside, &|_| {});
    read.await.unwrap();
    forget_parts(&folder, std::slice::from_ref(&table)).unwrap();
    table
}

/// The examples as text, and what is told of them; or why there are none.
async fn build(project: &Project, history: &[Row], way: &Way, in_parts: bool) -> Result<Made, String> {
    let mut tables = BTreeMap::new();
    for name in TABLES {
        tables.insert(name, read(project, history, name).await);
    }
    let (events, prices, group) = (table(EVENTS), table(PRICES), group(way));
    let looked_up = [
        LookedUp { source: &events, group: Some(&group), table: tables[EVENTS].clone() },
        LookedUp { source: &prices, group: None, table: tables[PRICES].clone() },
    ];
    let dataflow = project.dataflow.clone().looking_up(&looked_up).await.unwrap();
    let sources = TABLES.map(table);
    let is_read = |name: &str| way.ahead.iter().any(|(ahead, _)| *ahead == name);
    let ahead = sources.iter().filter(|source| is_read(&source.name));
    let ahead: Vec<Ahead<'_>> = ahead.map(|source| Ahead { source, table: &tables[source.name.as_str()] }).collect();
    let root = project.path("state");
    let (folder, output) = (root.join("parts/examples"), root.join("examples/data.parquet"));
    std::fs::create_dir_all(output.parent().unwrap()).unwrap();
    let parts = Parts { folder: &folder, root: &root, definition: "v1", elsewhere: None };
    let target = Target { table: &output, parts: in_parts.then_some(parts) };
    let report = dataflow.observe(&observe(way), &tables[PEOPLE], &ahead, target, &|_| {}).await;
    let report = report.map_err(|error| error.to_string())?;
    if in_parts {
        forget_parts(&folder, std::slice::from_ref(&output)).unwrap();
    }
    let files = files_of(&output).unwrap().concat();
    let rows = files.iter().flat_map(|file| show(&read_table(file))).collect();
    Ok((rows, report))
}

/// The examples as they are made in one piece, from nothing.
async fn whole(history: &[Row], way: &Way) -> Result<Made, String> {
    build(&Project::with(1, 8192), history, way, false).await
}

/// So many days: an event of each of three keys at noon, in files of a day.
fn events(days: usize) -> Vec<Row> {
    let event = |day: usize, k: i64| (EVENTS, day, (day * 10) as i64 + k, k, day as i64 * 4 + 2, day as i64 % 7);
    (0..days).flat_map(|day| (0..3).map(move |k| event(day, k))).collect()
}

/// Three people who have come in the first days.
fn people() -> Vec<Row> {
    (0..3).map(|k| (PEOPLE, 0, k, k, k * 3, k)).collect()
}

/// Which parts there are, and how many of them were made; the examples are those of a build from nothing.
async fn parts(project: &Project, history: &[Row], way: &Way) -> (u64, u64) {
    let (rows, report) = build(project, history, way, true).await.unwrap();
    let (expected, of_whole) = whole(history, way).await.unwrap();
    assert_eq!(rows, expected);
    let PartsReport { total, made } = report.parts.unwrap();
    assert_eq!(ObserveReport { parts: None, ..report }, of_whole);
    (total, made)
}

/// At daily ticks a label looks five days ahead: a day more has a tick more, and makes one label known.
#[tokio::test(flavor = "multi_thread")]
async fn an_appended_day_costs_a_tick_and_a_label() {
    let project = Project::with(2, 4);
    let way = Way { every: Some(4), ahead: vec![(EVENTS, 20)], ..PLAIN };
    let history = |days| [people(), events(days)].concat();
    // The first tick with somebody is that of the second day.
    assert_eq!(parts(&project, &history(20), &way).await, (19, 19));
    assert_eq!(parts(&project, &history(20), &way).await, (19, 0));
    for days in 21..24 {
        assert_eq!(parts(&project, &history(days), &way).await, (days as u64 - 1, 2));
    }
    // Late: ticks of the five days before see it, of which one is at its own time and does not.
    let mut late = history(24);
    late.push((EVENTS, 500, 1000, 1, 40, 9));
    assert_eq!(parts(&project, &late, &way).await, (23, 2 + 5));
    // A person more is at every tick after it; what was before stays.
    let mut more = late.clone();
    more.push((PEOPLE, 1, 1000, 7, 50, 3));
    assert_eq!(parts(&project, &more, &way).await, (23, 23 - 12));
    // Without the last days their ticks are gone, and labels are not known any more.
    assert_eq!(parts(&project, &history(15), &way).await.0, 14);
}

/// Of four ticks a day, somebody who comes between them is at those that follow.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_within_a_day_is_at_the_rest_of_its_ticks() {
    let project = Project::with(2, 4);
    let way = Way { every: Some(1), until: Some(40), ..PLAIN };
    let mut history = [people(), events(10)].concat();
    assert_eq!(parts(&project, &history, &way).await, (2, 2));
    history.push((PEOPLE, 1, 1000, 7, 29, 3));
    assert_eq!(parts(&project, &history, &way).await, (8, 7));
    history.push((PEOPLE, 2, 1001, 8, 21, 3));
    assert_eq!(parts(&project, &history, &way).await, (8, 3));
}

/// At rows, of which each file has a day's, the label looks two days ahead.
#[tokio::test(flavor = "multi_thread")]
async fn an_appended_day_makes_what_looks_ahead_at_it() {
    let project = Project::with(2, 4);
    let way = Way { ahead: vec![(EVENTS, 8)], ..PLAIN };
    let person = |day: usize, k: i64| (PEOPLE, day, (day * 10) as i64 + k, k, day as i64 * 4 + k + 1, k);
    let people = |days: usize| (0..days).flat_map(|day| (0..3).map(move |k| person(day, k))).collect::<Vec<Row>>();
    let history = |days: usize| [people(days), events(days)].concat();
    assert_eq!(parts(&project, &history(10), &way).await, (10, 10));
    // The new day, the one of which the first labels become known, and the one of which the last ones do.
    for days in 11..14 {
        assert_eq!(parts(&project, &history(days), &way).await, (days as u64, 3));
    }
    let mut late = history(14);
    // Seen from two days before it until it.
    late.push((EVENTS, 500, 1000, 1, 21, 9));
    assert_eq!(parts(&project, &late, &way).await, (14, 3 + 2));
}

/// What is looked up as of a time: a window of two days of events, and prices of which each person's are in one file.
#[tokio::test(flavor = "multi_thread")]
async fn an_appended_day_is_looked_up_by_later_rows() {
    let project = Project::with(2, 4);
    let person = |day: usize, k: i64| (PEOPLE, day, (day * 10) as i64 + k, k, day as i64 * 4 + k, k);
    let price = |day: usize| (PRICES, day, day as i64, 100 + day as i64, day as i64 * 4, 5);
    let history = |days: usize| {
        let people = (0..days).flat_map(|day| (0..3).map(move |k| person(day, k)));
        people.chain((0..days).map(price)).chain(events(days)).collect::<Vec<Row>>()
    };
    for (way, late) in [
        (Way { windows: vec![8], ..PLAIN }, 3),
        (Way { windows: vec![8], has_prices: true, ..PLAIN }, 3),
        (Way { windows: vec![0], is_nested: true, ..PLAIN }, 12),
    ] {
        assert_eq!(parts(&project, &history(10), &way).await, (10, 10));
        // Of people of the day itself those who come later see its events.
        for days in 11..18 {
            assert_eq!(parts(&project, &history(days), &way).await, (days as u64, 1));
        }
        let mut with_late = history(18);
        with_late.push((EVENTS, 500, 1000, 1, 21, 9));
        assert_eq!(parts(&project, &with_late, &way).await, (18, late + 1), "{way:?}");
        // The first price of somebody who is there: those see it who come later, also where only events look it up.
        with_late.push((PRICES, 501, 1001, 1, 61, 4));
        let made = if way.has_prices || way.is_nested { 3 } else { 0 };
        assert_eq!(parts(&project, &with_late, &way).await, (18, made), "{way:?}");
        std::fs::remove_dir_all(project.path("state")).unwrap();
    }
}

fn way() -> impl Strategy<Value = Way> {
    let ahead = prop::collection::vec((prop_oneof![3 => Just(EVENTS), 1 => Just(PEOPLE)], 1_i64..30), 0..3);
    let windows = prop::collection::vec(prop_oneof![Just(0), 1_i64..20], 0..3);
    let every = prop_oneof![Just(None), prop_oneof![Just(1_i64), Just(2), Just(4), Just(9), Just(28)].prop_map(Some)];
    let bounds = (prop::option::weighted(0.3, 0_i64..60), prop::option::weighted(0.3, 61_i64..120));
    let by_chance = prop::option::weighted(0.3, any::<bool>());
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (every, ahead, windows, flags, bounds, by_chance).prop_map(
        |(every, ahead, windows, flags, (from, until), by_chance)| Way {
            every,
            ahead,
            windows,
            has_prices: flags.0,
            is_nested: flags.1,
            is_filtered: flags.2,
            is_timed: flags.3 || every.is_none() || from.is_none() || by_chance.is_some(),
            from,
            until,
            by_chance,
        },
    )
}

/// Rows in the file of their week or of the one after it.
fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    let row = (0_usize..7, 0_usize..8, -1_i64..4, 0_i64..100, 0_i64..9, 0_i64..40);
    prop::collection::vec(row, 1..most).prop_map(|rows| {
        let placed = rows.into_iter().enumerate().map(|(number, (table, delay, k, time, v, repeated))| {
            let table = TABLES[[0, 0, 0, 1, 1, 1, 2][table]];
            let file = (time / 14) as usize + usize::from(delay == 0);
            // Some rows have the number of another one.
            let id = if repeated < 1 { repeated } else { 10 + number as i64 };
            (table, file, id, k, time, v)
        });
        placed.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    /// Whatever was there before: the examples are those that are made from nothing, in one piece.
    #[test]
    fn examples_on_what_is_there_are_examples_from_nothing(
        way in way(),
        before in rows(60),
        steps in prop::collection::vec((0_usize..6, 0.0_f64..1.0), 1..4),
        more in rows(40),
    ) {
        let project = Project::with(2, 16);
        let mut history = before;
        let _ = RUNTIME.block_on(build(&project, &history, &way, true));
        for (kind, share) in steps {
            let some = |from: &[Row]| (from.len() as f64 * share) as usize;
            let number = some(&history).min(history.len() - 1);
            match kind {
                // Rows are added, also late ones; go; move to a later file; are corrected.
                0 => {
                    let numbered = more[..some(&more)].iter().map(|row| (row.0, row.1, row.2 + 1000, row.3, row.4, row.5));
                    history.extend(numbered);
                }
                1 => history.extend(more.iter().map(|row| (row.0, 9, row.2 + 2000, row.3, row.4, row.5))),
                2 => history.truncate(number + 1),
                3 => drop(history.remove(number)),
                4 => history.iter_mut().for_each(|row| row.1 += usize::from(share > 0.5)),
                _ => history[number].5 += 1,
            }
            if history.is_empty() {
                break;
            }
            let found = RUNTIME.block_on(build(&project, &history, &way, true));
            let found = found.map(|(rows, report)| (rows, ObserveReport { parts: None, ..report }));
            prop_assert_eq!(found, RUNTIME.block_on(whole(&history, &way)));
        }
    }
}

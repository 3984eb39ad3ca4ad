//! Small worlds: how much fraud of each kind there is, that equal seeds give equal bytes, and what is left on the disk.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use chrono::NaiveDate;
use mlsys_fraud_simulator::{Kind, Payment, Payments, Settings, World, WriteError, write};

const SETTINGS: Settings = Settings {
    customers: 600,
    terminals: 1_000,
    days: 90,
    start: NaiveDate::from_ymd_opt(2018, 4, 1).unwrap(),
    radius: 10.0,
    seed: 7,
};

const DAY: i64 = 86_400_000_000;

/// Few of everything, for what does not depend on numbers.
fn small(seed: u64) -> World {
    World::new(Settings { customers: 50, terminals: 200, days: 5, radius: 20.0, seed, ..SETTINGS })
}

fn all(world: &World) -> Vec<Payment> {
    Payments::new(world).flatten().collect()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder.join("payments")).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap())).collect()
}

#[test]
fn every_kind_of_fraud_has_its_share() {
    let world = World::new(SETTINGS);
    // From the 28th day on as many victims are compromised as ever.
    let payments: Vec<Payment> = Payments::new(&world).skip(28).flatten().collect();
    let share = |kind: Kind| {
        let count = payments.iter().filter(|payment| payment.fraud == Some(kind)).count();
        count as f64 / payments.len() as f64
    };
    let a_day = payments.len() as f64 / (600.0 * 62.0);
    assert!((1.8..2.1).contains(&a_day), "{a_day} payments a day and customer");
    // Two terminals a day for 28 days, of 1,000; three customers a day for 14 days, of 600, a third of the payments.
    let (amounts, terminals, customers) = (share(Kind::Amount), share(Kind::Terminal), share(Kind::Customer));
    assert!((0.0001..0.002).contains(&amounts), "{amounts}");
    assert!((0.045..0.065).contains(&terminals), "{terminals}");
    assert!((0.017..0.027).contains(&customers), "{customers}");
}

#[test]
fn frauds_follow_the_rules() {
    let world = World::new(SETTINGS);
    let payments = all(&world);
    assert!(payments.iter().all(|payment| payment.amount <= 220.0 || payment.fraud.is_some()));
    let mut attacked: BTreeMap<usize, BTreeSet<i64>> = BTreeMap::new();
    for payment in payments.iter().filter(|payment| payment.fraud == Some(Kind::Terminal)) {
        attacked.entry(payment.terminal).or_default().insert(payment.paid_at / DAY);
    }
    for payment in payments {
        let is_attacked = attacked.get(&payment.terminal).is_some_and(|days| days.contains(&(payment.paid_at / DAY)));
        assert!(!is_attacked || payment.fraud.is_some(), "{payment:?} is genuine at a compromised terminal");
    }
}

#[test]
fn payments_are_in_order_and_to_the_cent() {
    let world = small(7);
    let payments = all(&world);
    assert!(payments.len() > 300, "{}", payments.len());
    assert!(payments.iter().zip(0..).all(|(payment, id)| payment.id == id));
    assert!(payments.is_sorted_by_key(|payment| payment.paid_at));
    let start = SETTINGS.start.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_micros();
    assert!(payments.iter().all(|payment| (start..start + 5 * DAY).contains(&payment.paid_at)));
    let in_cents = |amount: f64| ((amount * 100.0).round() / 100.0 - amount).abs() < 1e-12;
    assert!(payments.iter().all(|payment| payment.amount >= 0.0 && in_cents(payment.amount)));
}

/// These numbers were written down on one machine; every other one must find them again.
#[test]
fn payments_are_the_same_on_every_machine() {
    let payments = all(&small(7));
    let cents: i64 = payments.iter().map(|payment| (payment.amount * 100.0).round() as i64).sum();
    let places: usize = payments.iter().map(|payment| payment.terminal).sum();
    let seconds: i64 = payments.iter().map(|payment| payment.paid_at / 1_000_000 % 86_400).sum();
    assert_eq!((payments.len(), cents, places, seconds), (418, 3_578_885, 42_309, 17_766_902));
}

#[test]
fn equal_seeds_give_equal_bytes() {
    let bytes = |seed: u64| {
        let folder = tempfile::tempdir().unwrap();
        write(&small(seed), folder.path(), false, |_, _| {}).unwrap();
        files(folder.path())
    };
    let first = bytes(7);
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    assert_eq!(names[0], "2018-04-01.parquet");
    assert_eq!((names.len(), names[4]), (5, "2018-04-05.parquet"));
    assert_eq!(first, bytes(7));
    assert!(first.iter().zip(bytes(8)).all(|(left, right)| *left.1 != right.1));
}

#[test]
fn files_are_replaced_only_if_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let mut days = Vec::new();
    write(&small(7), folder.path(), false, |payments, frauds| days.push((payments, frauds))).unwrap();
    assert!(days.len() == 5 && days.iter().all(|(payments, frauds)| payments > frauds));
    let before = files(folder.path());
    let error = write(&small(8), folder.path(), false, |_, _| {}).unwrap_err();
    assert!(matches!(error, WriteError::Exists(_)), "{error}");
    assert_eq!(files(folder.path()), before);
    write(&small(8), folder.path(), true, |_, _| {}).unwrap();
    assert!(files(folder.path()).keys().eq(before.keys()));
    assert_ne!(files(folder.path()), before);
}

#[test]
fn nobody_in_reach_and_nobody_at_all() {
    let empty = [(0, 10), (10, 0), (0, 0)].map(|(customers, terminals)| Settings { customers, terminals, ..SETTINGS });
    for settings in empty.into_iter().chain([Settings { radius: 0.0, ..SETTINGS }]) {
        let world = World::new(settings);
        let days: Vec<usize> = Payments::new(&world).map(|day| day.len()).collect();
        assert_eq!(days, vec![0; 90]);
    }
}

//! `test` declarations carried out: through the whole compiler and the real engine, on rows written in programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mlsys_driver::{Compiler, InMemory, Settings};
use mlsys_engine::test::{CaseOutcome, CaseResult, Failure, run};
use mlsys_plan::Literal;
use mlsys_tests::{Document, repository};

/// Compiles a program and carries out its tests.
fn tested(text: &str) -> Vec<CaseResult> {
    let path = "/project/program.mlsys";
    let files = BTreeMap::from([(PathBuf::from(path), text.to_owned())]);
    let compiler = Compiler::load(&InMemory { files }, Path::new(path), Settings::default()).unwrap();
    let (plan, _) = compiler.build().unwrap_or_else(|errors| panic!("{errors:#?}"));
    let cases = compiler.tests().unwrap_or_else(|errors| panic!("{errors:#?}"));
    run(&plan, &cases)
}

fn flights() -> String {
    std::fs::read_to_string(repository().join("examples/flights/flights.mlsys")).unwrap()
}

#[test]
fn the_flights_program_passes_its_own_test_in_milliseconds() {
    let results = tested(&flights());
    assert_eq!(results.len(), 1);
    assert!(results[0].passed(), "{results:#?}");
    assert!(results[0].seconds < 0.5, "{}", results[0].seconds);
}

#[test]
fn a_failure_says_what_was_expected_and_what_was_found() {
    let text = flights().replace("{ last_delay = 0.0, hops = 2 }", "{ last_delay = 40.0, hops = 2 }");
    let line = text.lines().position(|line| line.contains("last_delay = 40.0")).unwrap() + 1;
    let CaseOutcome::Failed(failures) = &tested(&text)[0].outcome else { panic!("the test passed") };
    let [Failure::Features { line: told, group, entity, values, .. }] = &failures[..] else { panic!("{failures:?}") };
    assert_eq!((*told as usize, group.as_str()), (line, "aircraft_history"));
    assert_eq!(entity[..], [("tailnum".to_owned(), Literal::String("N1".to_owned()))]);
    assert_eq!(values.len(), 1);
    assert_eq!((values[0].feature.as_str(), &values[0].found), ("last_delay", &Literal::Float(0.0)));
    assert_eq!(values[0].expected, Literal::Float(40.0));
}

const LOOKUPS: &str = r#"
entity plane { tailnum: string }

source planes {
  from csv("planes.csv")
  schema { tailnum: string  seats: int64  year: int64? }
  key tailnum
  static
}

source flights {
  from csv("flights.csv")
  schema { id: int64  tailnum: string  at: timestamp }
  derive { seats = planes[tailnum].seats }
  time at
  key  id
}

features history for plane from flights {
  where seats is null or seats > 60
  moved = sum(planes[tailnum].seats) over 7d
  seen  = last(seats) over all
  hops  = count() over all
}

test "seats are looked up" {
  given planes [
    { tailnum: "N1", seats: 1 },
    { tailnum: "N1", seats: 100, year: 1999 },
    { tailnum: "N2", seats: 50 },
  ]
  given flights [
    { id: 1, tailnum: "N1", at: @2024-01-01 },
    { id: 2, tailnum: "N1", at: @2024-01-02 },
    { id: 3, tailnum: "N2", at: @2024-01-02 },
    { id: 4, tailnum: "N9", at: @2024-01-02 },
  ]
  expect history { tailnum: "N1" } at @2024-01-03 { moved = 200, seen = 100, hops = 2 }
  expect history { tailnum: "N2" } at @2024-01-03 { moved = 0, seen = null, hops = 0 }
  expect history { tailnum: "N9" } at @2024-01-03 { moved = 0, seen = null, hops = 1 }
}
"#;

/// In derived columns, filters and arguments; the latest row of a key counts, and a key without a row gives nothing.
#[test]
fn static_sources_are_looked_up() {
    let results = tested(LOOKUPS);
    assert!(results[0].passed(), "{results:#?}");
}

/// What depends on time is looked up as of the time of the row that asks: the latest row of a source, and a group's
/// features, in a source and in another group.
#[test]
fn lookups_see_what_was_there_at_the_time_of_the_row() {
    let program = r#"
entity airport { origin: string }
entity airline { carrier: string }

source seating {
  from csv("seating.csv")
  schema { tailnum: string  since: timestamp  seats: int64? }
  time since
  key  tailnum
}

source weather {
  from csv("weather.csv")
  schema { origin: string  at: timestamp  wind: float64? }
  time at
  key  (origin, at)
}

features airport_weather for airport from weather {
  wind = last(wind) over 3h
}

source flights {
  from csv("flights.csv")
  schema { id: int64  carrier: string  tailnum: string  origin: string  at: timestamp }
  derive {
    seats = seating[tailnum].seats
    windy = airport_weather[origin].wind > 15.0
  }
  time at
  key  id
}

features fleet for airline from flights {
  seats  = sum(seats) over all
  storms = count() where windy over all
  gust   = max(airport_weather[origin].wind) over 1d
}

test "as of the row's own time" {
  given seating [
    { tailnum: "N1", since: @2024-01-01, seats: 100 },
    { tailnum: "N2", since: @2024-01-05, seats: 50 },
    { tailnum: "N1", since: @2024-01-02T11:00:00Z, seats: 70 },
  ]
  given weather [
    { origin: "JFK", at: @2024-01-02T08:00:00Z, wind: 10.0 },
    { origin: "JFK", at: @2024-01-02T09:00:00Z, wind: 20.0 },
  ]
  given flights [
    { id: 1, carrier: "AA", tailnum: "N1", origin: "JFK", at: @2024-01-02T09:00:00Z },
    { id: 2, carrier: "AA", tailnum: "N2", origin: "JFK", at: @2024-01-02T10:00:00Z },
    { id: 3, carrier: "AA", tailnum: "N1", origin: "LGA", at: @2024-01-02T10:00:00Z },
    { id: 4, carrier: "AA", tailnum: "N1", origin: "JFK", at: @2024-01-02T12:00:00.000001Z },
  ]
  expect fleet { carrier: "AA" } at @2024-01-02T09:30:00Z { seats = 100, storms = 0, gust = 10.0 }
  expect fleet { carrier: "AA" } at @2024-01-02T11:00:00Z { seats = 200, storms = 1, gust = 20.0 }
  expect fleet { carrier: "AA" } at @2024-01-02T13:00:00Z { seats = 270, storms = 1, gust = 20.0 }
}
"#;
    let results = tested(program);
    assert!(results[0].passed(), "{results:#?}");
}

/// A wrong definition, which sees a row at its departure, is found by the program's own test.
#[test]
fn a_test_notices_a_feature_that_sees_the_future() {
    let text = flights()
        .replace(
            "features airline_punctuality for airline from flights at landed_at {",
            "features airline_punctuality for airline from flights at departs_at {",
        )
        .replace("arr_delay: float64?  known at landed_at", "arr_delay: float64?")
        .replace(
            "where landed_at is not null and arr_delay is not null\n\n  landings",
            "where arr_delay is not null\n\n  landings",
        );
    let CaseOutcome::Failed(failures) = &tested(&text)[0].outcome else { panic!("the test passed") };
    assert!(
        failures
            .iter()
            .any(|failure| matches!(failure, Failure::Features { group, .. } if group == "airline_punctuality"))
    );
}

const ORDERS: &str = r#"
entity shop { shop: string }

source orders {
  from csv("orders.csv")
  schema {
    id:     int64
    shop:   string
    at:     timestamp
    amount: float64 = 10.0
    days:   int64?
  }
  derive { twice = amount * 2.0 }
  time at
  key  id
  expect amount < 1000.0 else quarantine
  expect days >= 0
}

features sales for shop from orders {
  orders  = count() over 1d
  revenue = sum(twice) over 1d
  recent  = mean(amount) over last 2
  before  = count() over 1d offset 1d
  idle    = (now - last(at)) / 1d
}
"#;

fn orders(test: &str) -> CaseResult {
    tested(&format!("{ORDERS}\ntest \"orders\" {{\n{test}\n}}\n")).remove(0)
}

#[test]
fn rows_go_through_defaults_derivations_expectations_and_keys() {
    let result = orders(
        r#"
  given orders [
    { id: 1, shop: "a", at: @2024-06-01T08:00:00Z, amount: 1.0 },
    { id: 2, shop: "a", at: @2024-06-02T08:00:00Z, amount: 900000.0 },
    { id: 3, shop: "a", at: @2024-06-02T09:00:00Z },
    { id: 4, shop: "a", at: @2024-06-02T09:00:00Z, amount: 3.0 },
    { id: 4, shop: "a", at: @2024-06-02T10:00:00Z, amount: 5.0 },
  ]
  expect sales { shop: "a" } at @2024-06-02T22:00:00Z {
    orders = 2, revenue = 30.0, recent = 7.5, before = 1, idle = 0.5
  }
  expect sales { shop: "b" } at @2024-06-02T22:00:00Z { orders = 0, revenue = 0.0, recent = null, idle = null }
"#,
    );
    assert!(result.passed(), "{result:#?}");
}

#[test]
fn a_row_that_its_source_refuses_is_an_error_at_the_expectation() {
    let result = orders(
        r#"
  given orders [{ id: 1, shop: "a", at: @2024-06-01T08:00:00Z, days: -1 }]
  expect sales { shop: "a" } at @2024-06-02T22:00:00Z { orders = 1 }
"#,
    );
    let CaseOutcome::Error(error) = &result.outcome else { panic!("{result:?}") };
    assert_eq!(error.code, "E0904", "{error:?}");
    assert!(error.message.contains("it is row 1 of `given orders`"), "{error:?}");
    let line = ORDERS.lines().position(|line| line.contains("expect days")).unwrap() + 1;
    assert_eq!(error.line.map(|line| line as usize), Some(line));
}

#[test]
fn conditions_tell_both_sides() {
    let result = orders("  expect 1 + 1 == 2\n  expect 0.1 + 0.2 == 0.4\n  expect true and false\n");
    let CaseOutcome::Failed(failures) = &result.outcome else { panic!("{result:?}") };
    let [Failure::Condition { sides: Some((left, right)), .. }, Failure::Condition { sides: None, found, .. }] =
        &failures[..]
    else {
        panic!("{failures:?}")
    };
    assert_eq!((left, right, found), (&Literal::Float(0.1 + 0.2), &Literal::Float(0.4), &Literal::Bool(false)));
    assert!(failures[0].line() < failures[1].line());
}

/// The programs of the language's suite on tests are right: what they expect holds.
#[test]
fn the_tests_of_the_suite_pass() {
    let text = std::fs::read_to_string(repository().join("tests/lang/tests.md")).unwrap();
    let mut carried_out = 0;
    for program in Document::parse(&text).fences("mlsys") {
        let path = "/project/program.mlsys";
        let files = BTreeMap::from([(PathBuf::from(path), program.to_owned())]);
        let compiler = Compiler::load(&InMemory { files }, Path::new(path), Settings::default()).unwrap();
        let (Ok((plan, _)), Ok(cases)) = (compiler.build(), compiler.tests()) else { continue };
        for result in run(&plan, &cases) {
            assert!(result.passed(), "{result:#?}\n{program}");
            carried_out += 1;
        }
    }
    assert!(carried_out >= 2, "{carried_out}");
}

//! A program with every aggregate, and rows for it.

use std::fmt::Write;
use std::path::Path;

/// How many sets of rows are made.
pub(crate) const SEEDS: u64 = 4;

const PROGRAM: &str = r#"
use std.time.{hour_of_day}

entity thing { k: string }

source rows {
  from   csv("rows.csv", null: "NA")
  stream file(path: "rows.ndjson")
  schema {
    id: int64
    at: timestamp
    k:  string?
    x:  float64?
    n:  int64?
    b:  bool?
    s:  string?
    late: float64? known at later
  }
  derive { later = at + 30s }
  time at lateness 1m
  key  id
}

features seen for thing from rows {
  where k is not null
  a = [count, sum, mean, min, max](x) over [10s, 1m]
  c = [stddev, variance](x) over 40s
  n = [sum, min, max, count_distinct, median](n) over [20s, 2m]
  f = [first, last](x) over all
  t = [any, all](b) over 1m
  q = quantile(x, q: 0.25) over 1m
  m = mode(s) over 1m
  l = last(s) over last 3
  o = sum(n) over 20s offset 10s
  h = count() over 1m step 10s
  w = sum(x) where b over 1m
  r = rate() over 1m
  d = a_mean_10s - a_mean_1m
}

features known for thing from rows at later {
  where k is not null and late is not null
  v = [count, sum, last](late) over 30s
  e = sum(late) over all
}

model m {
  observe rows where k is not null and n is not null
  label   n > 2
  inputs {
    x
    hour = hour_of_day(at)
    seen.*
    known.*
  }
  impute 0
  split random(test: 50%)
  learn mlp()
}

deployment api {
  model m
  serve http(port: 18080)
}
"#;

/// Writes a project.
pub(crate) fn write(folder: &Path, seed: u64) {
    std::fs::write(folder.join("m.mlsys"), PROGRAM).unwrap();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut draw = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut text = String::from("id,at,k,x,n,b,s,late\n");
    let mut second = 0;
    for id in 0..400 {
        // Several rows of one second.
        second += draw(3);
        let missing = |value: String, is_missing: bool| if is_missing { "NA".to_owned() } else { value };
        let k = missing(format!("k{}", draw(5)), draw(20) == 0);
        let x = missing(format!("{}", draw(1_000) as f64 / 7.0 - 50.0), draw(6) == 0);
        let n = missing(format!("{}", draw(9)), draw(6) == 0);
        let b = missing(["true", "false"][draw(2) as usize].to_owned(), draw(6) == 0);
        let s = missing(["u", "v", "w"][draw(3) as usize].to_owned(), draw(6) == 0);
        let late = missing(format!("{}", draw(100) as f64 / 3.0), draw(4) == 0);
        let (minute, rest) = (second / 60, second % 60);
        let at = format!("2024-01-01T{:02}:{:02}:{rest:02}Z", minute / 60, minute % 60);
        writeln!(text, "{id},{at},{k},{x},{n},{b},{s},{late}").unwrap();
    }
    std::fs::write(folder.join("rows.csv"), text).unwrap();
}

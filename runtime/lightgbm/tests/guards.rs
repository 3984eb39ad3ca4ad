//! What LightGBM would crash on or miscount is refused with its reason. What ended the process, or wrote to its output, is
//! tried in a process of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::env;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mlsys_lightgbm::{Booster, Dataset, Library, LightgbmError, Matrix, Parameters};

const ROWS: usize = 200;

/// Set in a process that runs one test apart.
const APART: &str = "MLSYS_TEST_APART";

/// How long a test may take in its own process.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a test of this file in a process of its own, which must end well and say nothing that is LightGBM's.
fn apart(test: &str, body: impl FnOnce()) {
    if env::var_os(APART).is_some() {
        return body();
    }
    let mut child = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(APART, "1")
        // As many threads as a test asks for, however many cores there are.
        .env("OMP_NUM_THREADS", "4")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{test} does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {said}\n{told}", output.status);
    assert!(said.contains("1 passed") && !said.contains("[LightGBM]"), "{said}");
}

fn library() -> &'static Library {
    Library::open().unwrap()
}

/// Two columns: a category below 12, and a number.
fn cells() -> Vec<f32> {
    (0..ROWS).flat_map(|row| [(row * 7 % 12) as f32, (row * 37 % 101) as f32 / 100.0]).collect()
}

fn labels() -> Vec<f32> {
    cells().chunks(2).map(|row| row[1] + if row[0] < 5.0 { 1.0 } else { 0.0 }).collect()
}

fn parameters(objective: &str) -> Parameters {
    let mut parameters = Parameters::new(1);
    parameters.set("min_data_in_leaf", 5);
    parameters.set("min_data_per_group", 5);
    parameters.set("num_leaves", 6);
    parameters.set("objective", objective);
    parameters
}

fn dataset(parameters: &Parameters, labels: &[f32]) -> Dataset {
    let cells = cells();
    let mut dataset = Dataset::new(library(), &Matrix::new(&cells, 2).unwrap(), &[0], parameters).unwrap();
    dataset.label(labels).unwrap();
    dataset
}

fn grown(parameters: &Parameters, labels: &[f32], rounds: usize) -> Booster {
    let mut booster = Booster::new(dataset(parameters, labels), parameters).unwrap();
    for _ in 0..rounds {
        booster.step().unwrap();
    }
    booster
}

fn text() -> String {
    grown(&parameters("regression"), &labels(), 3).to_text(None).unwrap()
}

fn predicted(booster: &Booster) -> Vec<f64> {
    booster.predict(&Matrix::new(&cells(), 2).unwrap(), 0, None).unwrap()
}

/// The reason for which something is refused before the library sees it.
fn reason<T>(refused: Result<T, LightgbmError>) -> String {
    match refused.err() {
        Some(LightgbmError::Unusable(reason) | LightgbmError::Text(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn trees_that_were_read_grow_no_more() {
    apart("trees_that_were_read_grow_no_more", || {
        let mut read = Booster::from_text(library(), &text()).unwrap();
        assert_eq!(read.step(), Err(LightgbmError::Grown));
        assert_eq!(predicted(&read).len(), ROWS);
    });
}

/// [`Booster::step`] says whether there is something left to gain.
#[test]
fn a_step_says_whether_it_gained() {
    let parameters = parameters("regression");
    assert!(Booster::new(dataset(&parameters, &labels()), &parameters).unwrap().step().unwrap());
    let mut same = Booster::new(dataset(&parameters, &[1.0; ROWS]), &parameters).unwrap();
    assert!(!same.step().unwrap());
    assert!(predicted(&same).iter().all(|output| (output - 1.0).abs() < 1e-6));
}

#[test]
fn sizes_of_groups_are_counted() {
    apart("sizes_of_groups_are_counted", || {
        let parameters = parameters("lambdarank");
        let grades: Vec<f32> = (0..ROWS).map(|row| (row % 3) as f32).collect();
        let mut dataset = dataset(&parameters, &grades);
        assert_eq!(reason(dataset.groups(&[150, -50, 100])), "group 1 has -50 rows");
        assert_eq!(reason(dataset.groups(&[100, 0, 100])), "group 1 has 0 rows");
        assert_eq!(reason(dataset.groups(&[150, 20])), "groups have 170 rows, the data set has 200");
        assert!(reason(dataset.groups(&[i32::MAX, i32::MAX, 202])).starts_with("groups have 4294967496 rows"));
        dataset.groups(&[150, 50]).unwrap();
        assert!(Booster::new(dataset, &parameters).unwrap().step().unwrap());
    });
}

#[test]
fn trees_of_every_objective_are_read_back() {
    let classes: Vec<f32> = (0..ROWS).map(|row| (row % 3) as f32).collect();
    let truths: Vec<f32> = (0..ROWS).map(|row| (row % 2) as f32).collect();
    let mut of_classes = parameters("multiclass");
    of_classes.set("num_class", 3);
    let mut of_quantiles = parameters("quantile");
    of_quantiles.set("alpha", 0.9);
    let cases = [
        (parameters("regression"), labels()),
        (parameters("regression"), vec![2.0; ROWS]),
        (parameters("regression_l1"), labels()),
        (parameters("huber"), labels()),
        (of_quantiles, labels()),
        (parameters("binary"), truths),
        (of_classes, classes),
    ];
    for (parameters, labels) in cases {
        for rounds in [1, 4] {
            let booster = grown(&parameters, &labels, rounds);
            let text = booster.to_text(None).unwrap();
            let read = Booster::from_text(library(), &text).unwrap();
            assert_eq!(predicted(&read), predicted(&booster), "{parameters:?}");
            let again = Booster::from_text(library(), &read.to_text(None).unwrap()).unwrap();
            assert_eq!(predicted(&again), predicted(&booster), "{parameters:?}");
            Booster::from_text(library(), &format!("{text}\npandas_categorical:null\n")).unwrap();
        }
    }
}

#[test]
fn a_text_that_is_cut_off_is_refused() {
    apart("a_text_that_is_cut_off_is_refused", || {
        let text = text();
        // Without its last line end it is whole.
        for end in 0..text.len() - 1 {
            let refused = Booster::from_text(library(), &text[..end]);
            assert!(matches!(refused, Err(LightgbmError::Text(_))), "{end} of {}", text.len());
        }
    });
}

#[test]
fn a_text_that_was_changed_is_refused() {
    apart("a_text_that_was_changed_is_refused", || {
        let text = text();
        let sizes = text.lines().find(|line| line.starts_with("tree_sizes=")).unwrap();
        let first = sizes.split(' ').next().unwrap();
        let changed = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        };
        // A change of a tree that keeps its length, so that the sizes of the trees hold.
        let within = |name: &str, change: fn(&str) -> String| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}"));
            let new = format!("{name}{}", change(&line[name.len()..]));
            assert!(new.len() == line.len() && new != line, "{line} {new}");
            text.replacen(line, &new, 1)
        };
        let nines = |value: &str| value.replace(|digit: char| digit.is_ascii_digit(), "9");
        let cases = [
            (String::new(), "it ends within its first lines"),
            ("hello\nworld\n\n".to_owned(), "it does not begin with"),
            ("{\"a\": 1}\n\n".to_owned(), "it does not begin with"),
            (changed("version=v4", "version=v9"), "it does not begin with"),
            (changed("tree_sizes=", "tree_sizes=99999999 "), "it ends within tree 0"),
            (changed("tree_sizes=", "tree_sizes=18446744073709551615 "), "it ends within tree 0"),
            (changed("tree_sizes=", "tree_sizes=-1 "), "`tree_sizes` has the value `-1`"),
            (changed(sizes, first), "the trees do not end with"),
            (changed(&format!("{sizes}\n"), ""), "`tree_sizes` is missing"),
            (changed("num_class=1", "num_class=3"), "3 trees are no rounds of 1, for 3 classes"),
            (changed("num_tree_per_iteration=1", "num_tree_per_iteration=0"), "3 trees are no rounds of 0"),
            (changed("num_class=1\nnum_tree_per_iteration=1", "num_class=2\nnum_tree_per_iteration=2"), "3 trees are"),
            (changed("max_feature_idx=1", "max_feature_idx=9"), "`feature_names` has 2 values, expected 10"),
            (changed("max_feature_idx=1", "max_feature_idx=18446744073709551615"), "`max_feature_idx` is too large"),
            (changed("objective=regression", "purpose=regression"), "`objective` is missing"),
            (changed("Tree=1", "Tree=7"), "tree 1: it does not begin where"),
            (changed("num_leaves=6", "num_leaves=9"), "tree 0: `leaf_value` has 6 values, expected 9"),
            (changed("num_leaves=6", "num_leaves=0"), "tree 0: it has no leaves"),
            (changed("is_linear=0", "is_linear=1"), "tree 0: it has no leaves, or leaves that are lines"),
            (changed("decision_type=", "decision_tipe="), "tree 0: `decision_type` is missing"),
            (changed("shrinkage=1", "shrinkage=x"), "tree 0: `shrinkage` has the value `x`"),
            (changed("leaf_value=0", "leaf_value=x"), "tree 0: `leaf_value` has the value"),
            (changed("leaf_count=", "leaf_value="), "tree 0: `leaf_value` is there twice"),
            (within("left_child=", nines), "tree 0: the child"),
            (within("right_child=", nines), "tree 0: the child"),
            (within("split_feature=", nines), "tree 0: a node reads column 9 of 2"),
            (within("cat_boundaries=", nines), "tree 0: sets of categories do not follow each other"),
            (within("num_cat=", nines), "tree 0: `cat_boundaries` has 2 values, expected 10"),
            (changed("end of trees", "end of treez"), "the trees do not end with `end of trees`"),
            (changed("\nparameters:\n", "\nparamaters:\n"), "it has no parameters"),
            (format!("{text}Tree=9"), "something follows its end"),
            (changed("Column_0", "Spalte_ä"), "it holds letters that LightGBM does not write"),
        ];
        for (changed, expected) in cases {
            let reason = reason(Booster::from_text(library(), &changed));
            assert!(reason.starts_with(expected), "{reason}, expected {expected}");
        }
    });
}

#[test]
fn labels_and_weights_are_numbers_of_every_row() {
    let mut dataset = dataset(&parameters("regression"), &labels());
    for (bad, said) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        let with_bad = |mut values: Vec<f32>| {
            values[7] = bad;
            values
        };
        assert_eq!(reason(dataset.label(&with_bad(labels()))), format!("the label of row 7 is {said}"));
        assert_eq!(reason(dataset.weight(&with_bad(vec![1.0; ROWS]))), format!("the weight of row 7 is {said}"));
    }
    let mut negative = vec![1.0; ROWS];
    negative[0] = -0.5;
    assert_eq!(reason(dataset.weight(&negative)), "the weight of row 0 is -0.5");
    assert_eq!(reason(dataset.weight(&[0.0; ROWS])), "all rows have a weight of zero");
    assert_eq!(reason(dataset.weight(&[1.0])), "there are 1 weights for 200 rows");
    assert_eq!(reason(dataset.label(&[1.0])), "there are 1 labels for 200 rows");
}

#[test]
fn labels_are_what_the_objective_knows() {
    let mut of_classes = parameters("multiclass");
    of_classes.set("num_class", 3);
    let cases = [
        (of_classes.clone(), 3.0, "from 0 to 2"),
        (of_classes.clone(), -1.0, "from 0 to 2"),
        (of_classes, 1.5, "from 0 to 2"),
        (parameters("binary"), 2.0, "from 0 to 1"),
        (parameters("binary"), -1.0, "from 0 to 1"),
        (parameters("lambdarank"), 31.0, "from 0 to 30"),
        (parameters("lambdarank"), 0.5, "from 0 to 30"),
    ];
    for (parameters, bad, expected) in cases {
        let mut labels: Vec<f32> = (0..ROWS).map(|row| (row % 2) as f32).collect();
        labels[9] = bad;
        let reason = reason(Booster::new(dataset(&parameters, &labels), &parameters));
        assert_eq!(reason, format!("the label of row 9 is {bad}, expected a whole number {expected}"));
    }
    let parameters = parameters("regression");
    let unlabelled = Dataset::new(library(), &Matrix::new(&cells(), 2).unwrap(), &[], &parameters).unwrap();
    assert_eq!(reason(Booster::new(unlabelled, &parameters)), "rows have no labels");
}

#[test]
fn no_trees_predict_nothing() {
    let parameters = parameters("regression");
    let none = Booster::new(dataset(&parameters, &labels()), &parameters).unwrap();
    assert_eq!(predicted(&none), vec![0.0; ROWS]);
    let read = Booster::from_text(library(), &none.to_text(None).unwrap()).unwrap();
    assert_eq!(predicted(&read), vec![0.0; ROWS]);
    // To the library no rounds are all of them.
    let grown = grown(&parameters, &labels(), 3);
    let cells = cells();
    let matrix = Matrix::new(&cells, 2).unwrap();
    assert_eq!(grown.predict(&matrix, 0, Some(0)).unwrap(), vec![0.0; ROWS]);
    assert_eq!(grown.predict(&matrix, 7, Some(1)).unwrap(), vec![0.0; ROWS]);
    assert_eq!(reason(grown.to_text(Some(0))), "trees of no rounds are no trees");
    assert_eq!(grown.to_text(Some(9)).unwrap(), grown.to_text(None).unwrap());
    let first = Booster::from_text(library(), &grown.to_text(Some(1)).unwrap()).unwrap();
    assert_eq!(predicted(&first), grown.predict(&matrix, 0, Some(1)).unwrap());
}

#[test]
fn categories_are_whole_numbers_of_columns_that_there_are() {
    let parameters = parameters("regression");
    let made = |cells: &[f32], categories: &[usize]| {
        Dataset::new(library(), &Matrix::new(cells, 2).unwrap(), categories, &parameters).map(drop)
    };
    assert_eq!(reason(made(&cells(), &[0, 7])), "column 7 is to hold categories, and rows have 2");
    let booster = grown(&parameters, &labels(), 3);
    let read = Booster::from_text(library(), &booster.to_text(None).unwrap()).unwrap();
    for bad in [-1.0, 1.5, 2_147_483_648.0, 3e9, f32::INFINITY, f32::NEG_INFINITY] {
        let mut cells = cells();
        cells[6] = bad;
        let expected = format!("row 3, column 0 holds the category {bad}: ");
        assert!(reason(made(&cells, &[0])).starts_with(&expected), "{bad}");
        let matrix = Matrix::new(&cells, 2).unwrap();
        assert!(reason(booster.predict(&matrix, 0, None)).starts_with(&expected), "{bad}");
        assert!(reason(read.predict(&matrix, 0, None)).starts_with(&expected), "{bad}");
    }
    // A category that is missing, or that nothing was learnt from, is none of those that were.
    let rows = [f32::NAN, 0.5, 99.0, 0.5];
    let found = booster.predict(&Matrix::new(&rows, 2).unwrap(), 0, None).unwrap();
    assert_eq!(found[0].to_bits(), found[1].to_bits());
}

/// What the library says it says on the thread that works, whose callback is its own.
#[test]
fn nothing_is_said_on_any_thread() {
    apart("nothing_is_said_on_any_thread", || {
        let mut talkative = parameters("regression");
        talkative.set("verbosity", 2);
        talkative.set("unknown_to_all", 1);
        let work = move || {
            let mut booster = grown(&talkative, &[1.0; ROWS], 2);
            predicted(&booster);
            booster.step().unwrap();
            let text = booster.to_text(None).unwrap();
            predicted(&Booster::from_text(library(), &text).unwrap());
            booster
        };
        work();
        let mut booster = std::thread::spawn(work.clone()).join().unwrap();
        std::thread::spawn(move || booster.step().unwrap()).join().unwrap();
    });
}

/// The same rows and parameters give the same bytes on any number of threads.
#[test]
fn the_text_does_not_depend_on_threads() {
    apart("the_text_does_not_depend_on_threads", texts_of_threads);
}

fn texts_of_threads() {
    let cells: Vec<f32> = (0..40_000).map(|at| (at * 7919 % 10_007) as f32 / 100.0).collect();
    let labels: Vec<f32> = cells.chunks(4).map(|row| row[0] * row[1] - row[2]).collect();
    let texts = [Some(1), Some(2), Some(4), None].map(|threads| {
        library().use_threads(threads).unwrap();
        let parameters = parameters("regression");
        let matrix = Matrix::new(&cells, 4).unwrap();
        let mut dataset = Dataset::new(library(), &matrix, &[], &parameters).unwrap();
        dataset.label(&labels).unwrap();
        dataset.weight(&cells[..labels.len()]).unwrap();
        let mut booster = Booster::new(dataset, &parameters).unwrap();
        for _ in 0..20 {
            booster.step().unwrap();
            booster.predict(&matrix, 0, None).unwrap();
        }
        booster.to_text(None).unwrap()
    });
    assert!(texts.iter().all(|text| *text == texts[0]));
    assert!(texts[0].contains("[num_threads: 0]") && texts[0].contains("[machines: ]"), "{}", texts[0]);
}

#[test]
fn parameters_that_would_be_written_with_the_trees_are_set_elsewhere() {
    for (name, value) in [("num_threads", "4"), ("n_jobs", "4"), ("cat_feature", "1"), ("machines", "localhost:1")] {
        let mut parameters = parameters("regression");
        parameters.set(name, value);
        let made = Dataset::new(library(), &Matrix::new(&cells(), 2).unwrap(), &[], &parameters);
        assert!(reason(made).starts_with(&format!("parameter `{name}`: ")), "{name}");
    }
    let mut parameters = parameters("regression");
    parameters.set("objective", "binary num_threads=4");
    let made = Dataset::new(library(), &Matrix::new(&cells(), 2).unwrap(), &[], &parameters);
    assert!(reason(made).contains("holds a space"));
}

#[test]
fn rows_are_whole_and_as_wide_as_they_were() {
    assert_eq!(reason(Matrix::new(&[1.0, 2.0, 3.0], 2)), "3 numbers do not make rows of 2");
    assert_eq!(reason(Matrix::new(&[], 0)), "rows have no columns");
    assert_eq!(reason(Matrix::new(&[1.0], 0)), "rows have no columns");
    let parameters = parameters("regression");
    let none = Matrix::new(&[], 2).unwrap();
    assert_eq!(reason(Dataset::new(library(), &none, &[], &parameters)), "there are no rows");
    let booster = grown(&parameters, &labels(), 2);
    assert_eq!(booster.predict(&none, 0, None).unwrap(), Vec::<f64>::new());
    let wide = [0.0; 6];
    let refused = reason(booster.predict(&Matrix::new(&wide, 3).unwrap(), 0, None));
    assert_eq!(refused, "the trees read 2 columns, the rows have 3");
    let far = booster.predict(&Matrix::new(&wide, 2).unwrap(), usize::MAX, None);
    assert!(matches!(far, Err(LightgbmError::TooMany(_))), "{far:?}");
}

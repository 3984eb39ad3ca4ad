//! `mlsysc test`: the `test` blocks of a program, on the rows written in them. Those of models are listed: a run carries
//! them out, on what it has learnt.

use clap::Args;
use mlsys_engine::test::{CaseOutcome, CaseResult, Failure, run};
use mlsys_plan::{Literal, Operation, Origin, Plan};
use serde::Serialize;

use super::{Exit, Program};
use crate::commands::run::show;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    program: Program,
    /// Run only tests whose name holds this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Print one JSON object with all results
    #[arg(long)]
    json: bool,
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    let (compiler, plan) = match arguments.program.planned() {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    // The plan could be made, so there are no errors that could come back here.
    let mut cases = compiler.tests().unwrap_or_default();
    let mut of_models = of_models(&plan);
    if let Some(wanted) = &arguments.only {
        cases.retain(|case| case.name.contains(wanted.as_str()));
        of_models.retain(|test| test.name.contains(wanted.as_str()));
    }
    let results = run(&plan, &cases);
    let failed = results.iter().filter(|result| !result.passed()).count();
    if arguments.json {
        println!("{}", serde_json::json!({ "tests": results, "of_models": of_models }));
    } else {
        for result in &results {
            print(result);
            if let CaseOutcome::Error(error) = &result.outcome {
                show(std::iter::once(error), compiler.files());
            }
        }
        for test in &of_models {
            println!("later   {}  (of the model {}, by `mlsysc run`)", test.name, test.model);
        }
        println!("{}", counted(results.len() - failed, failed, of_models.len()));
    }
    if failed > 0 { Exit::Wrong } else { Exit::Fine }
}

/// A test of a model.
#[derive(Serialize)]
struct OfModel<'a> {
    name: &'a str,
    model: &'a str,
    /// Where its first expectation stands.
    origin: &'a Origin,
    expectations: Vec<String>,
}

/// The tests of models, in the plan's order.
fn of_models(plan: &Plan) -> Vec<OfModel<'_>> {
    let mut tests: Vec<OfModel<'_>> = Vec::new();
    for node in &plan.nodes {
        let Operation::Train(train) = &node.operation else { continue };
        for behaviour in &train.behaviours {
            let (name, model, origin) = (behaviour.test.as_str(), train.model.as_str(), &behaviour.origin);
            let expected = behaviour.to_string();
            // Expectations of a test follow each other.
            match tests.last_mut().filter(|last| last.name == name && last.model == model) {
                Some(last) => last.expectations.push(expected),
                None => tests.push(OfModel { name, model, origin, expectations: vec![expected] }),
            }
        }
    }
    tests
}

fn counted(passed: usize, failed: usize, of_models: usize) -> String {
    let counted = match (passed, failed) {
        (0, 0) if of_models == 0 => return "no tests".to_owned(),
        (0, 0) => "no tests of definitions".to_owned(),
        (passed, 0) => format!("{passed} passed"),
        (passed, failed) => format!("{passed} passed, {failed} failed"),
    };
    match of_models {
        0 => counted,
        1 => format!("{counted}; 1 test of a model is run by `mlsysc run`"),
        more => format!("{counted}; {more} tests of models are run by `mlsysc run`"),
    }
}

fn print(result: &CaseResult) {
    let word = if result.passed() { "ok    " } else { "FAILED" };
    println!("{word}  {}  ({:.1} ms)", result.name, result.seconds * 1e3);
    let CaseOutcome::Failed(failures) = &result.outcome else { return };
    for failure in failures {
        let place = format!("{}:{}", result.origin.file, failure.line());
        match failure {
            Failure::Features { group, entity, at, values, .. } => {
                let keys: Vec<String> = entity.iter().map(|(name, value)| format!("{name}: {value}")).collect();
                println!("  {place}  {group} {{ {} }} at {}", keys.join(", "), Literal::Timestamp(*at));
                let width = values.iter().map(|value| value.feature.len()).max().unwrap_or_default();
                for value in values {
                    println!("    - {:width$} = {}", value.feature, value.expected);
                    println!("    + {:width$} = {}", value.feature, value.found);
                }
            }
            Failure::Condition { text, found, sides, .. } => {
                println!("  {place}  {text}  is {found}");
                if let Some((left, right)) = sides {
                    println!("    left  {left}");
                    println!("    right {right}");
                }
            }
        }
    }
}

//! `mlsysc test`: the `test` blocks of a program, on the rows written in them.

use clap::Args;
use mlsys_engine::test::{CaseOutcome, CaseResult, Failure, run};
use mlsys_plan::Literal;

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
    if let Some(wanted) = &arguments.only {
        cases.retain(|case| case.name.contains(wanted.as_str()));
    }
    let results = run(&plan, &cases);
    let failed = results.iter().filter(|result| !result.passed()).count();
    if arguments.json {
        println!("{}", serde_json::json!({ "tests": results }));
    } else {
        for result in &results {
            print(result);
            if let CaseOutcome::Error(error) = &result.outcome {
                show(std::iter::once(error), compiler.files());
            }
        }
        println!("{}", counted(results.len() - failed, failed));
    }
    if failed > 0 { Exit::Wrong } else { Exit::Fine }
}

fn counted(passed: usize, failed: usize) -> String {
    match (passed, failed) {
        (0, 0) => "no tests".to_owned(),
        (passed, 0) => format!("{passed} passed"),
        (passed, failed) => format!("{passed} passed, {failed} failed"),
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

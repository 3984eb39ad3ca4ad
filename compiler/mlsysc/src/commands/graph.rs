//! `mlsysc graph`: the graph of a program, by nodes or by columns.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mlsys_driver::{Drawing, Format};

use super::{Exit, Program, complain};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    program: Program,
    /// Draw columns instead of nodes: from which source columns features and inputs come
    #[arg(long)]
    columns: bool,
    /// How the graph is drawn
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// An indented list
    Text,
    /// The DOT language of Graphviz
    Dot,
    /// Mermaid, for wikis and code hosts
    Mermaid,
    /// Nodes and edges, for tools
    Json,
    /// A picture
    Svg,
}

impl From<Form> for Format {
    fn from(form: Form) -> Format {
        match form {
            Form::Text => Format::Text,
            Form::Dot => Format::Dot,
            Form::Mermaid => Format::Mermaid,
            Form::Json => Format::Json,
            Form::Svg => Format::Svg,
        }
    }
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    let plan = match arguments.program.planned() {
        Ok((_, plan)) => plan,
        Err(exit) => return exit,
    };
    let drawing = if arguments.columns { Drawing::columns(&plan) } else { Drawing::nodes(&plan) };
    let drawn = drawing.render(arguments.format.into());
    match &arguments.out {
        None => print!("{drawn}"),
        Some(path) => {
            if let Err(error) = std::fs::write(path, drawn) {
                complain("E0911", &format!("cannot write `{}`: {error}", path.display()), Some("name another file"));
                return Exit::External;
            }
            println!("{}", path.display());
        }
    }
    Exit::Fine
}

//! `encode`: how inputs become numbers, where it is not the usual way of their type.

use mlsys_diagnostics::{Span, nearest};
use mlsys_plan::{Call, Type};
use mlsys_syntax::ast::{self, OfGroup};

use super::{Context, Inputs};
use crate::library::{self, Signature, overloads};
use crate::report::{Reports, a};
use crate::scope::listed;

/// Gives inputs the encoders that the program names.
pub(super) fn encode(context: &Context<'_, '_>, collected: &mut Inputs, reports: &mut Reports) {
    let mut written: Vec<(usize, Span)> = Vec::new();
    for clause in &context.model.encode {
        let encoder = context.constants.nested("encoder", &clause.encoder, reports);
        for input in &clause.inputs {
            for index in places(collected, input, reports) {
                if let Some((_, first)) = written.iter().find(|(known, _)| *known == index) {
                    twice(&collected.inputs[index].name, input.span, *first, reports);
                    continue;
                }
                written.push((index, input.span));
                if let Some(call) = &encoder
                    && fits(
                        context,
                        call,
                        &collected.inputs[index].ty.ty,
                        &collected.inputs[index].name,
                        input,
                        reports,
                    )
                {
                    collected.inputs[index].encoder = Some(call.clone());
                }
            }
        }
    }
}

/// The inputs that are meant.
fn places(collected: &Inputs, written: &ast::Encoded, reports: &mut Reports) -> Vec<usize> {
    let name = written.name.text.as_str();
    let (wanted, is_group) = match &written.of_group {
        None => (name.to_owned(), false),
        Some(OfGroup::One(feature)) => (format!("{name}.{}", feature.text), false),
        Some(OfGroup::Every) => (format!("{name}."), true),
    };
    let names = collected.inputs.iter().map(|input| input.name.as_str());
    let is_meant = |input: &str| if is_group { input.starts_with(&wanted) } else { input == wanted };
    let found: Vec<usize> = names.clone().enumerate().filter(|(_, input)| is_meant(input)).map(|(at, _)| at).collect();
    if found.is_empty() && collected.complete {
        let known: Vec<&str> = names.collect();
        let what = if is_group { format!("{wanted}*") } else { wanted };
        reports
            .error("E0205", written.span, format!("the model has no input `{what}`"), "not an input")
            .help(format!("it has {}", listed(&known)))
            .did_you_mean(nearest(&what, known.iter().copied()));
    }
    found
}

fn twice(name: &str, span: Span, first: Span, reports: &mut Reports) {
    let item = reports.item().clone();
    reports
        .error("E0210", span, format!("the input `{name}` is encoded twice"), "a second time")
        .also(&item, first, "first here")
        .help("keep one of them");
}

/// Whether an encoder is for the input's type.
fn fits(
    context: &Context<'_, '_>,
    call: &Call,
    ty: &Type,
    name: &str,
    written: &ast::Encoded,
    reports: &mut Reports,
) -> bool {
    let constants = &context.constants;
    let signature: Option<&Signature> = overloads(constants.db, constants.project, "encoder", &call.name).first();
    let Some(signature) = signature.filter(|signature| !signature.is_for(family(ty))) else { return true };
    let families: Vec<&str> = signature.tasks.iter().map(String::as_str).collect();
    let message = format!("`{}` encodes {}, the input `{name}` is {}", call.name, listed(&families), a(ty));
    let others: Vec<String> = library::names(constants.db, constants.project, "encoder")
        .into_iter()
        .filter(|name| {
            overloads(constants.db, constants.project, "encoder", name).iter().all(|one| one.is_for(family(ty)))
        })
        .collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let help = format!("leave it out for the usual encoder; there is {}", listed(&others));
    reports.error("E0302", written.span, message, format!("this is {}", a(ty))).help(help);
    false
}

/// The family of types that encoders are declared for.
fn family(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "truth",
        Type::Int32 | Type::Int64 | Type::Float32 | Type::Float64 | Type::Duration => "number",
        Type::String | Type::Enum(_) | Type::Bytes => "text",
        Type::Timestamp | Type::Date => "instant",
        Type::List(_) => "list",
        Type::Vector(_) => "vector",
    }
}

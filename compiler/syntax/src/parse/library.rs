//! Parameters, entities, functions, externs and uses.

use super::children::{Children, name};
use super::{Builder, Rule};
use crate::ast::{Entity, Extern, Function, Param, Parameter, Use};

impl Builder<'_> {
    pub(super) fn param(&mut self, node: &Children<'_>) -> Option<Param> {
        Some(Param { doc: node.doc(), name: node.name()?, ty: self.type_in(node)?, default: self.expr_in(node) })
    }

    pub(super) fn entity(&mut self, node: &Children<'_>) -> Option<Entity> {
        Some(Entity { name: node.name()?, keys: self.columns(node) })
    }

    pub(super) fn function(&mut self, node: &Children<'_>) -> Option<Function> {
        Some(Function {
            doc: node.doc(),
            name: node.name()?,
            parameters: self.parameters(&node.open(Rule::parameters)?),
            result: self.type_in(node)?,
            body: self.expr_in(node)?,
        })
    }

    pub(super) fn extern_item(&mut self, node: &Children<'_>) -> Option<Extern> {
        let mut names = node.all(Rule::name).map(name);
        Some(Extern {
            doc: node.doc(),
            kind: names.next()?,
            name: names.next()?,
            type_parameters: node.open(Rule::type_parameters).map(|list| list.names()).unwrap_or_default(),
            parameters: self.parameters(&node.open(Rule::parameters)?),
            result: self.type_in(node),
            bounds: node.open(Rule::between).and_then(|between| self.bounds(&between)),
            tasks: names.collect(),
        })
    }

    fn parameters(&mut self, list: &Children<'_>) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for parameter in list.each(Rule::parameter) {
            if let (Some(name), Some(ty)) = (parameter.label(), self.type_in(&parameter)) {
                let default = parameter.first(Rule::sum).cloned().and_then(|default| self.expr(default));
                let bounds = parameter.open(Rule::between).and_then(|between| self.bounds(&between));
                let or = parameter.name();
                parameters.push(Parameter { name, ty, or, default, bounds });
            }
        }
        parameters
    }

    /// The names before the brace are the path; the grammar keeps them in order.
    #[expect(clippy::unused_self, reason = "the same shape as every other declaration")]
    pub(super) fn use_item(&mut self, node: &Children<'_>) -> Use {
        Use { path: node.open(Rule::use_path).map(|path| path.names()).unwrap_or_default(), names: node.names() }
    }
}

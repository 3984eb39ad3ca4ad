//! Look-ahead labels: `count() from logins for customer over next 30d` aggregates what follows the observation.

use std::cell::RefCell;
use std::collections::BTreeSet;

use mlsys_plan::LookAhead;
use mlsys_syntax::{Kind, ast};

use super::{Context, aggregate, keys};
use crate::args::Constants;
use crate::deployment::positive;
use crate::entity::entity_of;
use crate::refer::refer;
use crate::report::Reports;
use crate::source::source_of;

/// The look-ahead of a call under that name, and whether its result is personal data.
pub(crate) fn look_ahead(
    constants: &Constants<'_>,
    name: &str,
    call: &ast::Call,
    ahead: &ast::LookAhead,
    reports: &mut Reports,
) -> Option<(LookAhead, bool)> {
    let entity = refer(constants, &ahead.entity, Kind::Entity, reports);
    let source = refer(constants, &ahead.source, Kind::Source, reports);
    let source = source_of(constants.db, constants.project, source?).value.as_ref()?;
    let entity = entity_of(constants.db, entity?).value.as_ref()?;
    let width = positive(ahead.width, reports);
    let called = ast::Name { text: name.to_owned(), span: call.span };
    let group = group_of(&called, ahead);
    let mut context = Context {
        constants: *constants,
        group: &group,
        source,
        at: None,
        filter: None,
        present: BTreeSet::new(),
        late: RefCell::default(),
    };
    context.at = context.seen_at(reports);
    context.group_filter(reports);
    let keys: Option<Vec<_>> = keys::keys(&context, entity, reports).into_iter().collect();
    let typed = aggregate::typed(&context, &called, call, reports);
    context.report_late(reports);
    let typed = typed?;
    let look = LookAhead {
        name: name.to_owned(),
        source: source.name.clone(),
        keys: keys?,
        function: call.name.text.clone(),
        argument: typed.argument,
        args: typed.args,
        filter: context.filter.clone(),
        width: width?,
        ty: typed.ty,
    };
    Some((look, typed.pii))
}

/// A look ahead is checked as a group of one feature that sees rows at their time.
fn group_of(name: &ast::Name, ahead: &ast::LookAhead) -> ast::Features {
    ast::Features {
        name: name.clone(),
        entity: ahead.entity.clone(),
        key_map: ahead.key_map.clone(),
        source: ahead.source.clone(),
        at: None,
        filters: ahead.filter.iter().cloned().collect(),
        refresh: Vec::new(),
        members: Vec::new(),
    }
}

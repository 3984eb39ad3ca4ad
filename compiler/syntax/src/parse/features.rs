//! Feature groups.

use super::children::Children;
use super::{Builder, Rule};
use crate::ast::{Features, Member};

impl Builder<'_> {
    pub(super) fn features(&mut self, node: &Children<'_>) -> Option<Features> {
        self.bad_members(node, Rule::features_only);
        let mut names = node.names().into_iter();
        let (name, entity, source) = (names.next()?, names.next()?, names.next()?);
        let mut features = Features {
            name,
            entity,
            key_map: node.key_map(),
            source,
            at: self.expr_in(node),
            filters: Vec::new(),
            refresh: Vec::new(),
            members: Vec::new(),
        };
        let mut before: Option<mlsys_diagnostics::Span> = None;
        for member in node.iter() {
            let place = super::children::span(member);
            let source = member.as_span().get_input();
            if let (Rule::where_clause, Some(end)) = (member.as_rule(), before)
                && !source.get(end.end as usize..place.start as usize).unwrap_or_default().contains(['\n', ','])
            {
                self.errors.push(super::errors::where_behind_over(place));
            }
            before = matches!(member.as_rule(), Rule::definition | Rule::bare).then_some(place);
            let child = Children::of(member.clone());
            match member.as_rule() {
                Rule::where_clause => features.filters.extend(self.expr_in(&child)),
                Rule::refresh_clause => features.refresh.extend(child.duration()),
                Rule::definition => features.members.extend(self.definition(&child).map(Member::Definition)),
                Rule::bare => features.members.extend(child.name().map(Member::Bare)),
                _ => {}
            }
        }
        features.members.extend(node.broken_names().map(Member::Broken));
        Some(features)
    }
}

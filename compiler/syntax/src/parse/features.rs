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
        for member in node.iter() {
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

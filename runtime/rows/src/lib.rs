//! Rows as JSON and as Arrow columns: what streams bring and what requests carry, by the types of the plan.

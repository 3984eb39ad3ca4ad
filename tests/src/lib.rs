//! Tests that look at the whole: language suites, golden plans, layers, end to end.

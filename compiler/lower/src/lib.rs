//! Typed program to plan, and the checks on its graph.

//! Plan nodes on DataFusion: sources, expressions, quality checks and the point-in-time operator.

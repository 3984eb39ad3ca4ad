//! The compiler's facade: loading a project, check and build.

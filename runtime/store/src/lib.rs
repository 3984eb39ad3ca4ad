//! The state of a project: offline tables, artefacts and the model registry.

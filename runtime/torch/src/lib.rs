//! Learners on libtorch: encoders, training loop, metrics, artefacts.

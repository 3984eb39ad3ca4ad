//! Meaning: names, types, availability and signatures, as incremental queries.

//! What is kept of an entity while rows come: its recent past in order, what windows over it come to at a moment, and where it is stored.

//! Which removals an engine refuses.

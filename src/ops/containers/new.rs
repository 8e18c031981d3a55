//! New containers: what is asked for, what that would be made of, how it differs from what is
//! harmless, and what is told of it afterwards.

pub(in crate::ops) mod baseline;
pub(in crate::ops) mod found;
pub(in crate::ops) mod made;
pub(in crate::ops) mod wanted;

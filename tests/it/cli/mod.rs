//! The command line face, with the real program.

mod call;
mod checkout;
mod doctor;
mod hostile;
mod log;
mod pages;
mod policy;
mod terminal;
mod tools;

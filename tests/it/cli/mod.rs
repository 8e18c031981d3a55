//! The command line face, with the real program.

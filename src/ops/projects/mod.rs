//! Operations on Compose projects, which are told from the labels of their containers.

//! Whole specs in, settings or problems out.

//! Patterns against the JDK, and what is ours.

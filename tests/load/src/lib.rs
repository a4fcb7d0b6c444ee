//! Named load scenarios.

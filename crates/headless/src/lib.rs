//! A participant without a screen.

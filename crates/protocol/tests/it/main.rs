//! The words against the page that documents them.

mod document;

//! The participant core, for the browser.

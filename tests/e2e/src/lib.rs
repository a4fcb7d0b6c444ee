//! The real binary and headless participants over loopback.

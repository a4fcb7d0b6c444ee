//! Whole groups: honest ones, attacked ones, and the vectors others published.

mod calls;
mod ghost;
mod raw;
mod vectors;
mod world;

//! Whole groups: honest ones, attacked ones, and the vectors others published.

// The attribute is what lets clippy see that the helpers are test code as well.
#[cfg(test)]
mod calls;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod ghost;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod world;

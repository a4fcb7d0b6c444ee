//! One room: who waits, who is in, who may do what.

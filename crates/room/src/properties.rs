//! Do the invariants hold whatever anybody sends?

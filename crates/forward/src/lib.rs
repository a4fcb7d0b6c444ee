//! Which packet goes to whom.

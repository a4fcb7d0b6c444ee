//! Membership and keys of one participant: nothing leaves it that others could open.

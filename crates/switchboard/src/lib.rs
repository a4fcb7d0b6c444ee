//! Opens, finds and runs rooms.

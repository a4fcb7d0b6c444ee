//! The MLS delivery service of one group: which commit comes first, and who still needs what.

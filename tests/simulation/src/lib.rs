//! Many participants and the server cores in virtual time.

//! Participants in calls: what they do together, over a server that is honest, broken or hostile.

mod flows;
mod ghost;
mod hostile;
mod server;
mod world;

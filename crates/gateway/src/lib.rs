//! The door of the server: HTTP, WebSocket, TLS.

//! The bounds hold whatever a server does.

//! The handlers that come with clipmill.

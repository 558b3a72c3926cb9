//! clipmill

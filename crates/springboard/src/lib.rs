//! springboard

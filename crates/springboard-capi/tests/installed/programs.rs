//! Programs in `tests/c`, each a test of its own.

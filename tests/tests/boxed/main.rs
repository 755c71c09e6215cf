//! Stubs of the `boxed` entry, run: made-up hosts with a heap of their own call native functions. One host's values are
//! objects with types, another's are words with tags; the library is told of both in the same terms.

mod heap;
#[cfg(target_arch = "x86_64")] // elsewhere there is no such convention
mod named;
mod native;
mod objects;
mod stamps;
mod stub;
mod words;

//! What tests of more than one crate share.

pub mod decorated;
pub mod filetest;
pub mod hosts;
pub mod judged;
pub mod machine;
pub mod oracle;
pub mod readback;
pub mod text;
pub mod types;

//! What Cranelift's code for a stub has that the stub does not need.
//!
//! * Moves that lead round ([`moves`]), words that are loaded and stored where one `push` will do ([`push`]), frames of
//!   stubs that jump, and ends of frames ([`frame`]).
//!
//! What comes out is accepted only if a [reader](super::super::reading) finds that it does the same.

use super::{
    super::{
        Code,
        reading::{Known, Live},
    },
    assembly::{Item, assemble, items},
    frame, moves, push,
    reading::CPU,
};

/// The code, as short as it can be made.
pub(super) fn shorten(code: Code, live: Live) -> Code {
    let Some(items) = items(&code) else { return code };
    let ordered = moves::ordered(&items, live).or_else(|| moves::direct(&items));
    let mut known = Known::of(&CPU, &code, live);
    let candidates = [ordered.as_deref(), Some(&items)];
    let shorter = candidates.into_iter().flatten().find_map(|items| {
        let candidate = assemble(&framed(items)?)?;
        known.is_done_by(&candidate).then_some(candidate)
    });
    shorter.unwrap_or(code)
}

/// The instructions with what they need of a frame.
fn framed(items: &[Item]) -> Option<Vec<Item>> {
    if let Some(bare) = frame::without(items) {
        return Some(bare);
    }
    let pushed = push::pushed(items);
    frame::left(pushed.as_deref().unwrap_or(items))
}

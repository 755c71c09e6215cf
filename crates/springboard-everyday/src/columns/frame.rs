//! What a stub of the columns entry is told.

/// Words up to which nothing is allocated.
const INLINE: usize = 20;

/// The frame of a call, in the order in which [`Entry::Columns`](springboard_abi::Entry::Columns) lists its words.
pub(super) struct Frame {
    inline: [u64; INLINE],
    used: usize,
    /// All words, where there are more.
    spilled: Vec<u64>,
}

impl Frame {
    pub(super) fn new() -> Frame {
        Frame { inline: [0; INLINE], used: 0, spilled: Vec::new() }
    }

    /// Adds words at the end.
    pub(super) fn extend(&mut self, words: impl IntoIterator<Item = u64>) {
        for word in words {
            match self.inline.get_mut(self.used) {
                Some(free) => *free = word,
                None => {
                    if self.spilled.is_empty() {
                        self.spilled.extend(self.inline);
                    }
                    self.spilled.push(word);
                }
            }
            self.used += 1;
        }
    }

    pub(super) fn as_ptr(&self) -> *const u64 {
        if self.spilled.is_empty() { self.inline.as_ptr() } else { self.spilled.as_ptr() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_their_order_however_many_there_are() {
        for count in [0, 1, INLINE as u64 - 1, INLINE as u64, INLINE as u64 + 1, 100] {
            let mut frame = Frame::new();
            frame.extend(0..count / 2);
            frame.extend(count / 2..count);
            // SAFETY: so many words were added.
            let words = unsafe { std::slice::from_raw_parts(frame.as_ptr(), count as usize) };
            assert!(words.iter().copied().eq(0..count), "{words:?}");
        }
    }
}

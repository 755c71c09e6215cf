//! Which way each run goes, so that all are gone.

/// What has been chosen, and of how many.
#[derive(Default)]
pub(super) struct Choices {
    chosen: Vec<(usize, usize)>,
    next: usize,
}

impl Choices {
    /// A number below `count`: another one in each run, until all were chosen.
    pub(super) fn choose(&mut self, count: usize) -> usize {
        if self.next == self.chosen.len() {
            self.chosen.push((0, count));
        }
        self.next += 1;
        self.chosen[self.next - 1].0
    }

    /// Makes ready for another run. Whether there is one.
    pub(super) fn next(&mut self) -> bool {
        self.next = 0;
        while let Some((chosen, count)) = self.chosen.pop() {
            if chosen + 1 < count {
                self.chosen.push((chosen + 1, count));
                return true;
            }
        }
        false
    }
}

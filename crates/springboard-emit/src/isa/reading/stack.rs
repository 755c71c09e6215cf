//! The stub's own stack: words at distances from where the stack pointer was at first.

use super::{
    effect::{Event, Word},
    machine::Machine,
    step::Register,
    values::{Id, Value, Values},
};

impl Machine<'_> {
    pub(super) fn load(&mut self, values: &mut Values, address: Id, bytes: u8, how: u64) -> Option<Id> {
        let at = self.on_stack(values, address);
        if let Some(at) = at {
            if at < self.depth(values)? || self.is_return_address(at, bytes) {
                return None;
            }
            if let Some(word) = self.stack.iter().find(|word| word.overlaps(at, bytes)) {
                let inside = word.at <= at && at + i64::from(bytes) <= word.at + i64::from(word.bytes);
                let part =
                    Value::Made { how: how << 16 | (at - word.at) as u64, from: [Some(word.value), None] };
                return match how {
                    0 => (*word == Word { at, bytes, ..*word }).then_some(word.value),
                    _ => inside.then(|| values.id(part)),
                };
            }
        }
        let value = values.id(Value::Load { address, bytes, how, epoch: self.effect.events.len() });
        if at.is_none_or(|at| at >= self.cpu.saves) {
            self.effect.loads.push(value);
        }
        Some(value)
    }

    pub(super) fn store(&mut self, values: &Values, address: Id, bytes: u8, value: Id) -> Option<()> {
        match self.on_stack(values, address) {
            Some(at) if self.is_return_address(at, bytes) => None,
            Some(at) if at < self.cpu.saves => {
                let same = |word: &Word| (word.at, word.bytes) == (at, bytes);
                self.stack.retain(|word| !same(word));
                let free = self.stack.iter().all(|word| !word.overlaps(at, bytes));
                (free && at >= self.depth(values)?).then(|| self.stack.push(Word { at, bytes, value }))
            }
            _ => {
                self.effect.events.push(Event::Store { address, bytes, value });
                Some(())
            }
        }
    }

    /// Whether bytes of the stack hold the stub's return address, which nothing reads or writes.
    fn is_return_address(&self, at: i64, bytes: u8) -> bool {
        self.cpu.link.is_none() && at < 8 && at + i64::from(bytes) > 0
    }

    /// Whether there is the frame that the unwind row describes: the caller's frame pointer at the frame pointer, and the
    /// return address after it. Where stubs have no frame pointer, the caller's stack pointer is at the stack pointer.
    pub(super) fn is_framed(&self, values: &Values) -> bool {
        let cpu = self.cpu;
        let saved = |at: i64, register: Register| {
            let word = self.stack.iter().find(|word| (word.at, word.bytes) == (at, 8));
            word.is_some_and(|word| plain(values, word.value) == Id::first(register))
        };
        let base = cpu.frame.unwrap_or(cpu.stack);
        let Some(at) = self.on_stack(values, self.get(base)) else { return false };
        let returns = match cpu.link {
            _ if cpu.frame.is_none() => true,
            None => at + 8 == 0,
            Some(link) => saved(at + 8, link),
        };
        returns && saved(at, base)
    }

    /// Where an address is, counted from where the stack pointer was at first.
    pub(super) fn on_stack(&self, values: &Values, address: Id) -> Option<i64> {
        let first = Id::first(self.cpu.stack);
        match values.of(address) {
            Value::Register(id) if id == first => Some(0),
            Value::Sum(base, distance) if base == first => Some(distance),
            _ => None,
        }
    }

    pub(super) fn depth(&self, values: &Values) -> Option<i64> {
        self.on_stack(values, self.get(self.cpu.stack))
    }

    /// Whether a word is kept for the stub's caller: no business of whoever is called. A register that carries an argument
    /// may belong to the caller as well, and is then kept where the caller has room for it.
    pub(super) fn is_kept(&self, values: &Values, word: &Word) -> bool {
        let value = plain(values, word.value);
        let may_be_passed = |register| word.at < 0 && self.cpu.gprs.contains(&register);
        self.kept().any(|register| value == Id::first(register) && !may_be_passed(register))
    }

    /// The registers that are to be as they were when the stub ends.
    pub(super) fn kept(&self) -> impl Iterator<Item = Register> {
        let link = self.cpu.link.map_or(0, |link| 1 << link);
        super::registers(self.cpu.preserved | 1 << self.cpu.stack | link)
    }
}

/// A return address without its signature.
fn plain(values: &Values, id: Id) -> Id {
    match values.of(id) {
        Value::Signed(plain) => plain,
        _ => id,
    }
}

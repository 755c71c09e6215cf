//! The stub's own stack: words at distances from where the stack pointer was at first.

use super::{
    machine::Machine,
    values::{Id, RSP, Value, Values},
};

impl Machine {
    /// How far the stack pointer is from where it was at first.
    pub(super) fn depth(&self, values: &Values) -> Option<i64> {
        self.on_stack(values, self.gprs[RSP])
    }

    /// Where an address is, counted from where the stack pointer was at first.
    pub(super) fn on_stack(&self, values: &Values, address: Id) -> Option<i64> {
        match values.of(address) {
            Value::Register(id) if id == Id::first(RSP) => Some(0),
            Value::Sum(base, distance) if base == Id::first(RSP) => Some(distance),
            _ => None,
        }
    }

    /// Moves the stack pointer. What is below it is lost.
    pub(super) fn move_stack(&mut self, values: &Values, to: Id) -> Option<()> {
        let depth = self.on_stack(values, to).filter(|depth| *depth <= 0)?;
        self.stack.retain(|(at, ..)| *at >= depth);
        self.gprs[RSP] = to;
        Some(())
    }

    pub(super) fn keep(&mut self, values: &Values, at: i64, bytes: usize, value: Id) -> Option<()> {
        if at < self.depth(values)? {
            return None;
        }
        let end = at + bytes as i64;
        self.stack.retain(|(other, size, _)| (*other, *size) != (at, bytes));
        let free = self.stack.iter().all(|(other, size, _)| *other >= end || *other + *size as i64 <= at);
        free.then(|| self.stack.push((at, bytes, value)))
    }

    pub(super) fn push(&mut self, values: &mut Values, value: Value) -> Option<()> {
        let id = values.id(value);
        self.push_id(values, id)
    }

    pub(super) fn push_id(&mut self, values: &mut Values, id: Id) -> Option<()> {
        self.gprs[RSP] = values.sum(self.gprs[RSP], -8);
        let depth = self.depth(values)?;
        self.keep(values, depth, 8, id)
    }

    pub(super) fn pop(&mut self, values: &mut Values) -> Option<Id> {
        let depth = self.depth(values)?;
        let (.., value) = *self.stack.iter().find(|(at, size, _)| (*at, *size) == (depth, 8))?;
        let above = values.sum(self.gprs[RSP], 8);
        self.move_stack(values, above)?;
        Some(value)
    }
}

//! The queue of a mailbox: many threads put records in, one takes them out, in the order in which they came.

use std::{collections::VecDeque, mem};

use super::sync::{Mutex, lock};

/// What a mailbox does with one more posted record than it holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Full {
    /// The caller waits for room.
    Block,
    /// The caller gets zero at once, and the call is counted as refused.
    Refuse,
    /// The oldest posted record is dropped to make room.
    DropOldest,
}

/// Whether a record counts against the bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// It does.
    Posted,
    /// A thread waits for its answer, so there is at most one per thread; it is never dropped for room.
    Request,
}

#[derive(Debug)]
pub(super) struct Queue<T, W> {
    bound: Option<(usize, Full)>,
    state: Mutex<State<T, W>>,
}

#[derive(Debug)]
struct State<T, W> {
    records: VecDeque<(Class, T)>,
    posted: usize,
    /// Whether the owner sleeps until there is a record.
    owner_waits: bool,
    open: bool,
    /// Who waits for room.
    waiting: Vec<W>,
}

/// A record was put in.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Pushed<T> {
    /// There was none before.
    pub(super) first: bool,
    /// The owner sleeps, and is to be woken.
    pub(super) wake: bool,
    /// What made room.
    pub(super) dropped: Option<T>,
}

/// A posted record was not put in, and is given back.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Refusal<T> {
    /// There is no room, and whoever asked is woken once there may be.
    Later(T),
    /// There is no room and none to be waited for, or the mailbox is gone.
    Refused(T),
}

impl<T, W> State<T, W> {
    fn push(&mut self, class: Class, record: T) -> Pushed<T> {
        self.records.push_back((class, record));
        let wake = mem::take(&mut self.owner_waits);
        Pushed { first: self.records.len() == 1, wake, dropped: None }
    }
}

impl<T, W: PartialEq> Queue<T, W> {
    pub(super) fn new(bound: Option<(usize, Full)>) -> Queue<T, W> {
        let state = State {
            records: VecDeque::new(),
            posted: 0,
            owner_waits: false,
            open: true,
            waiting: Vec::new(),
        };
        Queue { bound, state: Mutex::new(state) }
    }

    /// Puts a posted record in. Where there is no room, and callers wait for it, remembers whom to wake: `waiter` is
    /// asked for then alone.
    pub(super) fn post(&self, record: T, waiter: impl FnOnce() -> W) -> Result<Pushed<T>, Refusal<T>> {
        let mut state = lock(&self.state);
        if !state.open {
            return Err(Refusal::Refused(record));
        }
        let mut dropped = None;
        match self.bound {
            Some((capacity, full)) if state.posted >= capacity => match full {
                Full::Refuse => return Err(Refusal::Refused(record)),
                Full::Block => {
                    let waiter = waiter();
                    if !state.waiting.contains(&waiter) {
                        state.waiting.push(waiter);
                    }
                    return Err(Refusal::Later(record));
                }
                Full::DropOldest => {
                    let oldest = state.records.iter().position(|(class, _)| *class == Class::Posted);
                    dropped = oldest.and_then(|index| state.records.remove(index)).map(|(_, record)| record);
                    state.posted -= usize::from(dropped.is_some());
                    if dropped.is_none() {
                        // A capacity of 0.
                        return Err(Refusal::Refused(record));
                    }
                }
            },
            _ => {}
        }
        state.posted += 1;
        Ok(Pushed { dropped, ..state.push(Class::Posted, record) })
    }

    /// Puts a request in, which needs no room. Gives it back where the mailbox is gone.
    pub(super) fn ask(&self, record: T) -> Result<Pushed<T>, T> {
        let mut state = lock(&self.state);
        if state.open { Ok(state.push(Class::Request, record)) } else { Err(record) }
    }

    /// Takes all records out, into `taken`, which must be empty. Returns who is to be told that there is room.
    pub(super) fn take(&self, taken: &mut VecDeque<(Class, T)>) -> Vec<W> {
        debug_assert!(taken.is_empty());
        let mut state = lock(&self.state);
        mem::swap(&mut state.records, taken);
        state.posted = 0;
        mem::take(&mut state.waiting)
    }

    /// Whether there is a record. If not, the next one that comes wakes the owner.
    pub(super) fn is_empty_and_owner_waits(&self) -> bool {
        let mut state = lock(&self.state);
        state.owner_waits = state.records.is_empty();
        state.owner_waits
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.state).records.is_empty()
    }

    /// Whether somebody waits for an answer.
    pub(super) fn has_request(&self) -> bool {
        let state = lock(&self.state);
        state.records.len() > state.posted
    }

    /// Lets nothing in any more. Returns what is left, and who waits for room.
    pub(super) fn close(&self) -> (VecDeque<(Class, T)>, Vec<W>) {
        let mut state = lock(&self.state);
        state.open = false;
        state.posted = 0;
        (mem::take(&mut state.records), mem::take(&mut state.waiting))
    }
}

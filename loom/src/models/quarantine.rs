//! The quarantine, as code memory uses it: under one lock, while stale pointers are called without.

use std::time::Duration;

use loom::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    thread,
};

use super::check;
use crate::{quarantine::Quarantine, space::Slot};

/// What a slot holds that holds no stub.
const TRAP: u32 = 0;

struct Memory {
    state: Mutex<State>,
    /// The stubs in the slots, by their numbers.
    code: [AtomicU32; 3],
}

struct State {
    free: Vec<Slot>,
    quarantine: Quarantine,
}

impl Memory {
    /// Three slots, of which a freed one waits for so many others.
    fn new(count: usize) -> Memory {
        let free = (0..3).rev().map(|offset| Slot { segment: 0, offset }).collect();
        let state = State { free, quarantine: Quarantine::new(count) };
        Memory { state: Mutex::new(state), code: std::array::from_fn(|_| AtomicU32::new(TRAP)) }
    }

    fn code(&self, slot: Slot) -> &AtomicU32 {
        &self.code[slot.offset as usize]
    }

    fn publish(&self, stub: u32) -> Option<Slot> {
        let slot = self.state.lock().unwrap().free.pop()?;
        assert_eq!(self.code(slot).swap(stub, SeqCst), TRAP, "no slot holds two stubs");
        Some(slot)
    }

    fn free(&self, slot: Slot) {
        let mut state = self.state.lock().unwrap();
        self.code(slot).store(TRAP, SeqCst);
        // All are freed long ago: what is left to wait for is the others.
        state.quarantine.enter(slot, Duration::ZERO);
        if let Some(slot) = state.quarantine.leave(Duration::from_secs(1)) {
            state.free.push(slot);
        }
    }
}

#[test]
fn a_stale_pointer_meets_a_trap() {
    check(3, || {
        let memory = Arc::new(Memory::new(1));
        let stale = memory.publish(1).expect("there is room");
        let other = Arc::clone(&memory);
        let churn = thread::spawn(move || {
            let slot = other.publish(2).expect("there is room");
            other.free(slot);
            // One more was freed than has to wait, if the other thread's was: here at the earliest.
            other.publish(3)
        });
        memory.free(stale);
        let met = memory.code(stale).load(SeqCst);
        let last = churn.join().unwrap();
        // The first slot to be freed is the first to be used again, and only once the other was freed as well.
        let reused = last.is_some_and(|slot| slot == stale);
        assert!(met == TRAP || (met == 3 && reused), "called {met}");
    });
}

#[test]
fn no_slot_is_handed_out_twice() {
    check(3, || {
        let memory = Arc::new(Memory::new(0));
        let threads = [1, 2].map(|thread| {
            let memory = Arc::clone(&memory);
            thread::spawn(move || {
                for round in 1..3 {
                    let stub = thread * 10 + round;
                    let Some(slot) = memory.publish(stub) else { continue };
                    assert_eq!(memory.code(slot).load(SeqCst), stub, "nobody else has it");
                    memory.free(slot);
                }
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(memory.state.lock().unwrap().free.len(), 3, "none is lost");
    });
}

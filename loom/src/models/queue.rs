//! The mailbox's queue: nothing is lost or doubled, each sender's order is kept, and no sleeper is forgotten.

use std::collections::VecDeque;

use loom::{sync::Arc, thread};

use super::check;
use crate::queue::{Full, Queue, Refusal};

type Records = Queue<(u32, u32), u32>;

fn push(queue: &Records, sender: u32, number: u32) -> bool {
    queue.post((sender, number), || sender).is_ok()
}

fn take(queue: &Records) -> Vec<(u32, u32)> {
    let mut taken = VecDeque::new();
    queue.take(&mut taken);
    taken.into_iter().map(|(_, record)| record).collect()
}

#[test]
fn two_senders_keep_their_order() {
    check(3, || {
        let queue = Arc::new(Records::new(None));
        let senders = [1, 2].map(|sender| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || (0..2).for_each(|number| assert!(push(&queue, sender, number))))
        });
        let mut seen = take(&queue);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        seen.extend(take(&queue));
        for sender in [1, 2] {
            let of: Vec<_> = seen.iter().filter(|record| record.0 == sender).map(|record| record.1).collect();
            assert_eq!(of, [0, 1]);
        }
        assert_eq!(seen.len(), 4);
    });
}

#[test]
fn what_is_sent_at_the_end_is_taken_refused_or_left_over() {
    check(4, || {
        let queue = Arc::new(Records::new(None));
        let other = Arc::clone(&queue);
        let sender = thread::spawn(move || (0..2).filter(|number| push(&other, 1, *number)).count());
        let taken = take(&queue).len();
        let (rest, _) = queue.close();
        let sent = sender.join().unwrap();
        assert_eq!(taken + rest.len(), sent);
        assert!(!push(&queue, 1, 2));
    });
}

#[test]
fn an_owner_that_goes_to_sleep_is_woken() {
    check(4, || {
        let queue = Arc::new(Records::new(None));
        let other = Arc::clone(&queue);
        let sender = thread::spawn(move || other.post((1, 0), || 1).expect("unbounded").wake);
        let asleep = queue.is_empty_and_owner_waits();
        assert_eq!(sender.join().unwrap(), asleep);
    });
}

#[test]
fn whoever_waits_for_room_is_told_of_it() {
    check(4, || {
        let queue = Arc::new(Records::new(Some((1, Full::Block))));
        assert!(push(&queue, 1, 0));
        let other = Arc::clone(&queue);
        let sender = thread::spawn(move || match other.post((2, 0), || 2) {
            Ok(_) => false,
            Err(Refusal::Later(_)) => true,
            Err(Refusal::Refused(_)) => panic!("it is open, and its bound says to wait"),
        });
        let mut told = queue.take(&mut VecDeque::new());
        let waits = sender.join().unwrap();
        assert_eq!(told == [2], waits, "refused before the taking, so told by it");
        told.clear();
    });
}

#[test]
fn a_bound_is_kept_by_dropping_the_oldest() {
    check(3, || {
        let queue = Arc::new(Records::new(Some((1, Full::DropOldest))));
        let senders = [1, 2].map(|sender| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let pushed = queue.post((sender, 0), || sender).expect("room is made");
                usize::from(pushed.dropped.is_some())
            })
        });
        let dropped: usize = senders.into_iter().map(|sender| sender.join().unwrap()).sum();
        assert_eq!((dropped, take(&queue).len()), (1, 1));
    });
}

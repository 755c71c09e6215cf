//! Requests: an answer is taken by the caller or given back to the owner, and never both.

use loom::{sync::Arc, thread};

use super::check;
use crate::request::{Leave, Outcome, Request};

/// What the owner does with a request: whether it ran, and whether its answer came back.
fn answer(request: &Request<u32>) -> (bool, bool) {
    let ran = request.begin();
    (ran, ran && request.finish(42).is_err())
}

#[test]
fn a_caller_whose_time_is_up_gets_the_answer_or_leaves_it() {
    check(5, || {
        let request = Arc::new(Request::<u32>::new());
        let other = Arc::clone(&request);
        let owner = thread::spawn(move || answer(&other));
        let outcome = request.give_up(Leave::AnyTime).expect("it leaves any time");
        let (ran, back) = owner.join().unwrap();
        match outcome {
            Outcome::Answered(answer) => assert_eq!((answer, ran, back), (42, true, false)),
            Outcome::Refused => assert!(!ran || back, "the late result was dropped by its owner"),
        }
    });
}

#[test]
fn a_caller_that_must_stay_waits_for_what_has_begun() {
    check(5, || {
        let request = Arc::new(Request::<u32>::new());
        let other = Arc::clone(&request);
        let owner = thread::spawn(move || answer(&other));
        let outcome = request.give_up(Leave::BeforeItBegins);
        let (ran, back) = owner.join().unwrap();
        assert!(!back);
        match outcome {
            Some(Outcome::Answered(answer)) => assert!(ran && answer == 42),
            Some(Outcome::Refused) => assert!(!ran),
            None => assert_eq!(request.poll(), Some(Outcome::Answered(42))),
        }
    });
}

#[test]
fn an_owner_that_goes_releases_its_caller() {
    check(5, || {
        let request = Arc::new(Request::<u32>::new());
        let other = Arc::clone(&request);
        let owner = thread::spawn(move || other.refuse());
        let early = request.poll();
        owner.join().unwrap();
        let outcome = early.or_else(|| request.poll());
        assert_eq!(outcome, Some(Outcome::Refused));
        assert!(!request.begin());
    });
}

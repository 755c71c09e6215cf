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

/// The handler undertakes to answer and returns; another thread answers, as a `Later` does, which is dropped with an
/// answer or without one.
fn postponed(leave: Leave, answered: Answered) {
    check(4, move || {
        let request = Arc::new(Request::<u32>::new());
        let other = Arc::clone(&request);
        let owner = thread::spawn(move || {
            if !other.begin() {
                return None;
            }
            other.postpone();
            let later = Arc::clone(&other);
            let answerer = thread::spawn(move || {
                let back = answered == Answered::Later && later.finish(42).is_err();
                // A `Later` that is dropped refuses what it has not answered.
                later.refuse();
                back
            });
            Some(answerer.join().unwrap())
        });
        let outcome = request.give_up(leave);
        let back = owner.join().unwrap();
        match outcome {
            Some(Outcome::Answered(answer)) => {
                assert_eq!((answer, back, answered), (42, Some(false), Answered::Later));
            }
            // It never began, it was dropped without an answer, or the answer came back to be counted as late.
            Some(Outcome::Refused) => assert!(back != Some(false) || answered == Answered::Never),
            // Only while the handler itself ran, which is before it was postponed: then the caller waits.
            None => {
                assert_eq!(leave, Leave::BeforeItBegins);
                let expected = match answered {
                    Answered::Later => Outcome::Answered(42),
                    Answered::Never => Outcome::Refused,
                };
                assert_eq!((request.poll(), back), (Some(expected), Some(false)));
            }
        }
        assert_eq!(request.poll(), Some(Outcome::Refused), "an answer is taken once");
    });
}

/// What becomes of a call that is postponed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answered {
    Later,
    Never,
}

#[test]
fn a_postponed_answer_arrives_or_comes_back() {
    postponed(Leave::AnyTime, Answered::Later);
    postponed(Leave::BeforeItBegins, Answered::Later);
}

#[test]
fn a_postponed_call_that_nobody_answers_releases_its_caller() {
    postponed(Leave::AnyTime, Answered::Never);
    postponed(Leave::BeforeItBegins, Answered::Never);
}

/// The owner thread ends while another thread answers what it has postponed: the caller gets one or the other.
#[test]
fn an_owner_that_goes_does_not_take_a_postponed_answer_twice() {
    check(4, || {
        let request = Arc::new(Request::<u32>::new());
        assert!(request.begin());
        request.postpone();
        let [owner, answerer] = [Arc::clone(&request), Arc::clone(&request)];
        let owner = thread::spawn(move || owner.refuse());
        let answerer = thread::spawn(move || answerer.finish(42).is_err());
        let early = request.poll();
        owner.join().unwrap();
        let back = answerer.join().unwrap();
        let expected = if back { Outcome::Refused } else { Outcome::Answered(42) };
        assert_eq!(early.or_else(|| request.poll()), Some(expected));
    });
}

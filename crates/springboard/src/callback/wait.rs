//! The one loop in which a thread waits for another.

use std::time::{Duration, Instant};

use super::{owner::Owner, parker::Parker};

/// How often a waiting thread looks whether the one it waits for still can answer.
const LOOK: Duration = Duration::from_millis(10);

/// What a blocking callback does while its owner is in native code, and so perhaps waits for the very caller.
///
/// springboard knows that it is there from [`Function::call`](crate::Function::call) and
/// [`NativeScope`](crate::callback::NativeScope).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Busy {
    /// The caller gets zero when the owner has been in the same native call for this long, and the owner an error
    /// ([`CallbackError::Busy`](crate::CallbackError::Busy)) at its next drain. 100 milliseconds by default.
    RefuseAfter(Duration),
    /// The caller waits however long it takes.
    Wait,
}

impl Default for Busy {
    fn default() -> Busy {
        Busy::RefuseAfter(Duration::from_millis(100))
    }
}

/// Why a thread stopped waiting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// The time is up.
    Time,
    /// The other thread is in native code for too long.
    Busy,
    /// The other thread is gone.
    Gone,
}

/// Whom a thread waits for.
pub(super) struct Awaited<'a> {
    owner: &'a Owner,
    busy: Busy,
    /// The stay in native code in which it was found, and since when.
    stay: Option<(u64, Instant)>,
}

impl<'a> Awaited<'a> {
    pub(super) fn new(owner: &'a Owner, busy: Busy) -> Awaited<'a> {
        Awaited { owner, busy, stay: None }
    }

    fn stop(&mut self) -> Option<Stop> {
        if self.owner.is_gone() {
            return Some(Stop::Gone);
        }
        let Busy::RefuseAfter(limit) = self.busy else { return None };
        let Some(stay) = self.owner.stays.current() else {
            self.stay = None;
            return None;
        };
        match self.stay {
            Some((known, since)) if known == stay => (since.elapsed() >= limit).then_some(Stop::Busy),
            _ => {
                self.stay = Some((stay, Instant::now()));
                limit.is_zero().then_some(Stop::Busy)
            }
        }
    }
}

/// Waits until `poll` has something. Does `serve` meanwhile, which says whether there was something to do.
pub(super) fn wait_and<T>(
    serve: impl Fn() -> bool,
    parker: &Parker,
    deadline: Option<Instant>,
    mut awaited: Option<Awaited<'_>>,
    mut poll: impl FnMut() -> Option<T>,
) -> Result<T, Stop> {
    loop {
        if let Some(found) = poll() {
            return Ok(found);
        }
        if serve() {
            continue;
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(Stop::Time);
        }
        if let Some(stop) = awaited.as_mut().and_then(Awaited::stop) {
            return Err(stop);
        }
        let look = awaited.as_ref().map(|_| LOOK);
        parker.wait(left.into_iter().chain(look).min());
    }
}

//! What happened on a thread where nobody of the host is there to be told.

use std::{
    fmt,
    io::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use springboard_ir::Signature;

use crate::thread::{self, CallbackError};

/// Something that happened on a thread which is not the host's.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Report {
    /// A callback that rejects them was called from another thread, for the first time. Later calls are only counted.
    Rejected {
        /// The callback's type.
        signature: Signature,
        /// The system's number (gettid(2)) of the thread that the callback belongs to.
        owner: i32,
        /// That of the thread that called.
        caller: i32,
    },
    /// A handler that ran on a thread which is not the host's panicked or raised an error. Its caller got zero.
    Error(CallbackError),
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Rejected { signature, owner, caller } => {
                write!(f, "thread {caller} called a callback {signature} of thread {owner}, which rejects it")
            }
            Report::Error(error) => write!(f, "on a thread that is not the host's: {error}"),
        }
    }
}

type Reporter = Arc<dyn Fn(&Report) + Send + Sync>;

static REPORTER: Mutex<Option<Reporter>> = Mutex::new(None);

/// Sets what is told of each [`Report`], in the whole process. Without one, a line goes to standard error.
///
/// It runs on the thread that the report is about, so it must not touch what belongs to others. It must not panic.
pub fn set_reporter(reporter: impl Fn(&Report) + Send + Sync + 'static) {
    *REPORTER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(reporter));
}

pub(super) fn report(report: &Report) {
    let reporter = REPORTER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match reporter {
        // Reporters must not panic; where one does, C must still not be unwound.
        Some(tell) => _ = catch_unwind(AssertUnwindSafe(|| tell(report))),
        // Not `eprintln!`, which panics where standard error is closed.
        None => _ = writeln!(io::stderr(), "springboard: {report}"),
    }
}

/// A handler ended with an error, which becomes pending for the host's outer call on this thread. A thread that is not
/// the host's has no such call, and the error is reported.
#[cold]
pub(super) fn fail(error: CallbackError) {
    if thread::key() == 0 || !thread::set_pending(error.clone()) {
        report(&Report::Error(error));
    }
}

//! The models, one file a protocol.

mod gate;
mod quarantine;
mod queue;
mod request;

/// Checks every order of `model` in which at most so many switches are forced upon threads.
fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

//! Threads of C that call back into JavaScript: their calls wait in a mailbox of the isolate's thread, while garbage is
//! collected.

use std::{
    cell::RefCell,
    collections::HashMap,
    ffi::c_void,
    rc::{Rc, Weak},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use springboard::{
    Callback, CallbackType, Mailbox, Value, Word,
    callback::{
        Busy, CopyIn, CreateError, Later, OwnerCallbackType, RawHandler, close_at_thread_exit,
        leaked_handlers, raise,
    },
};
use springboard_js::{
    bun::{Declared, Use},
    v8::{Any, Call, Registry, Thrown, Twin},
};

use crate::{Case, Since, host::Fixture, realm::Realm};

pub(crate) const CASES: &[Case] = &[
    Case { name: "posts::values_of_all_kinds_under_collection", since: Since::Always, run: values },
    Case { name: "posts::callbacks_closed_in_flight", since: Since::Always, run: closed_in_flight },
    Case { name: "posts::an_isolate_that_ends_first", since: Since::Always, run: isolate_ends_first },
    Case { name: "posts::a_promise_answers_a_caller_that_waits", since: Since::Always, run: promises },
];

const TYPES: [&str; 6] = ["i64", "u64", "i64_fast", "cstring", "ptr", "f64"];

/// The text is copied before the caller goes on.
fn copied(kind: &CallbackType, mailbox: &Mailbox) -> Result<OwnerCallbackType, CreateError> {
    kind.copy_in(3, CopyIn::Text)?.post(mailbox)
}

/// A callback that gives its arguments to the global function `posted`. What that throws is the drain's error.
fn callback(fixture: &Fixture, mailbox: &Mailbox, realm: &Rc<Realm>, kept: impl Send + 'static) -> Callback {
    let declared = Declared::new(Use::ThreadsafeCallback, &TYPES, "void").expect("these are types");
    let realm = Rc::downgrade(realm);
    let handler = move |values: &[Any<'static>]| {
        let _ = &kept;
        let values: Vec<String> = values.iter().map(literal).collect();
        let realm = realm.upgrade().expect("nothing is delivered without an isolate");
        if let Err(thrown) = realm.run(&format!("posted({})", values.join(", "))) {
            raise(thrown);
        }
    };
    // SAFETY: the text is copied in.
    unsafe { declared.threadsafe(&fixture.engine, mailbox, copied, handler) }.expect("it is made")
}

/// A value as JavaScript writes it.
fn literal(value: &Any<'_>) -> String {
    match value {
        Any::Null => "null".to_owned(),
        Any::Number(value) => value.to_string(),
        Any::BigInt(value) => format!("{value}n"),
        Any::Text(text) => format!("'{text}'"),
        other => panic!("no such value is posted: {other:?}"),
    }
}

/// Threads that post, started by the fixture.
struct Posting<'a>(&'a Fixture, Value);

impl<'a> Posting<'a> {
    fn start(fixture: &'a Fixture, callback: &Callback, first: i64, count: i64) -> Posting<'a> {
        let start = fixture.engine.function(&fixture.native, "void *start_posting(void *, int64_t, int64_t)");
        let arguments = [callback.into(), first.into(), count.into()];
        // SAFETY: the callback is of the type that the function calls, and outlives the thread.
        let job = unsafe { start.expect("it is there").call(&arguments) };
        Posting(fixture, job.expect("it starts"))
    }

    fn join(self) {
        let join = self.0.engine.function(&self.0.native, "void join_posting(void *)").expect("it is there");
        // SAFETY: the thread is joined once.
        unsafe { join.call(&[self.1]) }.expect("it is joined");
    }
}

/// What JavaScript checks of each call, and throws for every tenth.
const POSTED: &str = "seen = []; kept = []; posted = (a, b, c, text, pointer, quarter) => { \
    const i = Number(-a); \
    if (typeof a !== 'bigint' || b !== 2n ** 64n - 1n - BigInt(i)) throw new Error('wrong ' + a + ' ' + b); \
    if (BigInt(c) !== BigInt(i) << 40n || (typeof c === 'bigint') !== (i >= 8192)) throw new Error('wrong ' + c); \
    if (text !== 'text ' + i + ' \\u20ac' || quarter !== i / 4) throw new Error('wrong ' + text + quarter); \
    if (pointer !== (i === 0 ? null : i * 8)) throw new Error('wrong ' + pointer); \
    seen.push(i); kept.push([a, b, c, text, new Array(100).fill(i)]); if (kept.length > 20) kept.shift(); \
    if (i % 10 === 3) throw new Error('every tenth') }; 0";

/// 50 posts from each of four threads, of which five each are errors; collections before, between and while they are handled.
fn values() {
    let (fixture, realm) = (Fixture::open(), Rc::new(Realm::new()));
    let mailbox = Mailbox::unbounded().expect("a mailbox");
    realm.eval(POSTED);
    let callback = callback(&fixture, &mailbox, &realm, ());
    // The last thread's numbers are beyond what a fast integer shifted so far is a number for.
    let firsts = [0, 1000, 2000, 9000];
    let threads = firsts.map(|first| Posting::start(&fixture, &callback, first, 50));
    let (mut delivered, mut errors) = (0, 0);
    while delivered < 200 {
        assert!(mailbox.wait(Some(Duration::from_secs(60))), "{delivered} of 200");
        realm.collect();
        match mailbox.drain(7) {
            Ok(count) => delivered += count,
            Err(error) => {
                assert!(error.error.to_string().contains("every tenth"), "{error}");
                (delivered, errors) = (delivered + error.delivered, errors + 1);
            }
        }
    }
    threads.into_iter().for_each(Posting::join);
    assert_eq!((mailbox.drain(usize::MAX), errors), (Ok(0), 20));
    for first in firsts {
        let script = format!(
            "seen.filter(i => i >= {first} && i < {first} + 50).every((i, at) => i === {first} + at)"
        );
        assert_eq!(realm.eval(&script), "true", "the order of a thread's posts");
    }
    assert_eq!(realm.eval("seen.length + ' ' + kept.every(k => k[4][99] === Number(-k[0]))"), "200 true");
}

/// Closed while threads post: what was accepted is delivered, the rest is not, and nothing else happens.
fn closed_in_flight() {
    let (fixture, realm) = (Fixture::open(), Rc::new(Realm::new()));
    let mailbox = Mailbox::unbounded().expect("a mailbox");
    realm.eval("count = 0; posted = (...values) => { garbage = [values, new Array(1000)]; count++ }; 0");
    for _ in 0..10 {
        realm.eval("count = 0; 0");
        let callback = callback(&fixture, &mailbox, &realm, ());
        let threads = [0, 1, 2, 3].map(|first| Posting::start(&fixture, &callback, first * 1000, 300));
        assert!(mailbox.wait(Some(Duration::from_secs(60))));
        let mut delivered = mailbox.drain(100).expect("nothing throws");
        callback.close();
        realm.collect();
        threads.into_iter().for_each(Posting::join);
        delivered += mailbox.drain(usize::MAX).expect("nothing throws");
        assert_eq!(realm.eval("count"), delivered.to_string());
        assert_eq!(callback.in_flight(), 0);
        assert!((1..=1200).contains(&delivered));
    }
}

/// What a handler has, which counts where it is freed.
struct Kept<'a>(&'a AtomicU64);

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The isolate is disposed of, its mailbox closed and its thread ended, one after the other, while other threads post, and
/// go on posting. Where the host has asked for it, the thread's end frees the handler, unless a caller is in it at that
/// moment; each is either freed there or leaked, and counted.
fn isolate_ends_first() {
    static FREED: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
    let (fixture, leaked) = (Fixture::open(), leaked_handlers());
    for round in 0..6 {
        let frees = round % 2 == 0;
        let freed = &FREED[usize::from(frees)];
        let (send, receive) = mpsc::channel();
        let (go, wait) = mpsc::channel();
        thread::scope(|scope| {
            let fixture = &fixture;
            let owner = scope.spawn(move || {
                if frees {
                    close_at_thread_exit().expect("the thread has not ended");
                }
                let realm = Rc::new(Realm::new());
                let mailbox = Mailbox::unbounded().expect("a mailbox");
                realm.eval("count = 0; posted = () => { garbage = new Array(1000); count++ }; 0");
                send.send(callback(fixture, &mailbox, &realm, Kept(freed))).expect("somebody waits");
                let mut delivered = 0;
                while delivered < 20 * round {
                    mailbox.wait(Some(Duration::from_secs(60)));
                    delivered += mailbox.drain(20).expect("nothing throws");
                }
                let _: () = wait.recv().expect("somebody sends");
                assert_eq!(realm.eval("count"), delivered.to_string());
                // Nobody else has the isolate.
                Rc::into_inner(realm).expect("the handler does not keep it");
                let waiting = mailbox.wait(Some(Duration::from_secs(60)));
                let left = mailbox.close().map_or_else(|abandoned| abandoned.posted, |()| 0);
                assert!(waiting && left > 0, "{left} calls waited for an isolate that is gone");
            });
            let callback = receive.recv().expect("it is made");
            let threads = [0, 1].map(|first| Posting::start(fixture, &callback, first * 1000, 2000));
            go.send(()).expect("the owner waits");
            owner.join().expect("the owner ends");
            assert_eq!(callback.is_closed(), frees);
            let late = Posting::start(fixture, &callback, 5000, 50);
            threads.into_iter().chain([late]).for_each(Posting::join);
            assert_eq!(callback.in_flight(), 0);
        });
    }
    let [not, freed] = FREED.each_ref().map(|count| count.load(Ordering::Relaxed));
    assert_eq!((not, freed + leaked_handlers() - leaked), (0, 6), "{freed} freed");
    assert!(freed <= 3);
}

/// Calls whose answers JavaScript owes, by their numbers.
struct Asked {
    realm: Weak<Realm>,
    owed: RefCell<HashMap<u32, Later>>,
}

/// Gives a call to the global function `asked`, and leaves the answer to it.
unsafe fn ask(asked: *const c_void, slots: *mut u64) {
    // SAFETY: the context is one of these; there is an int, and the slot of the result.
    let (asked, x, later) = unsafe { (&*asked.cast::<Asked>(), i32::from_slot(*slots), Later::of(slots)) };
    let number = x as u32;
    let before = asked.owed.borrow_mut().insert(number, later.expect("its caller waits"));
    assert!(before.is_none(), "each asks once");
    let realm = asked.realm.upgrade().expect("the isolate is there");
    realm.eval(&format!("asked({number}); 0"));
}

/// The function `answer` of JavaScript.
fn answer(asked: *mut c_void, call: &Call<'_>) -> Result<Any<'static>, Thrown> {
    let [Any::Number(number), Any::Number(answer)] = *call.arguments else { panic!("{call:?}") };
    // SAFETY: the twin's context is one of these, which outlives the realm.
    let asked = unsafe { &*asked.cast::<Asked>() };
    // One that was forgotten is not answered.
    if let Some(later) = asked.owed.borrow_mut().remove(&(number as u32)) {
        later.answer((answer as i32).into_slot()).expect("a word");
    }
    Ok(Any::Undefined)
}

/// Threads wait for what JavaScript promises: answers come in another order, after collections, and after the callback was
/// closed. A caller whose promise nobody keeps gets zero when its number is forgotten.
fn promises() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let mailbox = Mailbox::unbounded().expect("a mailbox");
    let mut asked = Box::new(Asked { realm: Weak::new(), owed: RefCell::default() });
    let answering = Twin::new("calls.answer", answer).context((&raw const *asked).cast_mut().cast());
    realm.define_registered("answer", &Registry::new().add(answering).expect("it is right"));
    realm.eval(
        "waiting = []; asked = async (x) => { garbage = new Array(1000); \
         answer(x, 2 * x + await new Promise(resolve => waiting.push(resolve))) }; 0",
    );
    let realm = Rc::new(realm);
    asked.realm = Rc::downgrade(&realm);
    let asking =
        fixture.engine.callback_type("int32_t (int32_t)").expect("a type").block(&mailbox, Busy::default());
    let handler = RawHandler { context: (&raw const *asked).cast(), call: ask, release: None };
    // SAFETY: the handler is for calls of this type, and its context outlives them.
    let callback = unsafe { asking.raw(handler) }.expect("it is made");
    let native = |declaration: &str, arguments: &[Value]| {
        let function = fixture.engine.function(&fixture.native, declaration).expect("it is there");
        // SAFETY: the callback is of the type that the function calls, and outlives the thread, which is joined once.
        unsafe { function.call(arguments) }.expect("nothing fails")
    };
    let start = |first: i64, count: i64| {
        let arguments = [(&callback).into(), first.into(), count.into()];
        native("void *start_asking(void *, int64_t, int64_t)", &arguments)
    };
    let drain = |calls: usize| {
        let mut delivered = 0;
        while delivered < calls {
            assert!(mailbox.wait(Some(Duration::from_secs(60))), "{delivered} of {calls}");
            delivered += mailbox.drain(usize::MAX).expect("nothing throws");
        }
    };
    let threads = [0, 100, 200, 300].map(|first| (first, start(first, 25)));
    for _ in 0..25 {
        drain(4);
        realm.collect();
        realm.eval("waiting.splice(0).reverse().forEach(resolve => resolve(1)); 0");
    }
    for (first, job) in threads {
        let sum: i64 = (first..first + 25).map(|x| 2 * x + 1).sum();
        assert_eq!(native("int64_t join_asking(void *)", &[job]), sum.into());
    }
    let counts = asking.counts();
    assert_eq!((counts.sent, counts.delivered, counts.late), (100, 100, 0));
    let jobs = [start(400, 1), start(401, 1)];
    drain(2);
    callback.close();
    let forgotten = asked.owed.borrow_mut().remove(&401);
    drop(forgotten);
    realm.collect();
    realm.eval("waiting.forEach(resolve => resolve(1)); 0");
    let sums = jobs.map(|job| native("int64_t join_asking(void *)", &[job]));
    // Frees the handler, if a caller was the last who left.
    assert_eq!(mailbox.drain(usize::MAX), Ok(0));
    assert_eq!((sums, callback.in_flight()), ([801.into(), 0.into()], 0));
}

//! Threads of C that call back into JavaScript: their calls wait in a mailbox of the isolate's thread, while garbage is
//! collected.

use std::{cell::Cell, rc::Rc, sync::mpsc, thread, time::Duration};

use springboard::{
    Callback, CallbackType, Mailbox, Value,
    callback::{CopyIn, CreateError, OwnerCallbackType, leaked_handlers, raise},
};
use springboard_js::{
    bun::{Declared, Use},
    v8::Any,
};

use crate::{Case, Since, host::Fixture, realm::Realm};

pub(crate) const CASES: &[Case] = &[
    Case { name: "posts::values_of_all_kinds_under_collection", since: Since::Always, run: values },
    Case { name: "posts::callbacks_closed_in_flight", since: Since::Always, run: closed_in_flight },
    Case { name: "posts::an_isolate_that_ends_first", since: Since::Always, run: isolate_ends_first },
];

const TYPES: [&str; 6] = ["i64", "u64", "i64_fast", "cstring", "ptr", "f64"];

/// The text is copied before the caller goes on.
fn copied(kind: &CallbackType, mailbox: &Mailbox) -> Result<OwnerCallbackType, CreateError> {
    kind.copy_in(3, CopyIn::Text)?.post(mailbox)
}

/// A callback that gives its arguments to the global function `posted`. What that throws is the drain's error.
fn callback(fixture: &Fixture, mailbox: &Mailbox, realm: &Rc<Realm>) -> Callback {
    let declared = Declared::new(Use::ThreadsafeCallback, &TYPES, "void").expect("these are types");
    let realm = Rc::clone(realm);
    let handler = move |values: &[Any<'static>]| {
        let values: Vec<String> = values.iter().map(literal).collect();
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
    let callback = callback(&fixture, &mailbox, &realm);
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
        let callback = callback(&fixture, &mailbox, &realm);
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

/// The isolate, its mailbox and its thread are gone while other threads post and go on posting.
fn isolate_ends_first() {
    let (fixture, leaked) = (Fixture::open(), leaked_handlers());
    for round in 0..5 {
        let (send, receive) = mpsc::channel();
        let (go, wait) = mpsc::channel();
        thread::scope(|scope| {
            let fixture = &fixture;
            let owner = scope.spawn(move || {
                let realm = Rc::new(Realm::new());
                let mailbox = Mailbox::unbounded().expect("a mailbox");
                realm.eval("posted = () => {}; 0");
                let count = Rc::new(Cell::new(0));
                send.send(callback(fixture, &mailbox, &realm)).expect("somebody waits");
                while count.get() < 20 * round {
                    mailbox.wait(Some(Duration::from_secs(60)));
                    count.set(count.get() + mailbox.drain(usize::MAX).expect("nothing throws"));
                }
                let _: () = wait.recv().expect("somebody sends");
                // The handler keeps the realm, which is never freed: its thread has ended.
            });
            let callback = receive.recv().expect("it is made");
            let threads = [0, 1].map(|first| Posting::start(fixture, &callback, first * 1000, 200));
            go.send(()).expect("the owner waits");
            owner.join().expect("the owner ends");
            let late = Posting::start(fixture, &callback, 5000, 50);
            threads.into_iter().chain([late]).for_each(Posting::join);
            assert_eq!(callback.in_flight(), 0);
        });
    }
    assert_eq!(leaked_handlers(), leaked + 5, "one handler of each isolate");
}

//! Isolates on two threads, which share code and a library.

use std::{sync::Barrier, thread};

use crate::{Case, Since, host::Fixture, realm::Realm};

pub(crate) const CASES: &[Case] =
    &[Case { name: "threads::two_isolates_share_a_stub", since: Since::Always, run: two_isolates }];

fn two_isolates() {
    let fixture = Fixture::open();
    let function = fixture.function("int32_t add(int32_t, int32_t)");
    let start = Barrier::new(2);
    thread::scope(|scope| {
        for base in [0, 1_000_000] {
            let (fixture, function, start) = (&fixture, &function, &start);
            scope.spawn(move || {
                let mut realm = Realm::new();
                let handle = realm.define("add", function);
                realm.eval("hot = optimised('add', 1, 2); 0");
                let (slow, calls) = (realm.slow_calls(handle), fixture.calls());
                start.wait();
                realm.eval(&format!(
                    "count = (n) => {{ let wrong = 0; for (let i = 0; i < n; i++) if (hot({base}, i) !== {base} + i) wrong++; \
                     return wrong }}; %NeverOptimizeFunction(count); 0"
                ));
                assert_eq!(realm.eval("count(100000)"), "0");
                assert_eq!((realm.slow_calls(handle), fixture.calls() - calls), (slow, 100_000));
            });
        }
    });
}

//! Long runs in optimised code.

use crate::{Case, Since, host::Fixture, realm::Realm};

pub(crate) const CASES: &[Case] =
    &[Case { name: "loops::a_million_calls_stay_fast", since: Since::Always, run: a_million_calls }];

fn a_million_calls() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let handle = realm.define("add", &fixture.function("int32_t add(int32_t, int32_t)"));
    realm.eval("loop = (n) => { let sum = 0; for (let i = 0; i < n; i++) sum = add(sum, i) & 0xffff; return sum }; 0");
    realm.eval(
        "%PrepareFunctionForOptimization(loop); loop(10); %OptimizeFunctionOnNextCall(loop); loop(10); 0",
    );
    let (slow, calls) = (realm.slow_calls(handle), fixture.calls());
    let expected = (0..1_000_000_i64).fold(0, |sum, i| (sum + i) & 0xffff);
    assert_eq!(realm.eval("show(loop(1000000))"), expected.to_string());
    assert_eq!((realm.slow_calls(handle), fixture.calls() - calls), (slow, 1_000_000));
}

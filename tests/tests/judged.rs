//! Random changes to legal declarations: the reader of C text refuses what GCC refuses, and accepts what it accepts. The fuzz
//! target `judged` goes on with it.

use std::process::Command;

/// About a second's worth. `SEED` and `COUNT` ask for others.
const COUNT: usize = 60;

#[test]
#[ignore = "needs GCC: cargo xtask test layouts"]
fn changed_declarations_are_judged_as_by_gcc() {
    let number = |name, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    assert!(Command::new("gcc").arg("--version").output().is_ok_and(|output| output.status.success()));
    let mut rng = fastrand::Rng::with_seed(number("SEED", 1) as u64);
    for _ in 0..number("COUNT", COUNT) {
        let data: Vec<u8> = (0..1 + 3 * rng.usize(0..4)).map(|_| rng.u8(..)).collect();
        springboard_tests::judged::agrees(&data);
    }
}

//! Sorts with the system's `qsort`, by a Rust closure; then with a comparator that fails, whose error comes back at
//! the call of `qsort`.

use std::{cell::Cell, error::Error, time::Instant};

use springboard::{CallError, Engine, Library, Value};

/// The type of a comparator, as C says it.
const COMPARATOR: &str = "int (const void *, const void *)";

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::new();
    // SAFETY: the C library is loaded already.
    let libc = unsafe { Library::open(springboard::library::C_LIBRARY) }?;
    let qsort = engine.function(&libc, "void qsort(void *, size_t, size_t, void *)")?;
    let sort = |numbers: &mut [i32], compare: &springboard::Callback| {
        let arguments =
            [numbers.as_mut_ptr().into(), numbers.len().into(), size_of::<i32>().into(), compare.into()];
        // SAFETY: the array has as many elements of that size, and the comparator is of the type that qsort calls.
        unsafe { qsort.call(&arguments) }
    };
    let mut numbers: Vec<i32> = (0..100_000).map(|x: i32| x.wrapping_mul(7919) % 100_003).collect();

    // SAFETY: qsort passes the addresses of two elements.
    let ascending = engine.callback(COMPARATOR, |a: *const i32, b: *const i32| unsafe { *a - *b })?;
    let started = Instant::now();
    sort(&mut numbers, &ascending)?;
    assert!(numbers.is_sorted());
    println!("sorted {} numbers in {:.1?}", numbers.len(), started.elapsed());

    // This one counts, which is not for two threads at once: its callback belongs to this thread.
    let calls = std::rc::Rc::new(Cell::new(0));
    let counted = std::rc::Rc::clone(&calls);
    let choosy =
        engine.callback_type(COMPARATOR)?.reject()?.callback(move |a: *const i32, b: *const i32| {
            counted.set(counted.get() + 1);
            // SAFETY: qsort passes the addresses of two elements.
            let (a, b) = unsafe { (*a, *b) };
            if a % 1000 == 999 { Err(format!("{a} is not to be compared")) } else { Ok(b - a) }
        })?;
    match sort(&mut numbers, &choosy) {
        Err(CallError::Callback(error)) => println!("failed after {} comparisons: {error}", calls.get()),
        other => panic!("{other:?}"),
    }

    // Nothing is pending any more, and the array is a permutation of what it was.
    let descending = engine.callback(COMPARATOR, |a: *const i32, b: *const i32| {
        // SAFETY: qsort passes the addresses of two elements.
        unsafe { *b - *a }
    })?;
    assert_eq!(sort(&mut numbers, &descending)?, Value::Void);
    assert!(numbers.iter().rev().is_sorted());
    println!("sorted down again, from {} to {}", numbers[0], numbers[numbers.len() - 1]);
    Ok(())
}

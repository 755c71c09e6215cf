//! Closing, from outside and from inside, and what comes after.

use super::*;

#[test]
fn a_callback_closes_itself_and_its_library_from_inside() {
    for jit in BOTH {
        let engine = &engine(jit);
        let (dropped, handle) = (Arc::new(AtomicBool::new(false)), Rc::new(RefCell::new(None::<Callback>)));
        let (guard, own, runs) = (Dropped(Arc::clone(&dropped)), Rc::clone(&handle), Cell::new(0));
        let library = RefCell::new(Some(load(SOURCE, "callbacks-closing")));
        let function = engine.function(library.borrow().as_ref().unwrap(), "int twice(void *, int)").unwrap();
        let kind = engine.callback_type("int (int)").unwrap().reject().unwrap();
        let callback = kind.callback(move |x: i32| {
            runs.set(runs.get() + 1);
            drop(own.borrow_mut().take());
            drop(library.borrow_mut().take());
            assert!(!guard.0.load(SeqCst), "it still runs");
            x + 40 + runs.get()
        });
        let callback = callback.unwrap();
        let address = callback.as_ptr();
        *handle.borrow_mut() = Some(callback);
        // SAFETY: the function calls what it is given.
        let result = unsafe { function.call(&[address.into(), 1.into()]) };
        assert_eq!(result, Ok(0.into()), "the second call came too late, and got zero");
        assert!(dropped.load(SeqCst));
    }
}

#[test]
fn after_close_zero_is_returned_and_nothing_else_runs() {
    for jit in BOTH {
        let engine = &engine(jit);
        let kind = engine.callback_type("int64_t (int64_t, uint64_t)").unwrap();
        let closed = kind.callback(|_: i64, _: u64| 1i64).unwrap();
        let address = closed.as_ptr();
        drop(closed);
        // As many new ones as fill several batches: none has the address.
        let others: Vec<_> = (0..200).map(|_| kind.callback(|_: i64, _: u64| 2i64).unwrap()).collect();
        assert!(others.iter().all(|other| other.as_ptr() != address));
        let late = engine.function(&library(), "int64_t late(void *)").unwrap();
        assert_eq!(call(&late, &[address.into()]), 0.into());
        assert_eq!(call(&late, &[(&others[7]).into()]), 2.into());
    }
}

#[test]
fn after_close_every_kind_of_result_is_zero() {
    for engine in BOTH.map(engine) {
        let kinds = ["float (int, float)", "double (double, void *)", "int (int, int, int, int, int, int)"];
        let kinds = kinds.map(|kind| engine.callback_type(kind).expect("plain types"));
        let callbacks = [
            kinds[0].callback(|a: i32, b: f32| a as f32 + b),
            kinds[1].callback(|a: f64, _: *const c_void| a),
            kinds[2].callback(|a: i32, b: i32, c: i32, d: i32, e: i32, f: i32| a + b + c + d + e + f),
        ];
        let callbacks = callbacks.map(|callback| callback.expect("the handler fits"));
        let declarations = [
            "float late_float(float (*)(int, float), int)",
            "double late_double(double (*)(double, void *), double)",
            "int late_six(int (*)(int, int, int, int, int, int), int)",
        ];
        let rest: [Value; 3] = [2.into(), 2.0.into(), 2.into()];
        let all = || {
            let calls = declarations.iter().zip(&callbacks).zip(&rest);
            calls
                .map(|((declaration, callback), value)| {
                    through(&engine, declaration, callback, std::slice::from_ref(value))
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(all(), [Value::F32(3.0), Value::F64(2.0), Value::Signed(12)]);
        let late = kinds.each_ref().map(|kind| kind.calls_after_close());
        callbacks.iter().for_each(Callback::close);
        for _ in 0..2 {
            assert_eq!(all(), [Value::F32(0.0), Value::F64(0.0), Value::Signed(0)]);
        }
        let counted = kinds.each_ref().map(|kind| kind.calls_after_close());
        assert!(
            counted.iter().zip(late).all(|(now, before)| *now >= before + 2),
            "{counted:?}, before {late:?}"
        );
    }
}

#[test]
fn closing_twice_closes_one_callback_once() {
    let engine = engine(Jit::On);
    let kind = engine.callback_type("int (unsigned short)").unwrap();
    let first = kind.callback(|_: u16| 1).unwrap();
    first.close();
    assert!(first.is_closed());
    // Its cell becomes another's, once enough others have waited longer.
    let address = first.as_ptr();
    let mut reused = None;
    let started = std::time::Instant::now();
    while reused.is_none() && started.elapsed().as_secs() < 20 {
        let next = kind.callback(|_: u16| 2).unwrap();
        if next.as_ptr() == address {
            reused = Some(next);
        }
    }
    let reused = reused.expect("quarantine ends");
    first.close_and(AfterClose::Abort);
    assert!(!reused.is_closed());
    drop(first);
    assert!(!reused.is_closed());
}

/// What `AfterClose` says of a call that comes too late: it is counted.
#[test]
fn after_close_late_calls_are_counted() {
    for jit in BOTH {
        let engine = &engine(jit);
        let kind = engine.callback_type("int64_t (int64_t, uint64_t)").unwrap();
        let late = engine.function(&library(), "int64_t late(void *)").unwrap();
        let closed = kind.callback(|_: i64, _: u64| 1i64).unwrap();
        closed.close_and(AfterClose::Zero);
        let before = kind.calls_after_close();
        assert_eq!(call(&late, &[(&closed).into()]), 0.into());
        assert!(kind.calls_after_close() > before);
    }
}

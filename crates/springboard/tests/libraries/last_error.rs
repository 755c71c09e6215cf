//! Last errors, delivered with results of every kind.

use springboard::{CallError, Engine, Function, LastError, Value, Word, function::TypeMismatch};

use super::{engines, function, library, support::bytes};

fn capturing(engine: &Engine, name: &str) -> Function {
    engine.with_last_error(&function(engine, name), LastError::Errno).expect("it could be bound without")
}

fn call(function: &Function, arguments: &[Value]) -> (Value, i32) {
    // SAFETY: the functions of the fixture take any arguments of their types.
    unsafe { function.call_with_last_error(arguments) }.expect("arguments that fit")
}

#[test]
fn errno_comes_with_results_of_every_kind() {
    for engine in engines() {
        let gives = |name: &str, arguments: &[Value], result: Value, errno: i32| {
            let function = capturing(&engine, name);
            let got = call(&function, arguments);
            assert_eq!(got, (result, errno), "{name} ({})", function.path());
        };
        gives("fails", &[2.into()], Value::Signed(-1), 2);
        gives("fails", &[(-5).into()], Value::Signed(-1), -5);
        gives("fails_double", &[1.5.into(), 11.into()], 1.5.into(), 11);
        gives("fails_void", &[12.into()], Value::Void, 12);
        let pair = bytes(&[&7i64.to_ne_bytes(), &2.5f64.to_ne_bytes()]);
        gives("fails_pair", &[7.into(), 2.5.into(), 13.into()], pair, 13);
        let words: Vec<u8> = (100..106i64).flat_map(i64::to_ne_bytes).collect();
        gives("fails_big", &[100.into(), 14.into()], bytes(&[&words]), 14);
        let many = [1, 2, 3, 4, 5, 6, 7].map(Value::from).into_iter().chain([8.0.into(), 15.into()]);
        gives("many", &many.collect::<Vec<_>>(), 36.into(), 15);
    }
}

#[test]
fn errno_comes_with_variadic_calls() {
    for engine in engines() {
        let declaration = "int sum_failing(int, ..., int, int)";
        let sum = engine.function(&library(), declaration).unwrap();
        let sum = engine.with_last_error(&sum, LastError::Errno).unwrap();
        assert_eq!(call(&sum, &[2.into(), 20.into(), 3.into()]), (23.into(), 23), "{}", sum.path());
    }
}

/// On x86_64 such a call goes through libffi, whatever the engine.
#[test]
fn errno_comes_with_long_double() {
    for engine in engines() {
        let function = capturing(&engine, "fails_long_double");
        // Zero is all zeros in every format.
        let size = declarations_size(&engine);
        let zero = Value::Bytes(vec![0; size].into());
        let (result, errno) = call(&function, &[zero.clone(), 16.into()]);
        let Value::Bytes(bytes) = result else { panic!("{result:?}") };
        assert_eq!(&bytes[..8], &[0; 8]);
        assert_eq!(errno, 16);
    }
}

fn declarations_size(engine: &Engine) -> usize {
    springboard::ir::Type::LongDouble.layout(engine.data_model()).unwrap().size as usize
}

/// What another call left there is not taken for this call's.
#[test]
fn a_call_that_sets_nothing_delivers_zero() {
    for engine in engines() {
        let (fails, succeeds) = (capturing(&engine, "fails"), capturing(&engine, "succeeds"));
        assert_eq!(call(&fails, &[9.into()]).1, 9);
        assert_eq!(call(&succeeds, &[1.into()]), (1.into(), 0));
    }
}

/// The error is the call's own thread's, and of the slots' last address.
#[test]
fn slots_have_the_address_for_the_error_behind_all_others() {
    for engine in engines() {
        let fails = capturing(&engine, "fails_double");
        let slots = fails.slots::<f64>().unwrap();
        assert_eq!(slots.count(), 3);
        std::thread::scope(|scope| {
            for thread in 0..4i32 {
                let slots = &slots;
                scope.spawn(move || {
                    for code in 0..1000 {
                        let mut errno = -1;
                        let code = thread * 1000 + code;
                        let words = [0.5f64.into_slot(), code.into_slot(), (&raw mut errno).into_slot()];
                        // SAFETY: three slots, of which the last is the address of an `int`.
                        assert_eq!(unsafe { slots.call(&words) }, 0.5);
                        assert_eq!(errno, code);
                    }
                });
            }
        });
        let pair = capturing(&engine, "fails_pair");
        assert_eq!(pair.slots::<()>().unwrap().count(), 5);
    }
}

#[test]
fn libraries_have_last_errors_of_their_own() {
    for engine in engines() {
        let own = LastError::function(library().symbol("get_own_error").unwrap());
        let set = engine.with_last_error(&function(&engine, "set_own_error"), own).unwrap();
        assert_eq!(set.last_error(), Some(own));
        assert_eq!(call(&set, &[1.5.into(), 3.into()]), (3.0.into(), 3), "{}", set.path());
        let set = engine.with_last_error(&function(&engine, "set_own_error_pair"), own).unwrap();
        let pair = bytes(&[&7i64.to_ne_bytes(), &2.5f64.to_ne_bytes()]);
        assert_eq!(call(&set, &[7.into(), 2.5.into(), 4.into()]), (pair, 4), "{}", set.path());
    }
}

#[test]
fn functions_without_one_say_so() {
    for engine in engines() {
        let plain = function(&engine, "fails");
        // SAFETY: the function takes any number.
        let refused = unsafe { plain.call_with_last_error(&[1.into()]) }.unwrap_err();
        assert_eq!(refused, CallError::NoLastError);
        let capturing = capturing(&engine, "fails");
        // SAFETY: the function takes any number.
        assert_eq!(unsafe { capturing.call(&[1.into()]) }, Ok(Value::Signed(-1)));
        let typed = capturing.typed::<unsafe extern "C" fn(i32) -> i32>();
        assert_eq!(typed.unwrap_err(), TypeMismatch::LastError);
    }
}

/// One stub serves every function of the shape, and no other than those that deliver.
#[test]
fn functions_of_a_shape_share_one_stub() {
    let engine = Engine::new();
    let (fails, _) = (capturing(&engine, "fails"), capturing(&engine, "succeeds"));
    let compiled = engine.stats().compiles;
    let again = capturing(&engine, "succeeds");
    assert_eq!(engine.stats().compiles, compiled);
    assert_eq!(call(&again, &[4.into()]), (4.into(), 0));
    assert_eq!(call(&fails, &[4.into()]), (Value::Signed(-1), 4));
}

//! Calls of the system's own functions, by each way of calling.

use springboard::{
    Engine, Jit, Library, Path, Value, Word,
    ir::{Integer, Param, Pointee, Prototype, Signature, Type},
};

fn prototype(name: &str, result: Type, params: Vec<Type>) -> Prototype {
    let params = params.into_iter().map(|ty| Param { name: None, ty }).collect();
    Prototype { name: Some(name.into()), signature: Signature::new(result, params).unwrap() }
}

#[test]
fn pow() {
    for jit in [Jit::On, Jit::Off] {
        let engine = Engine::builder().jit(jit).build();
        let libm = unsafe { Library::open("libm.so.6") }.unwrap();
        let pow =
            engine.function(&libm, prototype("pow", Type::Double, vec![Type::Double, Type::Double])).unwrap();
        assert_eq!(matches!(pow.path(), Path::Native), jit == Jit::On, "{}", pow.path());
        let checked = unsafe { pow.call(&[2.0.into(), 10.0.into()]) }.unwrap();
        assert_eq!(checked, Value::F64(1024.0));
        let slots = pow.slots::<f64>().unwrap();
        assert_eq!(unsafe { slots.call(&[2.0.into_slot(), 10.0.into_slot()]) }, 1024.0);
        let typed = pow.typed::<unsafe extern "C" fn(f64, f64) -> f64>().unwrap();
        assert_eq!(unsafe { typed.call(2.0, 10.0) }, 1024.0);
        eprintln!("{:?}", engine.stats());
    }
}

#[test]
fn strlen() {
    let engine = Engine::new();
    let strlen = engine
        .function(
            &Library::process(),
            prototype(
                "strlen",
                Type::Int(Integer::Size),
                vec![Type::pointer_to(Pointee::Const(Type::Int(Integer::Char)))],
            ),
        )
        .unwrap();
    assert_eq!(unsafe { strlen.call(&[c"seven".into()]) }.unwrap(), Value::Unsigned(5));
}

//! Many functions bound at once.

use springboard::{BindError, Engine, Jit, Library, Path, Stubs, Value};

mod support;

use support::{NoWritableCode, call, load};

/// A library of `count` functions `f0`, `f1` … of 40 shapes; the nth returns n plus the sum of its arguments.
fn library(count: usize, name: &str) -> (Library, Vec<String>) {
    let (mut source, mut declarations) = (String::new(), Vec::new());
    for index in 0..count {
        let param = |position: usize| ["double", "int64_t"][(index % 40) >> (position % 5) & 1];
        let params = index % 40 / 8 * 3 + 1;
        let declaration: Vec<_> =
            (0..params).map(|position| format!("{} a{position}", param(position))).collect();
        let declaration = format!("double f{index}({})", declaration.join(", "));
        let sum: String = (0..params).map(|position| format!(" + a{position}")).collect();
        source.push_str(&format!("{declaration} {{ return {index}{sum}; }}\n"));
        declarations.push(declaration);
    }
    (load(&source, name), declarations)
}

#[test]
fn all_are_bound_in_order() {
    let _maps = NoWritableCode;
    let (library, mut declarations) = library(500, "in_bulk");
    declarations.insert(100, "int absent(void)".into());
    declarations.insert(200, "int (*)(void)".into());
    declarations.insert(300, "this is no declaration".into());
    for (stubs, jit) in
        [(Stubs::PerShape, Jit::On), (Stubs::PerFunction, Jit::On), (Stubs::PerFunction, Jit::Off)]
    {
        let engine = Engine::builder().stubs(stubs).jit(jit).build();
        let bound = engine.bind_all(&library, &declarations);
        assert_eq!(bound.len(), 503);
        assert!(matches!(bound[100], Err(BindError::Symbol(_))));
        assert!(matches!(bound[200], Err(BindError::Unnamed)));
        assert!(matches!(bound[300], Err(BindError::Prototype(_))));
        for (index, function) in bound.iter().flatten().enumerate() {
            let params = function.signature().params();
            let arguments: Vec<Value> = (0..params.len())
                .map(|position| match params[position].ty {
                    springboard::ir::Type::Double => 0.5.into(),
                    _ => 2i64.into(),
                })
                .collect();
            let sum: f64 =
                arguments.iter().map(|value| if *value == Value::from(0.5) { 0.5 } else { 2.0 }).sum();
            assert_eq!(call(function, &arguments), Value::from(index as f64 + sum), "{function:?}");
            assert_eq!(matches!(function.path(), Path::Native), jit == Jit::On);
        }
        let stats = engine.stats();
        if jit == Jit::On {
            assert_eq!(stats.native, 500);
            assert!(stats.compiles <= 40 && stats.compiles > 20, "{stats:?}");
            let own = if stubs == Stubs::PerFunction { 500 } else { 0 };
            assert_eq!((stats.live - stats.shared, stats.stamps), (own, stats.live));
            // Positions are part of a shape where floating and other arguments take turns in the registers.
            let some = if support::system::POSITIONS_COUNT { 2..30 } else { 2..20 };
            let shared = if stubs == Stubs::PerFunction { some } else { stats.compiles..stats.compiles + 1 };
            assert!(shared.contains(&stats.shared), "{stats:?}");
        }
        drop(bound);
        assert_eq!(engine.stats().live, stats.shared);
    }
}

#[test]
fn none_are_none() {
    let (library, _) = library(1, "in_bulk_one");
    assert!(Engine::new().bind_all(&library, [""; 0]).is_empty());
    let strict = Engine::builder().stubs(Stubs::PerFunction).build();
    assert!(strict.bind_all(&library, [""; 0]).is_empty());
}

#[test]
fn beyond_the_limit_some_are_native() {
    let (library, declarations) = library(300, "in_bulk_limit");
    let engine = Engine::builder().stubs(Stubs::PerFunction).code_limit(8192).build();
    let bound = engine.bind_all(&library, &declarations);
    assert!(bound.iter().all(Result::is_ok));
    let stats = engine.stats();
    assert!(stats.native > 0 && stats.fallbacks.code_limit > 0, "{stats:?}");
}

//! The types of `bun:ffi`.

use std::collections::HashSet;

use springboard::ir::{DataModel, Type};

use springboard_js::{bun::*, v8::Any};

#[test]
fn tags_are_places_in_the_table_and_names_are_unique() {
    let mut names = HashSet::new();
    for (index, ty) in TYPES.iter().enumerate() {
        assert_eq!(usize::from(ty.tag), index);
        assert_eq!(BunType::tagged(ty.tag), Some(ty));
        for name in [ty.name].iter().chain(ty.aliases) {
            assert!(names.insert(*name), "{name} is there twice");
            assert_eq!(BunType::named(name), Some(ty));
        }
    }
    assert_eq!(BunType::tagged(22), None);
    assert_eq!(BunType::named("I32"), None);
    assert_eq!(BunType::named("int32_t").map(|ty| ty.tag), Some(5));
}

#[test]
fn every_c_type_has_the_size_that_its_name_says() {
    let model = DataModel::of(&target_lexicon::Triple::host()).unwrap();
    let size = |name| match signature(Use::Function, &[], name).unwrap().result() {
        Type::Void => 0,
        ty => ty.layout(&model).unwrap().size,
    };
    let sizes = TYPES.iter().filter(|ty| ty.places.contains(&Place::Result)).map(|ty| size(ty.name));
    assert!(sizes.eq([1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 4, 1, 8, 0, 8, 8, 8, 8]));
}

#[test]
fn types_stand_where_they_may() {
    let error = |used, arguments: &[&str], returns| signature(used, arguments, returns).unwrap_err();
    let text = |used, arguments: &[&str], returns| error(used, arguments, returns).to_string();
    assert_eq!(text(Use::Function, &["void"], "i32"), "void cannot be an argument");
    assert_eq!(text(Use::Function, &["napi_env"], "i32"), "napi_env cannot be an argument");
    assert_eq!(text(Use::Function, &[], "buffer"), "buffer cannot be a result");
    assert_eq!(text(Use::Function, &["i33"], "i32"), "unknown type i33 for an argument");
    let misplaced = "buffer_length cannot be an argument of a callback";
    assert_eq!(text(Use::Callback, &["buffer_length"], "void"), misplaced);
    signature(Use::Function, &["buffer", "buffer_length"], "void").unwrap();
    signature(Use::Callback, &["ptr"], "i32").unwrap();
    signature(Use::ThreadsafeCallback, &["ptr", "u64_fast"], "void").unwrap();
    let error = error(Use::ThreadsafeCallback, &["ptr"], "bool");
    assert_eq!(error, BunError::ThreadsafeResult("bool".to_owned()));
}

#[test]
fn fast_integers_change_at_the_same_place_on_every_side() {
    use Any::{BigInt, Number};
    const EDGE: i64 = 1 << 53;
    for (value, expected) in [
        (0, Number(0.0)),
        (1 << 31, Number(2_147_483_648.0)),
        ((1 << 31) - 1, Number(2_147_483_647.0)),
        (-(1 << 31) - 1, Number(-2_147_483_649.0)),
        (1 << 32, Number(4_294_967_296.0)),
        (EDGE - 2, Number(9_007_199_254_740_990.0)),
        (EDGE - 1, Number(9_007_199_254_740_991.0)),
        (EDGE, BigInt(1 << 53)),
        (EDGE + 1, BigInt((1 << 53) + 1)),
        (-(EDGE - 2), Number(-9_007_199_254_740_990.0)),
        (-(EDGE - 1), Number(-9_007_199_254_740_991.0)),
        (-EDGE, BigInt(-(1 << 53))),
        (-(EDGE + 1), BigInt(-(1 << 53) - 1)),
        (i64::MAX, BigInt(i64::MAX as i128)),
        (i64::MIN, BigInt(i64::MIN as i128)),
    ] {
        assert_eq!(i64_fast(value), expected, "{value}");
        if let Ok(unsigned) = u64::try_from(value) {
            assert_eq!(u64_fast(unsigned), expected, "{value}, unsigned");
        }
    }
    assert_eq!(u64_fast(1 << 63), BigInt(1 << 63));
    assert_eq!(u64_fast(u64::MAX), BigInt(u64::MAX.into()));
}

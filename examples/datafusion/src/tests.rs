//! Functions over Arrow's arrays: sliced ones, null ones, single values; and what is refused.

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, Float64Array, Int32Array},
        datatypes::{DataType, Field, Float64Type},
    },
    common::ScalarValue,
    config::ConfigOptions,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl},
};

use super::*;

fn libm() -> Library {
    // SAFETY: the C library's libm is well-behaved.
    unsafe { Library::open("libm.so.6") }.expect("every Linux has it")
}

fn bind(text: &str) -> Result<NativeFunction, String> {
    NativeFunction::bind(&Engine::new(), &libm(), text).map_err(|error| error.to_string())
}

fn invoke(function: &NativeFunction, args: Vec<ColumnarValue>, rows: usize) -> ColumnarValue {
    let result = function.return_type(&[]).unwrap();
    let arguments = ScalarFunctionArgs {
        arg_fields: args.iter().map(|value| Arc::new(Field::new("", value.data_type(), true))).collect(),
        args,
        number_rows: rows,
        return_field: Arc::new(Field::new("", result, true)),
        config_options: Arc::new(ConfigOptions::default()),
    };
    function.invoke_with_args(arguments).unwrap()
}

fn array(value: ColumnarValue) -> Float64Array {
    let ColumnarValue::Array(array) = value else { panic!("{value:?}") };
    array.as_primitive::<Float64Type>().clone()
}

#[test]
fn slices_nulls_and_single_values() {
    let ldexp = bind("double ldexp(double, int)").unwrap();
    let xs: Float64Array = (0..100).map(|x| (x % 3 != 0).then_some(f64::from(x))).collect();
    let ns: Int32Array = (0..100).map(|n| (n % 7 != 0).then_some(n % 10)).collect();
    for (first, rows) in [(0, 100), (1, 64), (13, 50), (99, 1), (5, 0)] {
        let (xs, ns) = (xs.slice(first, rows), ns.slice(first, rows));
        let expected: Float64Array = xs.iter().zip(&ns).map(|(x, n)| Some(x? * f64::from(1 << n?))).collect();
        let columns = [Arc::new(xs.clone()) as ArrayRef, Arc::new(ns) as ArrayRef].map(ColumnarValue::Array);
        assert_eq!(array(invoke(&ldexp, columns.into(), rows)), expected, "{rows} rows from {first}");

        let eight = ColumnarValue::Scalar(ScalarValue::Int32(Some(3)));
        let scaled = invoke(&ldexp, vec![ColumnarValue::Array(Arc::new(xs.clone())), eight], rows);
        let expected: Float64Array = xs.iter().map(|x| Some(x? * 8.0)).collect();
        assert_eq!(array(scaled), expected, "{rows} rows from {first}");

        let null = ColumnarValue::Scalar(ScalarValue::Int32(None));
        let none = array(invoke(&ldexp, vec![ColumnarValue::Array(Arc::new(xs)), null], rows));
        assert_eq!((none.len(), none.null_count()), (rows, rows));
    }
    let values = [ScalarValue::Float64(Some(0.75)), ScalarValue::Int32(Some(2))].map(ColumnarValue::Scalar);
    let result = invoke(&ldexp, values.into(), 1000);
    assert!(matches!(result, ColumnarValue::Scalar(ScalarValue::Float64(Some(3.0)))), "{result:?}");
}

#[test]
fn sql_calls_functions_of_all_kinds_of_numbers() {
    let session = session(20_000).unwrap();
    for text in OF_LIBM.into_iter().chain(["float fabsf(float)", "int ilogb(double)"]) {
        session.register_udf(ScalarUDF::new_from_impl(bind(text).unwrap()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(compare(&session, 20_000)).unwrap();
    let count = |condition: &str| {
        let query = format!("select count(*) from numbers where {condition}");
        let batches = runtime.block_on(collect(&session, &query)).unwrap();
        batches[0].column(0).as_primitive::<Int64Type>().value(0)
    };
    assert_eq!(count("c_fabsf(cast(n as float)) <> abs(n)"), 0);
    assert_eq!(count("c_ilogb(x + 1) <> floor(log2(x + 1))"), 0);
    assert_eq!(count("c_floor(y) is null"), count("y is null"));
    assert_eq!(count("y is null"), 4_000);
    let error = runtime.block_on(collect(&session, "select c_pow(x) from numbers")).unwrap_err();
    assert!(error.to_string().contains("c_pow"), "{error}");
}

#[test]
fn what_is_no_function_over_numbers_is_refused() {
    let why = |text| bind(text).expect_err(text);
    assert_eq!(why("double nan(const char *tag)"), "nan: columns of texts are not called over here");
    assert_eq!(
        why("long double sqrtl(long double)"),
        "sqrtl: the result is of type long double: columns are of numbers of at most 8 bytes, and of texts"
    );
    assert_eq!(why("double (double)"), "`double (double)` names no function");
    assert!(why("double no_such_function(double)").starts_with("no symbol no_such_function in libm.so.6"));
    assert!(
        why("double pow(double, strange)").ends_with("double pow(double, strange)\n                   ^"),
        "{}",
        why("double pow(double, strange)")
    );
    assert_eq!(why("int fma(int, ...)"), "fma: a variadic function is not called over columns");
    assert_eq!(bind("double pow(double, double)").unwrap().return_type(&[]).unwrap(), DataType::Float64);
}

//! Functions over DuckDB's vectors: of all kinds of numbers, of texts, with nulls, constants and dictionaries; and what is
//! refused. `SPRINGBOARD_DUCKDB` names DuckDB's library.

use super::*;

fn database() -> (Engine, Database) {
    let path = std::env::var("SPRINGBOARD_DUCKDB").expect("SPRINGBOARD_DUCKDB names DuckDB's library");
    let engine = Engine::new();
    let api = Api::load(&engine, &path).unwrap();
    let mut database = Database::open(Arc::new(api)).unwrap();
    register(&engine, &mut database).unwrap();
    (engine, database)
}

/// The only value of the only row.
fn one(database: &Database, sql: &str) -> Option<String> {
    let mut table = database.query(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!((table.rows.len(), table.names.len()), (1, 1), "{sql}");
    table.rows.remove(0).remove(0)
}

fn zero(database: &Database, sql: &str) {
    assert_eq!(one(database, sql).as_deref(), Some("0"), "{sql}");
}

#[test]
#[ignore = "DuckDB's library is installed by the suite duckdb"]
fn rows_are_what_duckdb_and_a_udf_in_c_make_of_them() {
    let (_, database) = database();
    fill(&database, 20_000).unwrap();
    for (native, in_c, own) in COMPARED {
        for other in [Some(in_c), own].into_iter().flatten() {
            zero(&database, &format!("select count(*) from numbers where {native} is distinct from {other}"));
        }
    }
    zero(&database, "select count(*) from numbers where (c_pow(x, y) is null) <> (y is null)");
    zero(&database, "select count(*) from numbers where c_lround(x) is distinct from round(x)::bigint");
}

#[test]
#[ignore = "DuckDB's library is installed by the suite duckdb"]
fn texts_go_in_and_come_out() {
    let (_, database) = database();
    assert_eq!(one(&database, "select c_suffix('springboard')").as_deref(), Some("pringboard"));
    // Longer than what a vector's row holds itself.
    assert_eq!(
        one(&database, "select c_suffix('a text of some length')").as_deref(),
        Some(" text of some length")
    );
    assert_eq!(one(&database, "select c_suffix('')"), None, "null is NULL");
    assert_eq!(one(&database, "select c_suffix(null)"), None);
    assert_eq!(one(&database, "select c_length('äö')").as_deref(), Some("4"), "bytes of UTF-8");
    let error = database.query("select c_length('a' || chr(0) || 'b')").err().expect("C would end it there");
    assert!(error.to_string().contains("length: row 0: the text has a NUL at byte 1"), "{error}");
}

/// What `digest` in C makes of bytes.
fn digest(bytes: &[u8]) -> u32 {
    bytes.iter().fold(1, |digest: u32, byte| digest.wrapping_mul(31).wrapping_add((*byte).into()))
}

#[test]
#[ignore = "DuckDB's library is installed by the suite duckdb"]
fn texts_whose_length_is_passed_stay_where_they_are() {
    let (engine, mut database) = database();
    // In the vector's row and beyond it; without a NUL at the end and with one inside.
    for (sql, bytes) in [
        ("''", ""),
        ("'twelve bytes'", "twelve bytes"),
        ("'thirteen byte'", "thirteen byte"),
        ("'a' || chr(0) || 'b'", "a\0b"),
        ("repeat('long', 1000)", &*"long".repeat(1000)),
    ] {
        let expected = digest(bytes.as_bytes()).to_string();
        assert_eq!(one(&database, &format!("select c_digest({sql})")), Some(expected), "{sql}");
    }
    assert_eq!(one(&database, "select c_digest(null)"), None);
    fill(&database, 20_000).unwrap();
    zero(&database, "select count(*) from numbers where (c_digest(t) is null) <> (t is null)");
    // SAFETY: zlib is well-behaved.
    let zlib = unsafe { Library::open("libz.so.1") }.unwrap();
    let crc32 = "unsigned long crc32(unsigned long crc, const unsigned char *bytes, unsigned int length)";
    database.register(&engine, Udf::bind_sized(&engine, &zlib, crc32, &[1]).unwrap()).unwrap();
    assert_eq!(one(&database, "select c_crc32(0, 'springboard'::blob)").as_deref(), Some("3153298501"));
    assert_eq!(one(&database, "select typeof(c_crc32(0, '\\x00\\xff'::blob))").as_deref(), Some("UBIGINT"));
    let error = database.query("select c_crc32(0, 5)").err().expect("5 is no blob").to_string();
    assert!(error.contains("c_crc32"), "{error}");
}

#[test]
#[ignore = "DuckDB's library is installed by the suite duckdb"]
fn constants_dictionaries_and_filters() {
    let (_, database) = database();
    fill(&database, 20_000).unwrap();
    zero(&database, "select count(*) from numbers where c_pow(x, 2) is distinct from pow(x, 2)");
    zero(&database, "select count(*) from numbers where c_pow(null, x) is not null");
    assert_eq!(one(&database, "select c_pow(2, 10)").as_deref(), Some("1024.0"));
    // A filter leaves a selection of each vector's rows, a join a dictionary.
    zero(
        &database,
        "select count(*) from (select * from numbers where n % 3 = 1) where c_mix(n, n) is distinct from n * 3 + n",
    );
    zero(
        &database,
        "select count(*) from numbers join (select distinct n as m from numbers) on n = m
         where c_scaled(y, m) is distinct from y * 0.5 + m",
    );
    zero(&database, "select count(*) from numbers where t = 'abab' and c_suffix(t) is distinct from 'bab'");
    // Several threads call one function.
    database.query("set threads = 4").unwrap();
    fill_more(&database);
    zero(&database, "select count(*) from more where c_mix(n, n) is distinct from n * 3 + n");
}

/// So many rows that DuckDB divides them among threads.
fn fill_more(database: &Database) {
    database
        .query("create table more as select (i % 1000)::integer as n from range(1000000) as rows(i)")
        .unwrap();
}

#[test]
#[ignore = "DuckDB's library is installed by the suite duckdb"]
fn numbers_of_every_width() {
    let (engine, mut database) = database();
    // SAFETY: the C library is well-behaved.
    let libc = unsafe { Library::open("libc.so.6") }.unwrap();
    // SAFETY: libm is part of the C library, which is well-behaved.
    let libm = unsafe { Library::open("libm.so.6") }.unwrap();
    for (library, text) in [
        (&libc, "int abs(int)"),
        (&libc, "long labs(long)"),
        (&libc, "unsigned short htons(unsigned short)"),
        (&libc, "unsigned int htonl(unsigned int)"),
        (&libm, "float fabsf(float)"),
        (&libm, "double copysign(double, double)"),
    ] {
        database.register(&engine, Udf::bind(&engine, library, text).unwrap()).unwrap();
    }
    for (sql, expected) in [
        ("select c_abs(-2147483647)", "2147483647"),
        ("select c_labs(-9223372036854775807)", "9223372036854775807"),
        ("select c_htons(258::usmallint)", "513"),
        ("select c_htonl(1::uinteger)", "16777216"),
        ("select c_fabsf(-1.5::float)", "1.5"),
        ("select c_copysign(2, -0.0::double)", "-2.0"),
        ("select typeof(c_htons(1::usmallint))", "USMALLINT"),
    ] {
        assert_eq!(one(&database, sql).as_deref(), Some(expected), "{sql}");
    }
}

#[test]
#[ignore = "DuckDB's library is installed by the suite duckdb"]
fn what_is_no_function_of_rows_is_refused() {
    let (engine, mut database) = database();
    // SAFETY: the C library is well-behaved.
    let libc = unsafe { Library::open("libc.so.6") }.unwrap();
    let why = |text| Udf::bind(&engine, &libc, text).expect_err(text).to_string();
    assert!(why("char *strdup(const char *)").starts_with("strdup: the result is of type char *: a text is"));
    assert!(why("int time(long *)").contains("an engine has nothing for this pointer to point at"));
    assert!(why("void exit(int)").contains("a function of an engine has a value"));
    assert!(why("int printf(const char *, ...)").contains("variadic"));
    assert!(why("int no_such_function(int)").contains("no symbol no_such_function"));
    // DuckDB's own answers come through.
    let error = database.query("select c_pow(1)").err().expect("it has two parameters").to_string();
    assert!(error.contains("c_pow"), "{error}");
    let twice = Udf::bind(&engine, &libc, "int abs(int)").unwrap();
    database.register(&engine, twice.clone()).unwrap();
    assert!(database.query("select nonsense").is_err());
    assert_eq!(one(&database, "select c_abs(-1)").as_deref(), Some("1"), "an error before changes nothing");
}

#[test]
fn a_library_that_is_not_duckdb_is_refused() {
    let error = Api::load(&Engine::new(), "libm.so.6").err().expect("libm is not DuckDB").to_string();
    assert!(error.starts_with("libm.so.6 is not DuckDB's library: duckdb_library_version"), "{error}");
}

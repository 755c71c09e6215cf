//! Prototypes as people and headers write them, and how they are written back.

use springboard_ir::{Prototype, Signature};

/// What is read, and what is written for it. An empty second text: the same as was read.
const CASES: &[(&str, &str)] = &[
    // libc
    ("int abs(int n)", ""),
    ("double pow(double x, double y);", "double pow(double x, double y)"),
    ("void (*signal(int sig, void (*func)(int)))(int)", ""),
    ("char *strtok_r(char *restrict str, const char *restrict delim, char **restrict saveptr)",
     "char *strtok_r(char *str, const char *delim, char **saveptr)"),
    ("void qsort(char base[], size_t nmemb, size_t size, int compar(const void *, const void *))",
     "void qsort(char *base, size_t nmemb, size_t size, int (*compar)(const void *, const void *))"),
    ("extern int execve (const char *__path, char *const __argv[], char *const __envp[]) __attribute__ ((__nothrow__ , __leaf__)) __attribute__ ((__nonnull__ (1, 2)));",
     "int execve(const char *__path, char *const *__argv, char *const *__envp)"),
    ("extern long int strtol (const char *__restrict __nptr, char **__restrict __endptr, int __base) __asm__ (\"\" \"__isoc23_strtol\");",
     "long strtol(const char *__nptr, char **__endptr, int __base)"),
    ("int scandir(const char *dirp, struct dirent ***namelist, int (*filter)(const struct dirent *), int (*compar)(const struct dirent **, const struct dirent **))", ""),
    ("ssize_t pread(int fd, void *buf, size_t count, int64_t offset)", ""),
    ("int getpid()", "int getpid(void)"),
    ("int printf(const char *format, ...)", ""),
    ("int printf(const char *fmt, ..., int, double)", ""),
    ("struct div { int quot; int rem; }; struct div div(int, int)", "struct div div(int, int)"),
    // zlib
    ("int deflate(struct z_stream_s *strm, int flush)", ""),
    ("typedef unsigned char Byte; typedef Byte Bytef; typedef unsigned long uLong; typedef unsigned int uInt;
      uLong crc32(uLong crc, const Bytef *buf, uInt len);",
     "unsigned long crc32(unsigned long crc, const unsigned char *buf, unsigned int len)"),
    ("typedef void *(*alloc_func)(void *opaque, unsigned items, unsigned size); int set(alloc_func zalloc)",
     "int set(void *(*zalloc)(void *opaque, unsigned int items, unsigned int size))"),
    // sqlite
    ("int sqlite3_exec(sqlite3*,const char *sql,int (*callback)(void*,int,char**,char**),void*,char **errmsg)",
     "line 1, column 18: unknown type or attribute `sqlite3`"),
    ("typedef struct sqlite3 sqlite3;
      int sqlite3_exec(sqlite3*,const char *sql,int (*callback)(void*,int,char**,char**),void*,char **errmsg)",
     "int sqlite3_exec(struct sqlite3 *, const char *sql, int (*callback)(void *, int, char **, char **), void *, char **errmsg)"),
    ("typedef struct Mem sqlite3_value; typedef struct sqlite3_context sqlite3_context;
      int sqlite3_create_function(struct sqlite3 *db, const char *zFunctionName, int nArg, int eTextRep, void *pApp,
        void (*xFunc)(sqlite3_context*,int,sqlite3_value**), void (*xFinal)(sqlite3_context*));",
     "int sqlite3_create_function(struct sqlite3 *db, const char *zFunctionName, int nArg, int eTextRep, void *pApp, void (*xFunc)(struct sqlite3_context *, int, struct Mem **), void (*xFinal)(struct sqlite3_context *))"),
    // Every spelling of a type is one type.
    ("long unsigned int f(int long, long long int unsigned, short int, unsigned, signed, char signed)",
     "unsigned long f(long, unsigned long long, short, unsigned int, int, signed char)"),
    ("long double f(double long, float _Complex, _Complex float, double complex, complex double, long complex double)",
     "long double f(long double, float _Complex, float _Complex, double _Complex, double _Complex, long double _Complex)"),
    ("__int128 f(unsigned __int128, __int128 signed, __int128_t, __uint128_t)",
     "__int128 f(unsigned __int128, __int128, __int128, unsigned __int128)"),
    ("ptr f(i8, u8, i16, u16, i32, u32, i64, u64, i128, u128, f32, f64, isize, usize)",
     "void *f(int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t, uint64_t, __int128, unsigned __int128, float, double, ssize_t, size_t)"),
    ("bool f(_Bool, wchar_t, ptrdiff_t, intptr_t, uintptr_t)", "_Bool f(_Bool, wchar_t, ptrdiff_t, intptr_t, uintptr_t)"),
    ("int __attribute__((vector_size(16))) f(__attribute__((__vector_size__(8))) float v)",
     "int __attribute__((vector_size(16))) f(float __attribute__((vector_size(8))) v)"),
    // Declarators.
    ("int (*)(void)", ""),
    ("int(int, double)", "int (*)(int, double)"),
    ("int (*cb)(const void *, const void *)", "int cb(const void *, const void *)"),
    ("int (*(*f(int (*)[3], char *(*[])(void)))(void))[5]", "int (*(*f(int (*)[3], char *(**)(void)))(void))[5]"),
    ("const volatile int *const *volatile restrict f(const int)", "const int *const *f(int)"),
    ("int f(int n, double a[n][n + 1], int [*], int [static 3], int b[const restrict])",
     "int f(int n, double (*a)[0], int *, int *, int *b)"),
    ("int f(int size_t, int i8, void *ptr)", ""),
    ("int (f)(int (i8))", "int f(int (*)(int8_t))"),
    ("int f(...)", ""),
    ("int f(int, int (*)(char *, ...), ..., struct foo *)", ""),
    ("/* one */ static inline // two\n int f ( /* three */ void )", "int f(void)"),
    ("int f(size_t *n, const char text[(*n) + 1])", "int f(size_t *n, const char *text)"),
    ("int f(int a[_Atomic 3], int [volatile _Atomic])", "int f(int *a, int *)"),
    ("int f(int n, int m; int a[n][m], int n, int m)", "int f(int (*a)[0], int n, int m)"),
    ("# 12 \"file.h\" 3 4\n#pragma once\nint f(int\n#line 7\n)", "int f(int)"),
    // Types that stand before the prototype.
    ("struct point { double x, y; }; double dist(struct point, struct point)", "double dist(struct point, struct point)"),
    ("double dist(struct { double x, y; } a)", "double dist(struct { double x; double y; } a)"),
    ("enum e { A, B = 5, C }; enum e f(enum e *)", "enum e f(enum e *)"),
    ("typedef enum { A, B } e; e f(e, enum { C = -1 })", "unsigned int f(unsigned int, int)"),
    ("int; typedef struct s { int a; }; long int f(struct s)", "long f(struct s)"),
    ("typedef int fn(int); fn *f(fn, fn *, fn **)", "int (*f(int (*)(int), int (*)(int), int (**)(int)))(int)"),
    ("typedef const int row[3]; void f(row, row *, row[2])", "void f(const int *, const int (*)[3], const int (*)[3])"),
    ("typedef char *const str; void f(str, str *, const str *)", "void f(char *, char *const *, char *const *)"),
    ("typedef unsigned char u8; void f(u8 u8)", "void f(unsigned char u8)"),
    ("typedef struct { float r, i; } complex; void f(complex *, long complex)",
     "void f(struct { float r; float i; } *, long complex)"),
    ("double complex f(long complex double, long double complex, complex long double, double *complex)",
     "double _Complex f(long double _Complex, long double _Complex, long double _Complex, double *complex)"),
];

#[test]
fn prototypes_are_read_and_written_back() {
    for (text, written) in CASES {
        let expected = if written.is_empty() { text } else { written };
        match Prototype::parse(text) {
            Ok(prototype) => assert_eq!(prototype.to_string(), **expected, "of {text}"),
            Err(error) => assert_eq!(error.to_string(), **expected, "of {text}\n{}", error.excerpt(text)),
        }
    }
}

#[test]
fn a_signature_is_read_with_and_without_a_name() {
    let signature = Signature::parse("int (*)(void)").unwrap();
    for text in ["int(void)", "int ()", "int f(void)", "int (*f)()", "typedef int (*cb)(void); cb"] {
        assert_eq!(Signature::parse(text).unwrap(), signature, "{text}");
    }
}

import shutil
import subprocess

import pytest
from springboard import FFI


@pytest.fixture
def ffi():
    return FFI()


LIBRARY = r"""
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

typedef struct { int x; double y; } mixed;
typedef struct { long a, b, c; } large;
typedef struct { unsigned char a, b, c; } three;

int number = 42;
const char *words[] = {"one", "two"};

signed char i8(signed char v) { return v; }
unsigned char u8(unsigned char v) { return v; }
short i16(short v) { return v; }
unsigned short u16(unsigned short v) { return v; }
int i32(int v) { return v; }
unsigned u32(unsigned v) { return v; }
long long i64(long long v) { return v; }
unsigned long long u64(unsigned long long v) { return v; }
float f32(float v) { return v; }
double f64(double v) { return v; }
long double f80(long double v) { return v * 2; }
_Bool flag(_Bool v) { return !v; }
char letter(char v) { return v + 1; }
void *same(void *v) { return v; }
int *ints(int *v) { return v + 1; }
void nothing(void) {}
long many(long a, long b, long c, long d, long e, long f, long g, long h)
{ return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h; }
mixed twice(mixed m) { m.x *= 2; m.y *= 2; return m; }
large sums(large l) { l.a += 1; l.b += 2; l.c += 3; return l; }
three swap(three t) { unsigned char a = t.a; t.a = t.c; t.c = a; return t; }
double _Complex turn(double _Complex z) { return z * 1.0i; }
int fails(int code) { errno = code; return -1; }
int last(void) { return errno; }
size_t length(const char *s) { return strlen(s); }
int total(int count, ...) {
    va_list list; va_start(list, count); int sum = 0;
    while (count--) sum += va_arg(list, int);
    va_end(list); return sum;
}
double mean(int count, ...) {
    va_list list; va_start(list, count); double sum = 0;
    for (int i = 0; i < count; i++) sum += va_arg(list, double);
    va_end(list); return sum / count;
}
int apply(int (*f)(int), int v) { return f(v); }
large apply_large(large (*f)(large), large v) { return f(v); }
struct job { int (*f)(int); int v; };
static void *run(void *p) { struct job *j = p; j->v = j->f(j->v); return 0; }
int apply_elsewhere(int (*f)(int), int v) {
    pthread_t t; struct job j = {f, v};
    pthread_create(&t, 0, run, &j); pthread_join(t, 0); return j.v;
}
"""

DECLARATIONS = """
typedef struct { int x; double y; } mixed;
typedef struct { long a, b, c; } large;
typedef struct { unsigned char a, b, c; } three;
extern int number;
extern const char *words[2];
signed char i8(signed char v);      unsigned char u8(unsigned char v);
short i16(short v);                 unsigned short u16(unsigned short v);
int i32(int v);                     unsigned u32(unsigned v);
long long i64(long long v);         unsigned long long u64(unsigned long long v);
float f32(float v);                 double f64(double v);
long double f80(long double v);     _Bool flag(_Bool v);
char letter(char v);                void *same(void *v);
int *ints(int *v);                  void nothing(void);
long many(long a, long b, long c, long d, long e, long f, long g, long h);
mixed twice(mixed m);               large sums(large l);
three swap(three t);                double _Complex turn(double _Complex z);
int fails(int code);                int last(void);
size_t length(const char *s);       int total(int count, ...);
double mean(int count, ...);        int apply(int (*f)(int), int v);
large apply_large(large (*f)(large), large v);
int apply_elsewhere(int (*f)(int), int v);
int missing(void);
"""


@pytest.fixture(scope="session")
def path(tmp_path_factory):
    """A library with a function of each kind."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the tests' library with")
    folder = tmp_path_factory.mktemp("library")
    source, library = folder / "library.c", folder / "library.so"
    source.write_text(LIBRARY)
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-pthread"], check=True)
    return str(library)


@pytest.fixture(params=[False, True], ids=["released", "kept"])
def keep_gil(request):
    """Whether the interpreter's lock is kept during calls."""
    return request.param


@pytest.fixture(params=[False, True], ids=["slow-twin", "stub"])
def eager(request):
    """Whether the first calls of a function are entered by its stub, or by the slow twin."""
    return request.param


@pytest.fixture
def without_errno(ffi, path, keep_gil, eager):
    """The library, where no call looks at errno."""
    ffi.cdef(DECLARATIONS)
    return ffi.dlopen(path, keep_gil=keep_gil, keep_errno=False, eager=eager)


@pytest.fixture
def lib(ffi, path, keep_gil, eager):
    """The library, by each way of calling."""
    ffi.cdef(DECLARATIONS)
    return ffi.dlopen(path, keep_gil=keep_gil, eager=eager)

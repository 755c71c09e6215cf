"""ctypes of Python: scalars, strings, structures by value, callbacks, variadic calls, threads."""

import ctypes as c
import sys
import threading

native = c.CDLL(sys.argv[1])
libc = c.CDLL(None)


class Point(c.Structure):
    _fields_ = [("x", c.c_double), ("y", c.c_double)]


class Mixed(c.Structure):
    _fields_ = [("f", c.c_float), ("n", c.c_long)]


class Large(c.Structure):
    _fields_ = [("numbers", c.c_int * 5), ("d", c.c_double)]


class Small(c.Structure):
    _fields_ = [("bytes", c.c_ubyte * 3)]


def bind(name, result, *parameters):
    function = native[name]
    function.restype, function.argtypes = result, parameters
    return function


for name, kind, value, following in [
    ("next_i8", c.c_byte, 127, -128),
    ("next_u8", c.c_ubyte, 255, 0),
    ("next_i16", c.c_short, -2, -1),
    ("next_u16", c.c_ushort, 65535, 0),
    ("next_i32", c.c_int, 2**31 - 1, -(2**31)),
    ("next_u32", c.c_uint, 2**32 - 1, 0),
    ("next_i64", c.c_long, 2**40, 2**40 + 1),
    ("next_f32", c.c_float, 0.5, 1.5),
    ("next_f64", c.c_double, -1e300, -1e300),
]:
    assert bind(name, kind, kind)(value) == following, name

types = [c.c_long, c.c_int, c.c_short, c.c_byte, c.c_double, c.c_float, c.c_long, c.c_long, c.c_int, c.c_double]
assert bind("weighted", c.c_long, *types)(1, -2, 3, -4, 5.0, 6.0, -7, 8, 9, 10.0) == 1 - 4 + 9 - 16 + 25 + 36 - 49 + 64 + 81 + 100

point = bind("swapped", Point, Point)(Point(1.5, -2.5))
assert (point.x, point.y) == (-2.5, 1.5)
mixed = bind("next_mixed", Mixed, Mixed)(Mixed(0.5, -1))
assert (mixed.f, mixed.n) == (1.5, 0)
large = bind("next_large", Large, Large, c.c_int)(Large((c.c_int * 5)(1, 2, 3, 4, 5), 6.5), 10)
assert (list(large.numbers), large.d) == ([11, 12, 13, 14, 15], 16.5)
assert bytes(bind("reversed", Small, Small)(Small((c.c_ubyte * 3)(1, 2, 3))).bytes) == b"\3\2\1"
last = bind("last_register", c.c_double, *[c.c_long] * 5, Mixed)
assert last(1, 2, 3, 4, 5, Mixed(0.25, 100)) == 115.25

formatted = native.formatted
formatted.restype = c.c_char_p
assert formatted(b"%d %s %.2f %c", 42, b"text", c.c_double(1.5), c.c_char(b"x")) == b"42 text 1.50 x"
assert libc.strlen(b"sixteen letters!") == 16

Callback = c.CFUNCTYPE(c.c_int, c.c_int, c.c_void_p)
double = Callback(lambda index, data: index * 2 + (data or 0))
for name in ["sum_of", "sum_from_thread"]:
    assert bind(name, c.c_long, Callback, c.c_int, c.c_void_p)(double, 100, 7) == 9900 + 700
Through = c.CFUNCTYPE(c.c_double, c.c_double, c.c_float)
assert bind("through", c.c_double, Through, c.c_double, c.c_float)(Through(lambda a, b: a * b), 3.0, 0.5) == 1.5

numbers = (c.c_int * 7)(5, -3, 9, 0, 2, 2, -8)
Compare = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_int), c.POINTER(c.c_int))
libc.qsort(numbers, 7, 4, Compare(lambda a, b: a[0] - b[0]))
assert list(numbers) == sorted(numbers)

failures = []


def work(number):
    for i in range(200):
        if native.next_i32(i * number) != i * number + 1 or formatted(b"%d", i) != b"%d" % i:
            failures.append((number, i))


threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failures, failures

many = [Callback(lambda index, data, n=n: n) for n in range(2000)]
assert all(bind("sum_of", c.c_long, Callback, c.c_int, c.c_void_p)(callback, 1, None) == n for n, callback in enumerate(many))

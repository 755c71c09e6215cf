"""cffi of Python, in ABI mode: scalars, strings, structures by value, callbacks, variadic calls, threads."""

import sys
import threading

import cffi

ffi = cffi.FFI()
lines = open(sys.argv[2]).read().splitlines()
text = "\n".join(line for line in lines if not line.startswith("#"))
ffi.cdef(text + "\nvoid qsort(void *, size_t, size_t, int (*)(const void *, const void *)); size_t strlen(const char *);")
native = ffi.dlopen(sys.argv[1])
libc = ffi.dlopen(None)

assert native.next_i8(127) == -128
assert native.next_u8(255) == 0
assert native.next_i16(-2) == -1
assert native.next_u16(65535) == 0
assert native.next_i32(2**31 - 1) == -(2**31)
assert native.next_u32(2**32 - 1) == 0
assert native.next_i64(2**40) == 2**40 + 1
assert native.next_f32(0.5) == 1.5
assert native.next_f64(2.5) == 3.5
assert native.weighted(1, -2, 3, -4, 5.0, 6.0, -7, 8, 9, 10.0) == 1 - 4 + 9 - 16 + 25 + 36 - 49 + 64 + 81 + 100

point = native.swapped([1.5, -2.5])
assert (point.x, point.y) == (-2.5, 1.5)
mixed = native.next_mixed([0.5, -1])
assert (mixed.f, mixed.n) == (1.5, 0)
large = native.next_large([[1, 2, 3, 4, 5], 6.5], 10)
assert (list(large.numbers), large.d) == ([11, 12, 13, 14, 15], 16.5)
assert list(native.reversed([[1, 2, 3]]).bytes) == [3, 2, 1]
assert native.last_register(1, 2, 3, 4, 5, [0.25, 100]) == 115.25

line = native.formatted(b"%d %s %.2f", ffi.cast("int", 42), ffi.new("char[]", b"text"), ffi.cast("double", 1.5))
assert ffi.string(line) == b"42 text 1.50"
assert libc.strlen(b"sixteen letters!") == 16


@ffi.callback("int(int, void *)")
def double(index, data):
    return index * 2 + int(ffi.cast("intptr_t", data))


for function in [native.sum_of, native.sum_from_thread]:
    assert function(double, 100, ffi.cast("void *", 7)) == 9900 + 700
assert native.through(ffi.callback("double(double, float)", lambda a, b: a * b), 3.0, 0.5) == 1.5

# A callback that takes and returns structures.
swap = ffi.callback("struct point(struct point, struct large)", lambda p, l: (l.d, p.x))
result = swap((1.0, 2.0), ([0] * 5, 9.0))
assert (result.x, result.y) == (9.0, 1.0)

numbers = ffi.new("int[]", [5, -3, 9, 0, 2, 2, -8])
compare = ffi.callback(
    "int(const void *, const void *)", lambda a, b: ffi.cast("int *", a)[0] - ffi.cast("int *", b)[0]
)
libc.qsort(numbers, 7, 4, compare)
assert list(numbers) == [-8, -3, 0, 2, 2, 5, 9]

failures = []


def work(number):
    for i in range(200):
        if native.next_i32(i * number) != i * number + 1:
            failures.append((number, i))


threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 5)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failures, failures

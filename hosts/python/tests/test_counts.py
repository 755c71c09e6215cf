"""References and memory over many calls, and over errors of each kind."""

import gc
import sys

import pytest

CALLS = 2000


class Index:
    def __index__(self):
        return 7


def refused(function, *arguments):
    """A call that raises."""
    try:
        function(*arguments)
    except (TypeError, OverflowError, KeyError, ValueError):
        return
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize("builtin", [False, True], ids=["data", "builtin"])
def test_no_call_keeps_a_reference(ffi, path, keep_gil, builtin):
    from conftest import DECLARATIONS

    ffi.cdef(DECLARATIONS)
    lib = ffi.dlopen(path, keep_gil=keep_gil, builtin=builtin, eager=True)
    large, real, text, index = 1 << 40, 12345678.5, b"some text", Index()
    structure, pointer, array, lent = ffi.new("mixed *", [1, 2.0])[0], ffi.cast("void *", 16), ffi.new("char[]", b"abc"), bytearray(b"abc")
    extra, callback = ffi.cast("int", 1), ffi.callback("int(int)", lambda value: value + 1)
    raises = ffi.callback("int(int)", lambda value: value.no, onerror=lambda *told: 3)
    calls = {
        "an integer": lambda: lib.i32(100_000),
        "an index": lambda: lib.i32(index),
        "a large integer": lambda: lib.i64(large),
        "an unsigned integer": lambda: lib.u64(1 << 63),
        "a double": lambda: lib.f64(real),
        "a float": lambda: lib.f32(1),
        "a long double": lambda: lib.f80(real),
        "a complex number": lambda: lib.turn(1 + 2j),
        "a character": lambda: lib.letter(b"a"),
        "a boolean": lambda: lib.flag(True),
        "nothing": lambda: lib.nothing(),
        "bytes": lambda: lib.length(text),
        "an array": lambda: lib.length(array),
        "a buffer": lambda: lib.length(lent),
        "a pointer": lambda: lib.same(pointer),
        "a structure": lambda: lib.twice(structure),
        "a dictionary": lambda: lib.twice({"x": 1, "y": 2.0}),
        "many": lambda: lib.many(1, 2, 3, 4, 5, 6, 7, large),
        "variadic": lambda: lib.total(1, extra),
        "a callback": lambda: lib.apply(callback, 3),
        "a callback that raises": lambda: lib.apply(raises, 3),
        "overflow": lambda: refused(lib.i32, large),
        "a wrong type": lambda: refused(lib.i32, text),
        "a wrong count": lambda: refused(lib.i32),
        "text": lambda: refused(lib.length, "text"),
        "a wrong member": lambda: refused(lib.twice, {"z": 1}),
        "a wrong value of a member": lambda: refused(lib.twice, {"x": text}),
    }
    kept = (None, True, large, real, text, index, structure, pointer, array, lent, extra, callback, raises, ffi, lib)
    watched = (*kept, *map(ffi.typeof, ("int", "void *", "char *", "mixed", "double")))

    def look():
        gc.collect()
        return [sys.getrefcount(each) for each in watched], sys.getallocatedblocks()

    grown = {}
    for name, call in calls.items():
        for _ in range(20):
            call()
        counts, blocks = look()
        for _ in range(CALLS):
            call()
        counts_after, blocks_after = look()
        most = max(blocks_after - blocks, *(abs(after - before) for before, after in zip(counts, counts_after)))
        # One object for every other call would be seen.
        if most >= CALLS // 2:
            grown[name] = most
    assert grown == {}

import gc
import subprocess
import sys
import threading
import weakref

import pytest


def test_callbacks_from_this_thread_and_from_another(lib, ffi):
    threads = []

    @ffi.callback("int(int)")
    def double(value):
        threads.append(threading.get_ident())
        return value * 2

    assert lib.apply(double, 21) == 42
    assert lib.apply_elsewhere(double, 21) == 42 if lib_released(lib) else True
    assert threads[0] == threading.get_ident() and threading.get_ident() not in threads[1:]


def lib_released(lib):
    return "released" in lib.i32.__doc__


def test_structures_through_callbacks(lib, ffi):
    kept = []

    @ffi.callback("large(large)")
    def each(value):
        kept.append(value)
        return {"a": value.a + 1, "b": value.b, "c": -value.c}

    result = lib.apply_large(each, [1, 2, 3])
    assert (result.a, result.b, result.c) == (2, 2, -3)
    assert (kept[0].a, kept[0].b, kept[0].c) == (1, 2, 3)


def test_callbacks_within_callbacks(lib, ffi):
    @ffi.callback("int(int)")
    def down(value):
        return 0 if value == 0 else 1 + lib.apply(down, value - 1)

    assert lib.apply(down, 50) == 50


def test_exceptions(lib, ffi):
    seen = []

    def fails(value):
        raise LookupError(value)

    told = ffi.callback("int(int)", fails, error=7, onerror=lambda *each: seen.append(each))
    assert lib.apply(told, 1) == 7
    assert seen[0][0] is LookupError and seen[0][1].args == (1,) and seen[0][2] is not None
    answered = ffi.callback("int(int)", fails, onerror=lambda *each: 99)
    assert lib.apply(answered, 1) == 99
    hooked = []
    hook, sys.unraisablehook = sys.unraisablehook, hooked.append
    try:
        assert lib.apply(ffi.callback("int(int)", fails, error=3), 1) == 3
        assert lib.apply(ffi.callback("int(int)", lambda value: 1 << 40), 1) == 0
    finally:
        sys.unraisablehook = hook
    assert [each.exc_type for each in hooked] == [LookupError, OverflowError]


@pytest.mark.parametrize(
    ("ctype", "arguments", "error"),
    [
        ("int(int)", (5,), TypeError),
        ("int *", (lambda: 0,), TypeError),
        ("int(int, ...)", (lambda: 0,), NotImplementedError),
    ],
)
def test_what_is_refused(ffi, ctype, arguments, error):
    with pytest.raises(error):
        ffi.callback(ctype, *arguments)


def test_a_cycle_through_a_callback_is_collected(ffi):
    class Data:
        pass

    data = Data()
    data.callback = ffi.callback("int(void)", lambda data=data: 1)
    gone = weakref.ref(data)
    del data
    gc.collect()
    assert gone() is None


def test_the_interpreter_ends_with_callbacks_alive(path):
    """Other threads go on calling while the interpreter ends, and get the result for errors."""
    script = f"""
from springboard import FFI
ffi = FFI()
ffi.cdef('''int atexit(void (*)(void)); int apply_elsewhere(int (*f)(int), int v);''')
lib, c = ffi.dlopen({path!r}), ffi.dlopen(None)
double = ffi.callback("int(int)", lambda value: value * 2, error=-1)
print(lib.apply_elsewhere(double, 4))
import sys
sys.modules["kept"] = (double, lib)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "8", "")

"""What lives how long: cycles, structures that are used again, forks, interpreters that end."""

import gc
import os
import subprocess
import sys
import threading
import weakref

import pytest
from springboard import FFI


def run(code, path=""):
    """Runs a program of its own, and gives its standard output."""
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def in_a_cycle():
    """A reference to an FFI that refers to itself in every way it can."""
    ffi = FFI()
    ffi.cdef("typedef struct node { struct node *next; } node; enum e { A, B }; int abs(int);")
    ffi.itself = ffi
    ffi.lib = ffi.dlopen(None)
    assert ffi.lib.abs(-1) == 1
    ffi.node = ffi.new("node *")
    assert ffi.init_once(lambda: ffi, "once") is ffi
    return weakref.ref(ffi), weakref.ref(ffi.lib), weakref.ref(ffi.typeof("node"))


def test_an_ffi_in_a_cycle_is_collected():
    references = [in_a_cycle() for _ in range(20)]
    gc.collect()
    assert [[each() for each in every] for every in references] == [[None] * 3] * 20


def test_a_collection_may_begin_while_an_ffi_is_made():
    """CPython 3.11 makes the `__dict__` of an object that the collector knows before the object is made."""
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(300):
            in_a_cycle()
    finally:
        gc.set_threshold(*threshold)


def test_a_structure_that_nobody_has_is_used_again(lib, ffi):
    first = lib.twice({"x": 1, "y": 2})
    address, told = ffi.addressof(first), []
    gone = weakref.ref(first, told.append)
    del first
    assert gone() is None and told == [gone]
    again = lib.twice({"x": 4, "y": 5})
    assert ffi.addressof(again) == address
    assert (again.x, again.y) == (8, 10) and ffi.typeof(again) is ffi.typeof("mixed")
    # Other types have the same memory after it, and this one another object.
    del again
    other, another = lib.sums({"a": 1, "b": 2, "c": 3}), lib.twice({"x": 1})
    assert (other.a, other.b, other.c, another.x) == (2, 4, 6, 2)
    assert ffi.typeof(other) is ffi.typeof("large")


def test_structures_that_live_have_memory_of_their_own(lib, ffi):
    many = [lib.twice({"x": index, "y": 0.5}) for index in range(500)]
    assert [each.x for each in many] == [2 * index for index in range(500)]
    assert len({int(ffi.cast("intptr_t", ffi.addressof(each))) for each in many}) == 500
    del many[::2]
    more = [lib.sums({"a": index}) for index in range(500)]
    assert [each.x for each in many] == [2 * index for index in range(1, 500, 2)]
    assert [each.a for each in more] == [index + 1 for index in range(500)]


def test_types_are_not_kept_by_structures_that_are_gone(path):
    ffi = FFI()
    ffi.cdef("typedef struct { int x; double y; } mixed; mixed twice(mixed m);")
    ctype = weakref.ref(ffi.typeof("mixed"))
    lib = ffi.dlopen(path, eager=True)
    results = [lib.twice({"x": 1}) for _ in range(10)]
    before = sys.getrefcount(ctype())
    del results
    after = sys.getrefcount(ctype())
    assert after == before - 10
    del ffi, lib
    gc.collect()
    assert ctype() is None


def test_a_returned_structure_is_not_released(lib, ffi):
    with pytest.raises(ValueError):
        ffi.release(lib.twice({"x": 1}))


def test_the_structure_behind_a_pointer_is_one_object(ffi):
    ffi.cdef("struct s { int a; };")
    pointer = ffi.new("struct s *", [3])
    structure = pointer[0]
    assert structure is pointer[0]
    with pytest.raises(ValueError):
        ffi.release(structure)
    del pointer
    assert structure.a == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_callbacks_and_calls_go_on_in_a_forked_child(path):
    code = """
import os, sys
from springboard import FFI
ffi = FFI()
ffi.cdef("int apply(int (*f)(int), int v); int apply_elsewhere(int (*f)(int), int v); int i32(int v); short i16(short v);")
lib = ffi.dlopen(sys.argv[1], eager=True)
twice = ffi.callback("int(int)", lambda v: 2 * v)
assert lib.apply(twice, 4) == 8
child = os.fork()
if child == 0:
    new = ffi.callback("int(int)", lambda v: 3 * v)
    right = (lib.apply(twice, 5), lib.apply(new, 5), lib.i16(7), lib.apply_elsewhere(twice, 6)) == (10, 15, 7, 12)
    os._exit(0 if right else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert lib.apply(twice, 6) == 12 and lib.i32(1) == 1
"""
    run(code, path)


def test_a_second_interpreter_is_refused():
    names = ("_interpreters", "_xxsubinterpreters")
    module = next((name for name in names if __import__("importlib.util").util.find_spec(name)), None)
    if module is None:
        pytest.skip("this CPython has no module for interpreters")
    code = f"""
import {module} as interpreters, springboard
own = interpreters.create()
try:
    failed = interpreters.run_string(own, '''
try:
    import springboard
except ImportError as error:
    print('refused:', error, flush=True)
''')
    assert failed is None, failed
finally:
    interpreters.destroy(own)
assert springboard.FFI().sizeof("int") == 4
"""
    assert "refused: " in run(code)


def test_the_interpreter_ends_while_threads_are_in_calls(path):
    code = """
import sys, threading
from springboard import FFI
ffi = FFI()
ffi.cdef("int apply(int (*f)(int), int v);")
lib = ffi.dlopen(sys.argv[1])
entered = threading.Barrier(5)
def work(v):
    if v == 0:
        entered.wait()
    return v
callback = ffi.callback("int(int)", work)
def loop():
    lib.apply(callback, 0)
    while True:
        lib.apply(callback, 1)
for _ in range(4):
    threading.Thread(target=loop, daemon=True).start()
entered.wait()
print("end")
"""
    assert run(code, path) == "end\n"


def test_the_interpreter_ends_while_threads_are_in_python_that_c_data_called(path):
    """CPython before 3.14 ends such threads by unwinding their stacks, through the frames of the package."""
    code = """
import sys, threading
from springboard import FFI
sys.setswitchinterval(1e-6)
ffi = FFI()
ffi.cdef("int apply(int (*f)(int), int v); struct s { int a; };")
lib = ffi.dlopen(sys.argv[1])
waiting = threading.Semaphore(0)
def wait(*_):
    waiting.release()
    while True:
        pass
def fails(v):
    raise ValueError(v)
class Waits:
    __index__ = __next__ = wait
    def __iter__(self):
        return self
called = ffi.callback("int(int)", wait)
told = ffi.callback("int(int)", fails, onerror=wait)
works = [
    lambda: lib.apply(called, 1),
    lambda: lib.apply(told, 1),
    lambda: lib.apply(called, Waits()),
    lambda: ffi.new("int[]", [Waits()]),
    lambda: ffi.new("int[4]").__setitem__(slice(0, 2), Waits()),
    lambda: setattr(ffi.new("struct s *"), "a", Waits()),
    lambda: ffi.cast("int", Waits()),
    lambda: ffi.release(ffi.gc(ffi.new("int *"), wait)),
    lambda: ffi.init_once(wait, "once"),
    lambda: ffi.new_allocator(wait)("int *"),
]
for work in works:
    threading.Thread(target=work, daemon=True).start()
for _ in works:
    waiting.acquire()
class Last:
    # It goes when the interpreter has begun to end, and takes long enough for every thread to want the lock.
    def __del__(self):
        for _ in range(1_000_000):
            pass
sys.modules["last"] = Last()
print("end")
"""
    assert run(code, path) == "end\n"


def test_threads_return_structures_at_once(lib):
    wrong = []

    def work(number):
        for index in range(3000):
            made = lib.sums({"a": number, "b": index, "c": -index})
            if (made.a, made.b, made.c) != (number + 1, index + 2, 3 - index):
                wrong.append((number, index))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []

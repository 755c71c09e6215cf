import gc
import inspect
import math
import pydoc
import sys
import threading

import pytest

INTEGERS = [
    ("i8", 8, True), ("u8", 8, False), ("i16", 16, True), ("u16", 16, False),
    ("i32", 32, True), ("u32", 32, False), ("i64", 64, True), ("u64", 64, False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "bits", "signed"), INTEGERS)
def test_integers_to_the_ends_of_their_range(lib, name, bits, signed):
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    function = getattr(lib, name)
    around = [1 << shift for shift in range(bits)]
    for value in {least, least + 1, -1, 0, 1, most - 1, most, *around, *(-v for v in around)}:
        if least <= value <= most:
            assert function(value) == value
        else:
            with pytest.raises(OverflowError, match=rf"{name}\(\) argument 1: integer {value} does not fit"):
                function(value)
    for value in (least - 1, most + 1, 1 << 100, -(1 << 100)):
        with pytest.raises(OverflowError):
            function(value)


class Index:
    def __index__(self):
        return 7


class Float:
    def __float__(self):
        return 2.5


def test_what_converts(lib, ffi):
    assert lib.i32(True) == 1 and type(lib.i32(True)) is int
    assert lib.i32(Index()) == 7
    assert lib.i32(ffi.cast("short", -3)) == -3
    assert lib.f64(3) == 3.0 and type(lib.f64(3)) is float
    assert lib.f64(1 << 70) == float(1 << 70)
    assert lib.f64(Float()) == 2.5
    assert lib.f64(ffi.cast("float", 0.5)) == 0.5
    assert lib.f32(0.1) == pytest.approx(0.1) and lib.f32(0.1) != 0.1
    assert math.isnan(lib.f64(math.nan)) and lib.f64(-math.inf) == -math.inf
    assert math.copysign(1, lib.f64(-0.0)) == -1
    assert lib.flag(0) is True and lib.flag(True) is False
    assert lib.letter(b"a") == b"b"
    assert float(lib.f80(1.25)) == 2.5 and ffi.typeof(lib.f80(1)) is ffi.typeof("long double")
    assert lib.turn(1 + 2j) == -2 + 1j
    assert lib.nothing() is None
    assert lib.many(1, 2, 3, 4, 5, 6, 7, 8) == 204


@pytest.mark.parametrize(
    ("name", "arguments", "error", "said"),
    [
        ("i32", (), TypeError, "i32() expects 1 arguments, got 0"),
        ("i32", (1, 2), TypeError, "i32() expects 1 arguments, got 2"),
        ("i32", (1.0,), TypeError, "i32() argument 1: an integer is required, got 'float'"),
        ("i32", ("1",), TypeError, "i32() argument 1: an integer is required, got 'str'"),
        ("i32", (None,), TypeError, "i32() argument 1: an integer is required, got 'NoneType'"),
        ("f64", ("1",), TypeError, "f64() argument 1: must be real number, not str"),
        ("flag", (2,), OverflowError, "flag() argument 1: integer 2 does not fit '_Bool'"),
        ("letter", (b"ab",), TypeError, "letter() argument 1: initializer for ctype 'char' must be a bytes of length 1"),
        ("length", ("text",), TypeError, "length() argument 1: initializer for ctype 'char *' must be a cdata pointer, not str"),
        ("length", (None,), TypeError, "length() argument 1: initializer for ctype 'char *' must be a cdata pointer"),
        ("length", (5,), TypeError, "length() argument 1: initializer for ctype 'char *' must be a cdata pointer, not int"),
        ("many", (1, 2, 3, "4", 5, 6, 7, 8), TypeError, "many() argument 4: an integer is required, got 'str'"),
        ("total", (), TypeError, "total() expects at least 1 arguments, got 0"),
        ("total", (1, 2), TypeError, "argument 2 passed in the variadic part needs to be a cdata object (got int)"),
    ],
)  # fmt: skip
def test_what_is_refused(lib, name, arguments, error, said):
    with pytest.raises(error) as caught:
        getattr(lib, name)(*arguments)
    assert said in str(caught.value)


def test_names_of_arguments_are_refused(lib):
    with pytest.raises(TypeError, match="keyword arguments"):
        lib.i32(v=1)


def test_pointers(lib, ffi):
    array = ffi.new("int[]", [1, 2, 3])
    assert lib.ints(array)[0] == 2 and ffi.typeof(lib.ints(array)) is ffi.typeof("int *")
    assert lib.ints(array + 1) == array + 2
    assert lib.same(array) == array
    assert lib.same(ffi.NULL) == ffi.NULL
    assert lib.ints(ffi.cast("void *", array)) == array + 1
    with pytest.raises(TypeError, match=r"must be a pointer to same type, not cdata 'short \*'"):
        lib.ints(ffi.new("short *"))


def test_memory_of_python(lib, ffi):
    import array

    assert lib.length(b"hello") == 5
    assert lib.length(bytearray(b"hello\0world")) == 5
    assert lib.length(memoryview(b"hey\0")) == 3
    assert lib.length([b"a", b"b", b"\0"]) == 2
    assert lib.length(ffi.new("char[]", b"xyz")) == 3
    numbers = array.array("i", [5, 6])
    assert lib.ints(numbers)[0] == 6
    with pytest.raises(TypeError):
        lib.ints(array.array("d", [1.0]))


def test_structures(lib, ffi):
    result = lib.twice({"x": 3, "y": 1.5})
    assert (result.x, result.y) == (6, 3.0)
    assert repr(result) == "<cdata 'mixed' owning 16 bytes>"
    given = ffi.new("mixed *", [1, 2.0])
    result = lib.twice(given[0])
    assert (result.x, result.y, given.x) == (2, 4.0, 1)
    result = lib.sums(ffi.new("large *", [1, 2, 3])[0])
    assert (result.a, result.b, result.c) == (2, 4, 6)
    result = lib.swap([1, 2, 3])
    assert (result.a, result.b, result.c) == (3, 2, 1)
    with pytest.raises(TypeError, match="twice.. argument 1: initializer for ctype 'mixed'"):
        lib.twice(ffi.new("large *")[0])


def test_errno(lib, ffi):
    assert lib.fails(5) == -1 and ffi.errno == 5
    ffi.errno = 0
    assert lib.last() == 0
    ffi.errno = 77
    assert lib.last() == 77 and ffi.errno == 77
    seen = []

    def other():
        lib.fails(9)
        seen.append(ffi.errno)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [9] and ffi.errno == 77


def test_variadic(lib, ffi):
    ints = [ffi.cast("int", value) for value in (1, 2, 3)]
    assert lib.total(3, *ints) == 6
    assert lib.total(2, ffi.cast("short", -1), ffi.cast("char", b"\x05")) == 4
    assert lib.mean(2, ffi.cast("double", 1), ffi.cast("float", 2)) == 1.5


def test_variables(lib, ffi):
    assert lib.number == 42
    lib.number = 43
    assert lib.number == 43 and ffi.addressof(lib, "number")[0] == 43
    lib.number = 42
    assert ffi.string(lib.words[1]) == b"two"
    with pytest.raises(AttributeError):
        lib.i32 = 5
    with pytest.raises(AttributeError, match="function 'missing' not found in library"):
        lib.missing
    with pytest.raises(AttributeError, match="undeclared"):
        lib.undeclared


def test_a_closed_library_has_no_names_and_its_functions_stay(lib, ffi):
    kept = lib.i32
    ffi.dlclose(lib)
    ffi.dlclose(lib)
    with pytest.raises(ValueError, match="has already been closed"):
        lib.i32
    with pytest.raises(ValueError, match="has already been closed"):
        lib.number = 1
    assert kept(5) == 5


def test_what_python_shows(lib):
    assert str(inspect.signature(lib.many)).startswith("(a: 'long', b: 'long'")
    assert str(inspect.signature(lib.total)) == "(count: 'int', /, *args) -> 'int'"
    assert "double f64(double v);" in pydoc.render_doc(lib.f64)
    assert lib.f64.__name__ == "f64"


def test_functions_are_c_data(lib, ffi):
    assert isinstance(lib.i32, ffi.CData)
    assert ffi.typeof(lib.i32) is ffi.typeof("int(*)(int)")
    again = ffi.cast("int(*)(int)", lib.i32)
    assert again == lib.i32 and again(5) == 5
    with pytest.raises(RuntimeError, match="cannot call null function pointer"):
        ffi.cast("int(*)(int)", 0)(1)
    with pytest.raises(TypeError, match="is not callable"):
        ffi.new("int *")(1)


def test_the_lock_is_released(ffi):
    ffi.cdef("int usleep(unsigned int);")
    lib = ffi.dlopen(None)
    done = threading.Event()
    entered = threading.Event()

    def sleep():
        entered.set()
        while not done.is_set():
            lib.usleep(1000)

    thread = threading.Thread(target=sleep)
    thread.start()
    entered.wait()
    # This thread runs only because the other one lets it.
    assert sum(range(100_000)) == 4_999_950_000
    done.set()
    thread.join()


def test_threads_call_one_function(lib):
    results = []

    def calls():
        results.append(all(lib.i64(value) == value for value in range(-2000, 2000)))

    threads = [threading.Thread(target=calls) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 8


def test_references_are_even_after_calls_and_errors(lib, ffi):
    """What is borrowed, made and dropped by a stub and by its slow twin, counted over many calls of each kind."""
    marker = object()
    structure = ffi.new("mixed *", [1, 2.0])
    pointer = ffi.new("int[]", 4)
    text = b"a text that is nobody else's"
    big = 1 << 62
    watched = [structure, pointer, text, marker, big, ffi.typeof("mixed"), ffi.typeof("int *"), lib.twice, lib.ints]

    def each(count):
        for _ in range(count):
            lib.i32(1000)
            lib.i64(big)
            lib.f64(1.5)
            lib.length(text)
            lib.ints(pointer)
            lib.twice(structure[0])
            lib.flag(1)
            lib.nothing()
            for function, argument in ((lib.i32, marker), (lib.f64, marker), (lib.ints, structure), (lib.i32, big)):
                try:
                    function(argument)
                except (TypeError, OverflowError):
                    pass

    each(100)
    gc.collect()
    counts = [sys.getrefcount(each) for each in watched]
    none = sys.getrefcount(None)
    each(5000)
    gc.collect()
    assert [sys.getrefcount(each) for each in watched] == counts
    assert abs(sys.getrefcount(None) - none) < 50


def test_memory_does_not_grow(lib, ffi):
    """By calls, errors, data and callbacks: what is made anew each time goes each time."""
    import os

    def resident():
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def each(count):
        for index in range(count):
            lib.twice({"x": index, "y": 0.5})
            lib.ints([1, 2, 3])
            lib.length([b"a", b"\0"])
            lib.total(1, ffi.cast("int", index))
            lib.f80(1.5)
            ffi.new("char[]", 4096)
            ffi.new("mixed *", {"x": 1})[0].y
            ffi.buffer(ffi.new("int[4]"))[:]
            ffi.gc(ffi.new("int *"), lambda data: None)
            ffi.from_handle(ffi.new_handle(index))
            if index % 8 == 0:
                lib.apply(ffi.callback("int(int)", lambda value: value), index)
            for wrong in ("x", 1 << 80):
                try:
                    lib.i32(wrong)
                except (TypeError, OverflowError):
                    pass

    each(6000)
    gc.collect()
    before = resident()
    each(12000)
    gc.collect()
    assert resident() - before < 4 << 20


def test_calls_that_leave_errno_alone(without_errno, ffi):
    lib = without_errno
    ffi.errno = 33
    assert lib.i32(5) == 5 and lib.fails(9) == -1 and lib.many(*range(8)) == 168
    assert ffi.errno == 33
    assert lib.apply(ffi.callback("int(int)", lambda value: lib.i32(value) + 1), 4) == 5

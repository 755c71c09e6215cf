"""Functions of a library that was opened with `builtin=True`."""

import ctypes
import inspect

import pytest
from conftest import DECLARATIONS


@pytest.fixture
def builtin(ffi, path, keep_gil, eager):
    ffi.cdef(DECLARATIONS)
    return ffi.dlopen(path, keep_gil=keep_gil, builtin=True, eager=eager)


def test_they_are_built_in_functions_that_do_the_same(builtin, ffi):
    assert type(builtin.i32) is type(len)
    assert builtin.i32(-7) == -7
    assert builtin.f64(2.5) == 2.5
    assert builtin.length(b"four") == 4
    assert builtin.nothing() is None
    assert (builtin.twice({"x": 3, "y": 0.5}).x, builtin.many(1, 2, 3, 4, 5, 6, 7, 8)) == (6, 204)
    # Left to the slow twin: an object with __index__, a variadic function, a complex number.
    assert builtin.i64(type("Index", (), {"__index__": lambda self: 1 << 40})()) == 1 << 40
    assert builtin.total(2, ffi.cast("int", 3), ffi.cast("int", 4)) == 7
    assert builtin.turn(2j) == -2


def test_they_are_documented(builtin):
    assert "int i32(int v)" in builtin.i32.__doc__
    assert list(inspect.signature(builtin.many).parameters) == list("abcdefgh")
    assert builtin.i32.__name__ == "i32"


def test_they_serve_where_their_c_data_does(builtin, ffi):
    assert builtin.apply(builtin.i32, 5) == 5
    assert ffi.typeof(builtin.i32) is ffi.typeof("int(*)(int)")
    data = ffi.addressof(builtin, "i32")
    assert ffi.cast("int(*)(int)", builtin.i32) == data
    assert ffi.new("int(**)(int)", builtin.i32)[0](9) == 9
    assert list(data.map(ffi.new("int[]", [1, 2]))) == [1, 2]


def test_other_built_in_functions_are_no_c_data(builtin, ffi):
    for other in (len, "text".upper, ffi.new("int[3]").__len__):
        with pytest.raises(TypeError):
            builtin.apply(other, 5)
        with pytest.raises(TypeError):
            ffi.typeof(other)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ((), TypeError, "i32() expects 1 arguments, got 0"),
        (("text",), TypeError, "i32() argument 1"),
        ((1 << 31,), OverflowError, "i32() argument 1"),
    ],
)
def test_errors_name_function_and_argument(builtin, arguments, error, said):
    with pytest.raises(error) as raised:
        builtin.i32(*arguments)
    assert said in str(raised.value)


def test_a_function_keeps_what_it_needs(ffi, path):
    ffi.cdef(DECLARATIONS)
    function = ffi.dlopen(path, builtin=True).i32
    del ffi
    assert function(3) == 3


def entered_by(function):
    """The address that CPython calls: `ml_meth` of what `m_ml` points to."""
    definition = ctypes.c_void_p.from_address(id(function) + 2 * ctypes.sizeof(ctypes.c_void_p)).value
    return ctypes.c_void_p.from_address(definition + ctypes.sizeof(ctypes.c_void_p)).value


def test_a_function_gets_its_stub_when_it_has_been_called_some_times(ffi, path):
    ffi.cdef(DECLARATIONS)
    lib, eager = ffi.dlopen(path, builtin=True), ffi.dlopen(path, builtin=True, eager=True)
    slow = entered_by(lib.i32)
    assert entered_by(lib.total) == slow != entered_by(eager.i32)
    lib.i32(1)
    assert entered_by(lib.i32) == slow
    for value in range(200):
        assert lib.i32(value) == value
        assert lib.total(1, ffi.cast("int", value)) == value
    assert entered_by(lib.i32) not in (slow, entered_by(eager.f64))
    # There is none for a variadic function.
    assert entered_by(lib.total) == slow
    assert ffi.typeof(lib.i32) is ffi.typeof("int(*)(int)")

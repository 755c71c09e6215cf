import array

import pytest


def test_arrays_of_python_and_of_c(lib, ffi):
    numbers = array.array("d", [1.0, 2.0, 3.0])
    assert list(lib.f64.map(numbers)) == [1.0, 2.0, 3.0]
    assert list(lib.f64.map(ffi.new("double[]", [4, 5]))) == [4.0, 5.0]
    out = array.array("l", [0, 0])
    columns = [array.array("l", [index, 10 * index]) for index in range(8)]
    assert lib.many.map(*columns, out=out) is out
    assert list(out) == [lib.many(*(column[row] for column in columns)) for row in range(2)]
    assert lib.f64.map(1.5)[0] == 1.5
    assert len(lib.f64.map(array.array("d"))) == 0


def test_what_is_refused(lib):
    doubles = array.array("d", [1.0])
    for attempt, error in (
        (lambda: lib.f64.map(), TypeError),
        (lambda: lib.f64.map(array.array("f", [1.0])), TypeError),
        (lambda: lib.f64.map(doubles, out=array.array("f", [1.0])), TypeError),
        (lambda: lib.f64.map(doubles, out=array.array("d", [1.0, 2.0])), ValueError),
        (lambda: lib.f64.map(doubles, out=b"12345678"), (TypeError, BufferError)),
        (lambda: lib.many.map(array.array("l", [1]), array.array("l", [1, 2]), *range(6)), ValueError),
        (lambda: lib.nothing.map(out=doubles), TypeError),
        (lambda: lib.total.map(1), TypeError),
    ):
        with pytest.raises(error):
            attempt()


def test_numpy(lib):
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    values = numpy.arange(12.0).reshape(3, 4)
    for view in (values, values.T, values[::-1], values[:, ::2], values[1], values[:0]):
        result = lib.f64.map(view)
        assert type(result) is numpy.ndarray and result.shape == view.shape
        assert (result == view).all()
    line = numpy.arange(6.0)
    assert lib.f64.map(line[::-1], out=line) is line
    assert line.tolist() == [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]
    assert lib.flag.map(numpy.array([True, False])).tolist() == [False, True]
    with pytest.raises(TypeError, match="elements of 'double' are expected"):
        lib.f64.map(numpy.arange(3))
    with pytest.raises(ValueError, match="contiguous"):
        lib.f64.map(numpy.arange(3.0), out=numpy.zeros(6)[::2])

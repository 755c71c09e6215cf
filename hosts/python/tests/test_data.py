import gc
import io
import os
import weakref

import pytest


def test_the_memory_of_a_structure_lives_as_long_as_any_owner(ffi):
    ffi.cdef("struct pair { int a, b; };")
    structure = ffi.new("struct pair *", [1, 2])[0]
    gc.collect()
    assert (structure.a, structure.b) == (1, 2)
    structure.a = 5
    assert structure.a == 5


def test_bit_fields_against_arithmetic(ffi):
    ffi.cdef("struct bits { unsigned a:3; int b:7; unsigned long long c:50; unsigned d:5; _Bool e:1; };")
    bits = ffi.new("struct bits *")
    values = {"a": range(8), "b": range(-64, 64), "c": [0, 1, (1 << 50) - 1, 1 << 49], "d": range(32), "e": [False, True]}
    for name, tried in values.items():
        for value in tried:
            before = {other: getattr(bits, other) for other in values if other != name}
            setattr(bits, name, value)
            assert getattr(bits, name) == value
            assert {other: getattr(bits, other) for other in before} == before
    for name, value in (("a", 8), ("a", -1), ("b", 64), ("b", -65), ("c", 1 << 50)):
        with pytest.raises(OverflowError):
            setattr(bits, name, value)


def test_packed_bit_fields_that_cross_integers(ffi):
    ffi.cdef("struct crossing { unsigned char a; unsigned b:30; unsigned c:31; unsigned char d; };", packed=True)
    crossing = ffi.new("struct crossing *", [1, (1 << 30) - 2, (1 << 31) - 3, 4])
    assert (crossing.a, crossing.b, crossing.c, crossing.d) == (1, (1 << 30) - 2, (1 << 31) - 3, 4)
    crossing.b = 0
    assert (crossing.a, crossing.b, crossing.c, crossing.d) == (1, 0, (1 << 31) - 3, 4)


def test_long_double_keeps_its_bits(ffi):
    for value in (0.0, -0.0, 1.0, -1.5, 1e300, 5e-324, float("inf"), float("-inf")):
        data = ffi.cast("long double", value)
        assert float(data) == value and str(float(data)) == str(value)
        assert float(ffi.new("long double *", data)[0]) == value
    assert float(ffi.cast("long double", float("nan"))) != float(ffi.cast("long double", float("nan")))


def test_buffers(ffi):
    array = ffi.new("int[]", [1, 2, 3])
    buffer = ffi.buffer(array)
    assert len(buffer) == 12 and bytes(buffer) == buffer[:]
    memoryview(buffer)[0:4] = b"\x05\0\0\0"
    assert array[0] == 5
    buffer[4:8] = b"\x06\0\0\0"
    assert array[1] == 6
    with pytest.raises(IndexError):
        buffer[12]
    with pytest.raises(ValueError):
        buffer[0:4] = b"123"
    kept = memoryview(ffi.buffer(ffi.new("char[]", b"kept")))
    gc.collect()
    assert bytes(kept) == b"kept\0"


def test_lent_memory_is_locked_until_it_is_given_back(ffi):
    memory = bytearray(b"abcdef")
    with ffi.from_buffer(memory) as data:
        assert data[0] == b"a" and len(data) == 6
        with pytest.raises(BufferError):
            memory.append(1)
    memory.append(1)
    with pytest.raises(TypeError):
        ffi.from_buffer("text")
    with pytest.raises(ValueError, match="too small"):
        ffi.from_buffer("int[3]", bytearray(8))


def test_destructors_run_once(ffi):
    seen = []
    data = ffi.gc(ffi.new("int *", 5), lambda origin: seen.append(origin[0]))
    ffi.release(data)
    assert seen == [5]
    del data
    gc.collect()
    assert seen == [5]
    with ffi.gc(ffi.new("int *", 6), lambda origin: seen.append(origin[0])):
        pass
    assert seen == [5, 6]


def test_handles(ffi):
    class Thing:
        pass

    thing = Thing()
    handle = ffi.new_handle(thing)
    assert ffi.from_handle(handle) is thing and ffi.new_handle(thing) != handle
    address = int(ffi.cast("intptr_t", handle))
    gone = weakref.ref(thing)
    del handle, thing
    gc.collect()
    assert gone() is None
    with pytest.raises(RuntimeError, match="not correspond to any object that is still alive"):
        ffi.from_handle(ffi.cast("void *", address))


def test_nothing_is_dereferenced_at_null(ffi):
    ffi.cdef("struct pair { int a, b; };")
    null = ffi.cast("struct pair *", 0)
    for attempt in (lambda: null.a, lambda: null[0], lambda: ffi.string(ffi.cast("char *", 0)), lambda: setattr(null, "a", 1)):
        with pytest.raises(RuntimeError):
            attempt()


def test_types_are_one_object(ffi):
    other = type(ffi)()
    for text in ("int", "int *", "int[3]", "int(*)(char *)", "double[]"):
        assert ffi.typeof(text) is other.typeof(text)
    ffi.cdef("struct s;")
    other.cdef("struct s;")
    assert ffi.typeof("struct s *") is not other.typeof("struct s *")


def test_an_ffi_is_collected_with_its_types(ffi):
    other = type(ffi)()
    other.cdef("struct own { struct own *next; int (*method)(struct own *); };")
    ctype = weakref.ref(other.typeof("struct own *"))
    gone = weakref.ref(other)
    del other
    gc.collect()
    assert gone() is None and ctype() is None


def test_collections_while_many_ffis_refer_to_themselves(ffi):
    """A collection may begin while another FFI is made, and meets those that are garbage."""
    for index in range(1500):
        other = type(ffi)()
        other.itself = other
        if index % 3 == 0:
            other.lib = other.dlopen(None)
    del other
    gc.collect()
    assert type(ffi)().sizeof("int") == 4


def test_alignment_of_data(ffi):
    assert (ffi.alignof(ffi.new("short[3]")), ffi.alignof(ffi.cast("double", 1))) == (2, 8)


def test_an_array_without_a_length_is_as_long_as_its_memory(ffi):
    ffi.cdef("struct open { int n; short data[]; };")
    made = ffi.new("struct open *", [1, [2, 3, 4]])
    assert repr(made.data) == "<cdata 'short[]' sliced length 3>" and list(made.data) == [2, 3, 4]
    assert repr(ffi.cast("struct open *", made).data).startswith("<cdata 'short *' 0x")


def test_memory_that_is_not_cleared(ffi):
    new = ffi.new_allocator(should_clear_after_alloc=False)
    assert list(new("int[]", [1, 2])) == [1, 2]
    for _ in range(100):
        used = new("char[600]")
        if ffi.buffer(used)[:] != bytes(600):
            return
        ffi.buffer(used)[:] = b"x" * 600
        del used
    raise AssertionError("all memory was zero")


def test_a_buffer_beyond_owned_memory_warns(ffi, recwarn):
    owned = ffi.new("char[10]")
    ffi.buffer(owned, 10)
    ffi.buffer(ffi.cast("char *", owned), 11)
    assert not recwarn.list
    with pytest.warns(UserWarning, match="buffer of 11 bytes"):
        ffi.buffer(owned, 11)
    with pytest.warns(UserWarning, match="owns 4 bytes"):
        ffi.buffer(ffi.new("int *"), 8)


def test_files_of_python_as_those_of_c(ffi):
    ffi.cdef("int fputs(const char *, FILE *); int fileno(FILE *); struct other; int feof(struct other *);")
    c = ffi.dlopen(None)
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    file = os.fdopen(writer, "wb")
    file.write(b"1")
    assert c.fputs(b"2", file) >= 0
    file.write(b"3")
    pointer = ffi.cast("FILE *", file)
    assert c.fputs(b"4", pointer) >= 0 and os.read(reader, 10) == b"1234"
    assert c.fileno(pointer) != writer and ffi.cast("FILE *", file) == pointer
    for wrong in (io.BytesIO(), object()):
        with pytest.raises((TypeError, OSError)):
            ffi.cast("FILE *", wrong)
    with pytest.raises(TypeError):
        c.feof(file)
    file.close()
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)
    # C's file is closed when Python's is gone.
    del file
    gc.collect()
    assert os.read(reader, 1) == b""
    os.close(reader)

"""What ctypes' own tests know of calls, by CPython's own library for them (`_ctypes_test`)."""

import array
import errno

import pytest

library = pytest.importorskip("_ctypes_test", reason="this CPython has no library for ctypes' tests").__file__

# Type, its letter in the library, a value that shows its width and sign.
THIRDS = [
    ("signed char", "b", -126), ("unsigned char", "B", 255), ("short", "h", -32766), ("unsigned short", "H", 65535),
    ("int", "i", -2147483646), ("unsigned int", "I", 4294967295), ("long", "l", -9223372036854775806),
    ("unsigned long", "L", 18446744073709551615), ("long long", "q", -9223372036854775806),
    ("unsigned long long", "Q", 18446744073709551615), ("float", "f", -42.0), ("double", "d", 3.14159 * 3),
]  # fmt: skip

DECLARATIONS = """
    extern long long last_tf_arg_s; extern unsigned long long last_tf_arg_u;
    void tv_i(int);
    typedef struct { short x, y; } two; typedef struct { int a, b, c, d, e, f, g, h; } eight;
    typedef struct { unsigned long first, second, third; } large; typedef struct { unsigned int first, second; } small;
    two ret_2h_func(two); eight ret_8i_func(eight);
    void _testfunc_large_struct_update_value(large); void _testfunc_reg_struct_update_value(small);
    extern small last_tfrsuv_arg;
    void _testfunc_cbk_large_struct(large, void (*)(large));
    int _testfunc_cbk_reg_int(int, int, int, int, int, int (*)(int, int, int, int, int));
    double _testfunc_cbk_reg_double(double, double, double, double, double, double (*)(double, double, double, double, double));
    int _testfunc_callback_i_if(int, int (*)(int));
    long long _testfunc_callback_q_qf(long long, long long (*)(long long));
    int _testfunc_callback_with_pointer(int (*)(int *));
    int _testfunc_i_bhilfd(signed char, short, int, long, float, double);
    float _testfunc_f_bhilfd(signed char, short, int, long, float, double);
    double _testfunc_d_bhilfd(signed char, short, int, long, float, double);
    long double _testfunc_D_bhilfD(signed char, short, int, long, float, long double);
    long long _testfunc_q_bhilfd(signed char, short, int, long, float, double);
    long long _testfunc_q_bhilfdq(signed char, short, int, long, float, double, long long);
    void _testfunc_v(int, int, int *);
    int *_testfunc_ai8(int[8]);
    void *_testfunc_p_p(void *); int _testfunc_deref_pointer(int *); char *_testfunc_c_p_p(int *, char **);
    char *my_strchr(const char *, int); char *my_strtok(char *, const char *); char *my_strdup(const char *);
    void my_free(void *); void my_qsort(void *, size_t, size_t, int (*)(const void *, const void *));
    size_t my_wcslen(const wchar_t *); double my_sqrt(double);
    int get_an_integer(void); extern int an_integer;
    char *(*get_strchr(void))(const char *, int);
    typedef struct { int A:1, B:2, C:3, D:4, E:5, F:6, G:7, H:8, I:9; short M:1, N:2, O:3, P:4, Q:5, R:6, S:7; } bits;
    int unpack_bitfields(bits *, char);
"""


@pytest.fixture
def lib(ffi, keep_gil, eager):
    ffi.cdef(DECLARATIONS)
    return ffi.dlopen(library, keep_gil=keep_gil, eager=eager)


@pytest.mark.parametrize("before", ["", "signed char"], ids=["first", "second"])
@pytest.mark.parametrize(("ctype", "letter", "value"), THIRDS)
def test_a_third_of_each_type(lib, ffi, ctype, letter, value, before):
    name = f"tf_{'b' if before else ''}{letter}"
    ffi.cdef(f"{ctype} {name}({before}{',' if before else ''} {ctype});")
    third = getattr(lib, name)(*([0] if before else []), value)
    if letter in "fd":
        assert third == pytest.approx(value / 3)
    else:
        assert third == value // 3
        assert (lib.last_tf_arg_s if value < 0 else lib.last_tf_arg_u) == value


def test_long_doubles(lib, ffi):
    ffi.cdef("long double tf_D(long double); long double tf_bD(signed char, long double);")
    assert [float(lib.tf_D(42)), float(lib.tf_bD(0, 42))] == [14.0, 14.0]


def test_nothing_is_returned(lib):
    assert lib.tv_i(42) is None
    assert lib.last_tf_arg_s == 42


def test_arguments_of_every_kind(lib):
    for function in (lib._testfunc_i_bhilfd, lib._testfunc_f_bhilfd, lib._testfunc_d_bhilfd, lib._testfunc_q_bhilfd):
        assert function(1, 2, 3, 4, 5.0, 6.0) == 21
        assert function(-1, -2, -3, -4, -5.0, -6.0) == -21
    assert float(lib._testfunc_D_bhilfD(1, 2, 3, 4, 5.0, 6.0)) == 21
    assert lib._testfunc_q_bhilfdq(1, 2, 3, 4, 5.0, 6.0, 21) == 42


def test_structures_by_value(lib, ffi):
    returned = lib.ret_2h_func([99, 88])
    assert (returned.x, returned.y) == (198, 264)
    returned = lib.ret_8i_func([9, 8, 7, 6, 5, 4, 3, 2])
    assert [getattr(returned, name) for name in "abcdefgh"] == [18, 24, 28, 30, 30, 28, 24, 18]


def test_a_callee_does_not_change_what_was_passed(lib, ffi):
    passed = ffi.new("large *", [0xDEADBEEF, 0xCAFEBABE, 0x0BAD1DEA])
    lib._testfunc_large_struct_update_value(passed[0])
    assert (passed.first, passed.second, passed.third) == (0xDEADBEEF, 0xCAFEBABE, 0x0BAD1DEA)
    passed = ffi.new("small *", [0xDEADBEEF, 0xCAFEBABE])
    lib._testfunc_reg_struct_update_value(passed[0])
    assert (passed.first, passed.second) == (0xDEADBEEF, 0xCAFEBABE)


def test_a_callback_has_its_own_copy(lib, ffi):
    seen = []

    @ffi.callback("void(large)")
    def callback(value):
        seen.append((value.first, value.second, value.third))
        value.first = value.second = value.third = 0x0BADF00D

    passed = ffi.new("large *", [0xDEADBEEF, 0xCAFEBABE, 0x0BAD1DEA])
    lib._testfunc_cbk_large_struct(passed[0], callback)
    assert seen == [(0xDEADBEEF, 0xCAFEBABE, 0x0BAD1DEA)] == [(passed.first, passed.second, passed.third)]


def test_callbacks_with_arguments_in_registers(lib, ffi):
    total = ffi.callback("int(int, int, int, int, int)", lambda *values: sum(values))
    assert lib._testfunc_cbk_reg_int(2, 3, 4, 5, 6, total) == 90
    total = ffi.callback("double(double, double, double, double, double)", lambda *values: sum(values))
    values = [1.1, 2.2, 3.3, 4.4, 5.5]
    assert lib._testfunc_cbk_reg_double(*values, total) == sum(value * value for value in values)


def test_callbacks_that_are_called_again_and_again(lib, ffi):
    seen = []

    def callback(value):
        seen.append(value)
        return value

    assert lib._testfunc_callback_i_if(-10, ffi.callback("int(int)", callback)) == -18
    assert seen == [-10, -5, -2, -1]
    seen.clear()
    assert lib._testfunc_callback_q_qf(1_000_000_000_000, ffi.callback("long long(long long)", callback)) == sum(seen)
    assert seen[:2] == [1_000_000_000_000, 500_000_000_000] and seen[-1] == 1
    with pytest.raises(TypeError):
        lib._testfunc_callback_i_if(-10, ffi.callback("int(int, int)", lambda a, b: a))


@pytest.mark.parametrize("ctype", ["signed char", "short", "long", "unsigned long long", "float", "long double", "char"])
def test_a_callback_gets_and_gives_each_type(ffi, ctype):
    given = {"char": b"x", "float": -1.5, "long double": 3.25}.get(ctype, 100)
    got = []

    def callback(value, narrow):
        got.append((float(value) if ctype == "long double" else value, narrow))
        return value

    result = ffi.callback(f"{ctype}({ctype}, signed char)", callback)(given, -3)
    assert (float(result) if ctype == "long double" else result) == given
    assert got == [(given, -3)]


def test_pointers_that_go_back_and_forth(lib, ffi):
    numbers = ffi.new("int[8]", list(range(8)))
    assert list(lib._testfunc_ai8(numbers)[0:8]) == list(range(8))
    assert lib._testfunc_ai8(numbers) == numbers
    out = ffi.new("int *")
    lib._testfunc_v(40, 2, out)
    assert out[0] == 42
    assert lib._testfunc_p_p(out) == ffi.cast("void *", out)
    assert lib._testfunc_p_p(ffi.NULL) == ffi.NULL
    assert lib._testfunc_deref_pointer(out) == 42
    assert lib._testfunc_deref_pointer(array.array("i", [1764])) == 1764
    seen = []

    @ffi.callback("int(int *)")
    def callback(pointer):
        seen.extend(pointer[0:10])
        return pointer[7]

    assert lib._testfunc_callback_with_pointer(callback) == 8
    assert seen == list(range(1, 11))
    strings = [ffi.new("char[]", each) for each in (b"first", b"second")]
    assert ffi.string(lib._testfunc_c_p_p(ffi.new("int *", 2), ffi.new("char *[]", strings))) == b"second"


def test_text(lib, ffi):
    text = ffi.new("char[]", b"abcdefg")
    assert ffi.string(lib.my_strchr(text, ord("d"))) == b"defg"
    assert lib.my_strchr(text, ord("x")) == ffi.NULL
    assert lib.my_strchr(text, ord("c")) - text == 2
    words, token, seen = ffi.new("char[]", b"a\nb\nc"), None, []
    token = lib.my_strtok(words, b"\n")
    while token:
        seen.append(ffi.string(token))
        token = lib.my_strtok(ffi.NULL, b"\n")
    assert seen == [b"a", b"b", b"c"]
    owned = ffi.gc(lib.my_strdup(b"kept"), lib.my_free)
    assert ffi.string(owned) == b"kept"
    assert lib.my_wcslen("\u20acuro") == 4
    assert lib.my_wcslen(ffi.new("wchar_t[]", "four")) == 4
    assert ffi.string(lib.get_strchr()(text, ord("f"))) == b"fg"


def test_sorting(lib, ffi):
    letters = ffi.new("char[]", b"spam, spam, and spam")
    compare = ffi.callback("int(const void *, const void *)", lambda a, b: ffi.cast("char *", a)[0][0] - ffi.cast("char *", b)[0][0])
    lib.my_qsort(letters, len(letters) - 1, 1, compare)
    assert ffi.string(letters) == b"   ,,aaaadmmmnpppsss"


def test_variables(lib):
    before = lib.an_integer
    lib.an_integer = before * 2
    assert lib.get_an_integer() == before * 2
    lib.an_integer = before


def test_bit_fields(lib, ffi):
    for name in "ABCDEFGHIMNOPQRS":
        width = dict(zip("ABCDEFGHI", range(1, 10))).get(name) or "MNOPQRS".index(name) + 1
        for value in range(-(1 << (width - 1)), 1 << (width - 1)):
            field = ffi.new("bits *", {name: value})
            assert getattr(field, name) == value == lib.unpack_bitfields(field, name.encode())
        with pytest.raises(OverflowError):
            ffi.new("bits *", {name: 1 << width})


@pytest.mark.parametrize("count", [2, 4, 8, 9])
def test_arrays_in_structures_by_value(ffi, count, eager):
    letter = {2: "B", 4: "C", 8: "D", 9: "E"}[count]
    name = f"_testfunc_array_in_struct3{letter}"
    ffi.cdef(f"typedef struct {{ double data[{count}]; }} doubles; double {name}(doubles); doubles {name}_set_defaults(void);")
    lib = ffi.dlopen(library, eager=eager)
    if not hasattr(lib, name):
        pytest.skip("this CPython's library is older")
    assert getattr(lib, name)({"data": list(range(count))}) == sum(range(count))
    assert list(getattr(lib, name + "_set_defaults")().data) == [1.0 + index for index in range(count)]


def test_unions_and_bit_fields_by_reference_and_by_value(ffi, eager):
    ffi.cdef("""
        typedef union { long a_long; struct { int an_int, another_int; } a_struct; } both;
        long _testfunc_union_by_value1(both); long _testfunc_union_by_reference1(both *); long _testfunc_union_by_reference2(both *);
        typedef struct { int A:1, B:2, C:3, D:2; } narrow; typedef struct { unsigned A:1, B:2, C:3, D:2; } plain;
        long _testfunc_bitfield_by_value1(narrow);
        long _testfunc_bitfield_by_reference1(narrow *); long _testfunc_bitfield_by_reference2(plain *);
    """)
    lib = ffi.dlopen(library, eager=eager)
    if not hasattr(lib, "_testfunc_union_by_value1"):
        pytest.skip("this CPython's library is older")
    value = ffi.new("both *", {"a_long": 12345})
    assert lib._testfunc_union_by_value1(value[0]) == 12345 * 2  # all members, added
    assert lib._testfunc_union_by_reference1(value) == 12345 and value.a_long == 0
    value.a_struct = {"an_int": 0x12340000, "another_int": 0x5678}
    assert lib._testfunc_union_by_reference2(value) == 0x12345678 and value.a_long == 0
    value = ffi.new("narrow *", [-1, -1, -1, -1])
    assert lib._testfunc_bitfield_by_value1(value[0]) == -4
    assert lib._testfunc_bitfield_by_reference1(value) == -4
    assert [value.A, value.B, value.C, value.D] == [0, 0, 0, 0]
    assert lib._testfunc_bitfield_by_reference2(ffi.new("plain *", [1, 3, 7, 3])) == 14


def test_errno_of_a_call_is_that_threads_own(ffi, eager):
    import threading

    ffi.cdef("int open(const char *path, int flags, ...); int chdir(const char *path);")
    libc = ffi.dlopen(None, eager=eager)
    ffi.errno = 0
    assert libc.open(b"", 0) == -1
    assert ffi.errno == errno.ENOENT
    ffi.errno = 32
    seen = []

    def work():
        seen.append(ffi.errno)
        assert libc.chdir(b"/proc/version") == -1
        seen.append(ffi.errno)
        ffi.errno = 0

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [0, errno.ENOTDIR]
    assert ffi.errno == 32

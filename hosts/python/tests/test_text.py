import pytest
from springboard import FFI, CDefError, FFIError, VerificationMissing


def test_an_error_has_the_place_and_a_caret(ffi):
    with pytest.raises(CDefError) as caught:
        ffi.cdef("int first(void);\nint second(unknown_t value);\n")
    assert str(caught.value) == (
        'cannot parse "int second(unknown_t value);"\n'
        "<cdef source string>:2:12: unknown type or attribute `unknown_t`\n"
        "int second(unknown_t value);\n"
        "           ^"
    )


def test_the_caret_is_right_after_what_was_rewritten(ffi):
    text = "typedef ... opaque; enum { A, B }; int f(opaque *, wrong);"
    with pytest.raises(CDefError) as caught:
        ffi.cdef(text)
    line, caret = str(caught.value).splitlines()[-2:]
    assert line[caret.index("^"):].startswith("wrong")


def test_numbers_from_defines_and_constants(ffi):
    ffi.cdef(
        """
        #define A 0x10   // a comment
        #define B -3
        #define C 'x'
        #define UNKNOWN ...
        static const int D = 4;
        enum { E = A + 1, F };
        int sized[F];
        """
    )
    lib = ffi.dlopen(None)
    assert (lib.A, lib.B, lib.C, lib.D, lib.E, lib.F) == (16, -3, 120, 4, 17, 18)
    with pytest.raises(AttributeError):
        lib.UNKNOWN
    with pytest.raises(FFIError):
        ffi.cdef("#define A 17")
    ffi.cdef("#define A 17", override=True)
    with pytest.raises(CDefError, match="only supports one of the following syntax"):
        ffi.cdef('#define TEXT "text"')


def test_what_only_a_compiler_could_find(ffi):
    ffi.cdef("struct partial { int a; ...; }; enum some { X, ... }; typedef ... opaque; typedef ... *handle;")
    with pytest.raises(VerificationMissing):
        ffi.new("struct partial *")
    with pytest.raises(VerificationMissing):
        ffi.dlopen(None).X
    with pytest.raises(TypeError, match="unknown size"):
        ffi.new("opaque *")
    assert ffi.typeof("handle").kind == "pointer" and ffi.typeof("opaque").cname == "opaque"


def test_a_whole_header_and_what_is_left_out(ffi):
    skipped = ffi.header(
        """
        # 1 "some.h"
        typedef unsigned char byte;
        struct point { double x, y; };
        double length_of(struct point);
        static inline int one(void) { return 1; }
        int broken(nobody_knows value);
        """
    )
    assert ffi.sizeof("struct point") == 16 and ffi.typeof("byte") is ffi.typeof("unsigned char")
    assert len(skipped) == 1 and skipped[0].startswith("broken (some.h:5)") and "nobody_knows" in skipped[0]


def test_names_are_shared_by_include(ffi):
    other = type(ffi)()
    other.cdef("typedef struct { int a; } shared; enum { SHARED = 5 };")
    ffi.include(other)
    assert ffi.typeof("shared") is other.typeof("shared")
    assert ffi.dlopen(None).SHARED == 5
    with pytest.raises(ValueError):
        ffi.include(ffi)


def test_names_of_types(ffi):
    ffi.cdef("typedef int (*callback)(int); struct s { int a; }; union u { int a; };")
    assert ffi.list_types() == (["callback"], ["s"], ["u"])
    assert ffi.getctype("callback", "f") == "int(* f)(int)"
    assert ffi.getctype("int[5]", "*") == "int(*)[5]"


def test_tags_of_one_name(ffi):
    """cffi has a space of names for each keyword, and C one for all tags."""
    ffi.cdef("struct both { int a, b; };")
    ffi.cdef("union both { int a, b; short c[3]; }; enum both { ONE = 1, TWO }; struct has { union both u; struct both s; };")
    ffi.cdef("union both *f(struct both *, enum both);")
    assert (ffi.sizeof("struct both"), ffi.sizeof("union both"), ffi.sizeof("struct has")) == (8, 8, 16)
    assert ffi.typeof("union both").cname == "union both" and ffi.typeof("enum both").elements == {1: "ONE", 2: "TWO"}
    assert ffi.typeof("struct has").fields[0][1].type is ffi.typeof("union both")
    assert ffi.list_types() == ([], ["both", "has"], ["both"])
    other = FFI()
    other.include(ffi)
    assert other.typeof("union both") is ffi.typeof("union both") is not ffi.typeof("struct both")


@pytest.mark.parametrize(
    ("text", "is_"),
    [
        ("int x", "int"),
        ("const char *const name", "char *"),
        ("int *x[3]", "int *[3]"),
        ("int(*call)(bool is_valid)", "int(*)(_Bool)"),
        ("int (*int_)(int int_)", "int(*)(int)"),
        ("struct point point", "struct point"),
        ("size (*call)(size size)", "long(*)(long)"),
    ],
)
def test_types_may_be_spelled_with_a_name(ffi, text, is_):
    ffi.cdef("struct point { int x; }; typedef long size;")
    assert ffi.typeof(text).cname == is_
    assert ffi.typeof(text) is ffi.typeof(is_)


@pytest.mark.parametrize("text", ["int x y", "int x, y", "unknown x", "unknown int", "int x;", "int x = 3"])
def test_what_is_no_type_with_a_name(ffi, text):
    with pytest.raises(ffi.error):
        ffi.typeof(text)


def test_functions_are_spelled_with_and_without_a_name(ffi):
    ffi.cdef("typedef int number;")
    for text in ("int(int)", "int f(int)", "int f(int f)", "number(number)"):
        assert ffi.callback(text, lambda value: value + 1)(2) == 3
        with pytest.raises(ffi.error, match="is a function type"):
            ffi.typeof(text)


def test_errors_of_texts_are_errors_of_the_ffi(ffi):
    assert issubclass(CDefError, ffi.error)


def test_file_is_known(ffi):
    assert repr(ffi.typeof("FILE *")) == "<ctype 'FILE *'>"
    assert ffi.list_types() == ([], [], [])
    ffi.cdef("typedef struct { int own; } FILE;")
    assert ffi.sizeof("FILE") == 4


def test_names_that_are_known_without_a_declaration_may_be_declared_otherwise(ffi):
    ffi.cdef("struct before { size_t a; char b; };")
    ffi.cdef("typedef char size_t; typedef long int16_t, char16_t; struct after { size_t a, b; }; int f(size_t v);")
    assert ffi.typeof("size_t") is ffi.typeof("char")
    assert ffi.typeof("int16_t") is ffi.typeof("char16_t") is ffi.typeof("long")
    assert (ffi.sizeof("struct before"), ffi.sizeof("struct after")) == (16, 2)
    assert ffi.typeof("int(*)(size_t)").args == (ffi.typeof("char"),)
    assert ffi.list_types()[0] == ["char16_t", "int16_t", "size_t"]
    with pytest.raises(CDefError, match="unknown type or attribute `int16_T`; the nearest known name is `int16_t`"):
        ffi.cdef("int g(int16_T v);")
    # What is declared by one text that cannot be read means nothing to the next.
    with pytest.raises(CDefError):
        ffi.cdef("typedef char int32_t; int g(int32_t v; ")
    assert ffi.sizeof("int32_t") == 4
    # Texts that are read again are read as they were.
    ffi.cdef("enum e { A };")
    ffi.cdef("enum e { B, C };", override=True)
    assert ffi.sizeof("struct before") == 16 and ffi.sizeof("int32_t") == 4
    other = FFI()
    other.include(ffi)
    assert other.typeof("size_t") is ffi.typeof("char")
    assert FFI().sizeof("size_t") == 8


def test_a_structure_behind_a_known_name(ffi):
    ffi.cdef("typedef struct { int a; } ssize_t; typedef struct { int b; } *first, **second;")
    assert repr(ffi.typeof("ssize_t")) == "<ctype 'ssize_t'>"
    assert repr(ffi.typeof("first")) == "<ctype 'struct $1 *'>"


def test_types_that_are_one_in_two_objects(ffi):
    ffi.cdef("typedef struct { int x[2]; } *pointer; typedef int (*function)(pointer);")
    other = FFI()
    other.include(ffi)
    for name in ("pointer", "function"):
        assert other.typeof(name) is ffi.typeof(name)
    assert FFI().typeof("FILE *") is FFI().typeof("FILE *")
    ffi.cdef("typedef struct own { int a; } FILE;")
    assert ffi.typeof("FILE") is ffi.typeof("struct own")

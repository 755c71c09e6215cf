import pytest
from springboard import CDefError, FFIError, VerificationMissing


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

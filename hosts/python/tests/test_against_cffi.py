"""Random prototypes and values, by this package and by cffi: the same answers, and the same classes of errors. (Objects
with `__index__` alone are integers here, and none to cffi: they are not among the values.)

SPRINGBOARD_CASES says how many functions there are, and SPRINGBOARD_SEED which.
"""

import math
import os
import random
import shutil
import subprocess
import warnings

import pytest
from springboard import FFI

cffi = pytest.importorskip("cffi", reason="cffi, which answers are compared with, is not installed")

CASES = int(os.environ.get("SPRINGBOARD_CASES", "60"))
SEED = int(os.environ.get("SPRINGBOARD_SEED", "1"))

INTEGERS = ["signed char", "unsigned char", "short", "unsigned short", "int", "unsigned int", "long", "unsigned long",
            "long long", "unsigned long long", "int8_t", "uint16_t", "int32_t", "uint64_t", "size_t", "_Bool"]  # fmt: skip
SCALARS = [*INTEGERS, "float", "double", "char", "const char *", "void *", "int *", "pair", "mixed", "enum colour"]
TYPES = """
typedef struct { int a; int b; } pair;
typedef struct { double x; char c; } mixed;
enum colour { RED, GREEN = 5, BLUE };
"""


class Int:
    def __int__(self):
        return 4


class Float:
    def __float__(self):
        return 0.5


def values(chance, ffi):
    """A value of any kind, made for one of the two packages from the same numbers."""
    edge = chance.choice([0, 1, 7, 8, 15, 16, 29, 30, 31, 32, 60, 62, 63, 64, 65, 200])
    number = (1 << edge) + chance.choice([-1, 0, 1])
    kind = chance.randrange(20)
    return [
        lambda: number, lambda: -number, lambda: number % 256, lambda: -(number % 128),
        lambda: number * 0.5, lambda: -1.5, lambda: math.inf, lambda: True, lambda: None, lambda: "x", lambda: b"y",
        lambda: b"more text", lambda: [1, 2], lambda: Int(), lambda: Float(), lambda: ffi.cast("int", number % 1000),
        lambda: ffi.cast("double", 2.5), lambda: ffi.NULL, lambda: ffi.new("int[]", [1, 2]), lambda: ffi.new("pair *", [1, 2])[0],
    ][kind]()  # fmt: skip


def likely(chance, ctype, ffi):
    """A value that `ctype` most likely takes."""
    if ctype in INTEGERS or ctype.startswith("enum"):
        return chance.choice([0, 1]) if ctype == "_Bool" else chance.randrange(100)
    made = {
        "float": lambda: chance.randrange(100) / 4,
        "double": lambda: chance.random(),
        "char": lambda: bytes([chance.randrange(256)]),
        "const char *": lambda: b"some text",
        "void *": lambda: ffi.NULL,
        "int *": lambda: [1, 2, 3],
        "pair": lambda: {"a": 1, "b": 2},
        "mixed": lambda: [2.5, b"z"],
    }
    return made[ctype]()


def plain(value, ffi):
    """What can be compared of a result."""
    if not isinstance(value, ffi.CData):
        return (type(value), "nan" if value != value else value)
    ctype = ffi.typeof(value)
    if ctype.kind == "struct":
        return [(name, plain(getattr(value, name), ffi)) for name, _ in ctype.fields]
    return (ctype.cname, ctype.kind)


def attempt(function, arguments, ffi):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return plain(function(*arguments), ffi)
    except UserWarning:
        # What cffi 1.15 says that it will forbid, and later versions do.
        return TypeError
    except Exception as error:
        return type(error)


def test_random_functions_with_random_values(tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the functions with")
    chance = random.Random(SEED)
    prototypes = []
    for index in range(CASES):
        types = [chance.choice(SCALARS) for _ in range(chance.randrange(1, 9))]
        prototypes.append((f"f{index}", types, chance.randrange(len(types))))
    lists = {name: ", ".join(f"{ctype} p{at}" for at, ctype in enumerate(types)) for name, types, _ in prototypes}
    heads = [f"{types[at]} {name}({lists[name]})" for name, types, at in prototypes]
    source = tmp_path / "random.c"
    bodies = [f"{head} {{ return p{at}; }}" for head, (_, _, at) in zip(heads, prototypes)]
    source.write_text("#include <stdint.h>\n#include <stddef.h>\n" + TYPES + "\n".join(bodies))
    subprocess.run([compiler, "-w", "-O1", "-shared", "-fPIC", "-o", tmp_path / "random.so", source], check=True)
    sides = []
    for ffi, options in ((cffi.FFI(), {}), (FFI(), {"eager": True}), (FFI(), {"keep_gil": True, "eager": True})):
        ffi.cdef(TYPES + ";\n".join(heads) + ";")
        sides.append((ffi, ffi.dlopen(str(tmp_path / "random.so"), **options)))
    differing = []
    for name, types, _ in prototypes:
        for _ in range(40):
            seed = chance.random()
            answers = []
            for ffi, lib in sides:
                same = random.Random(seed)
                wild = same.randrange(len(types) + 2)
                arguments = [values(same, ffi) if at == wild else likely(same, ctype, ffi) for at, ctype in enumerate(types)]
                if wild == len(types):
                    arguments = arguments[1:]
                answers.append(attempt(getattr(lib, name), arguments, ffi))
            if not (answers[0] == answers[1] == answers[2]):
                differing.append((name, types, arguments, answers))
    assert not differing, "\n".join(map(str, differing[:5]))

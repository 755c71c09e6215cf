"""Figures: what a call of a C function costs from Python, by each way, in one run.

    python hosts/python/bench.py [--plot FILE] [--rounds N]

The ways are measured in turn, round after round, so that what else the machine does falls on all of them alike; the
median of the rounds is shown, and its ratio to a C extension written by hand (METH_FASTCALL), which is built here.
What is not installed is left out, and said.
"""

import argparse
import ctypes
import importlib.util
import itertools
import os
import pathlib
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time

NATIVE = r"""
typedef struct { double x, y; } point;
void noop(void) {}
long add(long a, long b) { return a + b; }
double mul(double a, double b) { return a * b; }
long eight(long a, long b, long c, long d, long e, long f, long g, long h) { return a + b + c + d + e + f + g + h; }
long first(const char *s) { return s[0]; }
point flip(point p) { point q = {p.y, p.x}; return q; }
double fused(double a, double b, double c) { return a * b + c; }
void loop(const double *a, double b, double c, double *out, long n) { for (long i = 0; i < n; i++) out[i] = fused(a[i], b, c); }
"""

DECLARATIONS = """
typedef struct { double x, y; } point;
void noop(void);
long add(long a, long b);
double mul(double a, double b);
long eight(long a, long b, long c, long d, long e, long f, long g, long h);
long first(const char *s);
point flip(point p);
double fused(double a, double b, double c);
void loop(const double *a, double b, double c, double *out, long n);
"""

EXTENSION = r"""
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#ifdef RELEASE
#define IN Py_BEGIN_ALLOW_THREADS
#define OUT Py_END_ALLOW_THREADS
#else
#define IN {
#define OUT }
#endif
typedef struct { double x, y; } point;
void noop(void); long add(long, long); double mul(double, double); long first(const char *);
long eight(long, long, long, long, long, long, long, long);
point flip(point);

static int count(Py_ssize_t n, Py_ssize_t wanted) {
    if (n == wanted) return 1;
    PyErr_SetString(PyExc_TypeError, "wrong number of arguments");
    return 0;
}
static PyObject *py_noop(PyObject *self, PyObject *const *a, Py_ssize_t n) {
    if (!count(n, 0)) return 0;
    IN noop(); OUT
    Py_RETURN_NONE;
}
static PyObject *py_add(PyObject *self, PyObject *const *a, Py_ssize_t n) {
    if (!count(n, 2)) return 0;
    long x = PyLong_AsLong(a[0]); if (x == -1 && PyErr_Occurred()) return 0;
    long y = PyLong_AsLong(a[1]); if (y == -1 && PyErr_Occurred()) return 0;
    long r; IN r = add(x, y); OUT
    return PyLong_FromLong(r);
}
static PyObject *py_mul(PyObject *self, PyObject *const *a, Py_ssize_t n) {
    if (!count(n, 2)) return 0;
    double x = PyFloat_AsDouble(a[0]); if (x == -1 && PyErr_Occurred()) return 0;
    double y = PyFloat_AsDouble(a[1]); if (y == -1 && PyErr_Occurred()) return 0;
    double r; IN r = mul(x, y); OUT
    return PyFloat_FromDouble(r);
}
static PyObject *py_eight(PyObject *self, PyObject *const *a, Py_ssize_t n) {
    if (!count(n, 8)) return 0;
    long v[8];
    for (int i = 0; i < 8; i++) { v[i] = PyLong_AsLong(a[i]); if (v[i] == -1 && PyErr_Occurred()) return 0; }
    long r; IN r = eight(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]); OUT
    return PyLong_FromLong(r);
}
static PyObject *py_first(PyObject *self, PyObject *const *a, Py_ssize_t n) {
    if (!count(n, 1)) return 0;
    if (!PyBytes_Check(a[0])) { PyErr_SetString(PyExc_TypeError, "bytes expected"); return 0; }
    const char *s = PyBytes_AS_STRING(a[0]);
    long r; IN r = first(s); OUT
    return PyLong_FromLong(r);
}
typedef struct { PyObject_HEAD point p; } PointObject;
static PyTypeObject Point = { PyVarObject_HEAD_INIT(0, 0) .tp_name = "bench.Point", .tp_basicsize = sizeof(PointObject),
    .tp_flags = Py_TPFLAGS_DEFAULT, .tp_new = PyType_GenericNew };
static PyObject *py_flip(PyObject *self, PyObject *const *a, Py_ssize_t n) {
    if (!count(n, 1)) return 0;
    if (Py_TYPE(a[0]) != &Point) { PyErr_SetString(PyExc_TypeError, "Point expected"); return 0; }
    PointObject *made = PyObject_New(PointObject, &Point);
    if (!made) return 0;
    IN made->p = flip(((PointObject *)a[0])->p); OUT
    return (PyObject *)made;
}
#define F(name) { #name, (PyCFunction)(void (*)(void))py_##name, METH_FASTCALL, 0 }
static PyMethodDef methods[] = { F(noop), F(add), F(mul), F(eight), F(first), F(flip), {0} };
static struct PyModuleDef module = { PyModuleDef_HEAD_INIT, NAME, 0, -1, methods };
PyMODINIT_FUNC INIT(void) {
    if (PyType_Ready(&Point) < 0) return 0;
    PyObject *m = PyModule_Create(&module);
    if (m && PyModule_AddObject(m, "Point", (Py_INCREF(&Point), (PyObject *)&Point)) < 0) return 0;
    return m;
}
"""


BOUND = r"""
extern "C" {
typedef struct { double x, y; } point;
void noop(void); long add(long, long); double mul(double, double);
long eight(long, long, long, long, long, long, long, long);
long first(const char *); point flip(point);
}
#ifdef NANOBIND
#include <nanobind/nanobind.h>
namespace py = nanobind;
NB_MODULE(bench_nanobind, m) {
    m.def("first", [](py::bytes s) { return first(s.c_str()); });
#else
#include <pybind11/pybind11.h>
namespace py = pybind11;
PYBIND11_MODULE(bench_pybind11, m) {
    m.def("first", [](py::bytes s) { return first(PyBytes_AS_STRING(s.ptr())); });
#endif
    py::class_<point>(m, "Point").def(py::init<>());
    m.def("noop", noop); m.def("add", add); m.def("mul", mul); m.def("eight", eight); m.def("flip", flip);
}
"""


def bound(binder, folder):
    """The functions by a library of C++ that binds them, with the lock kept."""
    package = importlib.import_module(binder)
    name = f"bench_{binder}"
    source, path = folder / f"{name}.cc", folder / (name + sysconfig.get_config_var("EXT_SUFFIX"))
    source.write_text(BOUND)
    includes, more = [sysconfig.get_path("include")], []
    if binder == "nanobind":
        sources = pathlib.Path(package.source_dir())
        includes += [package.include_dir(), sources.parent / "ext" / "robin_map" / "include"]
        more = ["-DNANOBIND", "-fno-strict-aliasing", sources / "nb_combined.cpp"]
    else:
        includes.append(package.get_include())
    command = [os.environ.get("CXX", "c++"), "-O2", "-std=c++17", "-shared", "-fPIC", "-fvisibility=hidden", "-w"]
    command += [*(f"-I{each}" for each in includes), *more, "-o", path, source]
    subprocess.run([*command, f"-L{folder}", "-lbenchnative", f"-Wl,-rpath,{folder}"], check=True)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(folder):
    """The native library, and the extension by hand, with the lock kept and released."""
    compiler = os.environ.get("CC", "cc")
    source, native = folder / "native.c", folder / "libbenchnative.so"
    source.write_text(NATIVE)
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", native, source], check=True)
    modules = {}
    for name, flags in (("by_hand_kept", []), ("by_hand_released", ["-DRELEASE"])):
        source = folder / f"{name}.c"
        source.write_text(EXTENSION)
        path = folder / (name + sysconfig.get_config_var("EXT_SUFFIX"))
        include = sysconfig.get_path("include")
        command = [compiler, "-O2", "-shared", "-fPIC", *flags, f'-DNAME="{name}"', f"-DINIT=PyInit_{name}", f"-I{include}"]
        command += ["-o", path, source, f"-L{folder}", "-lbenchnative", f"-Wl,-rpath,{folder}"]
        subprocess.run(command, check=True)
        spec = importlib.util.spec_from_file_location(name, path)
        modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(modules[name])
    return str(native), modules


def ways(folder, native, modules):
    """The functions by each way, and a point for `flip`."""
    from springboard import FFI

    for name, module in modules.items():
        yield name.replace("_", " "), module, module.Point()
    for builtin in (True, False):
        for name, keep in (("kept", True), ("released", False)):
            ffi = FFI()
            ffi.cdef(DECLARATIONS)
            # The extension does not look at errno, and so these do not.
            lib = ffi.dlopen(native, keep_gil=keep, keep_errno=False, builtin=builtin)
            yield f"springboard {name}" if builtin else f"as C data, {name}", lib, ffi.new("point *")[0]
    for binder in ("pybind11", "nanobind"):
        try:
            module = bound(binder, folder)
        except (ImportError, subprocess.CalledProcessError) as error:
            print(f"{binder} is not installed, or does not build here: left out ({error})", file=sys.stderr)
            continue
        yield binder, module, module.Point()

    class Point(ctypes.Structure):
        _fields_ = [("x", ctypes.c_double), ("y", ctypes.c_double)]

    lib = ctypes.CDLL(native)
    long, double = ctypes.c_long, ctypes.c_double
    types = {"noop": ([], None), "add": ([long] * 2, long), "mul": ([double] * 2, double)}
    types |= {"eight": ([long] * 8, long), "first": ([ctypes.c_char_p], long), "flip": ([Point], Point)}
    for name, (arguments, result) in types.items():
        getattr(lib, name).argtypes, getattr(lib, name).restype = arguments, result
    yield "ctypes", lib, Point()
    try:
        import cffi
    except ImportError:
        print("cffi is not installed: left out", file=sys.stderr)
        return
    ffi = cffi.FFI()
    ffi.cdef(DECLARATIONS)
    yield "cffi ABI", ffi.dlopen(native), ffi.new("point *")[0]
    builder = cffi.FFI()
    builder.cdef(DECLARATIONS)
    builder.set_source("bench_cffi_api", DECLARATIONS, libraries=["benchnative"], library_dirs=[str(folder)],
                       extra_link_args=[f"-Wl,-rpath,{folder}"])  # fmt: skip
    try:
        builder.compile(tmpdir=str(folder), verbose=False)
    except Exception as error:
        print(f"cffi's API mode does not build here: left out ({error})", file=sys.stderr)
        return
    sys.path.insert(0, str(folder))
    import bench_cffi_api

    yield "cffi API", bench_cffi_api.lib, bench_cffi_api.ffi.new("point *")[0]


CASES = {
    "noop": ("noop()", {}),
    "two ints": ("add(3, 4)", {}),
    "two doubles": ("mul(1.5, 2.5)", {}),
    "eight ints": ("eight(1, 2, 3, 4, 5, 6, 7, 8)", {}),
    "pointer from bytes": ("first(text)", {"text": b"text"}),
    "structure by value": ("flip(point)", {}),
}


def timer(call, names, number):
    """Seconds per `number` calls, ten to a turn of the loop."""
    body = "".join(f"        {call}\n" for _ in range(10))
    code = f"def run(clock, {', '.join(names)}):\n    start = clock()\n    for _ in range({number // 10}):\n{body}    return clock() - start\n"
    namespace = {}
    exec(code, namespace)
    run = namespace["run"]
    return lambda: run(time.perf_counter, *names.values())


def calls(all_ways, rounds, number):
    figures = {}
    for case, (call, names) in CASES.items():
        timers = {}
        for way, functions, point in all_ways:
            function = call.partition("(")[0]
            bound = {**names, function: getattr(functions, function)}
            if "point" in call:
                bound["point"] = point
            timers[way] = timer(call, bound, number)
        samples = {way: [] for way in timers}
        for _ in range(rounds):
            for way, run in timers.items():
                samples[way].append(run() / number * 1e9)
        figures[case] = {way: statistics.median(each) for way, each in samples.items()}
    return figures


def show(figures):
    names = list(next(iter(figures.values())))
    print(f"{'ns per call':20}" + "".join(f"{name:>22}" for name in names))
    for case, row in figures.items():
        print(f"{case:20}" + "".join(f"{row[name]:22.1f}" for name in names))
    print("\nratios (below 1: springboard is faster)")
    for case, row in figures.items():
        kept, released = row["springboard kept"], row["springboard released"]
        ratios = [f"kept / by hand {kept / row['by hand kept']:.2f}", f"released / by hand {released / row['by hand released']:.2f}"]
        for name in ("ctypes", "cffi API", "cffi ABI", "pybind11", "nanobind"):
            if name in row:
                ratios.append(f"{name} / released {row[name] / released:.2f}, / kept {row[name] / kept:.2f}")
        print(f"  {case:20} " + " · ".join(ratios))


BASE = "C's loop"


def columns(native, rounds):
    try:
        import numpy
    except ImportError:
        print("numpy is not installed: no figures for columns", file=sys.stderr)
        return
    from springboard import FFI

    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    lib = ffi.dlopen(native)
    count = 1_000_000
    x, out = numpy.linspace(0, 1, count), numpy.empty(count)
    source, target = ffi.cast("double *", x.ctypes.data), ffi.cast("double *", out.ctypes.data)
    ctypes_fused = ctypes.CDLL(native).fused
    ctypes_fused.argtypes, ctypes_fused.restype = [ctypes.c_double] * 3, ctypes.c_double
    vectorized = numpy.vectorize(lib.fused, otypes=[float])
    few = x[:20_000]
    measured = {
        BASE: (lambda: lib.loop(source, 2.0, 1.0, target, count), count),
        "map": (lambda: lib.fused.map(x, 2.0, 1.0, out=out), count),
        "numpy's own ufuncs (x * 2 + 1)": (lambda: numpy.add(numpy.multiply(x, 2.0, out=out), 1.0, out=out), count),
        "numpy.vectorize": (lambda: vectorized(few, 2.0, 1.0), len(few)),
        "a loop of ctypes": (lambda: [ctypes_fused(each, 2.0, 1.0) for each in few.tolist()], len(few)),
    }
    samples = {name: [] for name in measured}
    for _ in range(rounds):
        for name, (run, elements) in measured.items():
            start = time.perf_counter()
            run()
            samples[name].append((time.perf_counter() - start) / elements * 1e9)
    figures = {name: statistics.median(each) for name, each in samples.items()}
    print("\nns per element, a million doubles")
    for name, figure in figures.items():
        print(f"  {name:34} {figure:10.2f}   {figure / figures[BASE]:8.2f} × C's loop")


def once(native):
    """What is paid once."""
    code = "import time; s = time.perf_counter(); import springboard; print((time.perf_counter() - s) * 1e3)"
    imports = [float(subprocess.check_output([sys.executable, "-c", code], env=os.environ)) for _ in range(7)]
    print(f"\nimport: {statistics.median(imports):.1f} ms")
    from springboard import FFI

    for module in ("springboard", "cffi"):
        header = pathlib.Path("/usr/include/sqlite3.h")
        if not header.exists() or importlib.util.find_spec(module) is None:
            continue
        text = subprocess.check_output(["cc", "-E", "-P", header], text=True)
        text = "\n".join(line for line in text.splitlines() if "va_list" not in line)
        ffi_class = importlib.import_module(module).FFI
        try:
            times = []
            for _ in range(5):
                ffi = ffi_class()
                start = time.perf_counter()
                ffi.cdef(text)
                times.append((time.perf_counter() - start) * 1e3)
            print(f"cdef of sqlite3.h, {module}: {statistics.median(times):.1f} ms")
        except Exception as error:
            print(f"cdef of sqlite3.h, {module}: {str(error).splitlines()[0]}")
    print("first use of a function, look-up and call, µs (types not used before, in this order; the median, the longest)")
    for eager in (False, True):
        uses = []
        for types in itertools.product(("int", "long", "short", "unsigned char", "float", "double"), repeat=3):
            ffi = FFI()
            ffi.cdef("{} add({} a, {} b);".format(*types))
            lib = ffi.dlopen(native, eager=eager)
            start = time.perf_counter()
            lib.add(1, 2)
            uses.append((time.perf_counter() - start) * 1e6)
        way = "with its stub (eager)" if eager else "without"
        print(f"  {way:24} {statistics.median(uses):6.1f} {max(uses):8.1f}")
    names = [f"f{index}" for index in range(1000)]

    def resident():
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    ffi = FFI()
    ffi.cdef("int abs(int);")
    libraries = [ffi.dlopen(None, eager=True) for _ in names]
    before = resident()
    kept = [library.abs for library in libraries]
    print(f"memory per function, with its stub: {(resident() - before) / len(kept):.0f} bytes")


def plot(figures, path):
    """A bar chart as SVG, without a library."""
    names = list(next(iter(figures.values())))
    colours = ["#888", "#bbb", "#1b7f5c", "#5cc29b", "#2f9e76", "#8fd6b9", "#d08b00", "#e0b050", "#c0392b", "#8e44ad", "#2980b9"]
    bar, gap, left, scale = 14, 16, 190, 0.8
    height = sum(len(row) * bar + gap for row in figures.values()) + 60
    widest = max(max(row.values()) for row in figures.values())
    scale = 560 / widest
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="880" height="{height}" font-family="sans-serif" font-size="11">']
    y = 10
    for case, row in figures.items():
        parts.append(f'<text x="10" y="{y + len(row) * bar / 2 + 4}" font-weight="bold">{case}</text>')
        for index, (name, value) in enumerate(row.items()):
            parts.append(f'<rect x="{left}" y="{y}" width="{value * scale:.1f}" height="{bar - 2}" fill="{colours[index % len(colours)]}"/>')
            parts.append(f'<text x="{left + value * scale + 4:.1f}" y="{y + bar - 4}">{value:.0f} ns, {name}</text>')
            y += bar
        y += gap
    parts.append("</svg>")
    pathlib.Path(path).write_text("\n".join(parts))
    print(f"\nplot: {path} ({', '.join(names)})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=101)
    parser.add_argument("--number", type=int, default=1000, help="calls in a round")
    parser.add_argument("--plot", metavar="FILE", help="an SVG to write")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        native, modules = build(folder)
        figures = calls(list(ways(folder, native, modules)), options.rounds, options.number)
        print(f"CPython {sys.version.split()[0]}, medians of {options.rounds} rounds of {options.number} calls, loop included\n")
        show(figures)
        columns(native, min(options.rounds, 9))
        once(native)
        if options.plot:
            plot(figures, options.plot)


if __name__ == "__main__":
    main()

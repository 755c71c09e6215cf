"""Prints what a call of abs takes, in nanoseconds, by `ctypes` or `cffi`: one line a repetition, of CPU time."""

import sys
import time

if sys.argv[1] == "ctypes":
    import ctypes

    function = ctypes.CDLL(None).abs
    function.argtypes = [ctypes.c_int]
else:
    import cffi

    ffi = cffi.FFI()
    ffi.cdef("int abs(int);")
    function = ffi.dlopen(None).abs

TIMES = 20000
for _ in range(int(sys.argv[2])):
    start = time.process_time_ns()
    for _ in range(TIMES):
        function(-5)
    print((time.process_time_ns() - start) / TIMES)

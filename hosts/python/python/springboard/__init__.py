"""C functions and C data, at the speed of a C extension, with no compiler.

The surface is that of cffi in its ABI mode::

    from springboard import FFI

    ffi = FFI()
    ffi.cdef("double pow(double, double);")
    libm = ffi.dlopen("m", keep_gil=True)
    libm.pow(2, 10)
"""

from ._springboard import (
    FFI,
    CData,
    CDefError,
    CField,
    CType,
    FFIError,
    Library,
    VerificationError,
    VerificationMissing,
    __version__,
    buffer,
)

__all__ = ["FFI", "CDefError", "FFIError", "VerificationError", "VerificationMissing"]

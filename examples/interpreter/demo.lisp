; Each comment after an arrow is what the line prints; the test compares.

(define libm (open "libm.so.6"))
(define pow (native libm "double pow(double x, double y)"))
(print (pow 2 10))                             ; => 1024.0

(define libc (open "libc.so.6"))
(define strlen (native libc "size_t strlen(const char *s)"))
(print (strlen "trampoline"))                  ; => 10

(define getenv (native libc "const char *getenv(const char *name)"))
(print (getenv "NO_SUCH_VARIABLE"))            ; => <null>

; A callback: C's qsort compares by a function of this language.
(define compare (callback "int (const void *, const void *)"
    (lambda (a b) (- (int-at b) (int-at a)))))
(define qsort (native libc "void qsort(void *base, size_t count, size_t size, int (*)(const void *, const void *))"))
(define numbers (ints 3 141 59 26 5))
(qsort numbers 5 4 compare)
(print numbers)                                ; => (141 59 26 5 3)

; A header: everything that can be called is defined, and what cannot is told.
(print (header libm "double trunc(double); float fabsf(float); double _Complex csqrt(double _Complex);")) ; => (csqrt: the language has no values of type double _Complex)
(print (trunc 3.75) (fabsf -1.5))              ; => 3.0 1.5

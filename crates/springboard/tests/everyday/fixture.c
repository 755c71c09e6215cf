#include <errno.h>

/* Functions that leave something in errno, with results of every kind. */
int fails(int code) { errno = code; return -1; }
double fails_double(double x, int code) { errno = code; return x; }
struct pair { long a; double b; };
struct pair fails_pair(long a, double b, int code) { errno = code; return (struct pair){a, b}; }
struct big { long a[6]; };
struct big fails_big(long a, int code) { errno = code; return (struct big){{a, a + 1, a + 2, a + 3, a + 4, a + 5}}; }
void fails_void(int code) { errno = code; }
int many(int a, int b, int c, int d, int e, int f, int g, double h, int code) {
    errno = code;
    return a + b + c + d + e + f + g + (int)h;
}
int sum_failing(int count, ...) {
    __builtin_va_list list;
    __builtin_va_start(list, count);
    int sum = 0;
    for (int i = 0; i < count; i++) sum += __builtin_va_arg(list, int);
    __builtin_va_end(list);
    errno = sum;
    return sum;
}
long double fails_long_double(long double x, int code) { errno = code; return x; }
int succeeds(int x) { return x; }
int errno_seen(void) { return errno; }

/* A library that keeps its last error itself. */
static _Thread_local int own_error;
double set_own_error(double x, int code) { own_error = code; return x * 2; }
struct pair set_own_error_pair(long a, double b, int code) { own_error = code; return (struct pair){a, b}; }
int get_own_error(void) { errno = 77; return own_error; }

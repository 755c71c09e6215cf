#include <errno.h>
#include <sched.h>

/* Functions that leave something in errno, and one that does not. */
int fails(int code) { errno = code; return -1; }
double fails_double(double x, int code) { errno = code; return x; }
struct pair { long a; double b; };
struct pair fails_pair(long a, double b, int code) { errno = code; return (struct pair){a, b}; }
int succeeds(int x) { return x; }

/* Variables. */
int counter = 41;
const char *version_text = "1.2.3";
struct settings { unsigned level : 3; unsigned mode : 5; double scale; char name[8]; struct { short x, y; } at[3]; };
struct settings settings = {5, 17, 0.5, "first", {{1, 2}, {3, 4}, {5, 6}}};
int read_counter(void) { return counter; }
int settings_level(void) { return settings.level; }
int settings_mode(void) { return settings.mode; }

/* Out and in-out parameters, texts and buffers. */
struct point { double x, y; };
int polar(double x, double y, double *sum, struct point *swapped) {
    *sum = x + y;
    swapped->x = y;
    swapped->y = x;
    return x > y;
}
void grow(int *value, int by) { *value += by; }
unsigned long text_length(const char *text) { unsigned long n = 0; while (text[n]) n++; return n; }
unsigned int digest(unsigned int seed, const char *text, unsigned long length) {
    while (length--) seed = seed * 31 + (unsigned char)*text++;
    return seed;
}
int checksum(const unsigned char *bytes, int length) {
    int sum = bytes ? 0 : -1;
    for (int i = 0; i < length; i++) sum += bytes[i];
    return sum;
}
long sum_bytes(const void *bytes, unsigned long count) { long sum = 0; while (count--) sum += ((const unsigned char *)bytes)[count]; return sum; }
int fill(void *to, int count, int with) { for (int i = 0; i < count; i++) ((unsigned char *)to)[i] = (unsigned char)(with + i); errno = count; return count; }

/* A result that another function frees. */
static int live;
char *duplicate(const char *text) {
    if (!text[0]) return 0;
    unsigned long n = text_length(text) + 1;
    char *copy = __builtin_malloc(n);
    __builtin_memcpy(copy, text, n);
    live++;
    return copy;
}
void release(char *text) { live--; __builtin_free(text); }
int live_texts(void) { return live; }

/* Calls in the background. */
static volatile int gate_open;
void open_gate(int open) { gate_open = open; }
static int at_gate;
int how_many_at_gate(void) { return __atomic_load_n(&at_gate, __ATOMIC_SEQ_CST); }
int wait_at_gate(int code) {
    __atomic_fetch_add(&at_gate, 1, __ATOMIC_SEQ_CST);
    while (!gate_open) sched_yield();
    __atomic_fetch_sub(&at_gate, 1, __ATOMIC_SEQ_CST);
    errno = code;
    return code;
}
static int order;
int next_in_order(void) { return __atomic_fetch_add(&order, 1, __ATOMIC_SEQ_CST); }
unsigned long thread_number(void) { static _Thread_local char mine; return (unsigned long)&mine; }
int call_back(int (*f)(int), int x) { return f(x); }

/* Calls over columns. */
int add_int(int a, int b) { return a + b; }
signed char narrow(signed char a, unsigned short b, _Bool c, unsigned int d) { return (signed char)(a + b + c + (int)d); }
float blend(float a, double b, float c) { return a * (float)b + c; }
long far(long a, long b, long c, long d, long e, long f, long g, signed char h, float i) { return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + (long)(9 * i); }
const char *second(const char *text) { return text + 1; }
_Bool is_odd(unsigned long long x) { return x & 1; }
struct floats { float x, y; };
struct floats halves(float x, int y) { return (struct floats){x / 2, (float)y / 2}; }
struct narrow_parts { short a; signed char b; _Bool c; int d[2]; struct { unsigned char e; } f; };
struct narrow_parts parts(int x) { return (struct narrow_parts){(short)x, (signed char)(x + 1), x & 1, {x + 2, x + 3}, {(unsigned char)(x + 4)}}; }
struct one_double { double only; };
struct one_double alone(double x) { return (struct one_double){x + 1}; }
struct place { double x, y, z; const char *name; };
struct place moved(double x, double y, double z, double by, const char *name) { return (struct place){x + by, y + by, z + by, name}; }
double _Complex conjugate(double re, double im) { return __builtin_complex(re, -im); }
struct __attribute__((packed)) unaligned { char a; long b; float c; };
struct unaligned close_together(signed char a, long b, float c) { errno = a; return (struct unaligned){a, b, c}; }
static long noted;
void note(long x) { noted += x; }
long noted_so_far(void) { return noted; }

/* Arguments that C hands on without looking at them. */
int relay(int (*log)(char *to, unsigned long size, const char *format, __builtin_va_list arguments), char *to, unsigned long size, const char *format, ...) {
    __builtin_va_list arguments;
    __builtin_va_start(arguments, format);
    int length = log(to, size, format, arguments);
    __builtin_va_end(arguments);
    return length;
}

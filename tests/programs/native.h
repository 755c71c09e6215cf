/* What the programs call beside the C library: structures by value of every kind, and callbacks. */
#ifndef SPRINGBOARD_PROGRAMS_NATIVE_H
#define SPRINGBOARD_PROGRAMS_NATIVE_H

struct point {
    double x, y;
};

/* One eightbyte in a general register and one in a vector register. */
struct mixed {
    float f;
    long n;
};

/* In memory. */
struct large {
    int numbers[5];
    double d;
};

struct small {
    unsigned char bytes[3];
};

/* What printf does with its arguments, in a buffer of the library's own. */
const char *formatted(const char *format, ...);

/* Each value plus one, in its own width. */
signed char next_i8(signed char value);
unsigned char next_u8(unsigned char value);
short next_i16(short value);
unsigned short next_u16(unsigned short value);
int next_i32(int value);
unsigned next_u32(unsigned value);
long next_i64(long value);
float next_f32(float value);
double next_f64(double value);

/* a + 2b + 3c ...: each argument has its own weight. */
long weighted(long a, int b, short c, signed char d, double e, float f, long g, long h, int i, double j);

struct point swapped(struct point point);
struct mixed next_mixed(struct mixed mixed);
struct large next_large(struct large large, int by);
struct small reversed(struct small small);
/* The sixth general and the first vector register in one structure. */
double last_register(long a, long b, long c, long d, long e, struct mixed mixed);

/* Calls back with 0, 1, ... count - 1, and adds up what comes back. */
long sum_of(int (*callback)(int index, void *data), int count, void *data);
/* The same from a thread of its own. */
long sum_from_thread(int (*callback)(int index, void *data), int count, void *data);
/* Calls back with a double and a float. */
double through(double (*callback)(double a, float b), double a, float b);

#endif

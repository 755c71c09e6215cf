#include "native.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

const char *formatted(const char *format, ...) {
    static _Thread_local char buffer[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(buffer, sizeof buffer, format, arguments);
    va_end(arguments);
    return buffer;
}

signed char next_i8(signed char value) { return (signed char)(value + 1); }
unsigned char next_u8(unsigned char value) { return (unsigned char)(value + 1); }
short next_i16(short value) { return (short)(value + 1); }
unsigned short next_u16(unsigned short value) { return (unsigned short)(value + 1); }
int next_i32(int value) { return value + 1; }
unsigned next_u32(unsigned value) { return value + 1; }
long next_i64(long value) { return value + 1; }
float next_f32(float value) { return value + 1; }
double next_f64(double value) { return value + 1; }

long weighted(long a, int b, short c, signed char d, double e, float f, long g, long h, int i, double j) {
    return a + 2 * b + 3 * c + 4 * d + 5 * (long)e + 6 * (long)f + 7 * g + 8 * h + 9 * i + 10 * (long)j;
}

struct point swapped(struct point point) { return (struct point){point.y, point.x}; }

struct mixed next_mixed(struct mixed mixed) { return (struct mixed){mixed.f + 1, mixed.n + 1}; }

struct large next_large(struct large large, int by) {
    for (int i = 0; i < 5; i++) {
        large.numbers[i] += by;
    }
    large.d += by;
    return large;
}

struct small reversed(struct small small) {
    return (struct small){{small.bytes[2], small.bytes[1], small.bytes[0]}};
}

double last_register(long a, long b, long c, long d, long e, struct mixed mixed) {
    return (double)(a + b + c + d + e + mixed.n) + mixed.f;
}

long sum_of(int (*callback)(int index, void *data), int count, void *data) {
    long sum = 0;
    for (int i = 0; i < count; i++) {
        sum += callback(i, data);
    }
    return sum;
}

struct call {
    int (*callback)(int index, void *data);
    int count;
    void *data;
    long sum;
};

static void *run(void *argument) {
    struct call *call = argument;
    call->sum = sum_of(call->callback, call->count, call->data);
    return NULL;
}

long sum_from_thread(int (*callback)(int index, void *data), int count, void *data) {
    struct call call = {callback, count, data, 0};
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, &call) != 0) {
        return -1;
    }
    pthread_join(thread, NULL);
    return call.sum;
}

double through(double (*callback)(double a, float b), double a, float b) { return callback(a, b); }

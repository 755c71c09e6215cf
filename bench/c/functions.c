/* What the bench calls. Each function does as little as it can with all its arguments. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct p2 { double x, y; };
struct q4 { int64_t a, b, c, d; };

void noop(void) {}

int32_t add_i32(int32_t a, int32_t b) { return a + b; }

int64_t sum8_i64(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f, int64_t g, int64_t h) {
    return a + b + c + d + e + f + g + h;
}

struct pair { int64_t a, b; };

struct pair swap_pair(struct pair pair) { return (struct pair){pair.b, pair.a}; }

double add_f64(double a, double b) { return a + b; }

double mix(int32_t a, double b, int64_t c, float d) { return (double)a + b + (double)c + (double)d; }

uint64_t sum_buffer(const uint8_t *bytes, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += bytes[i];
    return sum;
}

int32_t sum12_i32(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int32_t f, int32_t g, int32_t h,
                  int32_t i, int32_t j, int32_t k, int32_t l) {
    return a + b + c + d + e + f + g + h + i + j + k + l;
}

struct p2 scale(struct p2 p, double by) { return (struct p2){p.x * by, p.y * by}; }

struct q4 quad(int64_t a) { return (struct q4){a, a + 1, a + 2, a + 3}; }

int64_t sum_va(int count, ...) {
    va_list list;
    va_start(list, count);
    int64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += va_arg(list, int64_t);
    va_end(list);
    return sum;
}

/* Functions that call back, each `times` times, and functions to be called as a direct callback would be. */
int32_t add_back(int32_t a, int32_t b) { return a + b; }

struct p2 move_back(struct p2 p) { return (struct p2){p.x + 1, p.y + 1}; }

int32_t calls_add(int32_t (*f)(int32_t, int32_t), int64_t times) {
    int32_t last = 1;
    for (int64_t i = 0; i < times; i++)
        last = f(last, (int32_t)i);
    return last;
}

double calls_move(struct p2 (*f)(struct p2), int64_t times) {
    struct p2 last = {1, 2};
    for (int64_t i = 0; i < times; i++)
        last = f(last);
    return last.x + last.y;
}

/* Loops over columns that call functions which the compiler does not see. */
void loop_i32(int32_t (*f)(int32_t, int32_t), const int32_t *a, const int32_t *b, int32_t *out, int64_t rows) {
    for (int64_t i = 0; i < rows; i++)
        out[i] = f(a[i], b[i]);
}

void loop_f64(double (*f)(double, double), const double *a, const double *b, double *out, int64_t rows) {
    for (int64_t i = 0; i < rows; i++)
        out[i] = f(a[i], b[i]);
}

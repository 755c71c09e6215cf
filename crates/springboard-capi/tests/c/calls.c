/* Calls: results and arguments of every form, by every path, in every way. */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>

#include "expect.h"

struct triple {
    double x;
    int y;
    float z;
};

static int8_t f_i8(int8_t a, int8_t b) { return (int8_t)(a + b); }
static uint8_t f_u8(uint8_t a, uint8_t b) { return (uint8_t)(a + b); }
static int16_t f_i16(int16_t a, int16_t b) { return (int16_t)(a + b); }
static uint16_t f_u16(uint16_t a, uint16_t b) { return (uint16_t)(a + b); }
static int32_t f_i32(int32_t a, int32_t b) { return a + b; }
static uint32_t f_u32(uint32_t a, uint32_t b) { return a + b; }
static int64_t f_i64(int64_t a, int64_t b) { return a + b; }
static uint64_t f_u64(uint64_t a, uint64_t b) { return a + b; }
static float f_f32(float a, float b) { return a + b; }
static double f_f64(double a, double b) { return a + b; }
static bool f_bool(bool a, bool b) { return a && b; }
static void *f_pointer(char *a, size_t b) { return a + b; }
static int counted;
static void f_void(int a) { counted += a; }
static struct triple f_struct(struct triple a, double b) {
    return (struct triple){a.x * b, a.y + 1, a.z / 2};
}
static long double f_long(long double a) { return a * 2; }
static int f_sum(int count, ...) {
    va_list list;
    int sum = 0;
    va_start(list, count);
    while (count-- > 0) {
        sum += (int)va_arg(list, double);
    }
    va_end(list);
    return sum;
}
static int f_errno(int a) {
    errno = a;
    return -1;
}
static int own_error(void) { return 1234; }

static sb_function *bind(const sb_engine *by, void (*code)(void), const char *text) {
    sb_function *function;
    sb_signature *parsed = signature(text);
    OK(sb_function_bind_address(by, (void *)(uintptr_t)code, parsed, &function));
    OK(sb_signature_close(parsed));
    return function;
}

#define BIND(name, text) bind(by, (void (*)(void))name, text)

/* Calls by handle and by entry, and has the same result. */
#define SAME(R, function, as_slot, ...)                                                                             \
    do {                                                                                                            \
        sb_function *const same_function = (function);                                                              \
        const uint64_t same_slots[] = {__VA_ARGS__};                                                                \
        uint64_t same_word;                                                                                         \
        sb_entry same_entry;                                                                                        \
        OK(sb_function_call(same_function, same_slots, &same_word));                                                \
        OK(sb_function_entry(same_function, &same_entry));                                                          \
        const R same_result = SB_CALL(R, same_entry, same_slots);                                                   \
        TRUE(as_slot(same_result) == same_word);                                                                    \
        result = same_word;                                                                                         \
        OK(sb_function_close(same_function));                                                                       \
    } while (0)

static void all(const sb_engine *by) {
    uint64_t result;
    SAME(int8_t, BIND(f_i8, "int8_t (int8_t, int8_t)"), sb_slot_of_int, sb_slot_of_int(-100), sb_slot_of_int(-20));
    TRUE((int64_t)result == -120);
    SAME(uint8_t, BIND(f_u8, "uint8_t (uint8_t, uint8_t)"), sb_slot_of_uint, 200, 50);
    TRUE(result == 250);
    SAME(int16_t, BIND(f_i16, "short (short, short)"), sb_slot_of_int, sb_slot_of_int(-1), sb_slot_of_int(-2));
    TRUE((int64_t)result == -3);
    SAME(uint16_t, BIND(f_u16, "unsigned short (unsigned short, unsigned short)"), sb_slot_of_uint, 65000, 535);
    TRUE(result == 65535);
    SAME(int32_t, BIND(f_i32, "int (int, int)"), sb_slot_of_int, sb_slot_of_int(INT32_MIN), 1);
    TRUE((int64_t)result == (int64_t)INT32_MIN + 1);
    SAME(uint32_t, BIND(f_u32, "unsigned (unsigned, unsigned)"), sb_slot_of_uint, UINT32_MAX - 1, 1);
    TRUE(result == UINT32_MAX);
    SAME(int64_t, BIND(f_i64, "int64_t (int64_t, int64_t)"), sb_slot_of_int, sb_slot_of_int(INT64_MIN), 5);
    TRUE(result == (uint64_t)INT64_MIN + 5);
    SAME(uint64_t, BIND(f_u64, "uint64_t (uint64_t, uint64_t)"), sb_slot_of_uint, UINT64_MAX - 1, 1);
    TRUE(result == UINT64_MAX);
    SAME(float, BIND(f_f32, "float (float, float)"), sb_slot_of_float, sb_slot_of_float(1.5F), sb_slot_of_float(2));
    TRUE(sb_float_of_slot(result) == 3.5F);
    SAME(double, BIND(f_f64, "double (double, double)"), sb_slot_of_double, sb_slot_of_double(1e300),
         sb_slot_of_double(1));
    TRUE(sb_double_of_slot(result) == 1e300 + 1);
    SAME(bool, BIND(f_bool, "_Bool (_Bool, _Bool)"), sb_slot_of_uint, 1, 1);
    TRUE(result == 1);
    char text[] = "text";
    SAME(void *, BIND(f_pointer, "void *(char *, size_t)"), sb_slot_of_pointer, sb_slot_of_pointer(text), 2);
    TRUE(sb_pointer_of_slot(result) == text + 2);
    SAME(int, BIND(f_sum, "int f(int, ..., double, double, double)"), sb_slot_of_int, 3, sb_slot_of_double(1),
         sb_slot_of_double(20), sb_slot_of_double(300));
    TRUE(result == 321);

    sb_function *function = BIND(f_void, "void (int)");
    const uint64_t three[] = {3};
    sb_entry entry;
    counted = 0;
    OK(sb_function_call(function, three, NULL));
    OK(sb_function_entry(function, &entry));
    SB_CALL(void, entry, three);
    TRUE(counted == 6);
    OK(sb_function_close(function));

    /* By address: aggregates, long double. */
    function = BIND(f_struct, "struct triple { double x; int y; float z; }; struct triple f(struct triple, double)");
    const struct triple in = {3, 4, 5};
    struct triple out[2];
    const uint64_t slots[] = {sb_slot_of_pointer(&in), sb_slot_of_double(2.5), sb_slot_of_pointer(&out[0])};
    const uint64_t again[] = {slots[0], slots[1], sb_slot_of_pointer(&out[1])};
    size_t count;
    OK(sb_function_slots(function, &count));
    TRUE(count == 3);
    OK(sb_function_call(function, slots, NULL));
    OK(sb_function_entry(function, &entry));
    SB_CALL(void, entry, again);
    for (int i = 0; i < 2; ++i) {
        TRUE(out[i].x == 7.5 && out[i].y == 5 && out[i].z == 2.5F);
    }
    OK(sb_function_close(function));
    function = BIND(f_long, "long double (long double)");
    const long double wide = 1.25L;
    long double doubled = 0;
    const uint64_t long_slots[] = {sb_slot_of_pointer(&wide), sb_slot_of_pointer(&doubled)};
    OK(sb_function_call(function, long_slots, NULL));
    TRUE(doubled == 2.5L);
    OK(sb_function_close(function));

    /* errno, and a library's own last error. */
    function = BIND(f_errno, "int (int)");
    sb_function *with_errno, *with_own;
    OK(sb_function_with_last_error(by, function, NULL, &with_errno));
    OK(sb_function_with_last_error(by, function, (void *)(uintptr_t)own_error, &with_own));
    OK(sb_function_close(function));
    int last = 0;
    const uint64_t error_slots[] = {77, sb_slot_of_pointer(&last)};
    errno = 5;
    OK(sb_function_slots(with_errno, &count));
    TRUE(count == 2);
    OK(sb_function_call(with_errno, error_slots, &result));
    TRUE((int64_t)result == -1 && last == 77);
    OK(sb_function_call(with_own, error_slots, &result));
    TRUE((int64_t)result == -1 && last == 1234);
    OK(sb_function_close(with_errno));
    OK(sb_function_close(with_own));
}

static void paths(const sb_engine *by, int expected) {
    char text[100];
    int path;
    size_t length;
    sb_function *function = BIND(f_i32, "int (int, int)");
    OK(sb_function_path(function, &path, text, sizeof text, &length));
    TRUE(path == expected && strlen(text) == length);
    if (path == SB_PATH_JIT_OFF) {
        TRUE(strcmp(text, "libffi: compiling is turned off") == 0);
    }
    OK(sb_function_close(function));
}

/* Code that belongs to no function. */
static void stubs(const sb_engine *by) {
    void *code;
    sb_signature *text = signature("int8_t (int8_t, int8_t)");
    OK(sb_engine_stub(by, text, SB_ENTRY_SLOTS, &code));
    const sb_entry entry = {code, (const void *)(uintptr_t)f_i8};
    const uint64_t slots[] = {sb_slot_of_int(-100), sb_slot_of_int(-20)};
    TRUE(SB_CALL(int8_t, entry, slots) == -120);
    OK(sb_engine_stub(by, text, SB_ENTRY_AVALUE, &code));
    int8_t a = -100, b = -20;
    void *values[] = {&a, &b};
    uint64_t word = 0;
    ((void (*)(const void *, void *, void **))(uintptr_t)code)((const void *)(uintptr_t)f_i8, &word, values);
    TRUE((int64_t)word == -120);
    EXPECT(SB_ERROR_ARGUMENT, sb_engine_stub(by, text, SB_ENTRY_CALLBACK, &code));
    TRUE(code == NULL);
    OK(sb_signature_close(text));
#if defined(__x86_64__) && !defined(_WIN32)
    text = signature("long double (long double)");
    EXPECT(SB_ERROR_NO_PATH, sb_engine_stub(by, text, SB_ENTRY_SLOTS, &code));
    SAYS("x87");
    OK(sb_signature_close(text));
#endif
}

int main(void) {
    sb_engine *by;
    sb_engine_options options = {.size = sizeof options};
    sb_stats stats = {.size = sizeof stats};
    OK(sb_engine_new(&options, &by));
    all(by);
    paths(by, SB_PATH_NATIVE);
    stubs(by);
    OK(sb_engine_stats(by, &stats));
    TRUE(stats.native > 10 && stats.compiles > 3 && stats.jit_off == 0);
    TRUE(stats.code_bytes > 0 && stats.mapped_bytes >= stats.code_bytes);
    /* A program that knows less of the structure. */
    sb_stats few = {.size = offsetof(sb_stats, compiles), .compiles = 99};
    OK(sb_engine_stats(by, &few));
    TRUE(few.hits == stats.hits && few.compiles == 99);
    void *code;
    sb_function *function = BIND(f_i32, "int (int, int)");
    EXPECT(SB_ERROR_NO_POINTER, sb_function_bound_code(function, &code));
    OK(sb_function_close(function));
    OK(sb_engine_close(by));

    options.jit = SB_JIT_OFF;
    OK(sb_engine_new(&options, &by));
    all(by);
    paths(by, SB_PATH_JIT_OFF);
    void *none;
    sb_signature *text = signature("int (int, int)");
    EXPECT(SB_ERROR_NO_PATH, sb_engine_stub(by, text, SB_ENTRY_SLOTS, &none));
    OK(sb_signature_close(text));
    OK(sb_engine_stats(by, &stats));
    TRUE(stats.native == 0 && stats.compiles == 0 && stats.mapped_bytes == 0 && stats.jit_off > 10);
    OK(sb_engine_close(by));

    options = (sb_engine_options){.size = sizeof options, .compile = SB_COMPILE_LAZY};
    OK(sb_engine_new(&options, &by));
    paths(by, SB_PATH_UNCALLED);
    all(by);
    OK(sb_engine_close(by));
    options.compile = SB_COMPILE_BACKGROUND;
    OK(sb_engine_new(&options, &by));
    all(by);
    OK(sb_engine_close(by));

    options = (sb_engine_options){.size = sizeof options, .stubs = SB_STUBS_PER_FUNCTION};
    OK(sb_engine_new(&options, &by));
    all(by);
    function = BIND(f_f64, "double (double, double)");
    OK(sb_function_bound_code(function, &code));
    const uint64_t slots[] = {sb_slot_of_double(0.5), sb_slot_of_double(0.25)};
    TRUE(((double (*)(const uint64_t *))(uintptr_t)code)(slots) == 0.75);
    OK(sb_function_close(function));
    OK(sb_engine_close(by));

    options = (sb_engine_options){.size = sizeof options, .code_limit = 1};
    OK(sb_engine_new(&options, &by));
    all(by);
    paths(by, SB_PATH_CODE_LIMIT);
    OK(sb_engine_close(by));
    return 0;
}

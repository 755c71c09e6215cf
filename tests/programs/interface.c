/*
 * libffi's interface from C, through the system's own ffi.h. What it prints is the same whoever serves it; what must
 * hold is asserted.
 */
#define _GNU_SOURCE
#include <complex.h>
#include <dlfcn.h>
#include <ffi.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PREPARE(cif, result, ...)                                                                                    \
    static ffi_type *types_##cif[] = {__VA_ARGS__};                                                                  \
    ffi_cif cif;                                                                                                     \
    CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, sizeof types_##cif / sizeof *types_##cif, result, types_##cif) == FFI_OK)

/* Results narrower than a word come back as whole words. */
static signed char minus_one_i8(void) { return -1; }
static unsigned char all_ones_u8(void) { return 255; }
static short minus_two_i16(void) { return -2; }
static int minus_three_i32(void) { return -3; }
static unsigned all_ones_u32(void) { return UINT32_MAX; }
static float half(void) { return 0.5f; }

static void narrow_results(void) {
    struct {
        void (*function)(void);
        ffi_type *type;
    } cases[] = {
        {FFI_FN(minus_one_i8), &ffi_type_sint8},    {FFI_FN(all_ones_u8), &ffi_type_uint8},
        {FFI_FN(minus_two_i16), &ffi_type_sint16},  {FFI_FN(minus_three_i32), &ffi_type_sint32},
        {FFI_FN(all_ones_u32), &ffi_type_uint32},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ffi_cif cif;
        CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 0, cases[i].type, NULL) == FFI_OK);
        ffi_arg words[2] = {0x5555555555555555, 0x5555555555555555};
        ffi_call(&cif, cases[i].function, words, NULL);
        CHECK(words[1] == 0x5555555555555555);
        printf("narrow %zu: %lx\n", i, (unsigned long)words[0]);
        ffi_call(&cif, cases[i].function, NULL, NULL);
    }
    ffi_cif cif;
    CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 0, &ffi_type_float, NULL) == FFI_OK);
    float two[2] = {9, 9};
    ffi_call(&cif, FFI_FN(half), two, NULL);
    CHECK(two[0] == 0.5f && two[1] == 9);
}

struct five {
    unsigned char bytes[5];
};
struct large {
    long numbers[4];
    char tail;
};
struct nested {
    struct {
        float a;
        int b;
    } inner;
    double c;
};

static struct five next_five(struct five five) {
    for (int i = 0; i < 5; i++) {
        five.bytes[i]++;
    }
    return five;
}
static struct large next_large(signed char by, struct large large) {
    for (int i = 0; i < 4; i++) {
        large.numbers[i] += by;
    }
    large.tail++;
    return large;
}
static struct nested next_nested(struct nested nested) {
    nested.inner.a++;
    nested.inner.b++;
    nested.c++;
    return nested;
}

static ffi_type *five_members[] = {&ffi_type_uchar, &ffi_type_uchar, &ffi_type_uchar,
                                   &ffi_type_uchar, &ffi_type_uchar, NULL};
static ffi_type five_type = {0, 0, FFI_TYPE_STRUCT, five_members};
static ffi_type *large_members[] = {&ffi_type_slong, &ffi_type_slong, &ffi_type_slong,
                                    &ffi_type_slong, &ffi_type_schar, NULL};
static ffi_type large_type = {0, 0, FFI_TYPE_STRUCT, large_members};
static ffi_type *inner_members[] = {&ffi_type_float, &ffi_type_sint, NULL};
static ffi_type inner_type = {0, 0, FFI_TYPE_STRUCT, inner_members};
static ffi_type *nested_members[] = {&inner_type, &ffi_type_double, NULL};
static ffi_type nested_type = {0, 0, FFI_TYPE_STRUCT, nested_members};

static void structures(void) {
    PREPARE(five, &five_type, &five_type);
    /* At the end of a page after which there is none: nothing may be read or written beyond. */
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && mprotect(pages + 4096, 4096, PROT_NONE) == 0);
    struct five *last = (struct five *)(pages + 4096 - sizeof(struct five));
    *last = (struct five){{1, 2, 3, 4, 5}};
    void *five_values[] = {last};
    ffi_call(&five, FFI_FN(next_five), last, five_values);
    CHECK(memcmp(last, "\2\3\4\5\6", 5) == 0);

    PREPARE(large, &large_type, &ffi_type_schar, &large_type);
    CHECK(large_type.size == sizeof(struct large) && large_type.alignment == _Alignof(struct large));
    struct large value = {{1, 2, 3, 4}, 'a'}, result;
    signed char by = -10;
    void *large_values[] = {&by, &value};
    ffi_call(&large, FFI_FN(next_large), &result, large_values);
    CHECK(result.numbers[0] == -9 && result.numbers[3] == -6 && result.tail == 'b' && value.tail == 'a');
    ffi_call(&large, FFI_FN(next_large), NULL, large_values);

    PREPARE(nested, &nested_type, &nested_type);
    struct nested in = {{0.5f, 41}, 1.5}, out;
    void *nested_values[] = {&in};
    ffi_call(&nested, FFI_FN(next_nested), &out, nested_values);
    CHECK(out.inner.a == 1.5f && out.inner.b == 42 && out.c == 2.5);

    size_t offsets[2];
    CHECK(ffi_get_struct_offsets(FFI_DEFAULT_ABI, &nested_type, offsets) == FFI_OK);
    printf("offsets %zu %zu, size %zu, alignment %d\n", offsets[0], offsets[1], nested_type.size,
           nested_type.alignment);
    CHECK(ffi_get_struct_offsets(FFI_DEFAULT_ABI, &ffi_type_sint, offsets) == FFI_BAD_TYPEDEF);
    CHECK(ffi_get_struct_offsets(99, &nested_type, offsets) == FFI_BAD_ABI);
}

static long double tenth(int i, long double x) { return x / 10 + i; }
static double complex turned(double complex z) { return z * I; }
static float complex turned_float(float complex z) { return z * I; }

static void other_types(void) {
    PREPARE(tenth_cif, &ffi_type_longdouble, &ffi_type_sint, &ffi_type_longdouble);
    int i = 2;
    long double x = 5, result;
    void *values[] = {&i, &x};
    ffi_call(&tenth_cif, FFI_FN(tenth), &result, values);
    CHECK(result == 2.5L);
    ffi_call(&tenth_cif, FFI_FN(tenth), NULL, values);

    PREPARE(turned_cif, &ffi_type_complex_double, &ffi_type_complex_double);
    double complex z = 1 + 2 * I, turned_z;
    void *complex_values[] = {&z};
    ffi_call(&turned_cif, FFI_FN(turned), &turned_z, complex_values);
    CHECK(turned_z == -2 + 1 * I);
    PREPARE(turned_float_cif, &ffi_type_complex_float, &ffi_type_complex_float);
    float complex w = 1 + 2 * I, turned_w;
    void *float_values[] = {&w};
    ffi_call(&turned_float_cif, FFI_FN(turned_float), &turned_w, float_values);
    CHECK(turned_w == -2 + 1 * I);
}

__attribute__((ms_abi)) static long windows(long a, double b, long c, float d, long e) {
    return a + 2 * (long)b + 3 * c + 4 * (long)d + 5 * e;
}

static void other_abis(void) {
    ffi_type *types[] = {&ffi_type_slong, &ffi_type_double, &ffi_type_slong, &ffi_type_float, &ffi_type_slong};
    ffi_cif cif;
    CHECK(ffi_prep_cif(&cif, FFI_GNUW64, 5, &ffi_type_slong, types) == FFI_OK);
    long a = 1, c = 3, e = 5, result;
    double b = 2;
    float d = 4;
    void *values[] = {&a, &b, &c, &d, &e};
    ffi_call(&cif, FFI_FN(windows), &result, values);
    CHECK(result == 1 + 4 + 9 + 16 + 25);
}

static void variadic(void) {
    ffi_type *types[] = {&ffi_type_pointer, &ffi_type_ulong, &ffi_type_pointer,
                         &ffi_type_double,  &ffi_type_sint,  &ffi_type_double};
    char buffer[64];
    char *to = buffer;
    const char *format = "%.2f %d %.1f";
    size_t size = sizeof buffer;
    double a = 1.25, b = -2.5;
    int n = 42;
    void *values[] = {&to, &size, &format, &a, &n, &b};
    ffi_cif cif;
    ffi_arg result;
    CHECK(ffi_prep_cif_var(&cif, FFI_DEFAULT_ABI, 3, 6, &ffi_type_sint, types) == FFI_OK);
    ffi_call(&cif, FFI_FN(snprintf), &result, values);
    CHECK(strcmp(buffer, "1.25 42 -2.5") == 0 && result == strlen(buffer));
    /* Prepared as if it were not variadic, as many programs do. */
    memset(buffer, 0, sizeof buffer);
    CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 6, &ffi_type_sint, types) == FFI_OK);
    ffi_call(&cif, FFI_FN(snprintf), &result, values);
    CHECK(strcmp(buffer, "1.25 42 -2.5") == 0);
    types[5] = &ffi_type_float;
    printf("variadic float: %d\n", ffi_prep_cif_var(&cif, FFI_DEFAULT_ABI, 3, 6, &ffi_type_sint, types));
    types[5] = &ffi_type_sshort;
    printf("variadic short: %d\n", ffi_prep_cif_var(&cif, FFI_DEFAULT_ABI, 3, 6, &ffi_type_sint, types));
}

static void bad_input(void) {
    ffi_cif cif;
    ffi_type *none[] = {NULL};
    ffi_type empty = {0, 0, FFI_TYPE_STRUCT, none};
    ffi_type without = {0, 0, FFI_TYPE_STRUCT, NULL};
    ffi_type loose = {4, 0, FFI_TYPE_SINT32, NULL};
    ffi_type *loose_members[] = {&loose, NULL};
    ffi_type of_loose = {0, 0, FFI_TYPE_STRUCT, loose_members};
    printf("bad abi: %d %d\n", ffi_prep_cif(&cif, 0, 0, &ffi_type_void, NULL),
           ffi_prep_cif(&cif, 99, 0, &ffi_type_void, NULL));
    printf("empty: %d\n", ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 0, &empty, NULL));
    printf("without members: %d\n", ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 0, &without, NULL));
    ffi_type nothing = {0, 1, FFI_TYPE_VOID, NULL};
    CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 0, &nothing, NULL) == FFI_BAD_TYPEDEF);
    ffi_type *types[] = {&of_loose};
    printf("alignment 0: %d\n", ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_void, types));
}

static void add(ffi_cif *cif, void *result, void **values, void *data) {
    CHECK(cif->nargs == 2);
    *(ffi_arg *)result = (ffi_arg)(*(int *)values[0] + *(short *)values[1] + *(int *)data);
}
static void echo_large(ffi_cif *cif, void *result, void **values, void *data) {
    (void)cif;
    *(struct large *)result = *(struct large *)values[1];
    ((struct large *)result)->numbers[0] += *(signed char *)values[0] + *(int *)data;
}
static void halve(ffi_cif *cif, void *result, void **values, void *data) {
    (void)cif;
    (void)data;
    *(long double *)result = *(long double *)values[0] / 2;
}

static void closures(void) {
    PREPARE(cif, &ffi_type_sint, &ffi_type_sint, &ffi_type_sshort);
    void *code;
    int data = 1000;
    ffi_closure *closure = ffi_closure_alloc(sizeof *closure, &code);
    CHECK(closure && ffi_prep_closure_loc(closure, &cif, add, &data, code) == FFI_OK);
    int (*function)(int, short) = (int (*)(int, short))code;
    CHECK(function(20, -7) == 1013);
    /* Memory of the program's own. */
    ffi_closure *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (own != MAP_FAILED) {
        CHECK(ffi_prep_closure_loc(own, &cif, add, &data, own) == FFI_OK);
        CHECK(((int (*)(int, short))own)(1, 2) == 1003);
    }
    /* Many at once, each with data of its own; the places of those that are freed come back. */
    enum { MANY = 3000 };
    static ffi_closure *many[MANY];
    static void *codes[MANY];
    static int numbers[MANY];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            numbers[i] = i * 10;
            many[i] = ffi_closure_alloc(sizeof *many[i], &codes[i]);
            CHECK(many[i] && ffi_prep_closure_loc(many[i], &cif, add, &numbers[i], codes[i]) == FFI_OK);
        }
        for (int i = 0; i < MANY; i++) {
            CHECK(((int (*)(int, short))codes[i])(1, 2) == i * 10 + 3);
        }
        for (int i = 0; i < MANY; i++) {
            ffi_closure_free(many[i]);
        }
    }
    ffi_closure_free(closure);

    PREPARE(large, &large_type, &ffi_type_schar, &large_type);
    closure = ffi_closure_alloc(200, &code);
    CHECK(closure && ffi_prep_closure_loc(closure, &large, echo_large, &data, code) == FFI_OK);
    struct large result = ((struct large(*)(signed char, struct large))code)(-1, (struct large){{1, 2, 3, 4}, 'x'});
    CHECK(result.numbers[0] == 1000 && result.numbers[3] == 4 && result.tail == 'x');
    ffi_closure_free(closure);

    PREPARE(x87, &ffi_type_longdouble, &ffi_type_longdouble);
    closure = ffi_closure_alloc(sizeof *closure, &code);
    CHECK(closure && ffi_prep_closure_loc(closure, &x87, halve, NULL, code) == FFI_OK);
    CHECK(((long double (*)(long double))code)(5) == 2.5L);
    ffi_closure_free(closure);
    ffi_closure_free(NULL);
}

static void add_raw(ffi_cif *cif, void *result, ffi_raw *raw, void *data) {
    (void)cif;
    *(ffi_arg *)result = (ffi_arg)(raw[0].sint + raw[1].sint + *(int *)data);
}
static int plus(int a, short b) { return a + b; }

static void raw(void) {
    PREPARE(cif, &ffi_type_sint, &ffi_type_sint, &ffi_type_sshort);
    printf("raw size %zu\n", ffi_raw_size(&cif));
    ffi_raw words[2] = {{.sint = 40}, {.sint = -2}};
    ffi_arg result;
    ffi_raw_call(&cif, FFI_FN(plus), &result, words);
    CHECK((int)result == 38);
    void *code;
    int data = 7;
    ffi_raw_closure *closure = ffi_closure_alloc(sizeof *closure, &code);
    /* libffi 3.4 looks for the closure where its code is, and so does not work with static trampolines. */
    CHECK(closure && ffi_prep_raw_closure_loc(closure, &cif, add_raw, &data, code) == FFI_OK);
    CHECK(((int (*)(int, short))code)(20, 15) == 42);
    ffi_closure_free(closure);
    int a = -5;
    short b = 6;
    void *values[] = {&a, &b};
    ffi_ptrarray_to_raw(&cif, values, words);
    CHECK(words[0].sint == -5 && words[1].sint == 6);
}

static long double first_number(struct large large) { return large.numbers[0]; }

/* A call leaves the pointers to its arguments as they are, whoever makes it. Old libffis make them point to copies. */
static void pointers_stay(void) {
    PREPARE(cif, &ffi_type_longdouble, &large_type);
    struct large value = {{42, 2, 3, 4}, 'a'};
    void *values[] = {&value};
    long double result = 0;
    ffi_call(&cif, FFI_FN(first_number), &result, values);
    CHECK(result == 42);
    CHECK(values[0] == &value || dlsym(RTLD_DEFAULT, "ffi_call_plan_alloc") == NULL);
}

/* An argument of type void has no bytes, whatever its pointer is. */
static void seven(ffi_cif *cif, void *result, void **values, void *data) {
    (void)values;
    (void)data;
    CHECK(cif->nargs == 1);
    *(ffi_arg *)result = 7;
}

static void void_arguments(void) {
    PREPARE(cif, &ffi_type_sint, &ffi_type_void, &ffi_type_sint, &ffi_type_void, &ffi_type_sshort);
    int a = 40;
    short b = 2;
    void *values[] = {NULL, &a, NULL, &b};
    ffi_arg result;
    ffi_call(&cif, FFI_FN(plus), &result, values);
    CHECK((int)result == 42);
    PREPARE(alone, &ffi_type_sint, &ffi_type_void);
    void *code;
    ffi_closure *closure = ffi_closure_alloc(sizeof *closure, &code);
    CHECK(closure && ffi_prep_closure_loc(closure, &alone, seven, NULL, code) == FFI_OK);
    CHECK(((int (*)(void))code)() == 7);
    ffi_closure_free(closure);
}

static jmp_buf target;
static void jump(int value) { longjmp(target, value); }
static void jump_in_closure(ffi_cif *cif, void *result, void **values, void *data) {
    (void)cif;
    (void)result;
    (void)data;
    longjmp(target, *(int *)values[0]);
}

static void jumps(void) {
    PREPARE(cif, &ffi_type_void, &ffi_type_sint);
    for (volatile int i = 1; i < 100; i++) {
        int value = i;
        void *values[] = {&value};
        int came = setjmp(target);
        if (came == 0) {
            ffi_call(&cif, FFI_FN(jump), NULL, values);
            CHECK(0);
        }
        CHECK(came == i);
        void *code;
        ffi_closure *closure = ffi_closure_alloc(sizeof *closure, &code);
        CHECK(closure && ffi_prep_closure_loc(closure, &cif, jump_in_closure, NULL, code) == FFI_OK);
        came = setjmp(target);
        if (came == 0) {
            ffi_call(&cif, FFI_FN(code), NULL, values);
            CHECK(0);
        }
        CHECK(came == i);
        ffi_closure_free(closure);
    }
}

struct both {
    long a, b;
};
struct other {
    double a;
    long b;
};
static struct both same_integers(struct both both) { return both; }
static struct other same_mixed(struct other other) { return other; }

/* A cif on the stack, prepared before each call, copied, and its types made anew at the same address. */
static void *prepare_and_call(void *data) {
    for (int i = 0; i < 20000; i++) {
        ffi_type *members[] = {i % 2 ? &ffi_type_slong : &ffi_type_double, &ffi_type_slong, NULL};
        ffi_type pair = {0, 0, FFI_TYPE_STRUCT, members};
        ffi_type *types[] = {&pair};
        ffi_cif cif, copy;
        CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &pair, types) == FFI_OK);
        copy = cif;
        memset(&cif, 0x5a, sizeof cif);
        union {
            long words[2];
            double d;
        } value = {{i, ~i}}, result;
        if (i % 2 == 0) {
            value.d = i;
        }
        void *values[] = {&value};
        ffi_call(&copy, i % 2 ? FFI_FN(same_integers) : FFI_FN(same_mixed), &result, values);
        CHECK(memcmp(&value, &result, sizeof value) == 0);
    }
    return data;
}
static void threads(void) {
    pthread_t many[4];
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&many[i], NULL, prepare_and_call, NULL) == 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(many[i], NULL) == 0);
    }
}

/* Parent and child each have the closures that were there, and make and free others. */
static void forks(void) {
    PREPARE(cif, &ffi_type_sint, &ffi_type_sint, &ffi_type_sshort);
    void *code;
    int data = 1;
    ffi_closure *closure = ffi_closure_alloc(sizeof *closure, &code);
    CHECK(closure && ffi_prep_closure_loc(closure, &cif, add, &data, code) == FFI_OK);
    fflush(stdout);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        void *other;
        int number = child == 0 ? 100 : 200;
        ffi_closure *fresh = ffi_closure_alloc(sizeof *fresh, &other);
        CHECK(fresh && ffi_prep_closure_loc(fresh, &cif, add, &number, other) == FFI_OK);
        for (int j = 0; j < 100; j++) {
            CHECK(((int (*)(int, short))other)(1, 2) == number + 3);
            CHECK(((int (*)(int, short))code)(1, 2) == 4);
        }
        ffi_closure_free(fresh);
        if (child == 0) {
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    ffi_closure_free(closure);
}

int main(void) {
    narrow_results();
    structures();
    other_types();
    other_abis();
    variadic();
    pointers_stay();
    void_arguments();
    bad_input();
    closures();
    raw();
    jumps();
    threads();
    forks();
    return 0;
}

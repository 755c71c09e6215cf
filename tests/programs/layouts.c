/*
 * Structures that C's layout rules do not give, as ctypes describes packed ones and unions. libffi takes the members as they follow each
 * other, each at its own alignment, and those that begin after the size for nothing. Where they are passed is the same
 * whoever serves it.
 */
#define _GNU_SOURCE
#include <ffi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"

struct real_first {
    double a;
    long b;
};
struct real_last {
    long a;
    double b;
};
struct two_reals {
    double a, b;
};
struct two_integers {
    long a, b;
};
/* Each takes its words where they are passed, and shows by what comes after them that they took no more. */
#define SAME(name, type)                                                                                             \
    static type name(type value, long mark, double real) {                                                           \
        CHECK(mark == 77 && real == 7.5);                                                                            \
        return value;                                                                                                \
    }
SAME(same_integer, long)
SAME(same_single, float)
SAME(same_real, double)
SAME(same_integers, struct two_integers)
SAME(same_reals, struct two_reals)
SAME(same_real_first, struct real_first)
SAME(same_real_last, struct real_last)

static void echo_bytes(ffi_cif *cif, void *result, void **values, void *data) {
    (void)data;
    memcpy(result, values[0], cif->rtype->size);
}

#define THROUGH(type, value)                                                                                         \
    do {                                                                                                             \
        type in, out;                                                                                                \
        memcpy(&in, value, sizeof in);                                                                               \
        out = ((type(*)(type, long, double))code)(in, 77, 7.5);                                                      \
        memcpy(back, &out, sizeof out);                                                                              \
    } while (0)

int main(void) {
    ffi_type *u8 = &ffi_type_uint8, *i16 = &ffi_type_sint16, *i32 = &ffi_type_sint32, *i64 = &ffi_type_sint64;
    ffi_type *f32 = &ffi_type_float, *f64 = &ffi_type_double;
    ffi_type *inner_members[] = {u8, i32, NULL};
    ffi_type inner = {5, 1, FFI_TYPE_STRUCT, inner_members};
    struct {
        size_t size;
        unsigned short alignment;
        ffi_type *members[5];
        char passed; /* integer, single, real, Integers, Reals, First a real, Last a real */
    } rows[] = {
        {5, 1, {u8, i32}, 'i'},       {8, 1, {i16, i32, i16}, 'i'}, {3, 1, {u8, i16}, 'i'},
        {9, 1, {f64, u8}, 'F'},       {12, 1, {i64, i32}, 'I'},     {13, 1, {i32, i64, u8}, 'I'},
        {10, 2, {f64, i16}, 'F'},     {12, 1, {i64, f32}, 'L'},     {8, 8, {f64, i64}, 'r'},
        {8, 8, {i64, f64}, 'i'},      {4, 1, {f32}, 's'},           {4, 4, {f32, i32}, 'i'},
        {16, 8, {f64, f32, u8}, 'F'}, {12, 4, {f64, f32}, 'R'},     {11, 1, {&inner, &inner, u8}, 'I'},
        {16, 8, {f64, f64, i64}, 'R'}, {16, 16, {i64, u8}, 'I'},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        /* The value ends with its page's last byte: nothing after it may be read. */
        char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(pages != MAP_FAILED && mprotect(pages + 4096, 4096, PROT_NONE) == 0);
        char *value = pages + 4096 - rows[i].size, back[16], result[32];
        ffi_type type = {rows[i].size, rows[i].alignment, FFI_TYPE_STRUCT, rows[i].members};
        ffi_type *types[] = {&type, &ffi_type_slong, &ffi_type_double};
        ffi_cif cif;
        CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 3, &type, types) == FFI_OK);
        for (size_t j = 0; j < rows[i].size; j++) {
            value[j] = (char)(17 * j + i + 1);
        }
        char padded[16] = {0};
        memcpy(padded, value, rows[i].size);
        long mark = 77;
        double real = 7.5;
        void *values[] = {value, &mark, &real};
        void *code;
        ffi_closure *closure = ffi_closure_alloc(sizeof *closure, &code);
        CHECK(closure && ffi_prep_closure_loc(closure, &cif, echo_bytes, NULL, code) == FFI_OK);
        void (*same)(void) = NULL;
        switch (rows[i].passed) {
        case 'i': same = FFI_FN(same_integer); THROUGH(long, padded); break;
        case 's': same = FFI_FN(same_single); THROUGH(float, padded); break;
        case 'r': same = FFI_FN(same_real); THROUGH(double, padded); break;
        case 'I': same = FFI_FN(same_integers); THROUGH(struct two_integers, padded); break;
        case 'R': same = FFI_FN(same_reals); THROUGH(struct two_reals, padded); break;
        case 'F': same = FFI_FN(same_real_first); THROUGH(struct real_first, padded); break;
        case 'L': same = FFI_FN(same_real_last); THROUGH(struct real_last, padded); break;
        }
        CHECK(memcmp(back, value, rows[i].size) == 0);
        memset(result, 0x5a, sizeof result);
        ffi_call(&cif, same, result, values);
        CHECK(memcmp(result, value, rows[i].size) == 0 && result[(rows[i].size + 7) / 8 * 8] == 0x5a);
        ffi_closure_free(closure);
        munmap(pages, 8192);
    }
    return 0;
}

/* Functions for SQL, and the UDFs that a person writes in C for them: one per function, built against DuckDB. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTION __attribute__((noinline, visibility("default")))

FUNCTION int mix(int a, int b) { return (int)((unsigned)a * 3 + (unsigned)b); }
FUNCTION double scaled(double x, double y) { return x * 0.5 + y; }
FUNCTION unsigned long length(const char *text) { return strlen(text); }
/* Of all bytes, by their places. */
FUNCTION unsigned int digest(const char *text, unsigned long length) {
    unsigned int digest = 1;
    for (unsigned long i = 0; i < length; i++)
        digest = digest * 31 + (unsigned char)text[i];
    return digest;
}
/* What comes after the first character; null, and so NULL, of an empty text. */
FUNCTION const char *suffix(const char *text) { return *text ? text + 1 : NULL; }

typedef uint64_t idx_t;
extern idx_t duckdb_data_chunk_get_size(void *);
extern void *duckdb_data_chunk_get_vector(void *, idx_t);
extern void *duckdb_vector_get_data(void *);
extern uint64_t *duckdb_vector_get_validity(void *);
extern void duckdb_vector_ensure_validity_writable(void *);
extern void *duckdb_create_logical_type(int);
extern void duckdb_destroy_logical_type(void **);
extern void *duckdb_create_scalar_function(void);
extern void duckdb_destroy_scalar_function(void **);
extern void duckdb_scalar_function_set_name(void *, const char *);
extern void duckdb_scalar_function_add_parameter(void *, void *);
extern void duckdb_scalar_function_set_return_type(void *, void *);
extern void duckdb_scalar_function_set_volatile(void *);
extern void duckdb_scalar_function_set_function(void *, void (*)(void *, void *, void *));
extern int duckdb_register_scalar_function(void *, void *);

static bool valid(const uint64_t *bits, idx_t row) { return !bits || bits[row / 64] >> (row % 64) & 1; }

static void invalid(void *vector, idx_t row) {
    duckdb_vector_ensure_validity_writable(vector);
    duckdb_vector_get_validity(vector)[row / 64] &= ~((uint64_t)1 << (row % 64));
}

#define OF_TWO(NAME, TYPE, FUNCTION_OF_TWO)                                                        \
    static void NAME(void *info, void *chunk, void *output) {                                      \
        (void)info;                                                                                \
        void *left = duckdb_data_chunk_get_vector(chunk, 0);                                       \
        void *right = duckdb_data_chunk_get_vector(chunk, 1);                                      \
        const TYPE *a = duckdb_vector_get_data(left), *b = duckdb_vector_get_data(right);          \
        const uint64_t *a_valid = duckdb_vector_get_validity(left);                                \
        const uint64_t *b_valid = duckdb_vector_get_validity(right);                               \
        TYPE *out = duckdb_vector_get_data(output);                                                \
        idx_t rows = duckdb_data_chunk_get_size(chunk);                                            \
        if (!a_valid && !b_valid) {                                                                \
            for (idx_t row = 0; row < rows; row++)                                                 \
                out[row] = FUNCTION_OF_TWO(a[row], b[row]);                                        \
            return;                                                                                \
        }                                                                                          \
        for (idx_t row = 0; row < rows; row++)                                                     \
            if (valid(a_valid, row) && valid(b_valid, row))                                        \
                out[row] = FUNCTION_OF_TWO(a[row], b[row]);                                        \
            else                                                                                   \
                invalid(output, row);                                                              \
    }

OF_TWO(udf_mix, int, mix)
OF_TWO(udf_scaled, double, scaled)
OF_TWO(udf_pow, double, pow)

typedef struct {
    uint32_t length;
    union {
        char inlined[12];
        struct {
            char prefix[4];
            const char *bytes;
        } __attribute__((packed, aligned(4))) apart;
    } at;
} text;

static void udf_length(void *info, void *chunk, void *output) {
    (void)info;
    void *vector = duckdb_data_chunk_get_vector(chunk, 0);
    const text *texts = duckdb_vector_get_data(vector);
    const uint64_t *bits = duckdb_vector_get_validity(vector);
    uint64_t *out = duckdb_vector_get_data(output);
    idx_t rows = duckdb_data_chunk_get_size(chunk);
    /* C wants a NUL at the end: each text is copied. */
    size_t room = 0;
    char *copy = NULL;
    for (idx_t row = 0; row < rows; row++) {
        if (!valid(bits, row)) {
            invalid(output, row);
            continue;
        }
        uint32_t bytes = texts[row].length;
        if (bytes + 1 > room)
            copy = realloc(copy, room = bytes * 2 + 64);
        memcpy(copy, bytes <= 12 ? texts[row].at.inlined : texts[row].at.apart.bytes, bytes);
        copy[bytes] = 0;
        out[row] = length(copy);
    }
    free(copy);
}

static void udf_digest(void *info, void *chunk, void *output) {
    (void)info;
    void *vector = duckdb_data_chunk_get_vector(chunk, 0);
    const text *texts = duckdb_vector_get_data(vector);
    const uint64_t *bits = duckdb_vector_get_validity(vector);
    uint32_t *out = duckdb_vector_get_data(output);
    idx_t rows = duckdb_data_chunk_get_size(chunk);
    for (idx_t row = 0; row < rows; row++) {
        uint32_t bytes = texts[row].length;
        if (valid(bits, row))
            out[row] = digest(bytes <= 12 ? texts[row].at.inlined : texts[row].at.apart.bytes, bytes);
        else
            invalid(output, row);
    }
}

static void add(void *connection, const char *name, void (*run)(void *, void *, void *), int count, int parameter,
                int result) {
    void *function = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(function, name);
    void *type = duckdb_create_logical_type(parameter);
    for (int i = 0; i < count; i++)
        duckdb_scalar_function_add_parameter(function, type);
    duckdb_destroy_logical_type(&type);
    type = duckdb_create_logical_type(result);
    duckdb_scalar_function_set_return_type(function, type);
    duckdb_destroy_logical_type(&type);
    duckdb_scalar_function_set_volatile(function);
    duckdb_scalar_function_set_function(function, run);
    duckdb_register_scalar_function(connection, function);
    duckdb_destroy_scalar_function(&function);
}

/* INTEGER is 4 in DuckDB's list of types, UINTEGER 8, UBIGINT 9, DOUBLE 11, VARCHAR 17. */
__attribute__((visibility("default"))) void register_udfs(void *connection) {
    add(connection, "udf_mix", udf_mix, 2, 4, 4);
    add(connection, "udf_scaled", udf_scaled, 2, 11, 11);
    add(connection, "udf_pow", udf_pow, 2, 11, 11);
    add(connection, "udf_length", udf_length, 1, 17, 9);
    add(connection, "udf_digest", udf_digest, 1, 17, 8);
}

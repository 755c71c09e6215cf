/* SQLite, bound from declarations as its header has them: a table is made and read, rows come to a callback, and a
 * function of this program is called by SQL.
 *
 *     cc -std=c11 sqlite.c $(pkg-config --cflags --libs springboard) && ./a.out
 */
#include "check.h"

static const char header[] =
    "typedef struct sqlite3 sqlite3;"
    "typedef struct sqlite3_context sqlite3_context;"
    "typedef struct sqlite3_value sqlite3_value;"
    "int sqlite3_open(const char *filename, sqlite3 **db);"
    "int sqlite3_exec(sqlite3 *, const char *sql, int (*row)(void *, int, char **, char **), void *, char **error);"
    "int sqlite3_create_function(sqlite3 *, const char *name, int arguments, int encoding, void *,"
    "    void (*function)(sqlite3_context *, int, sqlite3_value **), void (*)(sqlite3_context *, int,"
    "    sqlite3_value **), void (*)(sqlite3_context *));"
    "double sqlite3_value_double(sqlite3_value *);"
    "void sqlite3_result_double(sqlite3_context *, double);"
    "const char *sqlite3_libversion(void);"
    "int sqlite3_close(sqlite3 *);";

static sb_engine *engine;
static sb_library *sqlite;
static sb_declarations *declared;
static sb_function *bound[16];
static size_t count;

static sb_entry bind(const char *name) {
    sb_signature *signature;
    sb_entry entry;
    CHECK(sb_signature_declared(declared, name, &signature));
    CHECK(sb_function_bind_symbol(engine, sqlite, name, signature, &bound[count]));
    CHECK(sb_function_entry(bound[count], &entry));
    CHECK(sb_signature_close(signature));
    ++count;
    return entry;
}

static sb_callback *callback(const char *text, sb_handler handler, void **code) {
    sb_signature *signature;
    sb_callback_type *type;
    sb_callback *made;
    CHECK(sb_signature_parse(text, declared, &signature));
    CHECK(sb_callback_type_new(engine, signature, &type));
    CHECK(sb_callback_new(type, &handler, &made, code));
    CHECK(sb_callback_type_close(type));
    CHECK(sb_signature_close(signature));
    return made;
}

/* int (void *, int columns, char **values, char **names) */
static void row(void *context, uint64_t *slots) {
    char **values = sb_pointer_of_slot(slots[2]);
    printf("%s: %s\n", values[0], values[1]);
    *(double *)context += strtod(values[1], NULL);
    slots[4] = sb_slot_of_int(0);
}

struct scale {
    sb_entry value_double, result_double;
};

/* void (sqlite3_context *, int, sqlite3_value **): a handler that calls native code in its turn. */
static void scale(void *context, uint64_t *slots) {
    const struct scale *functions = context;
    void **values = sb_pointer_of_slot(slots[2]);
    const uint64_t value[] = {sb_slot_of_pointer(values[0])};
    const double number = SB_CALL(double, functions->value_double, value);
    const uint64_t result[] = {slots[0], sb_slot_of_double(2.5 * number)};
    SB_CALL(void, functions->result_double, result);
}

int main(void) {
    double sum = 0;
    void *row_code, *scale_code, *db = NULL, *message = NULL;
    CHECK(sb_engine_new(NULL, &engine));
    CHECK(sb_library_open("libsqlite3.so.0", SB_LIBRARY_DEFAULT, &sqlite));
    CHECK(sb_declarations_parse(header, &declared));
    const sb_entry version = bind("sqlite3_libversion");
    const sb_entry open = bind("sqlite3_open");
    const sb_entry exec = bind("sqlite3_exec");
    const sb_entry create_function = bind("sqlite3_create_function");
    const sb_entry close = bind("sqlite3_close");
    struct scale functions = {bind("sqlite3_value_double"), bind("sqlite3_result_double")};
    printf("SQLite %s\n", SB_CALL(const char *, version, NULL));

    const sb_handler row_handler = {.call = row, .context = &sum};
    const sb_handler scale_handler = {.call = scale, .context = &functions};
    sb_callback *rows = callback("int (void *, int, char **, char **)", row_handler, &row_code);
    sb_callback *scales =
        callback("void (sqlite3_context *, int, sqlite3_value **)", scale_handler, &scale_code);

    uint64_t slots[8] = {sb_slot_of_pointer(":memory:"), sb_slot_of_pointer(&db)};
    if (SB_CALL(int, open, slots) != 0) {
        return 1;
    }
    const uint64_t function[] = {
        sb_slot_of_pointer(db), sb_slot_of_pointer("scale"), 1, 1, 0, sb_slot_of_pointer(scale_code), 0, 0};
    if (SB_CALL(int, create_function, function) != 0) {
        return 1;
    }
    const char *sql = "create table leaps (name text, metres real);"
                      "insert into leaps values ('flea', 0.25), ('hare', 3), ('snow leopard', 15);"
                      "select name, scale(metres) from leaps order by metres;";
    slots[0] = sb_slot_of_pointer(db);
    slots[1] = sb_slot_of_pointer(sql);
    slots[2] = sb_slot_of_pointer(row_code);
    slots[3] = 0;
    slots[4] = sb_slot_of_pointer(&message);
    const int result = SB_CALL(int, exec, slots);
    if (result != 0) {
        fprintf(stderr, "sqlite3_exec: %d: %s\n", result, message == NULL ? "" : (const char *)message);
        return 1;
    }
    CHECK(sb_take_pending());
    if (SB_CALL(int, close, slots) != 0) {
        return 1;
    }
    if (sum != 2.5 * 18.25) {
        fprintf(stderr, "the sum is %f\n", sum);
        return 1;
    }

    CHECK(sb_callback_close(rows, SB_AFTER_CLOSE_ZERO));
    CHECK(sb_callback_close(scales, SB_AFTER_CLOSE_ZERO));
    while (count != 0) {
        CHECK(sb_function_close(bound[--count]));
    }
    CHECK(sb_declarations_close(declared));
    CHECK(sb_library_close(sqlite));
    CHECK(sb_engine_close(engine));
    return 0;
}

/* A callback that qsort() calls: the C library sorts, a handler of this program compares.
 *
 *     cc -std=c11 qsort.c $(pkg-config --cflags --libs springboard) && ./a.out
 */
#include "check.h"

/* int (const void *, const void *): two slots with pointers, and after them the slot of the result. */
static void compare(void *context, uint64_t *slots) {
    const int *a = sb_pointer_of_slot(slots[0]);
    const int *b = sb_pointer_of_slot(slots[1]);
    ++*(size_t *)context;
    slots[2] = sb_slot_of_int((*a > *b) - (*a < *b));
}

int main(void) {
    sb_engine *engine;
    sb_library *process;
    sb_signature *signature;
    sb_callback_type *comparison;
    sb_callback *callback;
    sb_function *function;
    sb_entry entry;
    void *code;
    size_t calls = 0;
    int numbers[] = {5, 3, 9, -1, 7, 0, 8, 2, 6, 4, 1};
    const size_t count = sizeof numbers / sizeof numbers[0];

    CHECK(sb_engine_new(NULL, &engine));
    CHECK(sb_library_process(&process));

    CHECK(sb_signature_parse("int (const void *, const void *)", NULL, &signature));
    CHECK(sb_callback_type_new(engine, signature, &comparison));
    const sb_handler handler = {.call = compare, .context = &calls};
    CHECK(sb_callback_new(comparison, &handler, &callback, &code));

    CHECK(sb_function_bind(
        engine, process, "void qsort(void *, size_t, size_t, int (*)(const void *, const void *))", &function));
    CHECK(sb_function_entry(function, &entry));
    const uint64_t slots[] = {sb_slot_of_pointer(numbers), sb_slot_of_uint(count), sb_slot_of_uint(sizeof numbers[0]),
                              sb_slot_of_pointer(code)};
    SB_CALL(void, entry, slots);
    CHECK(sb_take_pending());

    for (size_t i = 0; i < count; ++i) {
        printf("%d ", numbers[i]);
        if (i != 0 && numbers[i - 1] > numbers[i]) {
            fprintf(stderr, "not sorted\n");
            return 1;
        }
    }
    printf("\n");
    if (calls < count - 1) {
        fprintf(stderr, "%zu comparisons cannot sort %zu numbers\n", calls, count);
        return 1;
    }

    CHECK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
    CHECK(sb_callback_type_close(comparison));
    CHECK(sb_signature_close(signature));
    CHECK(sb_function_close(function));
    CHECK(sb_library_close(process));
    CHECK(sb_engine_close(engine));
    return 0;
}

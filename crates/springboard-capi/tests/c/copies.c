/* Two copies of the library in one process: each has its own handles, errors and code, and they call each other.
 *
 * The arguments are their paths. */
#include <string.h>

#include "loaded.h"

static struct copy copies[2];
static sb_function *functions[2];
static int depth;

/* int (int): calls a function of the other copy, which is a callback of it, until the number is 0. */
static void descends(void *context, uint64_t *slots) {
    const struct copy *mine = context;
    const int other = mine == &copies[0];
    const int number = (int)slots[0];
    ++depth;
    if (number == 0) {
        slots[1] = 1;
        return;
    }
    if (number < 0) {
        LOADED_TRUE(mine->raise("from below") == SB_OK);
        return;
    }
    const uint64_t next[] = {sb_slot_of_int(number - 1)};
    uint64_t result;
    LOADED_TRUE(copies[other].function_call(functions[other], next, &result) == SB_OK);
    slots[1] = result + 1;
}

int main(int count, char **arguments) {
    LOADED_TRUE(count == 3);
    sb_engine *engines[2];
    sb_callback *callbacks[2];
    void *code[2];
    for (int i = 0; i < 2; ++i) {
        /* One offers its symbols to everybody, and must not be used by the other. */
        copies[i] = load(arguments[i + 1], i == 0 ? RTLD_GLOBAL : RTLD_LOCAL);
    }
    LOADED_TRUE(copies[0].loaded != copies[1].loaded && copies[0].engine_new != copies[1].engine_new);
    for (int i = 0; i < 2; ++i) {
        const struct copy *copy = &copies[i];
        const sb_handler handler = {.call = descends, .context = &copies[i], .release = NULL};
        sb_signature *signature;
        sb_callback_type *type;
        LOADED_TRUE(copy->engine_new(NULL, &engines[i]) == SB_OK);
        LOADED_TRUE(copy->signature_parse("int (int)", NULL, &signature) == SB_OK);
        LOADED_TRUE(copy->callback_type_new(engines[i], signature, &type) == SB_OK);
        LOADED_TRUE(copy->callback_new(type, &handler, &callbacks[i], &code[i]) == SB_OK);
        LOADED_TRUE(copy->function_bind_address(engines[i], code[i], signature, &functions[i]) == SB_OK);
    }
    const uint64_t hundred[] = {100};
    uint64_t result;
    LOADED_TRUE(copies[0].function_call(functions[0], hundred, &result) == SB_OK);
    LOADED_TRUE(result == 101 && depth == 101);

    /* An error in one is none in the other. */
    const uint64_t below[] = {sb_slot_of_int(-1)};
    LOADED_TRUE(copies[0].function_call(functions[0], below, &result) == SB_ERROR_CALLBACK);
    LOADED_TRUE(strcmp(copies[0].error_message(), "from below") == 0 && *copies[1].error_message() == 0);
    LOADED_TRUE(copies[1].take_pending() == SB_OK);

    /* Handles of one copy are unknown to the other. */
    LOADED_TRUE(copies[1].engine_close(engines[0]) == SB_ERROR_HANDLE);
    LOADED_TRUE(copies[0].engine_close(engines[1]) == SB_ERROR_HANDLE);
    for (int i = 0; i < 2; ++i) {
        LOADED_TRUE(copies[i].callback_close(callbacks[i], SB_AFTER_CLOSE_ZERO) == SB_OK);
        LOADED_TRUE(copies[i].engine_close(engines[i]) == SB_OK);
    }
    LOADED_TRUE(((int (*)(int))(uintptr_t)code[0])(1) == 0);
    return 0;
}

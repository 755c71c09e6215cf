/* dlclose() of the library while callbacks live: what was handed out stays good. Not linked to the library.
 *
 * The argument is its path. */
#include <pthread.h>

#include "loaded.h"

typedef int (*ask)(int);

/* int (int) */
static void adds(void *context, uint64_t *slots) {
    slots[1] = sb_slot_of_int((int)slots[0] + *(const int *)context);
}

static void *asks(void *code) {
    return (void *)(intptr_t)((ask)(uintptr_t)code)(1);
}

/* A thread that has objects of its own when the library is closed, and ends later. */
static void *makes(void *path) {
    static const int number = 5;
    struct copy copy = load(path, RTLD_LOCAL);
    const sb_handler handler = {.call = adds, .context = (void *)(uintptr_t)&number, .release = NULL};
    sb_engine *engine;
    sb_signature *signature;
    sb_callback_type *type;
    sb_callback *callback;
    void *code;
    LOADED_TRUE(copy.engine_new(NULL, &engine) == SB_OK);
    LOADED_TRUE(copy.signature_parse("int (int)", NULL, &signature) == SB_OK);
    LOADED_TRUE(copy.callback_type_new(engine, signature, &type) == SB_OK);
    LOADED_TRUE(copy.callback_new(type, &handler, &callback, &code) == SB_OK);
    LOADED_TRUE(dlclose(copy.loaded) == 0);
    LOADED_TRUE(((ask)(uintptr_t)code)(1) == 6);
    /* A failure, too: its message is this thread's. */
    LOADED_TRUE(copy.engine_close(NULL) == SB_ERROR_NULL);
    return code;
}

int main(int count, char **arguments) {
    LOADED_TRUE(count == 2);
    for (int i = 0; i < 20; ++i) {
        pthread_t thread;
        void *code, *result;
        LOADED_TRUE(pthread_create(&thread, NULL, makes, arguments[1]) == 0);
        LOADED_TRUE(pthread_join(thread, &code) == 0);
        LOADED_TRUE(((ask)(uintptr_t)code)(2) == 7);
        LOADED_TRUE(pthread_create(&thread, NULL, asks, code) == 0);
        LOADED_TRUE(pthread_join(thread, &result) == 0);
        LOADED_TRUE((intptr_t)result == 6);
    }
    return 0;
}

/* Handles used and closed by several threads at once: a call succeeds, or finds the handle closed. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "expect.h"

enum { THREADS = 4, PLACES = 8, ROUNDS = 20000 };

static sb_engine *eng;
static sb_signature *text;
static sb_callback_type *type;
static _Atomic(sb_function *) functions[PLACES];
static _Atomic(sb_callback *) callbacks[PLACES];
static atomic_long called, found_closed, released;

/* int (int) */
static void adds_one(void *context, uint64_t *slots) {
    TRUE(context == &called);
    slots[1] = sb_slot_of_int((int)slots[0] + 1);
}

static void release(void *context) {
    TRUE(context == &called);
    atomic_fetch_add(&released, 1);
}

static int adds_two(int number) { return number + 2; }

static void put(sb_function *function, sb_callback *callback, int place) {
    function = atomic_exchange(&functions[place], function);
    callback = atomic_exchange(&callbacks[place], callback);
    /* Whoever takes a handle out closes it, and nobody else does. */
    if (function != NULL) {
        OK(sb_function_close(function));
    }
    if (callback != NULL) {
        OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
    }
}

static void *work(void *argument) {
    const sb_handler handler = {.call = adds_one, .context = &called, .release = release};
    unsigned int random = (unsigned int)(uintptr_t)argument;
    for (int round = 0; round < ROUNDS; ++round) {
        random = random * 1664525U + 1013904223U;
        const int place = (int)(random >> 16) % PLACES;
        if (round % 4 == 0) {
            sb_function *function;
            sb_callback *callback;
            void *code;
            OK(sb_function_bind_address(eng, (void *)(uintptr_t)adds_two, text, &function));
            OK(sb_callback_new(type, &handler, &callback, &code));
            TRUE(((int (*)(int))(uintptr_t)code)(round) == round + 1);
            put(function, callback, place);
            continue;
        }
        const uint64_t slots[] = {sb_slot_of_int(round)};
        uint64_t result = 0, calls;
        const int code = sb_function_call(atomic_load(&functions[place]), slots, &result);
        if (code == SB_OK) {
            TRUE((int)result == round + 2);
            atomic_fetch_add(&called, 1);
        } else {
            EXPECT(sb_error_code(), code);
            TRUE(code == SB_ERROR_CLOSED || code == SB_ERROR_NULL);
            atomic_fetch_add(&found_closed, 1);
        }
        const int in_flight = sb_callback_in_flight(atomic_load(&callbacks[place]), &calls);
        TRUE(in_flight == SB_OK || in_flight == SB_ERROR_CLOSED || in_flight == SB_ERROR_NULL);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    eng = engine();
    text = signature("int (int)");
    type = callback_type(eng, "int (int)");
    for (uintptr_t i = 0; i < THREADS; ++i) {
        TRUE(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        TRUE(pthread_join(threads[i], NULL) == 0);
    }
    for (int place = 0; place < PLACES; ++place) {
        put(NULL, NULL, place);
    }
    /* Each handler is released once. */
    TRUE(atomic_load(&released) == THREADS * ROUNDS / 4);
    TRUE(atomic_load(&called) + atomic_load(&found_closed) == THREADS * ROUNDS / 4 * 3);
    TRUE(atomic_load(&called) > 0);
    sb_stats stats = {.size = sizeof stats};
    OK(sb_engine_stats(eng, &stats));
    TRUE(stats.native == THREADS * ROUNDS / 4);
    return 0;
}

/* fork() while other threads make, use and close handles: both processes go on with what there was, and make more. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"

enum { FORKS = 300, THREADS = 3 };

typedef int (*ask)(int);

static sb_engine *eng;
static sb_callback_type *shared_type;
static atomic_bool stop;

/* int (int) */
static void adds(void *context, uint64_t *slots) {
    slots[1] = sb_slot_of_int((int)slots[0] + *(const int *)context);
}

static void use_all(int number) {
    const sb_handler handler = {.call = adds, .context = &number, .release = NULL};
    sb_callback *callback;
    sb_function *function;
    void *code;
    OK(sb_callback_new(shared_type, &handler, &callback, &code));
    TRUE(((ask)(uintptr_t)code)(1) == number + 1);
    sb_signature *text = signature("int (int)");
    OK(sb_function_bind_address(eng, code, text, &function));
    const uint64_t slots[] = {10};
    uint64_t result;
    OK(sb_function_call(function, slots, &result));
    TRUE((int)result == number + 10);
    OK(sb_function_close(function));
    EXPECT(SB_ERROR_CLOSED, sb_function_close(function));
    OK(sb_signature_close(text));
    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
}

static void *churn(void *argument) {
    int number = (int)(intptr_t)argument;
    while (!atomic_load(&stop)) {
        use_all(number++);
    }
    return NULL;
}

int main(void) {
    eng = engine();
    shared_type = callback_type(eng, "int (int)");
    /* Made before, and good in both. */
    int number = 1000;
    const sb_handler handler = {.call = adds, .context = &number, .release = NULL};
    sb_callback *before;
    sb_mailbox *mailbox;
    void *code;
    OK(sb_callback_new(shared_type, &handler, &before, &code));
    OK(sb_mailbox_unbounded(&mailbox));
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; ++i) {
        TRUE(pthread_create(&threads[i], NULL, churn, (void *)(i * 1000000)) == 0);
    }
    for (int i = 0; i < FORKS; ++i) {
        const pid_t child = fork();
        TRUE(child >= 0);
        if (child == 0) {
            /* Whoever waits for a thread that is not there waits for ever. */
            alarm(120);
            TRUE(((ask)(uintptr_t)code)(i) == i + 1000);
            use_all(i);
            OK(sb_callback_close(before, SB_AFTER_CLOSE_ZERO));
            TRUE(((ask)(uintptr_t)code)(i) == 0);
            OK(sb_mailbox_drain(mailbox, SIZE_MAX, NULL));
            OK(sb_mailbox_close(mailbox, NULL, NULL));
            use_all(i);
            OK(sb_engine_close(eng));
            _exit(0);
        }
        use_all(i);
        int status;
        TRUE(waitpid(child, &status, 0) == child);
        TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        /* What the child closed is open here. */
        TRUE(((ask)(uintptr_t)code)(i) == i + 1000);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; ++i) {
        TRUE(pthread_join(threads[i], NULL) == 0);
    }
    OK(sb_mailbox_close(mailbox, NULL, NULL));
    OK(sb_callback_close(before, SB_AFTER_CLOSE_ZERO));
    return 0;
}

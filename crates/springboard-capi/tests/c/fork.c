/* fork() while other threads make, use, post to and close handles: both processes go on with what there was, and make
 * more. */
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

/* void (long) */
static void counts(void *context, uint64_t *slots) {
    (void)slots;
    ++*(long *)context;
}

static void ignore(void *context) {
    (void)context;
}

static void *post(void *code) {
    while (!atomic_load(&stop)) {
        ((void (*)(long))(uintptr_t)code)(1);
    }
    return NULL;
}

static void *post_once(void *code) {
    ((void (*)(long))(uintptr_t)code)(1);
    return NULL;
}

static void on_another_thread(void *code) {
    pthread_t thread;
    TRUE(pthread_create(&thread, NULL, post_once, code) == 0);
    TRUE(pthread_join(thread, NULL) == 0);
}

/* Threads post at the moment of the fork. What they post is the parent's, and so is the mailbox. */
static void mailboxes(void) {
    atomic_store(&stop, false);
    sb_callback_type *plain = callback_type(eng, "void (long)"), *posting, *asking;
    sb_mailbox *mailbox;
    OK(sb_mailbox_bounded(1000, SB_FULL_DROP_OLDEST, &mailbox));
    OK(sb_callback_type_post(plain, mailbox, &posting));
    OK(sb_callback_type_block(plain, mailbox, SB_FOREVER, &asking));
    long delivered = 0;
    const sb_handler handler = {.call = counts, .context = &delivered, .release = NULL};
    sb_callback *posted, *asked;
    void *code, *question;
    int event;
    OK(sb_callback_new(posting, &handler, &posted, &code));
    OK(sb_callback_new(asking, &handler, &asked, &question));
    OK(sb_mailbox_fd(mailbox, &event));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; ++i) {
        TRUE(pthread_create(&threads[i], NULL, post, code) == 0);
    }
    for (int i = 0; i < FORKS / 3; ++i) {
        OK(sb_mailbox_wait(mailbox, SB_FOREVER, NULL));
        const pid_t child = fork();
        TRUE(child >= 0);
        if (child == 0) {
            alarm(120);
            int number;
            sb_callback_type *derived;
            EXPECT(SB_ERROR_FORKED, sb_mailbox_drain(mailbox, SIZE_MAX, NULL));
            EXPECT(SB_ERROR_FORKED, sb_mailbox_wait(mailbox, SB_FOREVER, NULL));
            EXPECT(SB_ERROR_FORKED, sb_mailbox_fd(mailbox, &number));
            EXPECT(SB_ERROR_FORKED, sb_mailbox_set_waker(mailbox, ignore, NULL));
            EXPECT(SB_ERROR_FORKED, sb_callback_type_post(plain, mailbox, &derived));
            sb_callback_counts before = {.size = sizeof before}, after = {.size = sizeof after};
            OK(sb_callback_type_counts(posting, &before));
            on_another_thread(code);
            OK(sb_callback_type_counts(posting, &after));
            TRUE(after.refused == before.refused + 1);
            on_another_thread(question);
            /* One of its own is as good as any. */
            sb_mailbox *own;
            sb_callback *callback;
            void *of_own;
            size_t count;
            long here = 0;
            const sb_handler counting = {.call = counts, .context = &here, .release = NULL};
            OK(sb_mailbox_unbounded(&own));
            OK(sb_callback_type_post(plain, own, &derived));
            OK(sb_callback_new(derived, &counting, &callback, &of_own));
            on_another_thread(of_own);
            OK(sb_mailbox_drain(own, SIZE_MAX, &count));
            TRUE(count == 1 && here == 1);
            size_t left = 1, waiting = 1;
            OK(sb_mailbox_close(mailbox, &left, &waiting));
            TRUE(left == 0 && waiting == 0);
            OK(sb_mailbox_close(own, NULL, NULL));
            _exit(0);
        }
        int status;
        TRUE(waitpid(child, &status, 0) == child);
        TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        OK(sb_mailbox_drain(mailbox, 100, NULL));
    }
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; ++i) {
        TRUE(pthread_join(threads[i], NULL) == 0);
    }
    OK(sb_mailbox_drain(mailbox, SIZE_MAX, NULL));
    sb_callback_counts counted = {.size = sizeof counted};
    OK(sb_callback_type_counts(posting, &counted));
    TRUE(counted.refused == 0 && counted.delivered == (uint64_t)delivered);
    OK(sb_callback_close(posted, SB_AFTER_CLOSE_ZERO));
    OK(sb_callback_close(asked, SB_AFTER_CLOSE_ZERO));
    OK(sb_mailbox_close(mailbox, NULL, NULL));
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
            EXPECT(SB_ERROR_FORKED, sb_mailbox_drain(mailbox, SIZE_MAX, NULL));
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
    mailboxes();
    return 0;
}

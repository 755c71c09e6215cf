/* An event loop that owns its data, and threads that call back into it: the calls are posted to a mailbox, whose file
 * descriptor wakes epoll. No lock is taken by this program.
 *
 *     cc -std=c11 epoll.c -pthread $(pkg-config --cflags --libs springboard) && ./a.out
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "check.h"

enum { THREADS = 4, CALLS = 1000 };

/* Touched by the thread that has the loop, alone. */
struct totals {
    pthread_t owner;
    unsigned long calls, letters;
    unsigned int last[THREADS];
};

/* void (unsigned thread, unsigned number, const char *text): the text is a copy. */
static void received(void *context, uint64_t *slots) {
    struct totals *totals = context;
    const unsigned int thread = (unsigned int)slots[0], number = (unsigned int)slots[1];
    char expected[40];
    snprintf(expected, sizeof expected, "call %u of thread %u", number, thread);
    const char *text = sb_pointer_of_slot(slots[2]);
    if (!pthread_equal(pthread_self(), totals->owner) || thread >= THREADS || number != totals->last[thread] + 1
        || strcmp(text, expected) != 0) {
        sb_raise("a call came on the wrong thread, out of order, or with another text");
        return;
    }
    totals->last[thread] = number;
    totals->calls += 1;
    totals->letters += strlen(text);
}

struct worker {
    void (*call)(unsigned int, unsigned int, const char *);
    unsigned int number;
};

static void *work(void *argument) {
    const struct worker *worker = argument;
    for (unsigned int i = 1; i <= CALLS; ++i) {
        char text[40];
        snprintf(text, sizeof text, "call %u of thread %u", i, worker->number);
        worker->call(worker->number, i, text);
        memset(text, 'x', sizeof text);
    }
    return NULL;
}

int main(void) {
    sb_engine *engine;
    sb_signature *signature;
    sb_callback_type *plain, *copying, *posting;
    sb_mailbox *mailbox;
    sb_callback *callback;
    void *code;
    int fd;
    struct totals totals = {.owner = pthread_self()};

    CHECK(sb_engine_new(NULL, &engine));
    CHECK(sb_signature_parse("void (unsigned, unsigned, const char *)", NULL, &signature));
    CHECK(sb_mailbox_unbounded(&mailbox));
    CHECK(sb_callback_type_new(engine, signature, &plain));
    CHECK(sb_callback_type_copy_text(plain, 2, &copying));
    CHECK(sb_callback_type_post(copying, mailbox, &posting));
    const sb_handler handler = {.call = received, .context = &totals};
    CHECK(sb_callback_new(posting, &handler, &callback, &code));

    CHECK(sb_mailbox_fd(mailbox, &fd));
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        perror("epoll");
        return 1;
    }

    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    for (unsigned int i = 0; i < THREADS; ++i) {
        workers[i].call = (void (*)(unsigned int, unsigned int, const char *))(uintptr_t)code;
        workers[i].number = i;
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0) {
            return 1;
        }
    }
    while (totals.calls < THREADS * CALLS) {
        if (epoll_wait(epoll, &event, 1, 60000) < 1) {
            fprintf(stderr, "nothing came for a minute\n");
            return 1;
        }
        CHECK(sb_mailbox_drain(mailbox, SIZE_MAX, NULL));
    }
    for (unsigned int i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
    }

    sb_callback_counts counts = {.size = sizeof counts};
    CHECK(sb_callback_type_counts(posting, &counts));
    printf("%lu calls of %d threads, %lu letters\n", totals.calls, THREADS, totals.letters);
    if (counts.sent != totals.calls || counts.delivered != totals.calls || counts.refused + counts.dropped != 0) {
        fprintf(stderr, "some were lost\n");
        return 1;
    }

    CHECK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
    size_t posted, waiting;
    CHECK(sb_mailbox_close(mailbox, &posted, &waiting));
    CHECK(sb_callback_type_close(posting));
    CHECK(sb_callback_type_close(copying));
    CHECK(sb_callback_type_close(plain));
    CHECK(sb_signature_close(signature));
    CHECK(sb_engine_close(engine));
    close(epoll);
    return posted + waiting == 0 ? 0 : 1;
}

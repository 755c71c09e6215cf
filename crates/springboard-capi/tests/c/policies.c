/* Callbacks from other threads, by every policy; errors of handlers; who may use and close what. */
#define _POSIX_C_SOURCE 200809L
#ifdef _WIN32
#include <windows.h>
#undef TRUE
#else
#include <poll.h>
#endif
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "expect.h"

/* A thread that does something and is waited for. */
static pthread_t start(void *(*run)(void *), void *argument) {
    pthread_t thread;
    TRUE(pthread_create(&thread, NULL, run, argument) == 0);
    return thread;
}

static void *join(pthread_t thread) {
    void *result;
    TRUE(pthread_join(thread, &result) == 0);
    return result;
}

typedef int (*ask)(int);
typedef void (*tell)(int);

static void *asks(void *code) {
    return (void *)(intptr_t)((ask)(uintptr_t)code)(20);
}

static void *tells(void *code) {
    for (int i = 1; i <= 5; ++i) {
        ((tell)(uintptr_t)code)(i);
    }
    return NULL;
}

struct state {
    pthread_t owner;
    int calls, sum, released;
    bool elsewhere;
    sb_callback *close;
    sb_mailbox *mailbox;
};

/* int (int) */
static void doubles(void *context, uint64_t *slots) {
    struct state *state = context;
    state->calls += 1;
    state->elsewhere |= !pthread_equal(pthread_self(), state->owner);
    slots[1] = sb_slot_of_int(2 * (int)slots[0]);
}

/* void (int) */
static void adds(void *context, uint64_t *slots) {
    struct state *state = context;
    state->calls += 1;
    state->elsewhere |= !pthread_equal(pthread_self(), state->owner);
    state->sum = 10 * state->sum + (int)slots[0];
}

static void raises(void *context, uint64_t *slots) {
    struct state *state = context;
    state->calls += 1;
    slots[1] = 5;
    OK(sb_raise("the handler of \xff says no"));
    OK(sb_raise("and a second time"));
}

/* Closes itself, and tries to close the mailbox whose drain it runs in. */
static void closes(void *context, uint64_t *slots) {
    struct state *state = context;
    (void)slots;
    state->calls += 1;
    EXPECT(SB_ERROR_BUSY, sb_mailbox_close(state->mailbox, NULL, NULL));
    if (state->calls == 2) {
        OK(sb_callback_close(state->close, SB_AFTER_CLOSE_ZERO));
    }
    TRUE(state->released == 0);
}

static void release(void *context) {
    ((struct state *)context)->released += 1;
}

static sb_engine *eng;

static sb_callback *make(const sb_callback_type *type, void (*call)(void *, uint64_t *), struct state *state,
                         void **code) {
    const sb_handler handler = {.call = call, .context = state, .release = release};
    sb_callback *callback;
    OK(sb_callback_new(type, &handler, &callback, code));
    return callback;
}

static void inline_and_errors(void) {
    struct state state = {.owner = pthread_self()};
    sb_callback_type *type = callback_type(eng, "int (int)");
    void *code;
    sb_callback *callback = make(type, doubles, &state, &code);
    TRUE(((ask)(uintptr_t)code)(4) == 8 && !state.elsewhere);
    TRUE((intptr_t)join(start(asks, code)) == 40 && state.elsewhere && state.calls == 2);
    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
    TRUE(state.released == 1 && ((ask)(uintptr_t)code)(4) == 0 && state.calls == 2);

    /* An error stays pending, and no handler runs, until it is taken. */
    state = (struct state){.owner = pthread_self()};
    callback = make(type, raises, &state, &code);
    OK(sb_take_pending());
    ((ask)(uintptr_t)code)(1);
    TRUE(((ask)(uintptr_t)code)(1) == 0 && state.calls == 1);
    EXPECT(SB_ERROR_CALLBACK, sb_take_pending());
    SAYS("the handler of \xef\xbf\xbd says no");
    OK(sb_take_pending());
    /* Through a call by handle it comes out by itself. */
    sb_signature *text = signature("int (int)");
    sb_function *function;
    OK(sb_function_bind_address(eng, code, text, &function));
    const uint64_t slots[] = {1};
    uint64_t result = 9;
    EXPECT(SB_ERROR_CALLBACK, sb_function_call(function, slots, &result));
    OK(sb_take_pending());
    TRUE(state.calls == 2);
    OK(sb_function_close(function));
    OK(sb_signature_close(text));
    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
    OK(sb_callback_type_close(type));
}

static atomic_int reports;

static void report(void *context, const char *message) {
    TRUE(strstr(message, "rejects") != NULL);
    atomic_fetch_add((atomic_int *)context, 1);
}

static void reject(void) {
    struct state state = {.owner = pthread_self()};
    sb_callback_type *type = callback_type(eng, "int (int)"), *derived, *twice;
    sb_callback_counts counts = {.size = sizeof counts};
    void *code;
    OK(sb_set_reporter(report, &reports));
    OK(sb_callback_type_reject(type, &derived));
    EXPECT(SB_ERROR_ARGUMENT, sb_callback_type_reject(derived, &twice));
    SAYS("has a policy already");
    sb_callback *callback = make(derived, doubles, &state, &code);
    TRUE(((ask)(uintptr_t)code)(4) == 8);
    TRUE(join(start(asks, code)) == NULL && join(start(asks, code)) == NULL);
    TRUE(state.calls == 1 && atomic_load(&reports) == 1);
    OK(sb_callback_type_counts(derived, &counts));
    TRUE(counts.refused == 2 && counts.sent == 0);
    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
    OK(sb_callback_type_close(derived));
    OK(sb_callback_type_close(type));
}

static bool readable(int fd) {
#ifdef _WIN32
    return WaitForSingleObject((HANDLE)(intptr_t)fd, 0) == WAIT_OBJECT_0;
#else
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
#endif
}

static void woken(void *context) {
    atomic_fetch_add((atomic_int *)context, 1);
}

static void post(void) {
    sb_callback_type *type = callback_type(eng, "void (int)"), *derived, *wrong;
    sb_mailbox *mailbox;
    void *code;
    int fd, ready;
    size_t count, posted, waiting;
    uint64_t calls;
    atomic_int wakes = 0;
    OK(sb_mailbox_unbounded(&mailbox));
    sb_callback_type *returning = callback_type(eng, "int (int)");
    EXPECT(SB_ERROR_ARGUMENT, sb_callback_type_post(returning, mailbox, &wrong));
    SAYS("must return void");
    OK(sb_callback_type_post(type, mailbox, &derived));
    struct state state = {.owner = pthread_self()};
    sb_callback *callback = make(derived, adds, &state, &code);
    OK(sb_mailbox_fd(mailbox, &fd));
    OK(sb_mailbox_set_waker(mailbox, woken, &wakes));
    OK(sb_mailbox_wait(mailbox, 0, &ready));
    TRUE(ready == 0 && !readable(fd));
    join(start(tells, code));
    OK(sb_mailbox_wait(mailbox, SB_FOREVER, &ready));
    TRUE(ready == 1 && readable(fd) && atomic_load(&wakes) == 1 && state.calls == 0);
    OK(sb_callback_in_flight(callback, &calls));
    TRUE(calls == 5);
    OK(sb_mailbox_drain(mailbox, 2, &count));
    TRUE(count == 2 && state.sum == 12 && readable(fd));
    OK(sb_mailbox_drain(mailbox, SIZE_MAX, &count));
    TRUE(count == 3 && state.sum == 12345 && !state.elsewhere && !readable(fd));

    /* Closed with calls on their way: these are delivered, then the handler is released. */
    join(start(tells, code));
    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
    TRUE(state.released == 0);
    OK(sb_mailbox_drain(mailbox, SIZE_MAX, &count));
    TRUE(count == 5 && state.released == 1);

    /* An error ends the drain; the next one goes on. */
    state = (struct state){.owner = pthread_self()};
    callback = make(derived, raises, &state, &code);
    join(start(tells, code));
    EXPECT(SB_ERROR_CALLBACK, sb_mailbox_drain(mailbox, SIZE_MAX, &count));
    TRUE(count == 1);
    EXPECT(SB_ERROR_CALLBACK, sb_mailbox_drain(mailbox, SIZE_MAX, &count));
    TRUE(count == 1 && state.calls == 2);
    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
    OK(sb_mailbox_close(mailbox, &posted, &waiting));
    TRUE(posted == 3 && waiting == 0 && state.released == 1);

    /* Closing inside of a drain. */
    state = (struct state){.owner = pthread_self()};
    OK(sb_mailbox_unbounded(&mailbox));
    sb_callback_type *other;
    OK(sb_callback_type_post(type, mailbox, &other));
    state.mailbox = mailbox;
    state.close = make(other, closes, &state, &code);
    join(start(tells, code));
    OK(sb_mailbox_drain(mailbox, SIZE_MAX, &count));
    TRUE(count == 5 && state.calls == 5 && state.released == 1);
    EXPECT(SB_ERROR_CLOSED, sb_callback_close(state.close, SB_AFTER_CLOSE_ZERO));
    OK(sb_mailbox_close(mailbox, NULL, NULL));

    /* Bounds. */
    for (int full = SB_FULL_REFUSE; full <= SB_FULL_DROP_OLDEST; ++full) {
        sb_callback_counts counts = {.size = sizeof counts};
        state = (struct state){.owner = pthread_self()};
        OK(sb_mailbox_bounded(2, full, &mailbox));
        OK(sb_callback_type_post(type, mailbox, &other));
        callback = make(other, adds, &state, &code);
        join(start(tells, code));
        OK(sb_mailbox_drain(mailbox, SIZE_MAX, &count));
        OK(sb_callback_type_counts(other, &counts));
        TRUE(count == 2 && state.sum == (full == SB_FULL_REFUSE ? 12 : 45));
        TRUE(counts.refused == (full == SB_FULL_REFUSE ? 3 : 0) && counts.dropped + counts.refused == 3);
        OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
        OK(sb_mailbox_close(mailbox, NULL, NULL));
    }
    state = (struct state){.owner = pthread_self()};
    OK(sb_mailbox_bounded(2, SB_FULL_BLOCK, &mailbox));
    OK(sb_callback_type_post(type, mailbox, &other));
    callback = make(other, adds, &state, &code);
    const pthread_t thread = start(tells, code);
    while (state.calls < 5) {
        OK(sb_mailbox_wait(mailbox, SB_FOREVER, NULL));
        OK(sb_mailbox_drain(mailbox, SIZE_MAX, NULL));
    }
    join(thread);
    TRUE(state.sum == 12345);
    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
    OK(sb_mailbox_close(mailbox, NULL, NULL));
}

static void block(void) {
    sb_callback_type *type = callback_type(eng, "int (int)"), *blocking, *timed, *busy;
    struct state state = {.owner = pthread_self()};
    sb_mailbox *mailbox;
    void *code;
    size_t count, posted, waiting;
    OK(sb_mailbox_unbounded(&mailbox));
    OK(sb_callback_type_block(type, mailbox, SB_FOREVER, &blocking));
    sb_callback *callback = make(blocking, doubles, &state, &code);
    pthread_t thread = start(asks, code);
    OK(sb_mailbox_wait(mailbox, SB_FOREVER, NULL));
    OK(sb_mailbox_drain(mailbox, SIZE_MAX, &count));
    TRUE((intptr_t)join(thread) == 40 && count == 1 && !state.elsewhere);
    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));

    /* Nobody drains: after its time the caller gets the value. */
    OK(sb_callback_type_block_timeout(type, mailbox, 1000000, sb_slot_of_int(-6), SB_BUSY_DEFAULT, &timed));
    callback = make(timed, doubles, &state, &code);
    TRUE((intptr_t)join(start(asks, code)) == -6);
    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));

    /* This thread is in native code, and the caller is not to wait at all. */
    OK(sb_callback_type_block(type, mailbox, 0, &busy));
    callback = make(busy, doubles, &state, &code);
    OK(sb_native_enter());
    TRUE(join(start(asks, code)) == NULL);
    OK(sb_native_leave());
    EXPECT(SB_ERROR_CALLBACK, sb_mailbox_drain(mailbox, SIZE_MAX, NULL));
    SAYS("in native code for too long");
    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
    OK(sb_mailbox_drain(mailbox, SIZE_MAX, NULL));

    /* The mailbox is closed under a caller that waits. */
    callback = make(blocking, doubles, &state, &code);
    thread = start(asks, code);
    int ready;
    OK(sb_mailbox_wait(mailbox, SB_FOREVER, &ready));
    TRUE(ready == 1);
    OK(sb_mailbox_close(mailbox, &posted, &waiting));
    TRUE(posted == 0 && waiting == 1 && join(thread) == NULL);
    EXPECT(SB_ERROR_CLOSED, sb_callback_type_block(type, mailbox, 0, &busy));
    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
}

struct handed {
    sb_mailbox *mailbox;
    sb_callback_type *derived;
    sb_callback *callback;
    void *code;
    struct state state;
};

static void *uses_what_is_not_its_own(void *argument) {
    const struct handed *handed = argument;
    sb_callback_type *type = callback_type(eng, "void (int)"), *derived;
    sb_callback_counts counts = {.size = sizeof counts};
    int fd;
    EXPECT(SB_ERROR_THREAD, sb_mailbox_fd(handed->mailbox, &fd));
    SAYS("a mailbox belongs to another thread");
    EXPECT(SB_ERROR_THREAD, sb_mailbox_drain(handed->mailbox, 1, NULL));
    EXPECT(SB_ERROR_THREAD, sb_mailbox_wait(handed->mailbox, 0, NULL));
    EXPECT(SB_ERROR_THREAD, sb_mailbox_close(handed->mailbox, NULL, NULL));
    EXPECT(SB_ERROR_THREAD, sb_callback_type_post(type, handed->mailbox, &derived));
    EXPECT(SB_ERROR_THREAD, sb_callback_type_counts(handed->derived, &counts));
    EXPECT(SB_ERROR_THREAD, sb_callback_type_close(handed->derived));
    OK(sb_callback_type_close(type));
    /* The callback may be closed anywhere; its handler is released at home. */
    OK(sb_callback_close(handed->callback, SB_AFTER_CLOSE_ZERO));
    return NULL;
}

static void *makes_and_ends(void *argument) {
    struct handed *handed = argument;
    sb_callback_type *type = callback_type(eng, "void (int)");
    handed->state.owner = pthread_self();
    OK(sb_mailbox_unbounded(&handed->mailbox));
    OK(sb_callback_type_post(type, handed->mailbox, &handed->derived));
    handed->callback = make(handed->derived, adds, &handed->state, &handed->code);
    OK(sb_callback_type_close(type));
    return NULL;
}

static void threads(void) {
    struct handed handed = {.code = NULL};
    size_t count;
    makes_and_ends(&handed);
    join(start(tells, handed.code));
    join(start(uses_what_is_not_its_own, &handed));
    TRUE(handed.state.released == 0);
    OK(sb_mailbox_drain(handed.mailbox, SIZE_MAX, &count));
    TRUE(count == 5 && handed.state.released == 1);
    OK(sb_mailbox_close(handed.mailbox, NULL, NULL));
    OK(sb_callback_type_close(handed.derived));

    /* What a thread leaves open is closed at its end; its callbacks' callers get nothing. */
    handed = (struct handed){.code = NULL};
    join(start(makes_and_ends, &handed));
    EXPECT(SB_ERROR_CLOSED, sb_mailbox_drain(handed.mailbox, SIZE_MAX, &count));
    EXPECT(SB_ERROR_CLOSED, sb_callback_type_close(handed.derived));
    join(start(tells, handed.code));
    TRUE(handed.state.calls == 0);
    OK(sb_callback_close(handed.callback, SB_AFTER_CLOSE_ZERO));
}

/* void (const char *, const int *, int): all copied, and the originals gone. */
static void reads(void *context, uint64_t *slots) {
    struct state *state = context;
    const int *numbers = sb_pointer_of_slot(slots[1]);
    TRUE(strcmp(sb_pointer_of_slot(slots[0]), "text") == 0);
    for (int i = 0; i < (int)slots[2]; ++i) {
        state->sum += numbers[i];
    }
}

static void *lends(void *code) {
    char text[] = "text";
    int numbers[] = {1, 2, 3, 4};
    ((void (*)(const char *, const int *, int))(uintptr_t)code)(text, numbers, 3);
    memset(text, 'x', sizeof text - 1);
    memset(numbers, 0, sizeof numbers);
    return NULL;
}

static void copies(void) {
    sb_callback_type *type = callback_type(eng, "void (const char *, const int *, int)"), *one, *two, *derived;
    struct state state = {.owner = pthread_self()};
    sb_mailbox *mailbox;
    void *code;
    OK(sb_mailbox_unbounded(&mailbox));
    OK(sb_callback_type_copy_text(type, 0, &one));
    OK(sb_callback_type_copy_counted(one, 1, 2, sizeof(int), &two));
    EXPECT(SB_ERROR_ARGUMENT, sb_callback_type_copy_fixed(two, 1, 4, &derived));
    OK(sb_callback_type_post(two, mailbox, &derived));
    sb_callback *callback = make(derived, reads, &state, &code);
    join(start(lends, code));
    OK(sb_mailbox_drain(mailbox, SIZE_MAX, NULL));
    TRUE(state.sum == 6);
    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
    OK(sb_mailbox_close(mailbox, NULL, NULL));
}

int main(void) {
    eng = engine();
    inline_and_errors();
    reject();
    post();
    block();
    threads();
    copies();
    return 0;
}

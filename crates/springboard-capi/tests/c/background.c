/* Calls in the background: what they come to, how one waits, and when they are refused. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "expect.h"

struct pair {
    double x, y;
};

static atomic_bool gate;
static pthread_t asker;

/* Waits until the gate is open. */
static int waits(int number) {
    while (!atomic_load(&gate)) {
    }
    return number + 1;
}

static struct pair turns(struct pair pair, float by) {
    TRUE(!pthread_equal(pthread_self(), asker));
    return (struct pair){pair.y * by, pair.x * by};
}

static int fails(int number) {
    errno = number;
    return -1;
}

static uint8_t adds(uint8_t a, int8_t b, bool c, double d, const int *e) {
    return (uint8_t)(a + b + c + (int)d + *e);
}

__extension__ typedef __int128 big;
static big wide(big value) { return value * 2; }

static sb_engine *eng;

static sb_function *bind(void (*code)(void), const char *text) {
    sb_function *function;
    sb_signature *parsed = signature(text);
    OK(sb_function_bind_address(eng, (void *)(uintptr_t)code, parsed, &function));
    OK(sb_signature_close(parsed));
    return function;
}

#define BIND(name, text) bind((void (*)(void))name, text)

static void woken(void *context) {
    atomic_fetch_add((atomic_int *)context, 1);
}

/* int (int) */
static void raises(void *context, uint64_t *slots) {
    (void)context;
    (void)slots;
    OK(sb_raise("no"));
}

int main(void) {
    sb_background *background;
    sb_pending *pending, *more;
    uint64_t word = 0;
    int ended = 7, last_error = 7;
    eng = engine();
    asker = pthread_self();
    EXPECT(SB_ERROR_ARGUMENT, sb_background_new(0, 1, &background));
    OK(sb_background_new(1, 1, &background));

    sb_function *function = BIND(adds, "uint8_t (uint8_t, int8_t, _Bool, double, const int *)");
    const int five = 5;
    uint64_t slots[] = {200, sb_slot_of_int(-100), 1, sb_slot_of_double(40.5), sb_slot_of_pointer(&five)};
    EXPECT(SB_ERROR_NULL, sb_background_call(background, function, NULL, &pending));
    OK(sb_background_call(background, function, slots, &pending));
    EXPECT(SB_ERROR_NULL, sb_pending_wait(pending, SB_FOREVER, NULL, NULL, NULL));
    OK(sb_pending_wait(pending, SB_FOREVER, &word, NULL, &ended));
    TRUE(word == 146 && ended == 1);
    EXPECT(SB_ERROR_ARGUMENT, sb_pending_wait(pending, SB_FOREVER, &word, NULL, NULL));
    SAYS("has been delivered");
    OK(sb_pending_close(pending));
    EXPECT(SB_ERROR_CLOSED, sb_pending_close(pending));
    OK(sb_function_close(function));

    /* Values by address are copied when the call is asked for. */
    function = BIND(turns, "struct pair { double x, y; }; struct pair f(struct pair, float)");
    struct pair in = {1, 2}, out = {0, 0};
    const uint64_t by_address[] = {sb_slot_of_pointer(&in), sb_slot_of_float(10)};
    OK(sb_background_call(background, function, by_address, &pending));
    in = (struct pair){0, 0};
    OK(sb_function_close(function));
    OK(sb_pending_wait(pending, SB_FOREVER, &out, NULL, NULL));
    TRUE(out.x == 20 && out.y == 10);
    OK(sb_pending_close(pending));
    function = BIND(wide, "__int128 (__int128)");
    big value = (big)-5 * ((big)1 << 70), doubled = 0;
    const uint64_t wide_slots[] = {sb_slot_of_pointer(&value)};
    OK(sb_background_call(background, function, wide_slots, &pending));
    OK(sb_pending_wait(pending, SB_FOREVER, &doubled, NULL, NULL));
    TRUE(doubled == value * 2);
    OK(sb_pending_close(pending));

    /* The error of the thread that made the call. */
    sb_function *plain = BIND(fails, "int (int)"), *with_errno;
    OK(sb_function_with_last_error(eng, plain, NULL, &with_errno));
    slots[0] = 99;
    OK(sb_background_call(background, with_errno, slots, &pending));
    OK(sb_pending_wait(pending, SB_FOREVER, &word, &last_error, NULL));
    TRUE((int64_t)word == -1 && last_error == 99);
    OK(sb_pending_close(pending));

    /* A waker, for a call that is under way and for one that has ended. */
    atomic_int wakes = 0;
    function = BIND(waits, "int (int)");
    OK(sb_background_call(background, function, slots, &pending));
    OK(sb_pending_wait(pending, 1000000, &word, NULL, &ended));
    TRUE(ended == 0);
    OK(sb_pending_set_waker(pending, woken, &wakes));
    /* A look does not take the waker's place. */
    OK(sb_pending_wait(pending, 0, &word, NULL, &ended));
    TRUE(atomic_load(&wakes) == 0 && ended == 0);
    atomic_store(&gate, true);
    while (atomic_load(&wakes) == 0) {
    }
    OK(sb_pending_wait(pending, SB_FOREVER, &word, NULL, NULL));
    TRUE(word == 100 && atomic_load(&wakes) == 1);
    OK(sb_pending_close(pending));
    OK(sb_background_call(background, function, slots, &pending));
    do {
        OK(sb_pending_set_waker(pending, woken, &wakes));
    } while (atomic_load(&wakes) == 1);
    OK(sb_pending_wait(pending, 0, &word, NULL, &ended));
    TRUE(ended == 1 && word == 100);
    OK(sb_pending_close(pending));

    /* A handler's error. */
    sb_callback_type *type = callback_type(eng, "int (int)");
    const sb_handler handler = {.call = raises, .context = NULL, .release = NULL};
    sb_callback *callback;
    void *code;
    OK(sb_callback_new(type, &handler, &callback, &code));
    sb_function *raising = bind((void (*)(void))(uintptr_t)code, "int (int)");
    OK(sb_background_call(background, raising, slots, &pending));
    EXPECT(SB_ERROR_CALLBACK, sb_pending_wait(pending, SB_FOREVER, &word, NULL, NULL));
    SAYS("no");
    OK(sb_pending_close(pending));

    /* One call is under way, one waits, and there is room for no more. */
    atomic_store(&gate, false);
    OK(sb_background_call(background, function, slots, &pending));
    int code_of_second;
    do {
        code_of_second = sb_background_call(background, function, slots, &more);
    } while (code_of_second == SB_ERROR_REFUSED);
    TRUE(code_of_second == SB_OK);
    sb_pending *refused;
    EXPECT(SB_ERROR_REFUSED, sb_background_call(background, function, slots, &refused));
    SAYS("1 calls wait already");
    TRUE(refused == NULL);
    OK(sb_background_shutdown(background, SB_SHUTDOWN_ABANDON));
    EXPECT(SB_ERROR_REFUSED, sb_background_call(background, function, slots, &refused));
    EXPECT(SB_ERROR_ABANDONED, sb_pending_wait(more, SB_FOREVER, &word, NULL, NULL));
    atomic_store(&gate, true);
    OK(sb_pending_wait(pending, SB_FOREVER, &word, NULL, NULL));
    TRUE(word == 100);
    EXPECT(SB_ERROR_ARGUMENT, sb_background_shutdown(background, 5));
    OK(sb_background_shutdown(background, SB_SHUTDOWN_WAIT));
    OK(sb_background_close(background));
    EXPECT(SB_ERROR_CLOSED, sb_background_call(background, function, slots, &refused));
    EXPECT(SB_ERROR_KIND, sb_pending_wait((sb_pending *)(void *)function, 0, &word, NULL, NULL));
    return 0;
}

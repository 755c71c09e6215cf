/* The types of bun:ffi; a mailbox that queues its owner's calls; answers that come later; what a thread leaves. */
#include "expect.h"
#include <pthread.h>

static int64_t order[8];
static int ordered, released;
static sb_later *owed;

static void note(void *context, uint64_t *slots) {
    (void)context;
    sb_v8_value value;
    OK(sb_bun_decode(15, slots[0], &value));
    TRUE(value.form == SB_V8_NUMBER);
    order[ordered++] = (int64_t)value.number;
}

static void postpone(void *context, uint64_t *slots) {
    (void)context;
    OK(sb_later_of(slots, &owed));
    sb_later *again;
    EXPECT(SB_ERROR_ARGUMENT, sb_later_of(slots, &again));
    slots[1] = 999;
}

static void count(void *context) {
    (void)context;
    ++released;
}

static void *post_one(void *code) {
    ((void (*)(int64_t))(uintptr_t)code)(1);
    return NULL;
}

static void *ask(void *code) {
    return (void *)(intptr_t)((int (*)(int))(uintptr_t)code)(5);
}

static void table(void) {
    sb_bun_type type = {.size = sizeof type};
    int tag = 0;
    for (; sb_bun_type_tagged(tag, &type) == SB_OK; ++tag) {
        TRUE(type.tag == tag);
        sb_bun_type named = {.size = sizeof named};
        OK(sb_bun_type_named(type.name, &named));
        TRUE(named.tag == tag && named.c == type.c);
        for (size_t alias = 0; type.aliases[alias] != NULL; ++alias) {
            OK(sb_bun_type_named(type.aliases[alias], &named));
            TRUE(named.tag == tag);
        }
    }
    TRUE(tag == 22);
    EXPECT(SB_ERROR_ARGUMENT, sb_bun_type_tagged(-1, &type));
    EXPECT(SB_ERROR_ARGUMENT, sb_bun_type_named("I64", &type));
    const char *const names[] = {"i64_fast", "cstring"}, *const wrong[] = {"void"};
    sb_signature *parsed;
    char text[100];
    OK(sb_bun_signature(SB_BUN_THREADSAFE_CALLBACK, names, 2, "void", &parsed));
    OK(sb_signature_text(parsed, text, sizeof text, NULL));
    TRUE(strstr(text, "int64_t") != NULL || strstr(text, "long") != NULL);
    OK(sb_signature_close(parsed));
    EXPECT(SB_ERROR_ARGUMENT, sb_bun_signature(SB_BUN_THREADSAFE_CALLBACK, names, 2, "i32", &parsed));
    SAYS("must return void");
    EXPECT(SB_ERROR_ARGUMENT, sb_bun_signature(SB_BUN_FUNCTION, wrong, 1, "i32", &parsed));
    EXPECT(SB_ERROR_ARGUMENT, sb_bun_signature(9, names, 2, "void", &parsed));
    EXPECT(SB_ERROR_NULL, sb_bun_signature(SB_BUN_FUNCTION, NULL, 2, "void", &parsed));
}

static void decoding(void) {
    sb_v8_value value;
    const uint64_t edge = (uint64_t)1 << 53;
    const char latin[] = "caf\xe9", utf[] = "caf\xc3\xa9";
    OK(sb_bun_decode(15, edge - 1, &value)); /* i64_fast */
    TRUE(value.form == SB_V8_NUMBER && value.number == 9007199254740991.0);
    OK(sb_bun_decode(15, edge, &value));
    TRUE(value.form == SB_V8_BIGINT && value.low == edge && value.high == 0);
    OK(sb_bun_decode(7, 5, &value)); /* i64 */
    TRUE(value.form == SB_V8_BIGINT && value.low == 5);
    OK(sb_bun_decode(8, UINT64_MAX, &value)); /* u64 */
    TRUE(value.form == SB_V8_BIGINT && value.low == UINT64_MAX && value.high == 0);
    OK(sb_bun_decode(12, 0, &value)); /* ptr */
    TRUE(value.form == SB_V8_NULL);
    OK(sb_bun_decode(14, sb_slot_of_pointer(utf), &value)); /* cstring */
    TRUE(value.form == SB_V8_TEXT && value.flag == 0 && value.length == 5 && value.bytes == utf);
    OK(sb_bun_decode(14, sb_slot_of_pointer(latin), &value));
    TRUE(value.form == SB_V8_TEXT && value.flag == 1 && value.length == 4);
    OK(sb_bun_decode(14, 0, &value));
    TRUE(value.form == SB_V8_NULL);
    EXPECT(SB_ERROR_ARGUMENT, sb_bun_decode(22, 0, &value));
    EXPECT(SB_ERROR_NULL, sb_bun_decode(5, 0, NULL));
}

static void queueing(sb_engine *eng) {
    sb_mailbox *mailbox;
    sb_callback *callback;
    void *code;
    size_t delivered;
    pthread_t thread;
    sb_callback_type *inline_type = callback_type(eng, "void (int64_t)"), *queue, *no_queue;
    sb_callback_type *returning = callback_type(eng, "int (int)");
    const sb_handler handler = {.call = note};
    OK(sb_mailbox_unbounded(&mailbox));
    EXPECT(SB_ERROR_ARGUMENT, sb_callback_type_queue(returning, mailbox, &no_queue));
    OK(sb_callback_type_queue(inline_type, mailbox, &queue));
    OK(sb_callback_new(queue, &handler, &callback, &code));
    TRUE(pthread_create(&thread, NULL, post_one, code) == 0 && pthread_join(thread, NULL) == 0);
    ((void (*)(int64_t))(uintptr_t)code)(2);
    TRUE(ordered == 0);
    OK(sb_mailbox_drain(mailbox, SIZE_MAX, &delivered));
    TRUE(delivered == 2 && order[0] == 1 && order[1] == 2);
    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));

    /* An answer that comes later, of a call that another thread waits for. */
    sb_callback_type *block;
    const sb_handler later = {.call = postpone};
    OK(sb_callback_type_block(returning, mailbox, SB_BUSY_DEFAULT, &block));
    OK(sb_callback_new(block, &later, &callback, &code));
    void *result;
    TRUE(pthread_create(&thread, NULL, ask, code) == 0);
    OK(sb_mailbox_wait(mailbox, SB_FOREVER, NULL));
    OK(sb_mailbox_drain(mailbox, SIZE_MAX, &delivered));
    TRUE(delivered == 1);
    EXPECT(SB_ERROR_NULL, sb_later_answer_bytes(owed, NULL, 4));
    EXPECT(SB_ERROR_ARGUMENT, sb_later_answer_bytes(owed, "four", 4));
    OK(sb_later_answer(owed, sb_slot_of_int(77)));
    EXPECT(SB_ERROR_ARGUMENT, sb_later_answer(owed, 1));
    SAYS("answered already");
    OK(sb_later_close(owed));
    TRUE(pthread_join(thread, &result) == 0 && (intptr_t)result == 77);
    uint64_t slot = 0;
    EXPECT(SB_ERROR_ARGUMENT, sb_later_of(&slot, &owed));
    /* Closed without an answer. */
    TRUE(pthread_create(&thread, NULL, ask, code) == 0);
    OK(sb_mailbox_wait(mailbox, SB_FOREVER, NULL));
    OK(sb_mailbox_drain(mailbox, SIZE_MAX, NULL));
    OK(sb_later_close(owed));
    TRUE(pthread_join(thread, &result) == 0 && result == NULL);
    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
    OK(sb_callback_type_close(block));
    OK(sb_callback_type_close(queue));
    OK(sb_callback_type_close(inline_type));
    OK(sb_callback_type_close(returning));
    OK(sb_mailbox_close(mailbox, NULL, NULL));
}

struct ending {
    sb_engine *engine;
    sb_heir *heir;
    int close;
    sb_callback *callbacks[50];
};

static void *makes(void *given) {
    struct ending *ending = given;
    sb_callback_type *inline_type = callback_type(ending->engine, "void (int64_t)"), *reject;
    const sb_handler handler = {.call = note, .release = count};
    void *code;
    if (ending->close) OK(sb_close_at_thread_exit());
    if (ending->heir != NULL) OK(sb_heir_inherit(ending->heir));
    OK(sb_callback_type_reject(inline_type, &reject));
    for (int i = 0; i < 50; ++i) OK(sb_callback_new(reject, &handler, &ending->callbacks[i], &code));
    OK(sb_callback_type_close(reject));
    OK(sb_callback_type_close(inline_type));
    return NULL;
}

static void ends(struct ending *ending) {
    pthread_t thread;
    released = 0;
    TRUE(pthread_create(&thread, NULL, makes, ending) == 0 && pthread_join(thread, NULL) == 0);
    const int at_exit = released;
    for (int i = 0; i < 50; ++i) OK(sb_callback_close(ending->callbacks[i], SB_AFTER_CLOSE_ZERO));
    TRUE(at_exit == (ending->close ? 50 : 0) && released == at_exit);
}

static void endings(sb_engine *eng) {
    struct ending ending = {.engine = eng};
    uint64_t before, after;
    OK(sb_leaked_handlers(&before));
    ends(&ending);
    OK(sb_leaked_handlers(&after));
    TRUE(after == before + 50);
    ending.close = 1;
    ends(&ending);
    ending.close = 0;
    OK(sb_heir_current(&ending.heir));
    ends(&ending);
    sb_mailbox *mailbox;
    OK(sb_mailbox_unbounded(&mailbox));
    OK(sb_mailbox_drain(mailbox, 0, NULL));
    TRUE(released == 50);
    OK(sb_mailbox_close(mailbox, NULL, NULL));
    OK(sb_leaked_handlers(&after));
    TRUE(after == before + 50);
    OK(sb_heir_close(ending.heir));
    EXPECT(SB_ERROR_CLOSED, sb_heir_inherit(ending.heir));
}

int main(void) {
    sb_engine *eng = engine();
    table();
    decoding();
    queueing(eng);
    endings(eng);
    OK(sb_engine_close(eng));
    return 0;
}

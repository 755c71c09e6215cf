/* Whatever is passed in the place of a handle gets an error code. */
#include "expect.h"

static int integer;
static size_t size;
static uint64_t word, slots[4];
static void *pointer;
static char buffer[8];
static sb_stats stats = {.size = sizeof stats};
static sb_callback_counts counts = {.size = sizeof counts};
static sb_slot slot;
static sb_entry entry;
static sb_engine *engine_out;
static sb_library *library_out;
static sb_signature *signature_out;
static sb_function *function_out;
static sb_callback_type *type_out;
static sb_callback *callback_out;
static sb_mailbox *mailbox_out;
static sb_v8_function *v8_function_out;
static sb_v8_description description = {.size = sizeof description};
static sb_v8_value value;

static void handle(void *context, uint64_t *s) {
    (void)context;
    (void)s;
}

static void wake(void *context) {
    (void)context;
}

static const sb_handler handler = {.call = handle, .context = NULL, .release = NULL};

/* Every function whose first parameter is a handle, with good other parameters where that matters. */
#define USES_ENGINE(code, h)                                                                                        \
    do {                                                                                                            \
        EXPECT(code, sb_engine_stats(h, &stats));                                                                   \
        EXPECT(code, sb_function_bind(h, library, "int abs(int)", &function_out));                                  \
        EXPECT(code, sb_function_bind_symbol(h, library, "abs", sig, &function_out));                               \
        EXPECT(code, sb_function_bind_address(h, (void *)(uintptr_t)abs, sig, &function_out));                      \
        EXPECT(code, sb_function_bind_all(h, library, texts, 1, &function_out, &size));                             \
        EXPECT(code, sb_function_with_last_error(h, function, NULL, &function_out));                                \
        EXPECT(code, sb_callback_type_new(h, sig, &type_out));                                                      \
        EXPECT(code, sb_engine_stub(h, sig, SB_ENTRY_SLOTS, &pointer));                                             \
        TRUE(function_out == NULL && type_out == NULL);                                                             \
    } while (0)
#define USES_LIBRARY(code, h)                                                                                       \
    do {                                                                                                            \
        EXPECT(code, sb_library_symbol(h, "abs", &pointer));                                                        \
        EXPECT(code, sb_function_bind(eng, h, "int abs(int)", &function_out));                                      \
        EXPECT(code, sb_function_bind_symbol(eng, h, "abs", sig, &function_out));                                   \
        EXPECT(code, sb_function_bind_all(eng, h, texts, 1, &function_out, &size));                                 \
    } while (0)
#define USES_DECLARATIONS(code, h) EXPECT(code, sb_signature_declared(h, "f", &signature_out))
#define USES_SIGNATURE(code, h)                                                                                     \
    do {                                                                                                            \
        EXPECT(code, sb_signature_text(h, buffer, sizeof buffer, &size));                                           \
        EXPECT(code, sb_signature_parameters(h, &size));                                                            \
        EXPECT(code, sb_signature_slot(h, 0, &slot));                                                               \
        EXPECT(code, sb_explain(h, SB_ENTRY_SLOTS, buffer, sizeof buffer, &size));                                  \
        EXPECT(code, sb_function_bind_symbol(eng, library, "abs", h, &function_out));                               \
        EXPECT(code, sb_callback_type_new(eng, h, &type_out));                                                      \
        EXPECT(code, sb_engine_stub(eng, h, SB_ENTRY_SLOTS, &pointer));                                             \
    } while (0)
#define USES_FUNCTION(code, h)                                                                                      \
    do {                                                                                                            \
        EXPECT(code, sb_function_slots(h, &size));                                                                  \
        EXPECT(code, sb_function_entry(h, &entry));                                                                 \
        EXPECT(code, sb_function_bound_code(h, &pointer));                                                          \
        EXPECT(code, sb_function_call(h, slots, &word));                                                            \
        EXPECT(code, sb_function_address(h, &pointer));                                                             \
        EXPECT(code, sb_function_path(h, &integer, buffer, sizeof buffer, &size));                                  \
        EXPECT(code, sb_function_with_last_error(eng, h, NULL, &function_out));                                     \
    } while (0)
#define USES_TYPE(code, h)                                                                                          \
    do {                                                                                                            \
        EXPECT(code, sb_callback_type_copy_text(h, 0, &type_out));                                                  \
        EXPECT(code, sb_callback_type_copy_counted(h, 0, 1, 1, &type_out));                                         \
        EXPECT(code, sb_callback_type_copy_fixed(h, 0, 1, &type_out));                                              \
        EXPECT(code, sb_callback_type_reject(h, &type_out));                                                        \
        EXPECT(code, sb_callback_type_post(h, mailbox, &type_out));                                                 \
        EXPECT(code, sb_callback_type_block(h, mailbox, SB_FOREVER, &type_out));                                    \
        EXPECT(code, sb_callback_type_block_timeout(h, mailbox, 1, 0, SB_FOREVER, &type_out));                      \
        EXPECT(code, sb_callback_type_counts(h, &counts));                                                          \
        EXPECT(code, sb_callback_type_path(h, &integer, buffer, sizeof buffer, &size));                             \
        EXPECT(code, sb_callback_new(h, &handler, &callback_out, &pointer));                                        \
    } while (0)
#define USES_CALLBACK(code, h) EXPECT(code, sb_callback_in_flight(h, &word))
#define USES_MAILBOX(code, h)                                                                                       \
    do {                                                                                                            \
        EXPECT(code, sb_mailbox_fd(h, &integer));                                                                   \
        EXPECT(code, sb_mailbox_set_waker(h, wake, NULL));                                                          \
        EXPECT(code, sb_mailbox_drain(h, 1, &size));                                                                \
        EXPECT(code, sb_mailbox_wait(h, 0, &integer));                                                              \
        EXPECT(code, sb_callback_type_post(type, h, &type_out));                                                    \
        EXPECT(code, sb_callback_type_block(type, h, SB_FOREVER, &type_out));                                       \
        EXPECT(code, sb_callback_type_block_timeout(type, h, 1, 0, SB_FOREVER, &type_out));                         \
    } while (0)

#define USES_V8_LIBRARY(code, h)                                                                                    \
    do {                                                                                                            \
        EXPECT(code, sb_v8_library_retire(h));                                                                      \
        EXPECT(code, sb_v8_function_bind(h, "int abs(int)", NULL, &v8_function_out));                               \
        EXPECT(code, sb_v8_function_bind_all(h, texts, NULL, 1, &v8_function_out, &size));                          \
    } while (0)
#define USES_V8_FUNCTION(code, h)                                                                                   \
    do {                                                                                                            \
        EXPECT(code, sb_v8_function_fast(h, &pointer, buffer, sizeof buffer, &size));                               \
        EXPECT(code, sb_v8_function_description(h, &description, NULL, 0));                                         \
        EXPECT(code, sb_v8_function_call(h, NULL, 0, &value, &integer));                                            \
    } while (0)

/* All of these, with what a test calls a handle of every kind; and the functions that close. */
#define EVERY(code, h)                                                                                              \
    do {                                                                                                            \
        void *const any = (void *)(uintptr_t)(h);                                                                   \
        USES_ENGINE(code, (sb_engine *)any);                                                                        \
        USES_LIBRARY(code, (sb_library *)any);                                                                      \
        USES_DECLARATIONS(code, (sb_declarations *)any);                                                            \
        USES_SIGNATURE(code, (sb_signature *)any);                                                                  \
        USES_FUNCTION(code, (sb_function *)any);                                                                    \
        USES_TYPE(code, (sb_callback_type *)any);                                                                   \
        USES_CALLBACK(code, (sb_callback *)any);                                                                    \
        USES_MAILBOX(code, (sb_mailbox *)any);                                                                      \
        USES_V8_LIBRARY(code, (sb_v8_library *)any);                                                                \
        USES_V8_FUNCTION(code, (sb_v8_function *)any);                                                              \
        EXPECT(code, sb_v8_library_close(any));                                                                     \
        EXPECT(code, sb_v8_function_close(any));                                                                    \
        EXPECT(code, sb_engine_close(any));                                                                         \
        EXPECT(code, sb_library_close(any));                                                                        \
        EXPECT(code, sb_declarations_close(any));                                                                   \
        EXPECT(code, sb_signature_close(any));                                                                      \
        EXPECT(code, sb_function_close(any));                                                                       \
        EXPECT(code, sb_callback_type_close(any));                                                                  \
        EXPECT(code, sb_callback_close(any, SB_AFTER_CLOSE_ZERO));                                                  \
        EXPECT(code, sb_mailbox_close(any, NULL, NULL));                                                            \
    } while (0)

int main(void) {
    const char *const texts[] = {"int abs(int)"};
    sb_engine *eng = engine();
    sb_signature *sig = signature("int abs(int)");
    sb_library *library;
    sb_declarations *declarations;
    sb_function *function;
    sb_callback *callback;
    sb_mailbox *mailbox;
    sb_callback_type *type = callback_type(eng, "void (const void *, int)");
    OK(sb_library_process(&library));
    OK(sb_declarations_parse("void f(int);", &declarations));
    OK(sb_function_bind(eng, library, texts[0], &function));
    OK(sb_callback_new(type, &handler, &callback, &pointer));
    OK(sb_mailbox_unbounded(&mailbox));

    EVERY(SB_ERROR_NULL, 0);
    EVERY(SB_ERROR_HANDLE, 1);
    EVERY(SB_ERROR_HANDLE, &integer);
    EVERY(SB_ERROR_HANDLE, UINTPTR_MAX);
    EVERY(SB_ERROR_HANDLE, (uintptr_t)eng ^ (uintptr_t)1 << 50);

    /* Each kind in the place of the others. */
    USES_ENGINE(SB_ERROR_KIND, (sb_engine *)(void *)library);
    SAYS("a handle of a library is given for an engine");
    USES_LIBRARY(SB_ERROR_KIND, (sb_library *)(void *)declarations);
    USES_DECLARATIONS(SB_ERROR_KIND, (sb_declarations *)(void *)sig);
    USES_SIGNATURE(SB_ERROR_KIND, (sb_signature *)(void *)function);
    USES_FUNCTION(SB_ERROR_KIND, (sb_function *)(void *)type);
    USES_TYPE(SB_ERROR_KIND, (sb_callback_type *)(void *)callback);
    USES_V8_LIBRARY(SB_ERROR_KIND, (sb_v8_library *)(void *)library);
    USES_V8_FUNCTION(SB_ERROR_KIND, (sb_v8_function *)(void *)function);
    USES_CALLBACK(SB_ERROR_KIND, (sb_callback *)(void *)mailbox);
    USES_MAILBOX(SB_ERROR_KIND, (sb_mailbox *)(void *)eng);
    EXPECT(SB_ERROR_KIND, sb_engine_close((sb_engine *)(void *)mailbox));
    EXPECT(SB_ERROR_KIND, sb_mailbox_close((sb_mailbox *)(void *)eng, NULL, NULL));

    /* Null where a result is to go, or a text is. */
    EXPECT(SB_ERROR_NULL, sb_engine_new(NULL, NULL));
    EXPECT(SB_ERROR_NULL, sb_engine_stats(eng, NULL));
    EXPECT(SB_ERROR_NULL, sb_library_open(NULL, 0, &library_out));
    EXPECT(SB_ERROR_NULL, sb_library_open(LIBM, 0, NULL));
    EXPECT(SB_ERROR_NULL, sb_library_process(NULL));
    EXPECT(SB_ERROR_NULL, sb_library_symbol(library, NULL, &pointer));
    EXPECT(SB_ERROR_NULL, sb_library_symbol(library, "abs", NULL));
    EXPECT(SB_ERROR_NULL, sb_declarations_parse(NULL, &declarations));
    OK(sb_declarations_parse("void f(int);", &declarations));
    EXPECT(SB_ERROR_NULL, sb_signature_parse(NULL, NULL, &signature_out));
    EXPECT(SB_ERROR_NULL, sb_signature_parse("int f(int)", NULL, NULL));
    EXPECT(SB_ERROR_NULL, sb_signature_text(sig, NULL, 5, NULL));
    EXPECT(SB_ERROR_NULL, sb_signature_slot(sig, 0, NULL));
    EXPECT(SB_ERROR_NULL, sb_function_bind(eng, library, NULL, &function_out));
    EXPECT(SB_ERROR_NULL, sb_function_bind_address(eng, NULL, sig, &function_out));
    EXPECT(SB_ERROR_NULL, sb_function_bind_all(eng, library, NULL, 1, &function_out, &size));
    EXPECT(SB_ERROR_NULL, sb_function_bind_all(eng, library, texts, 1, NULL, &size));
    EXPECT(SB_ERROR_NULL, sb_function_entry(function, NULL));
    EXPECT(SB_ERROR_NULL, sb_function_call(function, NULL, &word));
    EXPECT(SB_ERROR_NULL, sb_function_call(function, slots, NULL));
    EXPECT(SB_ERROR_NULL, sb_mailbox_unbounded(NULL));
    EXPECT(SB_ERROR_NULL, sb_mailbox_set_waker(mailbox, NULL, NULL));
    EXPECT(SB_ERROR_NULL, sb_callback_new(type, NULL, &callback_out, &pointer));
    EXPECT(SB_ERROR_NULL, sb_callback_new(type, &handler, &callback_out, NULL));
    EXPECT(SB_ERROR_NULL, sb_callback_new(type, &handler, NULL, &pointer));
    EXPECT(SB_ERROR_NULL, sb_raise(NULL));
    EXPECT(SB_ERROR_NULL, sb_set_reporter(NULL, NULL));
    SAYS("tell");

    /* Numbers out of range. */
    sb_engine_options options = {.size = sizeof options, .jit = 9};
    EXPECT(SB_ERROR_ARGUMENT, sb_engine_new(&options, &engine_out));
    SAYS("options->jit cannot be 9");
    options = (sb_engine_options){.size = 3};
    EXPECT(SB_ERROR_ARGUMENT, sb_engine_new(&options, &engine_out));
    stats.size = 0;
    EXPECT(SB_ERROR_ARGUMENT, sb_engine_stats(eng, &stats));
    EXPECT(SB_ERROR_ARGUMENT, sb_library_open(LIBM, 1 << 20, &library_out));
    EXPECT(SB_ERROR_ARGUMENT, sb_explain(sig, 77, buffer, sizeof buffer, NULL));
    EXPECT(SB_ERROR_ARGUMENT, sb_signature_slot(sig, 2, &slot));
    EXPECT(SB_ERROR_ARGUMENT, sb_mailbox_bounded(1, 3, &mailbox_out));
    EXPECT(SB_ERROR_ARGUMENT, sb_mailbox_wait(mailbox, -2, NULL));
    EXPECT(SB_ERROR_ARGUMENT, sb_callback_type_block(type, mailbox, -2, &type_out));
    EXPECT(SB_ERROR_ARGUMENT, sb_callback_type_copy_text(type, 2, &type_out));
    EXPECT(SB_ERROR_ARGUMENT, sb_callback_type_copy_text(type, 1, &type_out));
    EXPECT(SB_ERROR_ARGUMENT, sb_callback_close(callback, 5));
    EXPECT(SB_ERROR_ARGUMENT, sb_native_leave());

    /* Closed, and closed twice. */
    OK(sb_engine_close(eng));
    EXPECT(SB_ERROR_CLOSED, sb_engine_close(eng));
    SAYS("the handle of an engine has been closed");
    USES_ENGINE(SB_ERROR_CLOSED, eng);
    eng = engine();
    OK(sb_signature_close(sig));
    EXPECT(SB_ERROR_CLOSED, sb_signature_close(sig));
    USES_SIGNATURE(SB_ERROR_CLOSED, sig);
    OK(sb_library_close(library));
    EXPECT(SB_ERROR_CLOSED, sb_library_close(library));
    sig = signature("int abs(int)");
    USES_LIBRARY(SB_ERROR_CLOSED, library);
    OK(sb_declarations_close(declarations));
    EXPECT(SB_ERROR_CLOSED, sb_declarations_close(declarations));
    USES_DECLARATIONS(SB_ERROR_CLOSED, declarations);

    /* A function does without its library's handle and its engine. */
    slots[0] = sb_slot_of_int(-7);
    OK(sb_function_call(function, slots, &word));
    TRUE(word == 7);
    OK(sb_function_close(function));
    EXPECT(SB_ERROR_CLOSED, sb_function_close(function));
    USES_FUNCTION(SB_ERROR_CLOSED, function);

    OK(sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
    EXPECT(SB_ERROR_CLOSED, sb_callback_close(callback, SB_AFTER_CLOSE_ZERO));
    USES_CALLBACK(SB_ERROR_CLOSED, callback);
    /* A closed kind is still known as that kind. */
    EXPECT(SB_ERROR_KIND, sb_mailbox_close((sb_mailbox *)(void *)callback, NULL, NULL));
    OK(sb_mailbox_close(mailbox, NULL, NULL));
    EXPECT(SB_ERROR_CLOSED, sb_mailbox_close(mailbox, NULL, NULL));
    USES_MAILBOX(SB_ERROR_CLOSED, mailbox);
    OK(sb_mailbox_unbounded(&mailbox));
    OK(sb_callback_type_close(type));
    EXPECT(SB_ERROR_CLOSED, sb_callback_type_close(type));
    USES_TYPE(SB_ERROR_CLOSED, type);
    return 0;
}

/* Code for V8, called as V8 calls it, and the slow calls beside it. */
#include "expect.h"

static void *seen_context, *seen_options;
static int64_t seen_value;
static int refusals;

static void closed(void *context, void *options) {
    seen_context = context;
    seen_options = options;
    ++refusals;
}

static void range(void *context, uint64_t parameter, int64_t value, void *options) {
    seen_value = value + 1000 * (int64_t)parameter;
    closed(context, options);
}

/* Values are addresses; null is no buffer. */
static size_t buffer(const void *value, void *options, uint32_t parameter) {
    (void)parameter;
    seen_options = options;
    return value == NULL ? SIZE_MAX : (size_t)(uintptr_t)value;
}

static sb_v8_value number(double value) {
    return (sb_v8_value){.form = SB_V8_NUMBER, .number = value};
}

int main(void) {
    sb_engine *eng = engine();
    sb_library *native;
    sb_v8_library *library;
    sb_v8_function *function;
    void *code;
    char text[200];
    uint8_t kinds[4] = {99, 99, 99, 99};
    int context, options, thrown = -1;
    sb_v8_value result;
    sb_v8_description description = {.size = sizeof description};
    const sb_v8_host host = {.size = sizeof host, .closed = closed, .range = range, .buffer = buffer};
    const sb_v8_host none = {.size = sizeof none, .closed = NULL, .range = NULL, .buffer = NULL};

    OK(sb_library_process(&native));
    EXPECT(SB_ERROR_NULL, sb_v8_library_new(eng, native, NULL, &library));
    OK(sb_v8_library_new(eng, native, &none, &library));
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_function_bind(library, "int abs(int)", NULL, &function));
    SAYS("no closed helper");
    OK(sb_v8_library_close(library));
    OK(sb_v8_library_new(eng, native, &host, &library));

    sb_v8_settings settings = {.size = sizeof settings, .context = &context};
    settings.guard = 7;
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_function_bind(library, "int abs(int)", &settings, &function));
    settings.guard = SB_V8_GUARD_CLOSED;
    EXPECT(SB_ERROR_SYMBOL, sb_v8_function_bind(library, "int no_such_function(int)", &settings, &function));
    OK(sb_v8_function_bind(library, "int abs(int)", &settings, &function));
    OK(sb_v8_function_fast(function, &code, text, sizeof text, NULL));
    TRUE(code != NULL && *text == 0);
    /* The receiver comes first. */
    int (*absolute)(void *, int) = (int (*)(void *, int))(uintptr_t)code;
    TRUE(absolute(NULL, -7) == 7);
    OK(sb_v8_function_description(function, &description, kinds, 4));
    TRUE(description.result == SB_V8_I32 && description.arguments == 1 && description.options == 0);
    TRUE(kinds[0] == SB_V8_I32 && kinds[1] == 99);
    OK(sb_v8_function_description(function, &description, NULL, 0));

    /* The same by the slow call, and what it throws. */
    sb_v8_value value = number(-7.9);
    OK(sb_v8_function_call(function, &value, 1, &result, &thrown));
    TRUE(result.form == SB_V8_NUMBER && result.number == 7 && thrown == -1);
    value.form = SB_V8_NULL;
    EXPECT(SB_ERROR_THROWN, sb_v8_function_call(function, &value, 1, &result, &thrown));
    TRUE(thrown == SB_V8_TYPE_ERROR);
    EXPECT(SB_ERROR_THROWN, sb_v8_function_call(function, NULL, 0, &result, NULL));
    value.form = 55;
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_function_call(function, &value, 1, &result, NULL));
    EXPECT(SB_ERROR_NULL, sb_v8_function_call(function, NULL, 1, &result, NULL));

    /* A buffer: the host unwraps it, and V8's options follow. */
    const uint16_t buffers[] = {0};
    settings.buffers = buffers;
    settings.buffer_count = 1;
    sb_v8_function *length;
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_function_bind(library, "int abs(int)", &settings, &length));
    OK(sb_v8_function_bind(library, "size_t strlen(const char *)", &settings, &length));
    OK(sb_v8_function_fast(length, &code, NULL, 0, NULL));
    TRUE(code != NULL);
    size_t (*measure)(void *, const char *, void *) = (size_t(*)(void *, const char *, void *))(uintptr_t)code;
    TRUE(measure(NULL, "seven77", &options) == 7 && seen_options == &options);
    TRUE(measure(NULL, NULL, &options) == 0);
    OK(sb_v8_function_description(length, &description, kinds, 1));
    TRUE(kinds[0] == SB_V8_VALUE && description.options == 1 && description.result == SB_V8_U64);
    TRUE(description.int64 == SB_V8_INT64_BIGINT);
    char bytes[] = "four";
    value = (sb_v8_value){.form = SB_V8_BYTES, .bytes = bytes, .length = sizeof bytes};
    OK(sb_v8_function_call(length, &value, 1, &result, NULL));
    TRUE(result.form == SB_V8_BIGINT && result.low == 4 && result.high == 0);

    /* An integer out of range. */
    settings.buffer_count = 0;
    sb_v8_function *upper;
    OK(sb_v8_function_bind(library, "int16_t abs(int16_t)", &settings, &upper));
    OK(sb_v8_function_fast(upper, &code, NULL, 0, NULL));
    TRUE(((int (*)(void *, int))(uintptr_t)code)(NULL, 40000) == 0);
    TRUE(seen_value == 40000 && seen_context == &context && refusals == 1);
    /* What the helper throws is what the slow call does, with what was given: V8 passes -1 and 4294967295 alike. */
    sb_v8_function *small;
    OK(sb_v8_function_bind(library, "uint8_t abs(uint8_t)", &settings, &small));
    OK(sb_v8_function_fast(small, &code, NULL, 0, NULL));
    ((int (*)(void *, unsigned))(uintptr_t)code)(NULL, 4294967295u);
    value = number((double)seen_value);
    EXPECT(SB_ERROR_THROWN, sb_v8_helper_error(SB_V8_HELPER_RANGE, 0, &value, &thrown));
    SAYS("argument 1 is -1 or 4294967295, which does not fit");
    TRUE(thrown == SB_V8_RANGE_ERROR && strcmp(sb_v8_thrown_code(), "ERR_INVALID_ARG_VALUE") == 0);
    value = number(-1);
    thrown = -1;
    EXPECT(SB_ERROR_THROWN, sb_v8_function_call(small, &value, 1, &result, &thrown));
    SAYS("argument 1 is -1 or 4294967295, which does not fit");
    TRUE(thrown == SB_V8_RANGE_ERROR && strcmp(sb_v8_thrown_code(), "ERR_INVALID_ARG_VALUE") == 0);
    value = number(0.5);
    EXPECT(SB_ERROR_THROWN, sb_v8_helper_error(SB_V8_HELPER_EXACT, 1, &value, &thrown));
    SAYS("argument 2 is 0.5, which does not fit");
    EXPECT(SB_ERROR_THROWN, sb_v8_helper_error(SB_V8_HELPER_BUFFER, 2, &value, &thrown));
    SAYS("argument 3 must be a buffer, not 0.5");
    TRUE(thrown == SB_V8_TYPE_ERROR && strcmp(sb_v8_thrown_code(), "ERR_INVALID_ARG_VALUE") == 0);
    EXPECT(SB_ERROR_THROWN, sb_v8_helper_error(SB_V8_HELPER_CLOSED, 0, NULL, NULL));
    TRUE(strcmp(sb_v8_thrown_code(), "ERR_FFI_LIBRARY_CLOSED") == 0);
    EXPECT(SB_ERROR_NULL, sb_v8_helper_error(SB_V8_HELPER_BUFFER, 0, NULL, NULL));
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_helper_error(9, 0, &value, NULL));
    value.form = SB_V8_NULL;
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_helper_error(SB_V8_HELPER_RANGE, 0, &value, NULL));
    OK(sb_v8_function_close(small));
    OK(sb_v8_function_close(upper));

    /* Many at once, each with settings of its own. */
    const char *const three[] = {"int abs(int)", "size_t strlen(const char *)", "int none(void)"};
    settings.buffer_count = 1;
    const sb_v8_settings *const each[] = {NULL, &settings, NULL};
    sb_v8_function *bound_all[3];
    size_t failed;
    EXPECT(SB_ERROR_SYMBOL, sb_v8_function_bind_all(library, three, each, 3, bound_all, &failed));
    TRUE(failed == 2 && bound_all[0] != NULL && bound_all[1] != NULL && bound_all[2] == NULL);
    OK(sb_v8_function_fast(bound_all[0], &code, NULL, 0, NULL));
    TRUE(((int (*)(void *, int))(uintptr_t)code)(NULL, -5) == 5);
    OK(sb_v8_function_fast(bound_all[1], &code, NULL, 0, NULL));
    measure = (size_t(*)(void *, const char *, void *))(uintptr_t)code;
    TRUE(measure(NULL, "seven77", &options) == 7);
    OK(sb_v8_function_close(bound_all[0]));
    OK(sb_v8_function_close(bound_all[1]));
    OK(sb_v8_function_bind_all(library, three, NULL, 1, bound_all, &failed));
    TRUE(failed == 1);
    OK(sb_v8_function_close(bound_all[0]));
    EXPECT(SB_ERROR_NULL, sb_v8_function_bind_all(library, three, each, 3, NULL, &failed));
    settings.buffer_count = 0;

    /* What Node has no fast call for says so. */
    settings.profile = SB_V8_PROFILE_NODE;
    sb_v8_function *many;
    const int bound = sb_v8_function_bind(
        library, "int sprintf(char *, char *, char *, char *, char *, char *, char *, char *, char *)", &settings, &many);
    if (bound == SB_OK) {
        OK(sb_v8_function_fast(many, &code, text, sizeof text, NULL));
        TRUE(code == NULL && *text != 0);
        OK(sb_v8_function_close(many));
    } else {
        EXPECT(SB_ERROR_NO_PATH, bound);
    }

    /* Retired: nobody gets in. */
    OK(sb_v8_library_retire(library));
    OK(sb_v8_library_retire(library));
    TRUE(absolute(NULL, -7) == 0 && refusals == 3);
    value = number(-7);
    EXPECT(SB_ERROR_THROWN, sb_v8_function_call(function, &value, 1, &result, &thrown));
    TRUE(thrown == SB_V8_ERROR);
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_function_bind(library, "int abs(int)", NULL, &upper));
    OK(sb_v8_library_close(library));
    EXPECT(SB_ERROR_CLOSED, sb_v8_library_close(library));
    OK(sb_v8_function_close(function));
    EXPECT(SB_ERROR_CLOSED, sb_v8_function_fast(function, &code, NULL, 0, NULL));
    OK(sb_v8_function_close(length));
    OK(sb_library_close(native));
    OK(sb_engine_close(eng));
    return 0;
}

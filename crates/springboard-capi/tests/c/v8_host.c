/* What a host in C has of its own for V8, and the conversions of node:ffi; all of it without a V8. */
#define SB_V8_TRACKING
#include "expect.h"

static int context;
static char seen[200];

static double half_fast(void *receiver, double value) {
    (void)receiver;
    SB_V8_TRACK("maths.half.fast");
    return value / 2;
}

static uint32_t length_fast(void *receiver, void *value, uint32_t factor, void *options) {
    (void)receiver;
    return value == options ? factor : 0;
}

static int half_slow(void *given, const sb_v8_call *call, sb_v8_value *result, sb_v8_thrown *thrown) {
    static char text[] = "a text";
    TRUE(given == &context);
    if (call->count == 1 && call->arguments[0].form == SB_V8_NUMBER) {
        result->form = SB_V8_NUMBER;
        result->number = call->arguments[0].number / 2;
        return 0;
    }
    if (call->count == 1 && call->arguments[0].form == SB_V8_TEXT) {
        TRUE(memcmp(call->arguments[0].bytes, "tex", 3) == 0 && call->arguments[0].length == 3);
        *result = (sb_v8_value){.form = SB_V8_TEXT, .bytes = text, .length = 6};
        return 0;
    }
    if (call->count == 2 && call->values != NULL && call->values[1] == call->receiver) {
        result->form = SB_V8_BIGINT;
        result->low = 5;
        return 0;
    }
    thrown->kind = SB_V8_RANGE_ERROR;
    thrown->code = call->count == 0 ? NULL : "ERR_OUT_OF_RANGE";
    thrown->message = "half takes a number";
    return 1;
}

static const void *type_info(void *given, const sb_v8_description *description, const uint8_t *kinds) {
    TRUE(given == &context && description->size == sizeof *description);
    TRUE(description->arguments == 0 || kinds[0] != SB_V8_VOID);
    return &context;
}

static void fail(void *given, void *options, int kind, const char *code, const char *message) {
    TRUE(given == &context && options == &context);
    snprintf(seen, sizeof seen, "%d %s %s", kind, code == NULL ? "-" : code, message);
}

/* Values are texts, or null. */
static void value(const void *handle, void *options, sb_v8_reading *reading) {
    TRUE(options == &context);
    const sb_v8_value null = {.form = SB_V8_NULL};
    if (handle == NULL) {
        OK(sb_v8_reading_set(reading, &null));
        return;
    }
    const size_t length = strlen(handle);
    char *room = sb_v8_reading_text(reading, length);
    TRUE(room != NULL);
    memcpy(room, handle, length);
}

static void registries(sb_v8_function *native) {
    sb_v8_registry *registry;
    const uint8_t kinds[] = {SB_V8_F64}, two[] = {SB_V8_VALUE, SB_V8_U32}, wrong[] = {SB_V8_VOID}, none[] = {77};
    sb_v8_variant variants[] = {
        {.code = (const void *)(uintptr_t)half_fast, .arguments = kinds, .count = 1, .result = SB_V8_F64},
        {.code = (const void *)(uintptr_t)length_fast, .arguments = two, .count = 2, .result = SB_V8_U32, .options = 1}};
    const char *const outcomes[] = {"fast", "slow"}, *const same[] = {"fast", "fast"};
    sb_v8_twin twin = {.size = sizeof twin, .name = "maths.half", .slow = half_slow, .context = &context};
    twin.variants = variants;
    twin.variant_count = 2;
    twin.outcomes = outcomes;
    twin.outcome_count = 2;
    twin.effects = SB_V8_EFFECTS_NONE;
    const void *data, *other, *again;

    EXPECT(SB_ERROR_NULL, sb_v8_registry_new(NULL));
    OK(sb_v8_registry_new(&registry));
    /* Mistakes, each alone. */
    EXPECT(SB_ERROR_NULL, sb_v8_registry_add(registry, NULL, &data));
    EXPECT(SB_ERROR_NULL, sb_v8_registry_add(registry, &twin, NULL));
    sb_v8_twin bad = twin;
    bad.slow = NULL;
    EXPECT(SB_ERROR_NULL, sb_v8_registry_add(registry, &bad, &data));
    bad = twin;
    bad.name = "half";
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_registry_add(registry, &bad, &data));
    SAYS("no namespace.function");
    bad = twin;
    bad.context = NULL;
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_registry_add(registry, &bad, &data));
    SAYS("has no context");
    bad = twin;
    bad.outcomes = same;
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_registry_add(registry, &bad, &data));
    bad = twin;
    bad.effects = 5;
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_registry_add(registry, &bad, &data));
    bad = twin;
    bad.variants = NULL;
    EXPECT(SB_ERROR_NULL, sb_v8_registry_add(registry, &bad, &data));
    variants[1].count = 1;
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_registry_add(registry, &twin, &data));
    SAYS("two variants of 1 arguments");
    variants[1].count = 2;
    variants[0].arguments = wrong;
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_registry_add(registry, &twin, &data));
    variants[0].arguments = none;
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_registry_add(registry, &twin, &data));
    variants[0].arguments = NULL;
    EXPECT(SB_ERROR_NULL, sb_v8_registry_add(registry, &twin, &data));
    variants[0].arguments = kinds;
    variants[0].result = SB_V8_VALUE;
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_registry_add(registry, &twin, &data));
    variants[0].result = SB_V8_F64;
    variants[0].code = NULL;
    EXPECT(SB_ERROR_NULL, sb_v8_registry_add(registry, &twin, &data));
    variants[0].code = (const void *)(uintptr_t)half_fast;
    TRUE(data == NULL);

    OK(sb_v8_registry_add(registry, &twin, &data));
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_registry_add(registry, &twin, &again));
    SAYS("registered already");
    EXPECT(SB_ERROR_KIND, sb_v8_registry_add_function(registry, (sb_v8_function *)registry, &other));
    OK(sb_v8_registry_add_function(registry, native, &other));

    /* What V8 is told. */
    size_t count;
    int effects = -1;
    OK(sb_v8_data_variants(data, &count, &effects));
    TRUE(count == 2 && effects == SB_V8_EFFECTS_NONE);
    OK(sb_v8_data_variants(other, &count, &effects));
    TRUE(count == 1 && effects == SB_V8_EFFECTS_POSSIBLE);
    EXPECT(SB_ERROR_NULL, sb_v8_data_variants(NULL, &count, NULL));
    sb_v8_description description = {.size = sizeof description};
    const void *code;
    uint8_t told[2] = {99, 99};
    OK(sb_v8_data_fast(data, 1, &code, &description, told, 2));
    TRUE(code == (const void *)(uintptr_t)length_fast && description.arguments == 2 && description.options == 1);
    TRUE(told[0] == SB_V8_VALUE && told[1] == SB_V8_U32 && description.result == SB_V8_U32);
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_data_fast(data, 2, &code, &description, told, 2));
    void *found;
    OK(sb_v8_data_context(data, &found));
    TRUE(found == &context);
    OK(sb_v8_data_context(other, &found));
    TRUE(found == NULL);

    /* Snapshots: two functions, of two codes and of one. */
    const void *references[8];
    OK(sb_v8_registry_references(registry, type_info, &context, references, 8, &count));
    TRUE(count == 5 + 3 && references[0] == data && references[2] == &context && references[5] == other);
    OK(sb_v8_registry_references(registry, type_info, &context, NULL, 0, &count));
    EXPECT(SB_ERROR_NULL, sb_v8_registry_references(registry, NULL, NULL, NULL, 0, &count));

    /* Calls with any values. */
    sb_v8_value values[2] = {{.form = SB_V8_NUMBER, .number = 5}, {.form = SB_V8_OTHER}}, result;
    const void *const handles[] = {NULL, &result};
    sb_v8_call call = {.receiver = &result, .arguments = values, .count = 1};
    int thrown = -1;
    OK(sb_v8_data_call(data, &call, &result, &thrown));
    TRUE(result.form == SB_V8_NUMBER && result.number == 2.5 && thrown == -1);
    values[0] = (sb_v8_value){.form = SB_V8_TEXT, .bytes = "text", .length = 3};
    OK(sb_v8_data_call(data, &call, &result, &thrown));
    TRUE(result.form == SB_V8_TEXT && result.length == 6 && memcmp(result.bytes, "a text", 6) == 0);
    call.count = 2;
    call.values = handles;
    OK(sb_v8_data_call(data, &call, &result, &thrown));
    TRUE(result.form == SB_V8_BIGINT && result.low == 5);
    call.values = NULL;
    EXPECT(SB_ERROR_THROWN, sb_v8_data_call(data, &call, &result, &thrown));
    SAYS("half takes a number");
    TRUE(thrown == SB_V8_RANGE_ERROR && strcmp(sb_v8_thrown_code(), "ERR_OUT_OF_RANGE") == 0);
    call.count = 0;
    EXPECT(SB_ERROR_THROWN, sb_v8_data_call(data, &call, &result, NULL));
    TRUE(sb_v8_thrown_code() == NULL);
    EXPECT(SB_ERROR_NULL, sb_v8_data_call(data, NULL, &result, NULL));
    call.count = 1;
    values[0] = (sb_v8_value){.form = SB_V8_NUMBER, .number = -5};
    OK(sb_v8_data_call(other, &call, &result, &thrown));
    TRUE(result.form == SB_V8_NUMBER && result.number == 5);
    values[0].form = SB_V8_NULL;
    EXPECT(SB_ERROR_THROWN, sb_v8_data_call(other, &call, &result, &thrown));
    TRUE(thrown == SB_V8_TYPE_ERROR && strcmp(sb_v8_thrown_code(), "ERR_INVALID_ARG_VALUE") == 0);

    /* Out, and the name is free. */
    OK(sb_v8_registry_remove(registry, data));
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_registry_remove(registry, data));
    OK(sb_v8_registry_add(registry, &twin, &data));
    OK(sb_v8_registry_close(registry));
    EXPECT(SB_ERROR_CLOSED, sb_v8_registry_close(registry));
}

static void tracking(void) {
    uint64_t before, after;
    OK(sb_v8_tracked("maths.half.fast", &before));
    for (int i = 0; i < 3; ++i) half_fast(NULL, 1);
    OK(sb_v8_tracked("maths.half.fast", &after));
    TRUE(after == before + 3);
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_track("maths.half.fast", "elsewhere.c", 7));
    SAYS("stands in two places");
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_track("half", __FILE__, __LINE__));
    EXPECT(SB_ERROR_NULL, sb_v8_track(NULL, __FILE__, __LINE__));
    OK(sb_v8_tracked("maths.half.never", &after));
    TRUE(after == 0);
}

static void node(sb_engine *eng, sb_library *native) {
    sb_v8_node_type type = {.size = sizeof type};
    size_t count = 0;
    while (sb_v8_node_type_at(count, &type) == SB_OK) {
        sb_v8_node_type named = {.size = sizeof named};
        OK(sb_v8_node_type_named(type.name, &named));
        TRUE(named.name == type.name && named.c == type.c && named.is_buffer == type.is_buffer);
        for (size_t alias = 0; type.aliases[alias] != NULL; ++alias) {
            OK(sb_v8_node_type_named(type.aliases[alias], &named));
            TRUE(named.name == type.name);
        }
        ++count;
    }
    TRUE(count == 17);
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_node_type_named("I32", &type));
    OK(sb_v8_node_type_named("double", &type));
    TRUE(strcmp(type.name, "float64") == 0 && strcmp(type.c, "double") == 0);

    const sb_v8_host none = {.size = sizeof none, .closed = NULL, .range = NULL, .buffer = NULL};
    const sb_v8_host host = {.size = sizeof host, .fail = fail, .value = value};
    sb_v8_library *library;
    sb_v8_function *function, *back;
    const char *const texts[] = {"string"}, *const wrong[] = {"i33"}, *const sorted[] = {"pointer", "u64", "u64", "function"};
    sb_v8_node_declaration declaration = {.name = "strlen", .arguments = texts, .count = 1, .result = "u64"};
    sb_v8_node_settings settings = {.size = sizeof settings, .context = &context};
    OK(sb_v8_library_new(eng, native, &none, &library));
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_node_function_bind(library, &declaration, &settings, &function));
    SAYS("no throw helper");
    OK(sb_v8_library_close(library));
    OK(sb_v8_library_new(eng, native, &host, &library));
    EXPECT(SB_ERROR_NULL, sb_v8_node_function_bind(library, NULL, &settings, &function));
    declaration.arguments = wrong;
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_node_function_bind(library, &declaration, &settings, &function));
    SAYS("unknown type i33");
    declaration.arguments = texts;
    settings.wide = 9;
    EXPECT(SB_ERROR_ARGUMENT, sb_v8_node_function_bind(library, &declaration, &settings, &function));
    settings.wide = SB_V8_WIDE_BIGINT;
    OK(sb_v8_node_function_bind(library, &declaration, &settings, &function));
    void *code;
    OK(sb_v8_function_fast(function, &code, NULL, 0, NULL));
    uint64_t (*length)(void *, const void *, void *) =
        (uint64_t(*)(void *, const void *, void *))(uintptr_t)code;
    TRUE(length(NULL, "seven77", &context) == 7 && *seen == 0);

    /* By its address, with a value that is refused. */
    const char *const numbers[] = {"u8"};
    declaration = (sb_v8_node_declaration){.arguments = numbers, .count = 1, .result = "i32"};
    OK(sb_library_symbol(native, "toupper", &declaration.address));
    OK(sb_v8_node_function_bind(library, &declaration, &settings, &back));
    OK(sb_v8_function_fast(back, &code, NULL, 0, NULL));
    int (*upper)(void *, double, void *) = (int (*)(void *, double, void *))(uintptr_t)code;
    TRUE(upper(NULL, 'a', &context) == 'A' && *seen == 0);
    TRUE(upper(NULL, -1, &context) == 0);
    TRUE(strcmp(seen, "1 ERR_INVALID_ARG_VALUE Argument 0 must be a uint8, not -1") == 0);
    OK(sb_v8_function_close(back));

    /* One that calls back has no code. */
    declaration = (sb_v8_node_declaration){.name = "qsort", .arguments = sorted, .count = 4, .result = "void"};
    OK(sb_v8_node_function_bind(library, &declaration, &settings, &back));
    char text[100];
    OK(sb_v8_function_fast(back, &code, text, sizeof text, NULL));
    TRUE(code == NULL && strstr(text, "call JavaScript back") != NULL);
    OK(sb_v8_function_close(back));
    OK(sb_v8_function_close(function));
    OK(sb_v8_library_close(library));

    EXPECT(SB_ERROR_NULL, sb_v8_reading_set(NULL, NULL));
    TRUE(sb_v8_reading_text(NULL, 5) == NULL);
}

static void closed(void *given, void *options) {
    (void)given;
    (void)options;
}

static void range(void *given, uint64_t parameter, int64_t number, void *options) {
    (void)parameter;
    (void)number;
    closed(given, options);
}

int main(void) {
    sb_engine *eng = engine();
    sb_library *native;
    sb_v8_library *library;
    sb_v8_function *absolute;
    void *address, *code;
    const sb_v8_host host = {.size = sizeof host, .closed = closed, .range = range};
    sb_v8_settings settings = {.size = sizeof settings};
    OK(sb_library_process(&native));
    OK(sb_v8_library_new(eng, native, &host, &library));
    OK(sb_library_symbol(native, "abs", &address));
    EXPECT(SB_ERROR_NULL, sb_v8_function_bind_address(library, NULL, "int (*)(int)", NULL, &absolute));
    settings.callbacks = SB_V8_CALLBACKS_POSSIBLE;
    OK(sb_v8_function_bind_address(library, address, "int (*)(int)", &settings, &absolute));
    OK(sb_v8_function_fast(absolute, &code, NULL, 0, NULL));
    TRUE(code == NULL);
    OK(sb_v8_function_close(absolute));
    settings.callbacks = SB_V8_CALLBACKS_NEVER;
    OK(sb_v8_function_bind_address(library, address, "int (*)(int)", &settings, &absolute));
    OK(sb_v8_function_fast(absolute, &code, NULL, 0, NULL));
    TRUE(((int (*)(void *, int))(uintptr_t)code)(NULL, -7) == 7);
    registries(absolute);
    tracking();
    node(eng, native);
    OK(sb_v8_function_close(absolute));
    OK(sb_v8_library_close(library));
    OK(sb_library_close(native));
    OK(sb_engine_close(eng));
    return 0;
}

/* A copy of the library that the program loaded itself. */
#ifndef LOADED_H
#define LOADED_H

#include <dlfcn.h>
#include <springboard.h>
#include <stdio.h>
#include <stdlib.h>

struct copy {
    void *loaded;
    int (*engine_new)(const sb_engine_options *, sb_engine **);
    int (*engine_close)(sb_engine *);
    int (*signature_parse)(const char *, const sb_declarations *, sb_signature **);
    int (*callback_type_new)(const sb_engine *, const sb_signature *, sb_callback_type **);
    int (*callback_new)(const sb_callback_type *, const sb_handler *, sb_callback **, void **);
    int (*callback_close)(sb_callback *, int);
    int (*function_bind_address)(const sb_engine *, void *, const sb_signature *, sb_function **);
    int (*function_call)(const sb_function *, const uint64_t *, uint64_t *);
    int (*raise)(const char *);
    int (*take_pending)(void);
    const char *(*error_message)(void);
};

#define LOADED_TRUE(condition)                                                                                      \
    do {                                                                                                            \
        if (!(condition)) {                                                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                  \
            exit(1);                                                                                                \
        }                                                                                                           \
    } while (0)

/* The conversion of an object pointer to a function pointer, as POSIX has it. */
#define LOADED_FIND(copy, member, name)                                                                             \
    do {                                                                                                            \
        *(void **)&(copy).member = dlsym((copy).loaded, name);                                                      \
        LOADED_TRUE((copy).member != NULL);                                                                         \
    } while (0)

static inline struct copy load(const char *path, int flags) {
    struct copy copy;
    copy.loaded = dlopen(path, RTLD_NOW | flags);
    if (copy.loaded == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    LOADED_FIND(copy, engine_new, "sb_engine_new");
    LOADED_FIND(copy, engine_close, "sb_engine_close");
    LOADED_FIND(copy, signature_parse, "sb_signature_parse");
    LOADED_FIND(copy, callback_type_new, "sb_callback_type_new");
    LOADED_FIND(copy, callback_new, "sb_callback_new");
    LOADED_FIND(copy, callback_close, "sb_callback_close");
    LOADED_FIND(copy, function_bind_address, "sb_function_bind_address");
    LOADED_FIND(copy, function_call, "sb_function_call");
    LOADED_FIND(copy, raise, "sb_raise");
    LOADED_FIND(copy, take_pending, "sb_take_pending");
    LOADED_FIND(copy, error_message, "sb_error_message");
    return copy;
}

#endif

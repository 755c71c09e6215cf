/* What the tests' programs are made of. */
#ifndef EXPECT_H
#define EXPECT_H

#include <springboard.h>
#include <stdio.h>
#include <stdlib.h>

/* A library that is on every machine. */
#ifdef _WIN32
#define LIBM "msvcrt.dll"
#else
#define LIBM "libm.so.6"
#endif

/* The call ends with this code, and a failure has a sentence. */
#define EXPECT(code, call)                                                                                          \
    do {                                                                                                            \
        const int expect_got = (call);                                                                              \
        if (expect_got != (code)                                                                                    \
            || (expect_got != SB_OK && (sb_error_code() != expect_got || *sb_error_message() == 0))) {              \
            fprintf(stderr, "%s:%d: %s is %d (%s), not " #code "\n", __FILE__, __LINE__, #call, expect_got,          \
                    sb_error_message());                                                                            \
            exit(1);                                                                                                \
        }                                                                                                           \
    } while (0)

#define OK(call) EXPECT(SB_OK, call)

/* Something is so. */
#define TRUE(condition)                                                                                             \
    do {                                                                                                            \
        if (!(condition)) {                                                                                         \
            fprintf(stderr, "%s:%d: not so: %s (last error: %s)\n", __FILE__, __LINE__, #condition,                  \
                    sb_error_message());                                                                            \
            exit(1);                                                                                                \
        }                                                                                                           \
    } while (0)

/* The last failure's sentence says this. */
#define SAYS(words) TRUE(strstr(sb_error_message(), words) != NULL)

/* A signature. */
static inline sb_signature *signature(const char *text) {
    sb_signature *parsed;
    OK(sb_signature_parse(text, NULL, &parsed));
    return parsed;
}

/* An engine with the defaults. */
static inline sb_engine *engine(void) {
    sb_engine *made;
    OK(sb_engine_new(NULL, &made));
    return made;
}

/* A type of callbacks without a policy. */
static inline sb_callback_type *callback_type(sb_engine *by, const char *text) {
    sb_callback_type *made;
    sb_signature *parsed = signature(text);
    OK(sb_callback_type_new(by, parsed, &made));
    OK(sb_signature_close(parsed));
    return made;
}

#endif

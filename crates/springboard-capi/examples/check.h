/* What every example does with an error: say it, and end. */
#ifndef CHECK_H
#define CHECK_H

#include <springboard.h>
#include <stdio.h>
#include <stdlib.h>

static inline void check_at(int code, const char *call, int line) {
    if (code != SB_OK) {
        fprintf(stderr, "line %d: %s: %s (error %d)\n", line, call, sb_error_message(), code);
        exit(1);
    }
}

#define CHECK(call) check_at((call), #call, __LINE__)

#endif

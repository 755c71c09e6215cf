/* What must hold in a test program. */
#include <stdio.h>
#include <stdlib.h>

#define CHECK(what)                                                                                                  \
    do {                                                                                                             \
        if (!(what)) {                                                                                               \
            fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what);                                               \
            exit(1);                                                                                                 \
        }                                                                                                            \
    } while (0)

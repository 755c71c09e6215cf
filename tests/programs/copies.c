/*
 * The drop-in loaded at run time, twice, as two files, and unloaded while a closure of it lives. No page is writable
 * and executable. Arguments: the drop-in, and a copy of it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <ffi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

struct library {
    void *handle;
    ffi_type *integer;
    ffi_status (*prep_cif)(ffi_cif *, ffi_abi, unsigned, ffi_type *, ffi_type **);
    void (*call)(ffi_cif *, void (*)(void), void *, void **);
    void *(*closure_alloc)(size_t, void **);
    ffi_status (*prep_closure_loc)(ffi_closure *, ffi_cif *, void (*)(ffi_cif *, void *, void **, void *), void *,
                                   void *);
    ffi_cif cif;
    ffi_type *types[2];
    void *code;
};

static void *symbol(struct library *library, const char *name) {
    void *address = dlsym(library->handle, name);
    CHECK(address);
    return address;
}

static void load(struct library *library, const char *file) {
    library->handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!library->handle) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    library->integer = symbol(library, "ffi_type_sint32");
    *(void **)&library->prep_cif = symbol(library, "ffi_prep_cif");
    *(void **)&library->call = symbol(library, "ffi_call");
    *(void **)&library->closure_alloc = symbol(library, "ffi_closure_alloc");
    *(void **)&library->prep_closure_loc = symbol(library, "ffi_prep_closure_loc");
}

static void add(ffi_cif *cif, void *result, void **values, void *data) {
    (void)cif;
    *(ffi_arg *)result = (ffi_arg)(*(int *)values[0] + *(int *)values[1] + *(int *)data);
}

static int data[2] = {100, 200};

static void use(struct library *library, int number) {
    library->types[0] = library->types[1] = library->integer;
    CHECK(library->prep_cif(&library->cif, FFI_DEFAULT_ABI, 2, library->integer, library->types) == FFI_OK);
    ffi_closure *closure = library->closure_alloc(sizeof *closure, &library->code);
    CHECK(closure);
    CHECK(library->prep_closure_loc(closure, &library->cif, add, &data[number], library->code) == FFI_OK);
}

static void answer(struct library *by, struct library *of, int number) {
    int a = 3, b = 4;
    void *values[] = {&a, &b};
    ffi_arg result;
    by->call(&by->cif, FFI_FN(of->code), &result, values);
    CHECK((int)result == 107 + 100 * number);
}

static void no_page_is_writable_and_executable(void) {
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps);
    while (fgets(line, sizeof line, maps)) {
        CHECK(strstr(line, " rwx") == NULL);
    }
    fclose(maps);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    struct library one, other;
    load(&one, argv[1]);
    load(&other, argv[2]);
    CHECK(one.call != other.call);
    use(&one, 0);
    use(&other, 1);
    for (int i = 0; i < 1000; i++) {
        answer(&one, &one, 0);
        answer(&one, &other, 1);
        answer(&other, &one, 0);
        answer(&other, &other, 1);
    }
    no_page_is_writable_and_executable();
    dlclose(one.handle);
    dlclose(other.handle);
    CHECK(((int (*)(int, int))one.code)(3, 4) == 107);
    CHECK(((int (*)(int, int))other.code)(3, 4) == 207);
    load(&one, argv[1]);
    answer(&one, &other, 1);
    return 0;
}

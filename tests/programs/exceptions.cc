// C++ exceptions pass through calls and closures, and run the destructors on their way.

#include <cstdio>
#include <cstdlib>
#include <ffi.h>
#include <stdexcept>
#include <string>

static int destroyed;

struct Guard {
    ~Guard() { destroyed++; }
};

static void thrower(long, long, long, long, long, long, long on_the_stack) {
    Guard guard;
    throw std::runtime_error(std::to_string(on_the_stack));
}

static void throw_in_closure(ffi_cif *, void *, void **values, void *) {
    Guard guard;
    throw std::runtime_error(std::to_string(*static_cast<long *>(values[6])));
}

static void call(ffi_cif *cif, void (*function)(), long number) {
    Guard guard;
    long others = 0;
    void *values[] = {&others, &others, &others, &others, &others, &others, &number};
    ffi_call(cif, function, nullptr, values);
}

int main() {
    ffi_type *types[] = {&ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong,
                         &ffi_type_slong, &ffi_type_slong, &ffi_type_slong};
    ffi_cif cif;
    void *code;
    auto *closure = static_cast<ffi_closure *>(ffi_closure_alloc(sizeof(ffi_closure), &code));
    if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 7, &ffi_type_void, types) != FFI_OK || closure == nullptr ||
        ffi_prep_closure_loc(closure, &cif, throw_in_closure, nullptr, code) != FFI_OK) {
        return 1;
    }
    int caught = 0;
    for (int i = 0; i < 100; i++) {
        for (void (*function)() : {reinterpret_cast<void (*)()>(thrower), reinterpret_cast<void (*)()>(code)}) {
            try {
                call(&cif, function, i);
            } catch (const std::runtime_error &error) {
                caught += error.what() == std::to_string(i);
            }
        }
    }
    if (caught != 200 || destroyed != 400) {
        std::fprintf(stderr, "%d caught, %d destroyed\n", caught, destroyed);
        return 1;
    }
    return 0;
}

/* A closure that is called after it was freed: its function is called, as libffi's is, until its place is another's.
   With SPRINGBOARD_FFI_FREED=abort the drop-in ends the process at the first such call. */
#include <ffi.h>
#include <stdio.h>
#include <stdlib.h>

typedef int (*function)(int);

static void add(ffi_cif *cif, void *result, void **arguments, void *data) {
  (void)cif;
  *(ffi_sarg *)result = *(int *)arguments[0] + *(int *)data;
}

static ffi_cif cif;
static ffi_type *parameters[] = {&ffi_type_sint};

static ffi_closure *make(int *data, function *code) {
  void *address;
  ffi_closure *closure = ffi_closure_alloc(sizeof *closure, &address);
  if (!closure || ffi_prep_closure_loc(closure, &cif, add, data, address) != FFI_OK) exit(2);
  *code = (function)address;
  return closure;
}

int main(void) {
  if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, parameters) != FFI_OK) return 2;
  int ten = 10, hundred = 100;
  function first, second;
  ffi_closure_free(make(&ten, &first));
  printf("freed: %d\n", first(5));
  make(&hundred, &second);
  printf("another's: %d\n", first == second ? first(5) : -1);
  return 0;
}

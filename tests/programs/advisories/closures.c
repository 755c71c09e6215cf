/* { dg-do run } */
/* Closures and their freeing, forks and signals (docs/security.md). */
#include <ffi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(x) \
  do { \
    if (!(x)) { \
      printf("line %d: %s\n", __LINE__, #x); \
      exit(1); \
    } \
  } while (0)

typedef int (*function)(int);

static void add(ffi_cif *cif, void *result, void **arguments, void *data) {
  (void)cif;
  *(ffi_sarg *)result = *(int *)arguments[0] + *(int *)data;
}

static void free_itself(ffi_cif *cif, void *result, void **arguments, void *closure) {
  (void)cif;
  ffi_closure_free(closure);
  *(ffi_sarg *)result = *(int *)arguments[0];
}

static ffi_cif cif;
static ffi_type *parameters[] = {&ffi_type_sint};

static ffi_closure *make(void (*to)(ffi_cif *, void *, void **, void *), void *data, function *code) {
  void *address;
  ffi_closure *closure = ffi_closure_alloc(sizeof *closure, &address);
  CHECK(closure && ffi_prep_closure_loc(closure, &cif, to, data ? data : closure, address) == FFI_OK);
  *code = (function)address;
  return closure;
}

static function in_handler;
static volatile sig_atomic_t handled;

static void handler(int number) { handled = in_handler(number); }

int main(void) {
  CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, parameters) == FFI_OK);
  int ten = 10, hundred = 100;
  function plus, itself;

  /* Called after it was freed, before its place is used again: as before. */
  ffi_closure *freed = make(add, &ten, &plus);
  ffi_closure_free(freed);
  CHECK(plus(5) == 15);

  /* Freed while it runs. */
  make(free_itself, NULL, &itself);
  CHECK(itself(6) == 6);

  /* From a signal's handler. */
  make(add, &hundred, &in_handler);
  signal(SIGUSR1, handler);
  raise(SIGUSR1);
  CHECK(handled == SIGUSR1 + 100);

  /* A child that makes its closures anew changes none of its parent's. */
  ffi_closure *shared = make(add, &ten, &plus);
  pid_t child = fork();
  if (child == 0) {
    ffi_closure_free(shared);
    for (int i = 0; i < 1000; i++) {
      function other;
      make(add, &hundred, &other);
      if (other(1) != 101) _exit(1);
    }
    shared->user_data = &hundred;
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(plus(5) == 15);

  /* Freed twice as many times as there are places: each call finds its own data. */
  for (int round = 0; round < 2000; round++) {
    function one, two;
    ffi_closure *first = make(add, &ten, &one), *second = make(add, &hundred, &two);
    CHECK(one(1) == 11 && two(1) == 101);
    ffi_closure_free(first);
    ffi_closure_free(second);
  }
  printf("good\n");
  return 0;
}
/* { dg-output "good" } */

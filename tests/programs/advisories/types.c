/* { dg-do run } */
/* libffi's advisories of November 2026 (docs/security.md), by the interface: what is called gets every byte, what
   cannot be called is refused. */
#include <ffi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(x) \
  do { \
    if (!(x)) { \
      printf("line %d: %s\n", __LINE__, #x); \
      exit(1); \
    } \
  } while (0)

#define __MSABI__ __attribute__((ms_abi))
#ifndef ABI_NUM
#define ABI_NUM FFI_DEFAULT_ABI
#define ABI_ATTR
#endif

typedef struct { _Alignas(16) long a; } align16;
typedef struct { _Alignas(32) long a; } align32;
typedef struct { _Alignas(64) long a; char b; } align64;
typedef struct { float a; } one_float;
typedef struct { double a; } one_double;
typedef struct { double a, b, c, d; } four_doubles;
typedef struct { char a[100]; } large;
typedef struct { long a[40]; } result;

/* A structure of `members` as the compiler lays it out. */
static ffi_type described(ffi_type **members, size_t size, unsigned short alignment) {
  ffi_type type = {size, alignment, FFI_TYPE_STRUCT, members};
  return type;
}

#define DESCRIBE(name, type, ...) \
  static ffi_type *name##_members[] = {__VA_ARGS__, NULL}; \
  ffi_type name = described(name##_members, sizeof(type), _Alignof(type))

/* Calls of functions of (long × LONGS, double × DOUBLES, T, T), and closures of the same type. */
#define CASE(T, longs, doubles, parameters, names) \
  static int got_##T##_##longs##_##doubles; \
  static T ABI_ATTR callee_##T##_##longs##_##doubles(parameters T x, T y) { \
    got_##T##_##longs##_##doubles = memcmp(&x, &first_##T, USED_##T) == 0 && memcmp(&y, &second_##T, USED_##T) == 0; \
    return y; \
  }

#define LONGS_0
#define LONGS_5 long a, long b, long c, long d, long e,
#define LONGS_8 long a, long b, long c, long d, long e, long f, long g, long h,
#define DOUBLES_7 double a, double b, double c, double d, double e, double f, double g,
#define DOUBLES_8 double a, double b, double c, double d, double e, double f, double g, double h,

#define TYPES(X) X(align16) X(align32) X(align64) X(one_float) X(one_double) X(four_doubles) X(large)

/* Bytes that are not padding at the end. */
#define USED_align16 sizeof(long)
#define USED_align32 sizeof(long)
#define USED_align64 (sizeof(long) + 1)
#define USED_one_float sizeof(float)
#define USED_one_double sizeof(double)
#define USED_four_doubles sizeof(four_doubles)
#define USED_large sizeof(large)

#define VALUES(T) static T first_##T, second_##T;
TYPES(VALUES)

#define CALLEES(T) \
  CASE(T, 0, 0, LONGS_0, ) CASE(T, 5, 0, LONGS_5, ) CASE(T, 8, 0, LONGS_8, ) CASE(T, 0, 7, DOUBLES_7, ) \
  CASE(T, 0, 8, DOUBLES_8, )
TYPES(CALLEES)

static void call_back(ffi_cif *cif, void *result, void **arguments, void *size) {
  memcpy(result, arguments[cif->nargs - 1], (size_t)size);
}

static void try(ffi_type *type, void (*function)(void), int *got, const void *x, const void *y, size_t used,
                int longs, int doubles) {
  ffi_type *types[12];
  long number = 1234567;
  double real = 2.5;
  void *values[12];
  int count = 0;
  for (int i = 0; i < longs; i++) types[count] = &ffi_type_slong, values[count++] = &number;
  for (int i = 0; i < doubles; i++) types[count] = &ffi_type_double, values[count++] = &real;
  types[count] = type, values[count++] = (void *)x;
  types[count] = type, values[count++] = (void *)y;
  ffi_cif cif;
  CHECK(ffi_prep_cif(&cif, ABI_NUM, count, type, types) == FFI_OK);
  _Alignas(64) char back[256];
  memset(back, 0x5a, sizeof back);
  *got = 0;
  ffi_call(&cif, function, back, values);
  if (!*got || memcmp(back, y, used) != 0) {
    printf("size %zu alignment %u after %d long and %d double\n", type->size, type->alignment, longs, doubles);
    exit(1);
  }
  for (size_t i = type->size < sizeof(ffi_arg) ? sizeof(ffi_arg) : type->size; i < sizeof back; i++)
    CHECK(back[i] == 0x5a);
  /* Nobody wants the result. */
  *got = 0;
  ffi_call(&cif, function, NULL, values);
  CHECK(*got);
  /* By a closure, called through the same cif. */
  void *code;
  ffi_closure *closure = ffi_closure_alloc(sizeof *closure, &code);
  CHECK(closure && ffi_prep_closure_loc(closure, &cif, call_back, (void *)type->size, code) == FFI_OK);
  memset(back, 0, sizeof back);
  ffi_call(&cif, FFI_FN(code), back, values);
  CHECK(memcmp(back, y, used) == 0);
  ffi_closure_free(closure);
}

#define TRY(T, longs, doubles) \
  try(&described_##T, FFI_FN(callee_##T##_##longs##_##doubles), &got_##T##_##longs##_##doubles, &first_##T, \
      &second_##T, USED_##T, longs, doubles);
#define ALL(T) TRY(T, 0, 0) TRY(T, 5, 0) TRY(T, 8, 0) TRY(T, 0, 7) TRY(T, 0, 8)

static result ABI_ATTR returning(int a) {
  result r = {{a, a + 1}};
  return r;
}

int main(void) {
#define FILL(T) \
  memset(&first_##T, 0x31, sizeof first_##T); \
  memset(&second_##T, 0x42, sizeof second_##T);
  TYPES(FILL)
  DESCRIBE(described_align16, align16, &ffi_type_slong);
  DESCRIBE(described_align32, align32, &ffi_type_slong);
  DESCRIBE(described_align64, align64, &ffi_type_slong, &ffi_type_schar);
  DESCRIBE(described_one_float, one_float, &ffi_type_float);
  DESCRIBE(described_one_double, one_double, &ffi_type_double);
  DESCRIBE(described_four_doubles, four_doubles, &ffi_type_double, &ffi_type_double, &ffi_type_double,
           &ffi_type_double);
  static ffi_type *chars[101];
  for (int i = 0; i < 100; i++) chars[i] = &ffi_type_schar;
  ffi_type described_large = described(chars, sizeof(large), _Alignof(large));
  TYPES(ALL)

  /* A result in memory that nobody wants. */
  static ffi_type *words[41];
  for (int i = 0; i < 40; i++) words[i] = &ffi_type_slong;
  ffi_type described_result = described(words, sizeof(result), _Alignof(result));
  ffi_type *parameters[] = {&ffi_type_sint};
  int seven = 7;
  void *values[] = {&seven};
  ffi_cif cif;
  result got;
  CHECK(ffi_prep_cif(&cif, ABI_NUM, 1, &described_result, parameters) == FFI_OK);
  ffi_call(&cif, FFI_FN(returning), &got, values);
  CHECK(got.a[0] == 7 && got.a[1] == 8 && got.a[39] == 0);
  ffi_call(&cif, FFI_FN(returning), NULL, values);

  /* Sizes whose sum takes more than 32 bits. */
  ffi_type huge = described(chars, (size_t)1 << 32, 1);
  ffi_type half = described(chars, (size_t)1 << 30, 1);
  ffi_type *hugely[] = {&huge}, *halves[] = {&half, &half};
  CHECK(ffi_prep_cif(&cif, ABI_NUM, 1, &ffi_type_void, hugely) == FFI_BAD_TYPEDEF);
  CHECK(ffi_prep_cif(&cif, ABI_NUM, 2, &ffi_type_void, halves) == FFI_BAD_TYPEDEF);
  /* A structure whose members' sizes wrap around. */
  ffi_type most = described(chars, SIZE_MAX - 3, 1);
  ffi_type *wrapping[] = {&most, &ffi_type_slong, NULL};
  ffi_type wrapped = described(wrapping, 0, 0);
  ffi_type *wrappeds[] = {&wrapped};
  CHECK(ffi_prep_cif(&cif, ABI_NUM, 1, &ffi_type_void, wrappeds) == FFI_BAD_TYPEDEF);
  printf("good\n");
  return 0;
}
/* { dg-output "good" } */

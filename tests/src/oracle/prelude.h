#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <wchar.h>

#ifdef __clang__
#define OPAQUE __attribute__((noinline))
#define va_arg_by_reference(list, type) va_arg(list, type)
#else
#define OPAQUE __attribute__((noipa))
/* Where ms_abi is not the platform's own, GCC passes large variadic arguments by reference as it should, and forgets
   so in va_arg. */
#define va_arg_by_reference(list, type) (*va_arg(list, type *))
#endif

/* Where the callee writes down what it sees, and where it finds what to return. Set before each call. */
unsigned char *oracle_record;
const unsigned char *oracle_reply;

/* What a caller may expect to be as it was: rounding, traps and denormals, and on x86 the direction of strings. */
static inline __attribute__((always_inline)) uint64_t control(void)
{
#if defined(__x86_64__)
  uint32_t mxcsr;
  uint16_t x87;
  uint64_t flags;
  __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
  __asm__ volatile("fnstcw %0" : "=m"(x87));
  /* Not into the red zone. */
  __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; pop %0; lea 128(%%rsp), %%rsp" : "=r"(flags) : : "cc");
  return (mxcsr & 0xffc0) | (uint64_t)x87 << 16 | (flags & 0x400) << 32;
#elif defined(__aarch64__)
  uint64_t fpcr;
  __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
  return fpcr;
#elif defined(__riscv)
  uint64_t rounding;
  __asm__ volatile("frrm %0" : "=r"(rounding));
  return rounding;
#elif defined(__s390x__)
  uint32_t fpc;
  __asm__ volatile("efpc %0" : "=d"(fpc));
  return fpc & 0xf8000007;
#else
#error "no floating point control word is known for this machine"
#endif
}

uint64_t oracle_control(void)
{
  return control();
}

/* Begins a record. */
static inline __attribute__((always_inline)) unsigned char *enter(void *frame)
{
  uint64_t *header = (uint64_t *)oracle_record;
  header[0] += 1;
  header[1] = (uintptr_t)frame;
  header[2] = control();
  return oracle_record;
}

/* Begins a record for a callee that is not in this file. */
OPAQUE void oracle_enter(void)
{
  enter(__builtin_frame_address(0));
}

static inline __attribute__((always_inline)) void widened(unsigned char *to, long long value)
{
  memcpy(to, &value, sizeof value);
}

static void overwrite(void *bytes, size_t count)
{
  memset(bytes, 0xee, count);
}

/* Overwrites a parameter, behind the compiler's back. */
static void (*volatile scribble)(void *, size_t) = overwrite;

/* What the tests call from JavaScript. */

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Calls so far, on this thread: whatever of it a test reads is its own. */
static _Thread_local uint64_t calls;

uint64_t fixture_calls(void) { return calls; }

#define IDENTITY(name, type) \
  type name(type value) {    \
    calls++;                 \
    return value;            \
  }
IDENTITY(same_bool, _Bool)
IDENTITY(same_i8, int8_t)
IDENTITY(same_u8, uint8_t)
IDENTITY(same_i16, int16_t)
IDENTITY(same_u16, uint16_t)
IDENTITY(same_i32, int32_t)
IDENTITY(same_u32, uint32_t)
IDENTITY(same_i64, int64_t)
IDENTITY(same_u64, uint64_t)
IDENTITY(same_f32, float)
IDENTITY(same_f64, double)
IDENTITY(same_pointer, void *)

/* Arguments of 64 bits without results of 64 bits, which old versions of V8 do not have. */
double i64_to_f64(int64_t value) { calls++; return (double)value; }
double u64_to_f64(uint64_t value) { calls++; return (double)value; }

int32_t add(int32_t a, int32_t b) { calls++; return a + b; }
/* As little as there is to call. */
int32_t plain_add(int32_t a, int32_t b) { return a + b; }
int32_t plain_wide(int64_t value) { return (int32_t)value; }
int32_t plain_pointer(const void *value) { return value != NULL; }
void nothing(void) { calls++; }

/* Each argument weighs differently, so that a lost or a swapped one shows. */
double mixed(int32_t a, float b, double c, uint32_t d) { calls++; return a + 2.0 * b + 4.0 * c + 8.0 * d; }
int32_t nine(int32_t a, int32_t b, int32_t c, int32_t d, int32_t e, int32_t f, int32_t g, int32_t h, int32_t i) {
  calls++;
  return a + 2 * b + 4 * c + 8 * d + 16 * e + 32 * f + 64 * g + 128 * h + 256 * i;
}
double many(double a, int32_t b, double c, int32_t d, double e, int32_t f, double g, int32_t h, double i, int32_t j,
            double k, int32_t l, double m, int32_t n, double o, int32_t p, double q, int32_t r) {
  calls++;
  return a + 2 * b + 4 * c + 8 * d + 16 * e + 32 * f + 64 * g + 128 * h + 256 * i + 512 * j + 1024 * k + 2048 * l +
         4096 * m + 8192 * n + 16384 * o + 32768.0 * p + 65536 * q + 131072.0 * r;
}

/* Buffers, with scalars before, between and after. */
uint32_t sum_bytes(const uint8_t *bytes, uint32_t count) {
  calls++;
  uint32_t sum = 0;
  for (uint32_t i = 0; i < count; i++) sum += bytes[i];
  return sum;
}
double scalars_before(uint32_t factor, double offset, const uint8_t *bytes, uint32_t index) {
  calls++;
  return factor * (double)bytes[index] + offset;
}
uint32_t two_buffers(uint32_t count, uint8_t *to, const uint8_t *from, uint32_t key) {
  calls++;
  for (uint32_t i = 0; i < count; i++) to[i] = from[i] ^ (uint8_t)key;
  return count + 1000 * key;
}

/* Aggregates by address. */
struct point { double x; int32_t y; };
double weigh(struct point point, int32_t factor) { calls++; return point.x + (double)point.y * factor; }
struct three { int64_t v[3]; };
struct three triple(int32_t start) {
  calls++;
  return (struct three){{start, start + 1, start + 2}};
}

/* Calls back. */
int32_t call_back(void (*callback)(void), int32_t value) {
  calls++;
  callback();
  return value + 1;
}

/* Of each text the sum of its bytes and its length. */
static uint64_t weight(const char *text) {
  uint64_t sum = 0;
  for (const char *at = text; *at; at++) sum += (unsigned char)*at;
  return sum * 1000 + strlen(text);
}
uint64_t two_texts(const char *first, const char *second) { calls++; return weight(first) * 3 + weight(second); }

/* The weight of a text, if that is the same after the call as before; else 0. */
uint64_t text_stays(const char *text, void (*callback)(void)) {
  calls++;
  const uint64_t before = weight(text);
  callback();
  return weight(text) == before ? before : 0;
}

/* A thread that calls back so often, with values of several kinds that all come from one number. The text is gone when the
 * call has returned. */
typedef void (*posted)(int64_t, uint64_t, int64_t, const char *, void *, double);
struct posting { pthread_t thread; posted call; int64_t first, count; };
static void *post_all(void *given) {
  struct posting *posting = given;
  for (int64_t i = posting->first; i < posting->first + posting->count; i++) {
    char *text = malloc(32);
    snprintf(text, 32, "text %lld \xe2\x82\xac", (long long)i);
    posting->call(-i, UINT64_MAX - (uint64_t)i, i << 40, text, (void *)(uintptr_t)(i * 8), (double)i / 4);
    memset(text, '?', 31);
    free(text);
  }
  return NULL;
}
void *start_posting(posted call, int64_t first, int64_t count) {
  struct posting *posting = malloc(sizeof *posting);
  *posting = (struct posting){.call = call, .first = first, .count = count};
  return pthread_create(&posting->thread, NULL, post_all, posting) == 0 ? posting : NULL;
}
void join_posting(struct posting *posting) {
  pthread_join(posting->thread, NULL);
  free(posting);
}

/* A thread that asks so often, and adds up the answers. */
struct asking { pthread_t thread; int32_t (*ask)(int32_t); int64_t first, count, sum; };
static void *ask_all(void *given) {
  struct asking *asking = given;
  for (int64_t i = asking->first; i < asking->first + asking->count; i++) asking->sum += asking->ask((int32_t)i);
  return NULL;
}
void *start_asking(int32_t (*ask)(int32_t), int64_t first, int64_t count) {
  struct asking *asking = malloc(sizeof *asking);
  *asking = (struct asking){.ask = ask, .first = first, .count = count};
  return pthread_create(&asking->thread, NULL, ask_all, asking) == 0 ? asking : NULL;
}
int64_t join_asking(struct asking *asking) {
  pthread_join(asking->thread, NULL);
  int64_t sum = asking->sum;
  free(asking);
  return sum;
}

// A host whose values are words with tags, as `hosts::words` describes it: `word function(int, const word *, word)`.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t word;
typedef struct { uint64_t flags; union { int64_t integer; double number; char bytes[40]; }; } object;
enum { LARGE = 1, RECORD = 2, FLOAT = 4 };

// The addresses that are words themselves lie at odd places, so that no object does.
static char constants[8] __attribute__((aligned(8)));
extern char springboard_host_4[], springboard_host_5[], springboard_host_6[];
__asm__(".globl springboard_host_4, springboard_host_5, springboard_host_6\n"
        "springboard_host_4 = 4\nspringboard_host_5 = 6\nspringboard_host_6 = 2\n");
enum { NIL = 4, YES = 6, NO = 2, NONSENSE = 10 };

static object heap[256] __attribute__((aligned(8)));
static int used, asked, suspected, failed, wide;

static object *new(int kind) {
    if (used == 256) abort();
    heap[used].flags = kind | 0x1234500;
    return &heap[used++];
}

static word small(int64_t value) { return (uint64_t)value << 1 | 1; }
static word large(int64_t value) {
    object *made = new(LARGE);
    made->integer = value;
    return (word)(uintptr_t)made;
}
static word number(double value) {
    object *made = new(FLOAT);
    made->number = value;
    return (word)(uintptr_t)made;
}
static object *at(word value) { return (object *)(uintptr_t)value; }

word springboard_host_7(int64_t value) { return wide++, large(value); }
word springboard_host_8(uint64_t value) { return wide++, large(value); }
word springboard_host_9(double value) { return number(value); }
word springboard_host_10(uint64_t value) { return wide++, large(value); }
word springboard_host_13(void) { return (word)(uintptr_t)new(RECORD); }
int64_t springboard_host_14(word value) {
    asked++;
    failed = value == NONSENSE;
    return failed ? -1 : value & 1 ? (int64_t)value >> 1 : at(value)->integer;
}
double springboard_host_15(word value) { return asked++, value == NONSENSE ? -1.0 : at(value)->integer; }
void *springboard_host_16(void) { return suspected++, failed ? heap : 0; }

static word slow_words[3];
word springboard_slow(word count, word arguments, word self) {
    slow_words[0] = count, slow_words[1] = arguments, slow_words[2] = self;
    return 0x5105;
}

static long f_0(long a) { return a; }
static short f_1(short a, double b) { return a + (short)b; }
static unsigned long f_2(unsigned long a) { return a; }
typedef struct { long words[5]; } record;
static record f_3(record a, int b) {
    record turned;
    for (int i = 0; i < 5; i++) turned.words[i] = a.words[(i + b) % 5];
    return turned;
}
static double f_4(long a, double b, long c, float d, long e, long f, long g, long h, long i) {
    return a + b + c + d + e + f + g + h + i;
}
static _Bool f_5(_Bool a) { return !a; }
void *stub_target;

typedef word function(word, const word *, word);
function stub_0, stub_1, stub_2, stub_3, stub_4, stub_5;
static function *const stubs[] = {stub_0, stub_1, stub_2, stub_3, stub_4, stub_5};
static void *const targets[] = {f_0, f_1, f_2, f_3, f_4, f_5};

static word call(int index, int count, const word *arguments) {
    asked = suspected = wide = 0;
    stub_target = targets[index];
    memset(slow_words, 0, sizeof slow_words);
    return stubs[index](0xdead00000000 | count, arguments, 0x7415);
}
static int left(int index, int count, const word *arguments) {
    return call(index, count, arguments) == 0x5105 && slow_words[0] == (0xdead00000000 | count) &&
           slow_words[1] == (uintptr_t)arguments && slow_words[2] == 0x7415;
}
#define CALL(index, ...) call(index, sizeof((word[]){__VA_ARGS__}) / 8, (word[]){__VA_ARGS__})
#define LEFT(index, ...) left(index, sizeof((word[]){__VA_ARGS__}) / 8, (word[]){__VA_ARGS__})
#define IS(what) \
    if (!(what)) return printf("line %d: %s\n", __LINE__, #what), 1

int main(void) {
    (void)constants;
    IS(CALL(0, small(-77)) == small(-77) && !asked && !wide);
    IS(at(CALL(0, large(INT64_MAX)))->integer == INT64_MAX && asked == 1 && wide == 1);
    IS(CALL(0, large(-1)) == small(-1) && suspected == 1);
    IS(LEFT(0, NONSENSE) && suspected == 1);
    IS(left(0, 0, 0));
    IS(CALL(1, small(-32768), number(1)) == small(-32767));
    IS(CALL(1, large(5), small(-6)) == small(-1));
    IS(CALL(1, large(5), large(-7)) == small(-2) && asked == 2);
    IS(LEFT(1, small(32768), number(1)));
    IS(LEFT(1, small(1), NONSENSE));
    IS(at(CALL(2, large(INT64_MAX)))->integer == INT64_MAX);
    IS(LEFT(2, small(-1)));
    object *given = new(RECORD);
    memcpy(given->bytes, &(record){{1, 2, 3, 4, 5}}, sizeof(record));
    object *taken = at(CALL(3, (word)(uintptr_t)given, small(1)));
    IS(((record *)taken->bytes)->words[0] == 2 && ((record *)taken->bytes)->words[4] == 1);
    IS(LEFT(3, small(0), small(1)));
    word many[9] = {small(1), number(2), large(3), small(4), small(5), large(6), small(7), small(8), large(9)};
    IS(at(call(4, 9, many))->number == 45);
    many[8] = NONSENSE;
    IS(left(4, 9, many));
    IS(CALL(5, YES) == NO && CALL(5, NO) == YES && LEFT(5, NIL));
    puts("ok");
    return 0;
}

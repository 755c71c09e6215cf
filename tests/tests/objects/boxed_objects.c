// A host whose values are objects with a type, as `hosts::objects` and `hosts::objects_with_lock` describe it. Its
// functions are stubs of the boxed entry; each calls a C function below.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct object {
    uint64_t count;
    void *type;
    uint64_t value;
    uint32_t digits[2];
} object;

// The addresses, by their numbers.
char springboard_host_0[8], springboard_host_1[8], springboard_host_2[8], springboard_host_3[8];
#define INTEGER springboard_host_0
#define FLOAT springboard_host_1
#define POINTER springboard_host_2
#define RECORD springboard_host_3
object springboard_host_4, springboard_host_5, springboard_host_6;
#define NIL (&springboard_host_4)
#define YES (&springboard_host_5)
#define NO (&springboard_host_6)
char springboard_host_17[8];
#define TOKEN springboard_host_17

static object heap[512];
static int used, released, regained;

static object *new(void *type, uint64_t value) {
    if (used == 512) abort();
    object *made = &heap[used++];
    *made = (object){1, type, value, {0, 0}};
    return made;
}

static object *integer(int64_t value) {
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    uint64_t count = magnitude >> 30 ? 2 : magnitude != 0;
    object *made = new(INTEGER, value < 0 ? -count : count);
    made->digits[0] = magnitude & 0x3fffffff;
    made->digits[1] = (magnitude >> 30) & 0x3fffffff;
    return made;
}

static int64_t integer_of(object *value) {
    if (value->type != INTEGER) abort();
    int64_t magnitude = (int64_t)value->digits[1] << 30 | value->digits[0];
    return (int64_t)value->value < 0 ? -magnitude : value->value ? magnitude : 0;
}

static object *number(double value) {
    object *made = new(FLOAT, 0);
    memcpy(&made->value, &value, 8);
    return made;
}

static double number_of(object *value) {
    double number;
    if (value->type != FLOAT) abort();
    memcpy(&number, &value->value, 8);
    return number;
}

object *springboard_host_7(int64_t value) { return integer(value); }
object *springboard_host_8(uint64_t value) { return integer(value); }
object *springboard_host_9(double value) { return number(value); }
object *springboard_host_10(uint64_t value, void *token) { return token == TOKEN ? new(POINTER, value) : 0; }
void *springboard_host_11(void) { return released++, heap; }
void springboard_host_12(void *state) { regained += state == heap; }
static char memory[64];
static int exhausted;
object *springboard_host_13(void *token) {
    return token == TOKEN && !exhausted ? new(RECORD, (uint64_t)(uintptr_t)memory) : 0;
}

static object left;
static object *slow_self, **slow_arguments;
static long slow_count;
object *springboard_slow(object *self, object **arguments, long count) {
    slow_self = self, slow_arguments = arguments, slow_count = count;
    return &left;
}

// What stubs call: they all have the one target.
typedef struct { double x, y; } point;
typedef struct { long words[5]; } large;
static int called;
static void f_0(void) { called++; }
static int f_1(int a, int b) { return called++, a + b; }
static double f_2(double a, float b) { return called++, a - b; }
static float f_3(float a) { return called++, a / 2; }
static short f_4(short a) { return called++, a; }
static unsigned char f_5(unsigned char a) { return called++, a; }
static _Bool f_6(_Bool a) { return called++, !a; }
static void *f_7(char *a) { return called++, a ? a + 1 : 0; }
static long f_8(long a, long b, long c, long d, long e, long f, long g, long h, long i) {
    return called++, ((((((((a * 10 + b) * 10 + c) * 10 + d) * 10 + e) * 10 + f) * 10 + g) * 10 + h) * 10 + i);
}
static double f_9(int a, double b, float c, unsigned d, double e) { return called++, a + b * c + d / e; }
static point f_10(point a) { return called++, (point){a.y, a.x}; }
static large f_11(large a, int b) {
    called++;
    large turned;
    for (int i = 0; i < 5; i++) turned.words[i] = a.words[(i + b) % 5];
    return turned;
}
void *stub_target;

#define STUB(n) object *stub_##n(object *, object **, long), *lock_##n(object *, object **, long)
STUB(0); STUB(1); STUB(2); STUB(3); STUB(4); STUB(5); STUB(6); STUB(7); STUB(8); STUB(9); STUB(10); STUB(11);
typedef object *function(object *, object **, long);
static function *const stubs[2][12] = {
    {stub_0, stub_1, stub_2, stub_3, stub_4, stub_5, stub_6, stub_7, stub_8, stub_9, stub_10, stub_11},
    {lock_0, lock_1, lock_2, lock_3, lock_4, lock_5, lock_6, lock_7, lock_8, lock_9, lock_10, lock_11},
};
static void *const targets[12] = {f_0, f_1, f_2, f_3, f_4, f_5, f_6, f_7, f_8, f_9, f_10, f_11};

static object self;
static int lock;

// A call that the stub makes by itself.
static object *call(int index, int count, object **arguments) {
    called = released = regained = 0;
    slow_self = 0;
    stub_target = targets[index];
    object *result = stubs[lock][index](&self, arguments, count);
    if (slow_self || called != 1 || released != lock || regained != lock) {
        printf("function %d of %s: called %d times, released %d, regained %d, left %d\n", index,
               lock ? "a host with a lock" : "a host", called, released, regained, slow_self != 0);
        exit(1);
    }
    return result;
}

// A call that it leaves to its slow twin, with the very arguments.
static void leaves(int index, int count, object **arguments) {
    called = released = 0;
    slow_self = 0;
    stub_target = targets[index];
    object *result = stubs[lock][index](&self, arguments, count);
    if (result != &left || slow_self != &self || slow_arguments != arguments || slow_count != count || called ||
        released) {
        printf("function %d does not leave a call to its slow twin\n", index);
        exit(1);
    }
}

#define CALL(index, ...) \
    call(index, sizeof((object *[]){__VA_ARGS__}) / sizeof(object *), (object *[]){__VA_ARGS__})
#define LEAVES(index, ...) \
    leaves(index, sizeof((object *[]){__VA_ARGS__}) / sizeof(object *), (object *[]){__VA_ARGS__})
#define IS(what) \
    if (!(what)) return printf("line %d: %s\n", __LINE__, #what), 1

static int all(void) {
    IS(call(0, 0, 0) == NIL && NIL->count == 1);
    LEAVES(0, NIL);
    NIL->count = 0;
    IS(integer_of(CALL(1, integer(40), integer(2))) == 42);
    IS(integer_of(CALL(1, integer(-40), integer(0))) == -40);
    IS(integer_of(CALL(1, integer(0x3fffffff), integer(-0x3fffffff))) == 0);
    IS(integer_of(CALL(1, integer(0x3fffffff), integer(5))) == 0x40000004);
    LEAVES(1, integer(0x40000000), integer(1));
    LEAVES(1, integer(1), integer(-0x40000000));
    LEAVES(1, integer(1), number(1));
    LEAVES(1, integer(1));
    LEAVES(1, integer(1), integer(1), integer(1));
    IS(number_of(CALL(2, number(1.5), number(-0.25))) == 1.75);
    IS(number_of(CALL(2, integer(-7), integer(2))) == -9);
    LEAVES(2, number(1), NIL);
    IS(number_of(CALL(3, number(3))) == 1.5);
    IS(number_of(CALL(3, integer(-3))) == -1.5);
    for (int value = -32768; value <= 32767; value += 13107) IS(integer_of(CALL(4, integer(value))) == value);
    LEAVES(4, integer(-32769));
    LEAVES(4, integer(32768));
    IS(integer_of(CALL(5, integer(0))) == 0 && integer_of(CALL(5, integer(255))) == 255);
    LEAVES(5, integer(-1));
    LEAVES(5, integer(256));
    IS(CALL(6, YES) == NO && CALL(6, NO) == YES);
    LEAVES(6, integer(1));
    IS(CALL(7, NIL)->value == 0);
    IS(CALL(7, new(POINTER, (uint64_t)(uintptr_t)memory))->value == (uint64_t)(uintptr_t)(memory + 1));
    LEAVES(7, integer(0));
    object *nine[9];
    for (int i = 0; i < 9; i++) nine[i] = integer(i + 1);
    IS(integer_of(call(8, 9, nine)) == 123456789);
    for (int i = 0; i < 9; i++) {
        nine[i] = NIL;
        leaves(8, 9, nine);
        nine[i] = integer(i + 1);
    }
    IS(number_of(CALL(9, integer(1), number(2), number(0.5), integer(3), number(4))) == 2.75);
    point given = {1, 2}, taken;
    IS(CALL(10, new(RECORD, (uint64_t)(uintptr_t)&given))->type == RECORD);
    memcpy(&taken, memory, sizeof taken);
    IS(taken.x == 2 && taken.y == 1);
    LEAVES(10, number(1));
    exhausted = 1;
    IS(!stubs[lock][10](&self, (object *[]){new(RECORD, (uint64_t)(uintptr_t)&given)}, 1));
    exhausted = 0;
    large five = {{1, 2, 3, 4, 5}}, turned;
    CALL(11, new(RECORD, (uint64_t)(uintptr_t)&five), integer(2));
    memcpy(&turned, memory, sizeof turned);
    IS(turned.words[0] == 3 && turned.words[4] == 2);
    return 0;
}

int main(void) {
    for (lock = 0; lock < 2; lock++, used = 0)
        if (all()) return 1;
    puts("ok");
    return 0;
}

/* zlib, bound from its declarations: a text is compressed and brought back.
 *
 *     cc -std=c11 zlib.c $(pkg-config --cflags --libs springboard) && ./a.out
 */
#include "check.h"

static const char *const declarations[] = {
    "const char *zlibVersion(void)",
    "unsigned long compressBound(unsigned long)",
    "int compress2(unsigned char *to, unsigned long *room, const unsigned char *from, unsigned long, int level)",
    "int uncompress(unsigned char *to, unsigned long *room, const unsigned char *from, unsigned long)",
    "unsigned long crc32(unsigned long, const unsigned char *, unsigned int)",
};
enum { VERSION, BOUND, COMPRESS, UNCOMPRESS, CRC, COUNT };

int main(void) {
    sb_engine *engine;
    sb_library *zlib;
    sb_function *functions[COUNT];
    sb_entry entries[COUNT];
    size_t failed;

    CHECK(sb_engine_new(NULL, &engine));
    CHECK(sb_library_open("libz.so.1", SB_LIBRARY_DEFAULT, &zlib));
    CHECK(sb_function_bind_all(engine, zlib, declarations, COUNT, functions, &failed));
    for (size_t i = 0; i < COUNT; ++i) {
        CHECK(sb_function_entry(functions[i], &entries[i]));
    }
    printf("zlib %s\n", SB_CALL(const char *, entries[VERSION], NULL));

    unsigned char text[20000], back[20000];
    for (size_t i = 0; i < sizeof text; ++i) {
        text[i] = (unsigned char)("to spring, to bound, to leap; "[i % 30]);
    }
    uint64_t slots[5] = {sizeof text};
    unsigned long room = SB_CALL(unsigned long, entries[BOUND], slots);
    unsigned char *packed = malloc(room);
    if (packed == NULL) {
        return 1;
    }
    slots[0] = sb_slot_of_pointer(packed);
    slots[1] = sb_slot_of_pointer(&room);
    slots[2] = sb_slot_of_pointer(text);
    slots[3] = sb_slot_of_uint(sizeof text);
    slots[4] = sb_slot_of_int(9);
    int result = SB_CALL(int, entries[COMPRESS], slots);
    printf("compress2: %d, %zu bytes to %lu\n", result, sizeof text, room);

    unsigned long length = sizeof back;
    slots[0] = sb_slot_of_pointer(back);
    slots[1] = sb_slot_of_pointer(&length);
    slots[2] = sb_slot_of_pointer(packed);
    slots[3] = sb_slot_of_uint(room);
    /* The checked way: by handle, with the result in a slot. */
    uint64_t unpacked;
    CHECK(sb_function_call(functions[UNCOMPRESS], slots, &unpacked));
    if (unpacked != 0 || length != sizeof text || memcmp(text, back, sizeof text) != 0) {
        fprintf(stderr, "what came back is not what went in\n");
        return 1;
    }
    const uint64_t crc[] = {0, sb_slot_of_pointer("123456789"), 9};
    const unsigned long sum = SB_CALL(unsigned long, entries[CRC], crc);
    printf("crc32: %lx\n", sum);
    if (sum != 0xcbf43926) {
        fprintf(stderr, "the check value of CRC-32 is another one\n");
        return 1;
    }

    char path[200];
    CHECK(sb_function_path(functions[COMPRESS], NULL, path, sizeof path, NULL));
    printf("compress2 is called by: %s\n", path);

    free(packed);
    for (size_t i = 0; i < COUNT; ++i) {
        CHECK(sb_function_close(functions[i]));
    }
    CHECK(sb_library_close(zlib));
    CHECK(sb_engine_close(engine));
    return 0;
}

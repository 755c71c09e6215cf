/* Texts: C text and what is wrong with it, and how text comes back. */
#include "expect.h"

int main(void) {
    sb_signature *parsed;
    sb_declarations *declared;
    size_t offset = 9, line = 9, column = 9, length = 0, count = 0;
    sb_slot slot;
    char text[400];

    TRUE(sb_version() == SB_VERSION && strcmp(sb_version_text(), "0.1.0") == 0);
    TRUE(sb_error_code() == SB_OK && *sb_error_message() == 0);
    TRUE(sb_error_place(&offset, &line, &column) == 0 && offset + line + column == 0);

    EXPECT(SB_ERROR_PARSE, sb_signature_parse("int f(int,\n   flout)", NULL, &parsed));
    TRUE(parsed == NULL);
    TRUE(sb_error_place(&offset, &line, &column) == 1 && offset == 14 && line == 2 && column == 4);
    SAYS("flout");
    TRUE(sb_error_place(NULL, NULL, NULL) == 1);
    EXPECT(SB_ERROR_ENCODING, sb_signature_parse("int f(int \xff)", NULL, &parsed));
    TRUE(sb_error_place(&offset, &line, &column) == 0 && offset == 0);

    OK(sb_signature_parse("double pow(double x, double y)", NULL, &parsed));
    /* Success does not change the last failure. */
    TRUE(sb_error_code() == SB_ERROR_ENCODING);
    OK(sb_signature_text(parsed, text, sizeof text, &length));
    TRUE(strcmp(text, "double pow(double x, double y)") == 0 && length == strlen(text));
    OK(sb_signature_text(parsed, NULL, 0, &length));
    TRUE(length == strlen(text));
    char little[7];
    memset(little, '#', sizeof little);
    OK(sb_signature_text(parsed, little, sizeof little, &length));
    TRUE(strcmp(little, "double") == 0 && length == strlen(text));
    OK(sb_signature_text(parsed, little, 1, NULL));
    TRUE(little[0] == 0 && little[1] == 'o');

    OK(sb_explain(parsed, SB_ENTRY_SLOTS, text, sizeof text, NULL));
    TRUE(strstr(text, " slots\n") != NULL && strstr(text, "slot 1") != NULL);
    for (int entry = SB_ENTRY_SLOTS; entry <= SB_ENTRY_AVALUE; ++entry) {
        OK(sb_explain(parsed, entry, NULL, 0, &length));
        TRUE(length > 20);
    }
    OK(sb_signature_close(parsed));

    OK(sb_declarations_parse("typedef unsigned char byte; struct pair { byte a; float b; };"
                             "struct pair swap(struct pair, byte, const char *, long long, _Bool);",
                             &declared));
    EXPECT(SB_ERROR_SYMBOL, sb_signature_declared(declared, "swop", &parsed));
    OK(sb_signature_declared(declared, "swap", &parsed));
    OK(sb_signature_parameters(parsed, &count));
    TRUE(count == 5);
    const sb_slot expected[] = {{SB_SLOT_ADDRESS, 4, 8}, {SB_SLOT_UNSIGNED, 1, 1}, {SB_SLOT_POINTER, 8, 8},
                                {SB_SLOT_INTEGER, 8, 8}, {SB_SLOT_BOOL, 1, 1},     {SB_SLOT_ADDRESS, 4, 8}};
    for (size_t i = 0; i < 6; ++i) {
        OK(sb_signature_slot(parsed, i, &slot));
        TRUE(slot.form == expected[i].form && slot.align == expected[i].align && slot.bytes == expected[i].bytes);
    }
    OK(sb_signature_close(parsed));
    OK(sb_signature_parse("void (struct pair *, byte)", declared, &parsed));
    OK(sb_signature_slot(parsed, 2, &slot));
    TRUE(slot.form == SB_SLOT_NONE);
    OK(sb_signature_close(parsed));
    EXPECT(SB_ERROR_PARSE, sb_signature_parse("void (byte)", NULL, &parsed));
    OK(sb_declarations_close(declared));
    EXPECT(SB_ERROR_PARSE, sb_declarations_parse("struct {", &declared));

    sb_engine *eng = engine();
    sb_library *library;
    sb_function *functions[3];
    void *address;
    EXPECT(SB_ERROR_LOAD, sb_library_open("libthereisnone.so", SB_LIBRARY_DEFAULT, &library));
    SAYS("libthereisnone.so");
    EXPECT(SB_ERROR_LOAD, sb_library_open("", SB_LIBRARY_DEFAULT, &library));
    OK(sb_library_open(LIBM, SB_LIBRARY_LAZY | SB_LIBRARY_NODELETE, &library));
    EXPECT(SB_ERROR_SYMBOL, sb_library_symbol(library, "no_such_symbol", &address));
    OK(sb_library_symbol(library, "pow", &address));
    TRUE(address != NULL);
    const char *const three[] = {"double pow(double, double)", "int none(void)", "double (double)"};
    EXPECT(SB_ERROR_SYMBOL, sb_function_bind_all(eng, library, three, 3, functions, &count));
    TRUE(count == 1 && functions[0] != NULL && functions[1] == NULL && functions[2] == NULL);
    SAYS("none");
    OK(sb_function_bind_all(eng, library, three, 1, functions, &count));
    TRUE(count == 1);
    OK(sb_function_bind_all(eng, library, NULL, 0, NULL, &count));
    TRUE(count == 0);
    EXPECT(SB_ERROR_ARGUMENT, sb_function_bind(eng, library, "double (double)", functions));
    EXPECT(SB_ERROR_PARSE, sb_function_bind(eng, library, "double pow(double", functions));
    TRUE(sb_error_place(&offset, NULL, NULL) == 1 && offset == 17);
    return 0;
}

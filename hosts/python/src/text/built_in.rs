//! What every `FFI` knows.

/// Types that are known without a declaration, and may be declared otherwise.
pub(super) const BUILT_IN: [(&str, &str); 7] = [
    ("int_fast16_t", "typedef long int_fast16_t;"),
    ("uint_fast16_t", "typedef unsigned long uint_fast16_t;"),
    ("int_fast32_t", "typedef long int_fast32_t;"),
    ("uint_fast32_t", "typedef unsigned long uint_fast32_t;"),
    ("FILE", "typedef struct __springboard_opaque_FILE FILE;"),
    ("char16_t", "typedef struct __springboard_char16_t { unsigned short unit; } char16_t;"),
    ("char32_t", "typedef struct __springboard_char32_t { unsigned int unit; } char32_t;"),
];

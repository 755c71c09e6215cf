//! The prototypes that objects are tested with: the shapes that conventions treat differently.

/// A prototype and the types it needs, both as C text.
pub(crate) struct Case {
    pub(crate) types: &'static str,
    pub(crate) prototype: &'static str,
}

const fn scalar(prototype: &'static str) -> Case {
    Case { types: "", prototype }
}

const fn with(types: &'static str, prototype: &'static str) -> Case {
    Case { types, prototype }
}

const BYTES: &str = "struct s1 { char a[1]; }; struct s2 { char a[2]; }; struct s3 { char a[3]; }; \
    struct s5 { char a[5]; }; struct s6 { char a[6]; }; struct s7 { char a[7]; }; struct s8 { char a[8]; }; \
    struct s9 { char a[9]; }; struct s12 { char a[12]; }; struct s15 { char a[15]; }; struct s16 { char a[16]; }; \
    struct s17 { char a[17]; }; struct s32 { char a[32]; }; struct s100 { char a[100]; }; \
    struct s300 { char a[300]; }; struct s2000 { long a[250]; };";
const FLOATS: &str = "struct f1 { float a; }; struct f2 { float a, b; }; struct f3 { float a, b, c; }; \
    struct f4 { float a[4]; }; struct f5 { float a[5]; }; struct d1 { double a; }; struct d2 { double x, y; }; \
    struct d3 { double x, y, z; }; struct d4 { struct d2 a, b; }; struct d5 { double a[5]; };";
const ALIGNED: &str = "struct w { long v[4]; } __attribute__((aligned(32))); struct c { char a; } __attribute__((aligned(64)));";
const MIXED: &str = "struct id { int a; double b; }; struct di { double a; int b; }; struct fi { float a; int b; }; \
    struct ffi { float a, b; int c; }; struct ifd { int a; float b; double c; }; struct l2 { long a, b; }; \
    struct l3 { long a, b, c; }; struct lc { long a; char b; }; struct cf { char a; float b; };";

/// Every case has a plan on every target.
pub(crate) const CASES: &[Case] = &[
    scalar("void f(void)"),
    scalar("int f(void)"),
    scalar("_Bool f(_Bool, _Bool)"),
    scalar("char f(char, signed char, unsigned char)"),
    scalar("signed char f(signed char)"),
    scalar("unsigned char f(unsigned char)"),
    scalar("short f(short, unsigned short)"),
    scalar("unsigned short f(unsigned short)"),
    scalar("unsigned f(int, unsigned)"),
    scalar("long long f(long, unsigned long, long long, unsigned long long)"),
    scalar("float f(float, float)"),
    scalar("double f(double, double)"),
    scalar("float f(double, float, int, double)"),
    scalar("void *f(void *, const char *, int (*)(int))"),
    scalar("long f(long, long, long, long, long, long)"),
    scalar("long f(long, long, long, long, long, long, long)"),
    scalar("long f(long, long, long, long, long, long, long, long)"),
    scalar("long f(long, long, long, long, long, long, long, long, long)"),
    scalar("double f(double, double, double, double, double, double, double, double, double)"),
    scalar("float f(float, float, float, float, float, float, float, float, float, float, float)"),
    // Narrow values on the stack: where in the word, and what beside them.
    scalar("char f(long, long, long, long, long, long, long, long, char, short, int, _Bool, float, char)"),
    scalar(
        "short f(int, float, int, float, int, float, int, float, int, float, int, float, int, float, int, float, \
            int, float, int, float, int, float, int, float)",
    ),
    scalar(
        "double f(int, double, char, float, long, double, short, float, void *, double, int, double, int, float, \
            long, double, _Bool, double, unsigned char, double, int, float)",
    ),
    scalar(
        "long f(long, long, long, long, long, long, long, long, long, long, long, long, long, long, long, long, \
            long, long, long, long, long, long, long, long, long, long, long, long, long, long, long, long, \
            long, long, long, long, long, long, long, long)",
    ),
    with(BYTES, "struct s1 f(struct s1)"),
    with(BYTES, "struct s2 f(struct s2, struct s1)"),
    with(BYTES, "struct s3 f(struct s3, struct s5)"),
    with(BYTES, "struct s5 f(struct s5)"),
    with(BYTES, "struct s6 f(struct s6, struct s7)"),
    with(BYTES, "struct s7 f(int, struct s7)"),
    with(BYTES, "struct s8 f(struct s8, struct s9)"),
    with(BYTES, "struct s9 f(struct s9, struct s12)"),
    with(BYTES, "struct s12 f(struct s15)"),
    with(BYTES, "struct s15 f(struct s16)"),
    with(BYTES, "struct s16 f(struct s16, struct s16, struct s16, struct s16, struct s16)"),
    with(BYTES, "struct s17 f(struct s17, int)"),
    with(BYTES, "struct s32 f(int, struct s32, double, struct s17)"),
    with(BYTES, "struct s100 f(struct s100, struct s3, struct s100)"),
    with(BYTES, "struct s300 f(int, struct s300, struct s7)"),
    with(BYTES, "struct s2000 f(char, struct s2000)"),
    with(FLOATS, "struct f1 f(struct f1)"),
    with(FLOATS, "struct f2 f(struct f2, struct f2)"),
    with(FLOATS, "struct f3 f(struct f3)"),
    with(FLOATS, "struct f4 f(struct f4, struct f4, struct f3)"),
    with(FLOATS, "struct f5 f(struct f5)"),
    with(FLOATS, "struct d1 f(struct d1, struct d1)"),
    with(FLOATS, "struct d2 f(struct d2)"),
    with(FLOATS, "struct d3 f(struct d3, struct d2)"),
    with(FLOATS, "struct d4 f(struct d4, struct d4, struct d4)"),
    with(FLOATS, "struct d5 f(struct d5)"),
    // All of the registers or none: the last register stays free, or is used by what follows.
    with(FLOATS, "double f(double, double, double, double, double, double, double, struct d2, double)"),
    with(MIXED, "long f(long, long, long, long, long, struct l2, long)"),
    with(MIXED, "long f(long, long, long, long, long, long, long, struct l2, long)"),
    with(MIXED, "struct l2 f(long, struct l2, long, struct l2, long, struct l2)"),
    with(MIXED, "struct id f(struct id, struct di)"),
    with(MIXED, "struct di f(struct di, double, int, struct id)"),
    with(MIXED, "struct fi f(struct fi, struct ffi)"),
    with(MIXED, "struct ffi f(struct ffi)"),
    with(MIXED, "struct ifd f(struct ifd, struct cf)"),
    with(MIXED, "struct lc f(struct lc, struct cf)"),
    with(MIXED, "struct l3 f(struct l3, long)"),
    with(MIXED, "struct cf f(long, long, long, long, long, long, long, struct id, struct fi, double)"),
    with("union u { float f[4]; int i; }; struct su { union u u; };", "struct su f(struct su, union u)"),
    with("union u { double d; float f; };", "union u f(union u, union u)"),
    with(
        "struct in { short a; char b; }; struct out { struct in i[2]; float f; };",
        "struct out f(struct out)",
    ),
    with("struct b { unsigned a : 3; int b : 20; long c : 40; };", "struct b f(struct b, int)"),
    with("struct __attribute__((packed)) p { char a; int b; double c; };", "struct p f(struct p, int)"),
    with(ALIGNED, "int f(struct w, int)"),
    with(
        ALIGNED,
        "struct w f(int, struct w, long, long, long, long, long, long, struct c, double, struct w)",
    ),
    with(ALIGNED, "struct c f(struct c, struct w)"),
    with("struct e { };", "int f(struct e, int, struct e)"),
    with("enum color { RED, GREEN };", "enum color f(enum color, enum color)"),
    scalar("float _Complex f(float _Complex)"),
    scalar("double _Complex f(double _Complex, int)"),
    scalar("int f(int, ..., int, double)"),
    scalar(
        "double f(const char *, ..., double, double, int, long, double, double, double, double, double, double, \
            double, int, int, int, int, int)",
    ),
    with(MIXED, "long f(int, ..., struct l2, double, struct l3)"),
    with(FLOATS, "double f(double, ..., struct d2, struct d4)"),
    with(ALIGNED, "double f(double, ..., int, struct w, double, struct c)"),
];

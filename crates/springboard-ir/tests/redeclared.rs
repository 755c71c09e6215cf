//! What is declared more than once, and what no compiler reads: GCC 12 and Clang 16 refuse and read the same (`-std=gnu17`).

use springboard_ir::Declarations;

/// Texts that both refuse, with the place and the reason.
const REFUSED: &[(&str, &str)] = &[
    ("int *f(int); long *¦f(int);", OTHERWISE),
    ("int f(int *); int ¦f(long *);", OTHERWISE),
    ("int f(long *); int ¦f(long long *);", OTHERWISE),
    ("int f(const int *); int ¦f(int *);", OTHERWISE),
    ("int f(volatile int *); int ¦f(int *);", OTHERWISE),
    ("int f(int *restrict *); int ¦f(int **);", OTHERWISE),
    ("int f(int *, int *volatile *); int ¦f(int *volatile *, int *);", OTHERWISE),
    ("int f(struct s *); int ¦f(struct t *);", OTHERWISE),
    ("enum a { A }; enum b { B }; int f(enum a *); int ¦f(enum b *);", OTHERWISE),
    ("int (*f(void))(int); int (*¦f(void))(long);", OTHERWISE),
    ("int (*f(void))(); int (*¦f(void))(float);", OTHERWISE),
    ("int f(int (*)[3]); int ¦f(int (*)[4]);", OTHERWISE),
    ("int f(); int ¦f(char);", OTHERWISE),
    ("int f(float); int ¦f();", OTHERWISE),
    ("int f(); int ¦f(int, ...);", OTHERWISE),
    ("int f(); int f(int); int ¦f(long);", OTHERWISE),
    ("int f(void), ¦f(int);", OTHERWISE),
    ("int f(int); int ¦f(void);", OTHERWISE),
    ("int f(int); int ¦f(int) __attribute__((ms_abi));", OTHERWISE),
    ("extern int *x; extern long *¦x;", OTHERWISE),
    ("extern int x; extern const int ¦x;", OTHERWISE),
    ("extern volatile int x; extern int ¦x;", OTHERWISE),
    ("extern int x[]; extern int x[3]; extern int ¦x[4];", OTHERWISE),
    ("extern int f(void); static int ¦f(void);", OTHERWISE),
    ("int f(void); static inline int ¦f(void) { return 0; }", OTHERWISE),
    ("static int x; int ¦x;", OTHERWISE),
    ("int x; static int ¦x;", OTHERWISE),
    ("extern int x; static int ¦x;", OTHERWISE),
    ("_Thread_local int x; int ¦x;", OTHERWISE),
    ("extern int x; extern _Thread_local int ¦x;", OTHERWISE),
    ("int x = 1; int ¦x = 2;", "`x` is defined already"),
    ("int x = 1, ¦x = 1;", "`x` is defined already"),
    ("extern int x = 1; int ¦x = 2;", "`x` is defined already"),
    ("int f(void) { return 0; } int ¦f(void) { return 1; }", "`f` is defined already"),
    ("inline int f(void) { return 0; } int ¦f(void) { return 1; }", "`f` is defined already"),
    (
        "struct s ¦x; struct t y; struct t { int a; };",
        "`struct s` is not defined here; only a pointer to it can be used",
    ),
    ("static union u ¦x;", "`union u` is not defined here; only a pointer to it can be used"),
    ("typedef int t; typedef volatile int ¦t;", "`t` is defined already"),
    ("typedef int *t; typedef int *restrict ¦t;", "`t` is defined already"),
    ("typedef int *t; typedef volatile int *¦t;", "`t` is defined already"),
    ("int f(void x¦[]);", "expected the type of an object, found a function or void"),
    ("int f(const void x¦[3]);", "expected the type of an object, found a function or void"),
    ("int f(int x[static ¦*]);", "expected a constant, found `*`"),
    ("int f(¦int x[*]) { return 0; }", "`[*]` cannot stand here"),
    ("typedef int t; int g(int t, ¦t u);", "expected a type, found `t`"),
    ("int f(int a ¦__asm__(\"x\"));", "expected `,` or `)`, found `__asm__`"),
    ("struct s { int a ¦__asm__(\"x\"); };", "expected `,` or `;`, found `__asm__`"),
    ("int f(void) __asm__(\"x\") ¦{ return 0; }", "expected `,` or `;`, found `{`"),
    ("int f(void) __asm__(\"x\") ¦__asm__(\"y\");", "expected `,` or `;`, found `__asm__`"),
    ("__asm__(\"x\") ¦int a;", "expected `;`, found `int`"),
    ("int f(int n¦; int a);", "expected `,` or `)`, found `;`"),
    ("int f(int *¦; int a);", "expected `,` or `)`, found `;`"),
    ("int f(int n; int m¦; int x[n], int n);", "expected `,` or `)`, found `;`"),
    ("int x = ¦;", "expected a constant, found `;`"),
    ("typedef int f(int); f g ¦{ return 0; }", "expected `,` or `;`, found `{`"),
    ("¦auto int;", "`auto` cannot stand here"),
    ("¦inline int;", "`inline` cannot stand here"),
    ("static void ¦x;", "expected the type of an object, found a function or void"),
];

const OTHERWISE: &str = "was declared otherwise before";

/// Texts that both read.
const READ: &[&str] = &[
    "int f(); int f(int, double, char *); int f(); int f(int a, double b, char *c);",
    "int (*f(void))(); int (*f(void))(int);",
    "int f(int [3], int (int)); int f(int *, int (*)(int));",
    "int f(int (*)[]); int f(int (*)[3]);",
    "int f(const int, volatile long); int f(int, long);",
    "int f(int *restrict); int f(int *);",
    "typedef unsigned long size_t; int f(size_t *); int f(unsigned long *);",
    "struct s; int f(struct s *, struct s); struct s { int a; }; int f(struct s *, struct s);",
    "enum e { A }; int f(enum e *); int f(unsigned *);",
    "static int f(void); int f(void); extern int f(void); static int f(void) { return 0; }",
    "static int x; extern int x; static int x = 1;",
    "int x; extern int x; int x = 1; int x;",
    "extern int x[]; int x[3]; extern int x[];",
    "extern _Thread_local int x; _Thread_local int x;",
    "extern inline __attribute__((gnu_inline)) int f(void) { return 0; } int f(void) { return 1; }",
    "struct s x; struct s { int a; }; extern struct never y; struct s x;",
    "typedef volatile int t; typedef volatile int t; typedef int *restrict *p; typedef int *restrict *p;",
    "int f(int n, int x[static n], int y[*]); int g(int n, int x[n]) { return 0; }",
    "int f(int (*g)(int x[*])) { return 0; }",
    "typedef int t; int g(t t, int (*h)(int t), int u); int h(int (*t)(t), int);",
    "int x[2], z; int y[sizeof x]; extern int y[8]; int w[sizeof(z) + 1]; extern int w[5];",
    "typedef int t(int); t f; int f(int a) { return a; }",
    "int; unsigned long; typedef int t; t; static int; _Thread_local int; int f(t);",
];

#[test]
fn what_no_compiler_reads_is_refused_with_its_place() {
    for (marked, reason) in REFUSED {
        let text = marked.replace('¦', "");
        let error = Declarations::parse(&text).expect_err(&text);
        assert_eq!(Some(error.position), marked.find('¦'), "{error} in {text}");
        assert!(error.kind.to_string().ends_with(reason), "{error} in {text}");
    }
}

#[test]
fn what_is_one_thing_can_be_declared_again() {
    for text in READ {
        Declarations::parse(text).unwrap_or_else(|error| panic!("{error}\n{}", error.excerpt(text)));
    }
}

/// The later of two declarations that go together may say more.
#[test]
fn what_a_declaration_leaves_open_another_says() {
    let declarations = Declarations::parse("int f(); int f(int); extern __typeof__(f) g;").unwrap();
    assert_eq!(declarations.function("g").unwrap().to_string(), "int g(int)");
}

/* Declarations of every kind that C11 with GNU's extensions has. Compiled by no program: GCC lists the functions, and the
   reader has to tell of each. */
typedef int whole; typedef whole function_type(whole, ...); typedef whole (*pointer_type)(whole);
typedef float four __attribute__((vector_size(16)));
struct later; struct pair { int a; double b; }; union either { int i; float f; }; enum color { RED, GREEN };
extern int variable, *pointer, array[4]; static const char text[] = "{ not a body (";
int plain(int a, double); extern long several(void), *of_pointer(char), of_value(struct pair);
int (bracketed)(int); int ((twice_bracketed))(void);
function_type by_type; function_type by_type_too, *not_a_function;
extern __typeof__(plain) by_typeof; __typeof__(int (*)(void)) not_one_either;
void (*returns_function(int, void (*)(int)))(int);
int (*returns_array(void))[3]; pointer_type returns_named(pointer_type);
int (*(*object_of_functions)(void))(int);
const volatile char *const qualified(const char *restrict, char *const volatile *);
inline int inline_only(int a) { return a; } extern inline int extern_inline(int a) { return a; }
static inline int static_inline(void) { return '{' + sizeof("}{"); }
static int static_plain(void); static int static_plain(void) { /* } */ return 0; } // }
__attribute__((noreturn)) void leaves(void); _Noreturn void leaves_too(int);
void __attribute__((cold)) between(void) __attribute__((nonnull)); int *__attribute__((malloc)) after_star(void);
int renamed(int) __asm__("other_name"); int renamed_too(int) __asm("o" "ther") __attribute__((pure));
__extension__ long long extended(__int128, unsigned __int128 *);
struct pair by_value(struct pair, union either, enum color); struct later *incomplete(struct later);
struct inside { int x; } defines_result(void); enum made { MADE_A, MADE_B } defines_enum(enum color);
int takes_definition(struct local { int x; } *, enum { LOCAL } );
int unspecified(); int old_style_prototype(int (*)(), char **argv);
int old_style(a, b) int a; char *b; { return a + *b; }
double old_style_of(p, f, rest) struct pair p, *rest; int (*f)(); { return p.b + f(rest); }
old_style_implicit(a) { return a; }
implicit_int(void); static implicit_static(int);
int variable_length(int n, int a[n][n], int b[static 3], int c[const], int d[*], int e[]);
int variadic(const char *, ...); int callback_parameter(int compare(const void *, const void *), void handler(void));
_Bool boolean(_Bool); float _Complex complex_one(double _Complex, long double _Complex);
four vectors(four); _Float128 wide(_Float128); _Decimal64 decimal(void); __float80 eighty(_Float64x);
unsigned unsigned_alone(unsigned char, signed, long unsigned int long);
int long unsigned reordered(int const extern_name);
long static reordered_static(void) { return 0; }
void statements(int n) {
  int local(int); extern int block_scope(double); typedef int inner; struct inner_struct { int a[2]; } s = { .a = { [1] = 2 } };
  for (int i = 0; i < n; i++) { if (i) continue; else { switch (i) { case 1 ... 3: break; default: goto end; } } }
  __asm__ volatile ("nop { }" : : "r"(n) : "memory"); int nested(int x) { return x; } (void)({ int y = nested(1); y; });
  (void)_Generic(n, int: "int", default: "}"); (void)(struct pair){ 1, 2 }; (void)s;
end: ;
}
int initialised = (1 + 2), *address = &initialised, among_objects(int), last[] = { 1, 2, { 3 } };
struct with_function_pointers { int (*call)(int); void (*table[4])(void); int bits : 3; } also_object, also_function(void);
_Static_assert(sizeof(int) == 4, "{"); ; __asm__(".globl nothing");
#pragma pack(push, 1)
int under_pragma(struct packed_one { char c; int i; } *);
#pragma pack(pop)
_Thread_local int per_thread; extern __thread int per_thread_too; register_free(void);
typedef struct { int x; } anonymous, *anonymous_pointer; anonymous returns_anonymous(anonymous_pointer);
_Alignas(16) int aligned_object; int after_alignas(void);
typedef void sized_array_function(int[sizeof(struct pair) * 2]); sized_array_function by_sized;
void *__restrict__ (*pointer_to_function)(void), *returns_pointer(void *__restrict);
int attribute_parameter(int x __attribute__((unused)), __attribute__((unused)) char *y);
int $dollar(void), _underscore(void), müller(void);
int digraphs(int a<::>);
int trigraph_free(int), // comment
  continued(int,
            char), /* comment ) */ commented(int /* , */);
__inline __attribute__((__gnu_inline__)) extern int gnu_inline(void) { return 1; }
static __attribute__((alias("aliased_to"))) int aliased(void); int aliased_to(void) { return 0; }
__attribute__((ifunc("chooser"))) int chosen(int); static void *chooser(void) { return 0; }
int repeated(int), repeated(int); int repeated(int);

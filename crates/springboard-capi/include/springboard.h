/*
 * springboard: C signatures described at run time become machine code.
 *
 * A host describes C functions as text and calls them at nearly the cost of a plain C call. It can also give native
 * code function pointers that run its own handlers. Calls that cannot be compiled on a machine go through libffi with
 * the same results, and the library says why.
 *
 * RESULTS. A function that returns int returns SB_OK, which is 0, or an SB_ERROR_... constant. On an error nothing has
 * been done unless the function's comment says otherwise, returned handles are null, and sb_error_message() describes
 * it. Parameters for results that a comment calls optional may be null.
 *
 * HANDLES. A pointer to an incomplete type is a handle. It points to nothing, is never given out twice, and is good
 * until it is closed. Anything else in its place (null, a closed handle, a handle of another kind or of another copy of
 * the library, a number that was never a handle) is refused with an error code. A handle may be closed while another
 * thread is using it: its object is freed when that call ends. Objects keep alive what they are
 * made of: a function its library and its code, a callback its type. So handles may be closed in any order.
 *
 * THREADS. Any thread may use any handle, except mailboxes and types of callbacks with a policy, which belong to
 * the thread that made them: elsewhere they are refused with SB_ERROR_THREAD. Those that are still open when the
 * thread ends are closed then. No function may be called in a signal handler; generated code may be.
 *
 * FORK. After fork() both processes may use every handle and call all code; what one closes stays open in the other. A
 * mailbox and what is in it stay the parent's: in the child each function except sb_mailbox_close() refuses it with
 * SB_ERROR_FORKED, and calls that would be put into it get zero and count as refused. The child makes mailboxes of its
 * own.
 *
 * LANGUAGE RUNTIMES. No panic leaves the library. No exception, longjmp or thread cancellation may pass through its
 * functions or through a callback.
 *
 * TEXT. Texts end with a zero byte and are UTF-8. A returned text is written into the caller's buffer of size
 * bytes, cut to fit, with a zero byte at its end; *length (optional) becomes the length of the whole text without that
 * byte. Pass size 0 to ask for the length alone.
 *
 * UNLOADING. The shared library stays in the process when it is closed with dlclose(): what was handed out stays good.
 *
 * Structures that begin with a member named size grow in later versions: the caller sets it to sizeof the structure, and
 * the library reads or writes no more than that.
 */
#ifndef SPRINGBOARD_H
#define SPRINGBOARD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ------------------------------------------------------------------------------------------------- */

/* The version of this header: 1000000 * major + 1000 * minor + patch. */
#define SB_VERSION 1000

/* The version of the library that is running, to be compared with SB_VERSION. Cannot fail. */
int sb_version(void);

/* The same as text, such as "0.1.0". Belongs to the library, and is good for ever. */
const char *sb_version_text(void);

/* ---- Errors -------------------------------------------------------------------------------------------------- */

enum {
    SB_OK = 0,
    SB_ERROR_NULL = 1,        /* a parameter that is needed is null */
    SB_ERROR_HANDLE = 2,      /* what is passed is no handle of this copy of the library */
    SB_ERROR_CLOSED = 3,      /* the handle has been closed */
    SB_ERROR_KIND = 4,        /* the handle is one of another kind */
    SB_ERROR_THREAD = 5,      /* the object belongs to another thread, or the thread is ending */
    SB_ERROR_BUSY = 6,        /* a function further up on this thread's stack is using the object */
    SB_ERROR_ARGUMENT = 7,    /* a parameter is out of range, or does not fit another */
    SB_ERROR_ENCODING = 8,    /* a text is not UTF-8 */
    SB_ERROR_PARSE = 9,       /* a C text is wrong; sb_error_place() says where */
    SB_ERROR_LOAD = 10,       /* a library does not load */
    SB_ERROR_SYMBOL = 11,     /* a symbol is missing or null, or a function is not declared */
    SB_ERROR_LAYOUT = 12,     /* a type has no layout on this machine */
    SB_ERROR_NO_PATH = 13,    /* neither code nor libffi can make the call */
    SB_ERROR_NO_POINTER = 14, /* the function has no code of its own */
    SB_ERROR_MEMORY = 15,     /* the system has no more memory for code, or there are no more handles */
    SB_ERROR_CALLBACK = 16,   /* a handler raised an error: the message is its own */
    SB_ERROR_SYSTEM = 17,     /* a system call failed */
    SB_ERROR_INTERNAL = 18,   /* a bug of springboard */
    SB_ERROR_THROWN = 19,     /* JavaScript is to throw the message (sb_v8_function_call, sb_v8_data_call) */
    SB_ERROR_REFUSED = 20,    /* a call in the background was not accepted */
    SB_ERROR_ABANDONED = 21,  /* a call in the background was not made */
    SB_ERROR_FORKED = 22      /* the mailbox belongs to the process that this one was forked from */
};

/* The code of the last failure on this thread, SB_OK where there was none. Success does not change it. Cannot fail. */
int sb_error_code(void);

/* The sentence that says what was wrong, without a full stop or a newline. Belongs to the library; good until another
 * function fails on this thread, or the thread ends. Empty where there was no failure. Cannot fail. */
const char *sb_error_message(void);

/* Where in a C text the last failure was: the offset in bytes, line and column counted from 1, the column in
 * characters. All three are optional, and become 0 where it was not about a C text. Returns 1 where it was, else 0. */
int sb_error_place(size_t *offset, size_t *line, size_t *column);

/* ---- Engines ------------------------------------------------------------------------------------------------- */

/* What compiles, caches and binds. One a process is enough, many are fine. What was bound stays usable when the
 * engine is closed. */
typedef struct sb_engine sb_engine;

enum { SB_JIT_ON = 0, SB_JIT_OFF = 1 };
enum { SB_COMPILE_EAGER = 0, SB_COMPILE_LAZY = 1, SB_COMPILE_BACKGROUND = 2 };
enum { SB_STUBS_PER_SHAPE = 0, SB_STUBS_PER_FUNCTION = 1 };
enum { SB_LANDING_PADS_DEFAULT = 0, SB_LANDING_PADS_EMIT = 1, SB_LANDING_PADS_OMIT = 2 };

/* Settings of an engine. All zero except size is the default. */
typedef struct sb_engine_options {
    size_t size;         /* sizeof(sb_engine_options) */
    int jit;             /* SB_JIT_OFF: every call goes through libffi, and no executable memory is asked for */
    int compile;         /* SB_COMPILE_LAZY: functions are compiled at their first call; SB_COMPILE_BACKGROUND: by a
                            thread of the engine's own, and libffi serves calls until then */
    int stubs;           /* SB_STUBS_PER_FUNCTION: functions have code of their own (sb_function_bound_code) */
    int landing_pads;    /* whether code begins with a landing pad; by default, where the CPU checks them */
    uint64_t code_limit; /* the most memory to map for code, in bytes; what is bound beyond goes through libffi.
                            0: no limit */
} sb_engine_options;

/* What an engine has done since it was made. Numbers read while other threads bind may be of different moments. */
typedef struct sb_stats {
    size_t size;                   /* sizeof(sb_stats) */
    uint64_t hits;                 /* look-ups that found their plan compiled */
    uint64_t misses;               /* look-ups that did not */
    uint64_t compiles;             /* plans compiled */
    uint64_t stamps;               /* stubs written */
    uint64_t live;                 /* stubs that are there now */
    uint64_t code_bytes;           /* bytes of their code */
    uint64_t mapped_bytes;         /* bytes of memory mapped for code */
    uint64_t native;               /* functions bound to stubs */
    uint64_t pending;              /* functions bound whose stubs are not there yet (SB_COMPILE_...) */
    uint64_t unknown_target;       /* functions bound to libffi, by SB_PATH_...: */
    uint64_t ineligible;
    uint64_t jit_off;
    uint64_t no_executable_memory;
    uint64_t code_limit;
    uint64_t emit;
} sb_stats;

/* Makes an engine. options may be null: the defaults. Where the environment says SPRINGBOARD_JIT=off, it compiles
 * nothing, whatever is set. Errors: SB_ERROR_NULL, SB_ERROR_ARGUMENT. */
int sb_engine_new(const sb_engine_options *options, sb_engine **engine);

/* What the engine has done so far. stats->size must be set. Errors: those of handles, SB_ERROR_NULL,
 * SB_ERROR_ARGUMENT. */
int sb_engine_stats(const sb_engine *engine, sb_stats *stats);

/* Closes the handle. Errors: those of handles. */
int sb_engine_close(sb_engine *engine);

/* ---- Libraries ----------------------------------------------------------------------------------------------- */

/* A loaded library, or the process itself. It is unloaded when its handle is closed and no function bound from it is
 * left. */
typedef struct sb_library sb_library;

enum {
    SB_LIBRARY_DEFAULT = 0,  /* resolve everything at once, keep its symbols to itself */
    SB_LIBRARY_LAZY = 1,     /* resolve the library's own dependencies when they are first called */
    SB_LIBRARY_GLOBAL = 2,   /* offer its symbols to libraries that are loaded later */
    SB_LIBRARY_NODELETE = 4, /* never unload it */
    SB_LIBRARY_NOLOAD = 8    /* load nothing: succeed only where it is loaded already */
};

/* Loads a library: flags are SB_LIBRARY_... joined with |. A path without a slash is looked for where the system's
 * loader looks, and need not be UTF-8, except on Windows (SB_ERROR_ENCODING), where it is whatever the code page. The
 * library's initialisers run now, its finalisers when it is unloaded. Errors: SB_ERROR_NULL, SB_ERROR_ARGUMENT,
 * SB_ERROR_LOAD. */
int sb_library_open(const char *path, int flags, sb_library **library);

/* The process: the program, the libraries it was linked to, and those loaded with SB_LIBRARY_GLOBAL. Errors:
 * SB_ERROR_NULL. */
int sb_library_process(sb_library **library);

/* The address of a symbol, good for as long as the library is loaded. Errors: those of handles, SB_ERROR_NULL,
 * SB_ERROR_ENCODING, SB_ERROR_SYMBOL. */
int sb_library_symbol(const sb_library *library, const char *symbol, void **address);

/* Closes the handle. Errors: those of handles. */
int sb_library_close(sb_library *library);

/* ---- Signatures ---------------------------------------------------------------------------------------------- */

/* Types and functions declared by C text. */
typedef struct sb_declarations sb_declarations;

/* The type of a C function, with its name if it has one. */
typedef struct sb_signature sb_signature;

enum {
    SB_SLOT_NONE = 0,     /* void: there is no slot */
    SB_SLOT_BOOL = 1,     /* _Bool: 0 or 1 */
    SB_SLOT_INTEGER = 2,  /* an integer with a sign, extended by its sign */
    SB_SLOT_UNSIGNED = 3, /* one without, extended by zeros */
    SB_SLOT_FLOAT = 4,    /* float or double: its bits in the low bytes, zeros above */
    SB_SLOT_POINTER = 5,  /* a pointer */
    SB_SLOT_ADDRESS = 6   /* the address of the value's bytes: aggregates, long double, __int128, complex, vectors */
};

/* What the 8-byte slot of a value holds. */
typedef struct sb_slot {
    int form;       /* SB_SLOT_... */
    uint32_t align; /* the alignment of the C type, in bytes */
    uint64_t bytes; /* its size, in bytes */
} sb_slot;

/* Reads C declarations: structures, unions, enumerations, typedefs and functions, as headers have them after the
 * preprocessor. Errors: SB_ERROR_NULL, SB_ERROR_ENCODING, SB_ERROR_PARSE. */
int sb_declarations_parse(const char *text, sb_declarations **declarations);

/* Closes the handle. Errors: those of handles. */
int sb_declarations_close(sb_declarations *declarations);

/* Reads a signature: "double pow(double, double)", "int (*)(const void *, const void *)". Structures may be defined
 * before it, or come from declarations, which is optional. What a variadic call passes comes after the dots:
 * "int printf(const char *, ..., int, double)". Errors: SB_ERROR_NULL, SB_ERROR_ENCODING, SB_ERROR_PARSE, those of
 * handles. */
int sb_signature_parse(const char *text, const sb_declarations *declarations, sb_signature **signature);

/* The signature of a function that is declared. Errors: those of handles, SB_ERROR_NULL, SB_ERROR_ENCODING,
 * SB_ERROR_SYMBOL. */
int sb_signature_declared(const sb_declarations *declarations, const char *name, sb_signature **signature);

/* The signature as C text. Errors: those of handles, SB_ERROR_NULL. */
int sb_signature_text(const sb_signature *signature, char *buffer, size_t size, size_t *length);

/* The number of parameters, variadic arguments included. Errors: those of handles, SB_ERROR_NULL. */
int sb_signature_parameters(const sb_signature *signature, size_t *parameters);

/* What the slot of parameter index (from 0) holds; for the index after the last, that of the result. Errors: those of
 * handles, SB_ERROR_NULL, SB_ERROR_ARGUMENT, SB_ERROR_LAYOUT. */
int sb_signature_slot(const sb_signature *signature, size_t index, sb_slot *slot);

/* Closes the handle. Errors: those of handles. */
int sb_signature_close(sb_signature *signature);

enum { SB_ENTRY_SLOTS = 0, SB_ENTRY_BOUND = 1, SB_ENTRY_CALLBACK = 2, SB_ENTRY_V8 = 3, SB_ENTRY_AVALUE = 4 };

/* Code that calls any function of the signature, for hosts that keep their own tables of functions. With
 * SB_ENTRY_SLOTS it is R (*)(const void *function, const uint64_t *slots), of which SB_CALL takes an sb_entry; with
 * SB_ENTRY_AVALUE libffi's form, void (*)(const void *function, void *result, void **values): one pointer per argument,
 * to the bytes of its own C type, and a result that is an integer or a pointer written as a whole 8-byte word. Good
 * until the engine's handle is closed. Errors: those of handles, SB_ERROR_NULL, SB_ERROR_ARGUMENT (an entry whose code
 * belongs to one function); SB_ERROR_NO_PATH where there is no such code, and the message says why: bound as
 * sb_function, it goes through libffi. */
int sb_engine_stub(const sb_engine *engine, const sb_signature *signature, int entry, void **code);

/* What springboard makes of a signature on this machine, for people: which byte goes where, in code of that entry; or
 * by which rule there is no such code. Errors: those of handles, SB_ERROR_NULL, SB_ERROR_ARGUMENT. */
int sb_explain(const sb_signature *signature, int entry, char *buffer, size_t size, size_t *length);

/* ---- Functions ----------------------------------------------------------------------------------------------- */

/* A native function, bound to its C type.
 *
 * SLOTS. It is called with an array of 8-byte slots, one per parameter, in order; sb_signature_slot() says what each
 * holds, and the functions sb_slot_of_...() make them. A slot is always written whole. Where a slot is the address of a
 * value's bytes, these need no alignment and are only read. Where the result is such a value, one more slot follows,
 * with the address of memory for it, as large and as aligned as the type. */
typedef struct sb_function sb_function;

enum {
    SB_PATH_NATIVE = 0,               /* code compiled for the signature */
    SB_PATH_UNCALLED = 1,             /* not decided before the first call (SB_COMPILE_LAZY) */
    SB_PATH_COMPILING = 2,            /* libffi, until the code is there (SB_COMPILE_BACKGROUND) */
    SB_PATH_UNKNOWN_TARGET = 3,       /* libffi, because: no calling convention is known for this machine */
    SB_PATH_INELIGIBLE = 4,           /* a rule says that there is no code for the signature */
    SB_PATH_JIT_OFF = 5,              /* compiling is turned off */
    SB_PATH_NO_EXECUTABLE_MEMORY = 6, /* the system allows no executable memory */
    SB_PATH_CODE_LIMIT = 7,           /* the engine's limit is reached */
    SB_PATH_EMIT = 8,                 /* the compiler refused */
    SB_PATH_OTHER = 9                 /* another reason */
};

/* What to call: code, with target as its first argument and the address of the slots as its second. The code returns
 * the C type of the result; nothing where that is void or written to memory. SB_CALL does this. */
typedef struct sb_entry {
    void *code;
    const void *target;
} sb_entry;

/* Calls an entry whose result is of type R, which must be the signature's: SB_CALL(double, entry, slots). Takes no lock,
 * allocates nothing and checks nothing; after it, sb_take_pending() has the error of a callback. */
#define SB_CALL(R, entry, slots) \
    (((R(*)(const void *, const uint64_t *))(uintptr_t)(entry).code)((entry).target, (slots)))

/* Binds the function that the declaration names: "double pow(double, double)". It must have that type: nothing can
 * check this. Errors: those of handles, SB_ERROR_NULL, SB_ERROR_ENCODING, SB_ERROR_PARSE, SB_ERROR_ARGUMENT (no name),
 * SB_ERROR_SYMBOL, SB_ERROR_LAYOUT, SB_ERROR_NO_PATH. */
int sb_function_bind(const sb_engine *engine, const sb_library *library, const char *declaration,
                     sb_function **function);

/* Binds a symbol of the library with the signature's type, whatever name that has. Errors: as sb_function_bind(). */
int sb_function_bind_symbol(const sb_engine *engine, const sb_library *library, const char *symbol,
                            const sb_signature *signature, sb_function **function);

/* Binds the function at an address, which must stay callable for as long as the function is used. Errors: as
 * sb_function_bind(). */
int sb_function_bind_address(const sb_engine *engine, void *address, const sb_signature *signature,
                             sb_function **function);

/* Binds count functions of the library at once, which takes less time and memory than one by one. functions has room
 * for count handles; those that could not be bound become null. Where some could not, *failed becomes the index of the
 * first, and the error is its own; else *failed becomes count. Errors: as sb_function_bind(). */
int sb_function_bind_all(const sb_engine *engine, const sb_library *library, const char *const *declarations,
                         size_t count, sb_function **functions, size_t *failed);

/* The same function once more. Each call also delivers a last error with the result, read before anything else
 * can run on the thread: what read() returns, an int (*)(void) of the library's own that stays callable; or errno where
 * read is null, which is set to 0 before the call. The slot after all others holds the address of an int for it.
 * Errors: those of handles, SB_ERROR_NULL, SB_ERROR_NO_PATH. */
int sb_function_with_last_error(const sb_engine *engine, const sb_function *function, void *read,
                                sb_function **derived);

/* The number of slots that a call reads: one per parameter, one for a result in memory, one for a last error. Errors:
 * those of handles, SB_ERROR_NULL. */
int sb_function_slots(const sb_function *function, size_t *slots);

/* What to call, through whatever path the function has. Good until the function's handle is closed. Where the engine
 * compiles late (SB_COMPILE_...), what is handed out before the code is there looks at each call where to go; ask again
 * once sb_function_path() says SB_PATH_NATIVE. Errors: those of handles, SB_ERROR_NULL. */
int sb_function_entry(const sb_function *function, sb_entry *entry);

/* The function as one code pointer, R (*)(const uint64_t *slots), for hosts that keep one word per function. Good until
 * the function's handle is closed. Errors: those of handles, SB_ERROR_NULL; SB_ERROR_NO_POINTER where the engine was not
 * made with SB_STUBS_PER_FUNCTION, or the function is called through libffi. */
int sb_function_bound_code(const sb_function *function, void **code);

/* Calls the function. *result becomes the slot of a result that is a word; otherwise result is optional and left
 * alone. For calls that matter, sb_function_entry() is many times faster. Errors: those of handles, SB_ERROR_NULL;
 * SB_ERROR_CALLBACK where the function was called, *result is what it returned, and a callback that it called on this
 * thread raised an error. */
int sb_function_call(const sb_function *function, const uint64_t *slots, uint64_t *result);

/* The address of the native function. Errors: those of handles, SB_ERROR_NULL. */
int sb_function_address(const sb_function *function, void **address);

/* By which path calls go: *path (optional) becomes SB_PATH_..., the text a sentence with the reason. Errors: those of
 * handles, SB_ERROR_NULL. */
int sb_function_path(const sb_function *function, int *path, char *buffer, size_t size, size_t *length);

/* Closes the handle. Its code is freed: no call may be inside, or come later. Errors: those of handles. */
int sb_function_close(sb_function *function);

/* ---- Mailboxes ----------------------------------------------------------------------------------------------- */

/* Where calls from other threads wait for the thread that a callback belongs to, which is the one that made the
 * mailbox. The calls of one thread are delivered in the order in which they were made. */
typedef struct sb_mailbox sb_mailbox;

/* No limit of time. */
#define SB_FOREVER (-1)

enum {
    SB_FULL_BLOCK = 0,      /* the caller waits for room */
    SB_FULL_REFUSE = 1,     /* the caller gets zero at once */
    SB_FULL_DROP_OLDEST = 2 /* the oldest posted call is dropped to make room */
};

/* Makes a mailbox of the running thread, for any number of calls. Errors: SB_ERROR_NULL, SB_ERROR_THREAD. */
int sb_mailbox_unbounded(sb_mailbox **mailbox);

/* Makes a mailbox of the running thread, for at most capacity posted calls. full says what becomes of one more. Errors:
 * SB_ERROR_NULL, SB_ERROR_ARGUMENT, SB_ERROR_THREAD. */
int sb_mailbox_bounded(size_t capacity, int full, sb_mailbox **mailbox);

/* A file descriptor for poll loops, readable when there may be calls to be drained; on Windows an event to wait for,
 * (HANDLE)(intptr_t)fd. It belongs to the mailbox: it must not be read, written, set or closed, and is gone with the
 * mailbox. Errors: those of handles, SB_ERROR_NULL, SB_ERROR_SYSTEM. */
int sb_mailbox_fd(const sb_mailbox *mailbox, int *fd);

/* Sets what is called when a call comes into the empty mailbox: on the thread that called, so it must touch nothing of
 * the mailbox's thread, and use no function of springboard. The context must be good for as long as the mailbox or a
 * callback that uses it is. Errors: those of handles, SB_ERROR_NULL. */
int sb_mailbox_set_waker(const sb_mailbox *mailbox, void (*wake)(void *context), void *context);

/* Runs the handlers of at most max calls, in order, and tells how many it were (optional). Handlers may call native
 * code, make and close callbacks, and drain. Errors: those of handles; SB_ERROR_CALLBACK where the last handler that ran
 * raised an error, or a caller was refused because this thread was in native code for too long: *delivered counts
 * what ran, and another drain goes on. */
int sb_mailbox_drain(const sb_mailbox *mailbox, size_t max, size_t *delivered);

/* Waits until there is something to drain, for at most limit_ns nanoseconds or SB_FOREVER. *ready (optional) becomes 1
 * if there is, 0 if the time is up. Meanwhile the thread answers callers that wait for its other mailboxes. Errors:
 * those of handles, SB_ERROR_ARGUMENT. */
int sb_mailbox_wait(const sb_mailbox *mailbox, int64_t limit_ns, int *ready);

/* Closes the mailbox: posted calls that were not delivered are dropped, and callers that wait get zero. How many there
 * were of each is told (optional). Errors: those of handles; SB_ERROR_BUSY from inside of a handler that this
 * mailbox's drain is running. */
int sb_mailbox_close(sb_mailbox *mailbox, size_t *posted, size_t *waiting);

/* ---- Callbacks ----------------------------------------------------------------------------------------------- */

/* A signature made ready for callbacks, and what becomes of calls from other threads: its policy. A new type has none:
 * handlers run on the thread that calls, on several at once if several call. Types with a policy are derived from it,
 * belong to the running thread, and so do their callbacks: on that thread handlers run at once. */
typedef struct sb_callback_type sb_callback_type;

/* A C function pointer that a handler answers. */
typedef struct sb_callback sb_callback;

/* How long a caller waits for a thread that is in native code, and so perhaps waits for the caller, if nothing else is
 * wanted: nanoseconds. */
#define SB_BUSY_DEFAULT 100000000

/* What answers calls. */
typedef struct sb_handler {
    /* Gets one slot per parameter, as sb_signature_slot() says; the bytes behind an address are the handler's to use
     * until it returns. One more slot follows: a result that is a word must be written there, whole; the bytes of
     * any other result to the address that is found there. To fail, it calls sb_raise() and returns. */
    void (*call)(void *context, uint64_t *slots);
    /* What both functions get. */
    void *context;
    /* Optional. Called once, when the callback is closed and the last call has left: on the thread that the callback
     * belongs to, or for a type without a policy on the one that left last. Never called where a thread ended before
     * its callbacks were closed. */
    void (*release)(void *context);
} sb_handler;

/* What became of calls that did not simply run where they came from, of all callbacks of one type. */
typedef struct sb_callback_counts {
    size_t size;        /* sizeof(sb_callback_counts) */
    uint64_t sent;      /* calls posted, or that waited for an answer */
    uint64_t delivered; /* of these, calls whose handler has run */
    uint64_t refused;   /* calls that got zero by the policy */
    uint64_t dropped;   /* posted calls that were dropped before they were delivered */
    uint64_t skipped;   /* calls that got zero because an error was pending on their thread */
    uint64_t late;      /* delivered calls whose caller had gone on before */
} sb_callback_counts;

/* Makes a type without a policy. Errors: those of handles, SB_ERROR_NULL, SB_ERROR_LAYOUT, SB_ERROR_NO_PATH,
 * SB_ERROR_MEMORY. */
int sb_callback_type_new(const sb_engine *engine, const sb_signature *signature, sb_callback_type **type);

/* Derives a type for which what the pointer parameter (from 0) points to is copied before the caller of a posted or
 * timed call goes on: the bytes of a text up to its zero byte. The handler finds the copy's address, which is freed when
 * it returns. From a type without a policy only. Errors: those of handles, SB_ERROR_NULL, SB_ERROR_ARGUMENT. */
int sb_callback_type_copy_text(const sb_callback_type *type, size_t parameter, sb_callback_type **derived);

/* The same, for as many elements of unit bytes as the parameter count_parameter says. A negative number counts as none.
 * Errors: as sb_callback_type_copy_text(). */
int sb_callback_type_copy_counted(const sb_callback_type *type, size_t parameter, size_t count_parameter,
                                  size_t unit, sb_callback_type **derived);

/* The same, for so many bytes. Errors: as sb_callback_type_copy_text(). */
int sb_callback_type_copy_fixed(const sb_callback_type *type, size_t parameter, size_t bytes,
                                sb_callback_type **derived);

/* Derives a type whose callbacks reject calls from other threads: these get zero and are counted, and the first is
 * reported (sb_set_reporter). Errors: those of handles, SB_ERROR_NULL, SB_ERROR_ARGUMENT (it has a policy). */
int sb_callback_type_reject(const sb_callback_type *type, sb_callback_type **derived);

/* Derives a type whose calls from other threads are put into the mailbox; their callers go on at once. The result must
 * be void. Errors: those of handles, SB_ERROR_NULL, SB_ERROR_ARGUMENT, SB_ERROR_THREAD. */
int sb_callback_type_post(const sb_callback_type *type, const sb_mailbox *mailbox, sb_callback_type **derived);

/* The same, and this thread's own calls are put into the mailbox as well, after those that others have posted. Where a
 * full mailbox has its callers wait, this thread is refused. Errors: as sb_callback_type_post(). */
int sb_callback_type_queue(const sb_callback_type *type, const sb_mailbox *mailbox, sb_callback_type **derived);

/* Derives a type whose calls from other threads wait for their answer, which they get when the mailbox is drained, or
 * this thread waits in springboard. A caller gets zero when the mailbox is gone, and when this thread has been in the
 * same native call for busy_ns nanoseconds (SB_BUSY_DEFAULT; SB_FOREVER: it waits). springboard knows of native calls by
 * sb_function_call() and sb_native_enter(). Errors: those of handles, SB_ERROR_NULL, SB_ERROR_ARGUMENT,
 * SB_ERROR_THREAD. */
int sb_callback_type_block(const sb_callback_type *type, const sb_mailbox *mailbox, int64_t busy_ns,
                           sb_callback_type **derived);

/* The same, for at most limit_ns nanoseconds: then the caller gets value, the slot of a result (0 where the result is
 * no word), and the handler's result is dropped when it comes. What parameters point to must outlive the call or be
 * copied in. Errors: as sb_callback_type_block(). */
int sb_callback_type_block_timeout(const sb_callback_type *type, const sb_mailbox *mailbox, uint64_t limit_ns,
                                   uint64_t value, int64_t busy_ns, sb_callback_type **derived);

/* What became of the calls of the type's callbacks. counts->size must be set. Errors: those of handles, SB_ERROR_NULL,
 * SB_ERROR_ARGUMENT. */
int sb_callback_type_counts(const sb_callback_type *type, sb_callback_counts *counts);

/* How native code gets in: *path (optional) becomes SB_PATH_..., the text a sentence with the reason. Errors: those of
 * handles, SB_ERROR_NULL. */
int sb_callback_type_path(const sb_callback_type *type, int *path, char *buffer, size_t size, size_t *length);

/* Closes the handle. Callbacks of the type stay. Errors: those of handles. */
int sb_callback_type_close(sb_callback_type *type);

/* Makes a callback. *code becomes the address of a function of the signature's type. The handler is copied, except
 * what its context points to, which must be good until release is called; the functions must be sound to call on the
 * threads that the policy lets them run on. Errors: those of handles, SB_ERROR_NULL, SB_ERROR_MEMORY; release is
 * not called then. */
int sb_callback_new(const sb_callback_type *type, const sb_handler *handler, sb_callback **callback, void **code);

/* The number of calls that were accepted and have not left, posted ones that wait included. Errors: those of handles,
 * SB_ERROR_NULL. */
int sb_callback_in_flight(const sb_callback *callback, uint64_t *calls);

enum {
    SB_AFTER_CLOSE_ZERO = 0, /* calls that come too late get zero */
    SB_AFTER_CLOSE_ABORT = 1 /* they end the process, with a line on standard error */
};

/* Closes a callback and its handle, on any thread, and inside of the handler too. Calls that were accepted are
 * delivered. The address stays callable, and after a time becomes another callback's. Errors: those of handles,
 * SB_ERROR_ARGUMENT. */
int sb_callback_close(sb_callback *callback, int after);

/* Inside of a handler: fails. The native caller gets zero, and so does every later call of a callback on this thread,
 * without its handler running, until the error is taken: by sb_function_call(), sb_mailbox_drain() or
 * sb_take_pending(). The first error stays where several are raised. The message is copied, and need not be UTF-8.
 * Errors: SB_ERROR_NULL. */
int sb_raise(const char *message);

/* ---- Threads ------------------------------------------------------------------------------------------------- */

/* Takes the error of a callback that is pending on this thread: what a host does that calls by SB_CALL, once its
 * outermost call has returned. Returns SB_OK where there is none, else SB_ERROR_CALLBACK with the handler's message. */
int sb_take_pending(void);

/* Marks that this thread is about to enter native code that may wait for other threads, so that their blocking
 * callbacks are refused where both would wait for each other. sb_function_call() does so by itself. May be nested.
 * Errors: SB_ERROR_THREAD. */
int sb_native_enter(void);

/* Marks that it is back. Errors: SB_ERROR_ARGUMENT where it was not away. */
int sb_native_leave(void);

/* Sets what is told of errors and rejected calls on threads where nobody of the host could be told; without one, a line
 * goes to standard error. For the whole process, for good. It runs on the thread that it is about; the message is
 * good until it returns. Errors: SB_ERROR_NULL. */
int sb_set_reporter(void (*tell)(void *context, const char *message), void *context);

/* ---- Calls in the background ---------------------------------------------------------------------------------- */

/* Threads that make calls for others, and a bounded queue of calls. */
typedef struct sb_background sb_background;

/* A call that one of them makes. Closing the handle stops nothing. */
typedef struct sb_pending sb_pending;

enum {
    SB_SHUTDOWN_WAIT = 0,   /* calls that wait are made first */
    SB_SHUTDOWN_ABANDON = 1 /* calls that wait are not made, and end with SB_ERROR_ABANDONED */
};

/* Starts so many threads, at least one, with a queue in which capacity calls may wait. With one thread, calls are made
 * in the order in which they were accepted. Errors: SB_ERROR_NULL, SB_ERROR_ARGUMENT, SB_ERROR_SYSTEM. */
int sb_background_new(size_t threads, size_t capacity, sb_background **background);

/* Has the function called by one of the threads, and returns at once. The slots of the parameters are as for
 * sb_function_call(), with none for the result or a last error; they and the bytes of values that they are addresses of
 * are copied. What pointers point to must stay until the call has ended. Errors: those of handles, SB_ERROR_NULL,
 * SB_ERROR_LAYOUT; SB_ERROR_REFUSED where the queue is full, the threads are shut down, or this process was forked from
 * the one in which they run. */
int sb_background_call(const sb_background *background, const sb_function *function, const uint64_t *slots,
                       sb_pending **pending);

/* Waits for the call to end, for at most limit_ns nanoseconds or SB_FOREVER: *ended (optional) becomes 1 if it has, else
 * 0. result is the address of a uint64_t for the slot of a result that is a word, of memory for the bytes of any other,
 * and optional where it is void. *last_error (optional) becomes that of a function with one. The outcome is
 * delivered once. This thread answers no callbacks meanwhile. Errors: those of handles, SB_ERROR_NULL; SB_ERROR_ARGUMENT
 * where it has been delivered; SB_ERROR_BUSY where another thread waits; SB_ERROR_CALLBACK, SB_ERROR_ABANDONED. */
int sb_pending_wait(const sb_pending *pending, int64_t limit_ns, void *result, int *last_error, int *ended);

/* Sets what is called, once, when the call has ended: at once if it has, else on the thread that made it. It must use
 * no function of springboard there. Errors: those of handles, SB_ERROR_NULL, SB_ERROR_ARGUMENT, SB_ERROR_BUSY. */
int sb_pending_set_waker(const sb_pending *pending, void (*wake)(void *context), void *context);

/* Closes the handle; a call that has not ended goes on. Errors: those of handles. */
int sb_pending_close(sb_pending *pending);

/* Accepts no more calls. Must not be called on one of the threads. With SB_SHUTDOWN_WAIT it returns when the last call
 * has ended. Errors: those of handles, SB_ERROR_ARGUMENT. */
int sb_background_shutdown(const sb_background *background, int how);

/* Closes the handle. Calls that were accepted are made. Errors: those of handles. */
int sb_background_close(sb_background *background);

/* ---- Answers that come later, and the end of a thread ---------------------------------------------------------- */

/* An answer that is owed to a caller that waits on another thread. */
typedef struct sb_later sb_later;

/* Inside of a handler, with the slots that it was given: undertakes to answer the call later. The result that the handler
 * leaves is not looked at, and the caller waits on. What arguments point to stays the caller's, who may be gone when a
 * time limit is up. Errors: SB_ERROR_NULL; SB_ERROR_ARGUMENT where nobody waits: the call is the owner's own or posted, or
 * has been undertaken. Then the handler answers. */
int sb_later_of(uint64_t *slots, sb_later **later);

/* Answers with the slot of a word; of void, any. Errors: those of handles; SB_ERROR_ARGUMENT where it is answered, or the
 * result is no word. */
int sb_later_answer(const sb_later *later, uint64_t slot);

/* Answers with the bytes of a result that is no word. Errors: those of handles, SB_ERROR_NULL; SB_ERROR_ARGUMENT where it is
 * answered, or the result is of another size or a word. */
int sb_later_answer_bytes(const sb_later *later, const void *bytes, size_t size);

/* Closes the handle. A call that has not been answered gets zero, or the value for when time is up. Errors: those of
 * handles. */
int sb_later_close(sb_later *later);

/* Has callbacks with a policy that this thread makes from now on closed when it ends, and their handlers released there.
 * Errors: SB_ERROR_THREAD. */
int sb_close_at_thread_exit(void);

/* A thread that releases handlers of others that have ended. Any thread may use it. */
typedef struct sb_heir sb_heir;

/* This thread. It releases what it inherits at its next drain of any mailbox, and when it ends. Errors: SB_ERROR_NULL,
 * SB_ERROR_THREAD. */
int sb_heir_current(sb_heir **heir);

/* Leaves to that thread the handlers of this one's callbacks that are not released when this thread ends. They must be
 * sound to release there. Errors: those of handles, SB_ERROR_THREAD. */
int sb_heir_inherit(const sb_heir *heir);

/* Closes the handle. Errors: those of handles. */
int sb_heir_close(sb_heir *heir);

/* How many handlers of this process nobody releases any more, because their thread has ended without an heir. Errors:
 * SB_ERROR_NULL. */
int sb_leaked_handlers(uint64_t *count);

/* ---- V8 ------------------------------------------------------------------------------------------------------ */

/* A native library as JavaScript calls it through V8's fast API calls, open or retired. */
typedef struct sb_v8_library sb_v8_library;

/* A native function for V8: code that optimised JavaScript calls, if there can be any, and a way to call it with any
 * values for when it does not. V8 keeps the code's address, so the handle is closed when the JavaScript function is
 * gone. */
typedef struct sb_v8_function sb_v8_function;

/* Where the host's function value says what a value is. Good until that function returns, and no handle. */
typedef struct sb_v8_reading sb_v8_reading;

/* What the host does when a call cannot be made. What a function needs and is not given is an error when it is bound.
 * The code that calls them returns zero to JavaScript. They run no JavaScript. */
typedef struct sb_v8_host {
    size_t size; /* sizeof(sb_v8_host) */
    /* A retired library is called: throws, or asks for the slow call by V8's options, which are null where V8 passes
     * none. The context is that of the settings. */
    void (*closed)(void *context, void *options);
    /* An integer does not fit its parameter, counted from 0. */
    void (*range)(void *context, uint64_t parameter, int64_t value, void *options);
    /* The address of the memory of a value that is to be a buffer; SIZE_MAX once it has thrown or asked for the slow
     * call. */
    size_t (*buffer)(const void *value, void *options, uint32_t parameter);
    /* For functions with the conversions of node:ffi. Makes the running call an error: throws one of class kind
     * (SB_V8_ERROR ...), with the property code if that is not null; or asks for the slow call by V8's options. The
     * texts are gone when it returns. */
    void (*fail)(void *context, void *options, int kind, const char *code, const char *message);
    /* For the same. Says what a value is, by sb_v8_reading_set() or sb_v8_reading_text(); otherwise it is SB_V8_OTHER. */
    void (*value)(const void *value, void *options, sb_v8_reading *reading);
} sb_v8_host;

enum { SB_V8_PROFILE_FULL = 0, SB_V8_PROFILE_NODE = 1 };
enum { SB_V8_GUARD_CLOSED = 0, SB_V8_GUARD_NONE = 1 };
enum { SB_V8_NARROW_CHECK = 0, SB_V8_NARROW_TRUST = 1, SB_V8_NARROW_EXACT = 2 };
enum { SB_V8_OPTIONS_FOR_BUFFERS = 0, SB_V8_OPTIONS_ALWAYS = 1 };
enum { SB_V8_INT64_DEFAULT = 0, SB_V8_INT64_NUMBER = 1, SB_V8_INT64_BIGINT = 2 };


/* Whether a function may call JavaScript back before it returns. One that may gets no fast code: V8 13.6 dies of JavaScript
 * within a fast call. */
enum {
    SB_V8_CALLBACKS_BY_TYPE = 0, /* if it takes the address of a function */
    SB_V8_CALLBACKS_NEVER = 1,
    SB_V8_CALLBACKS_POSSIBLE = 2
};

/* Whether calls change anything that JavaScript can see: v8::SideEffectType. */
enum { SB_V8_EFFECTS_POSSIBLE = 0, SB_V8_EFFECTS_NONE = 1 };

/* How V8 is to call a function. All zero except size is the default. */
typedef struct sb_v8_settings {
    size_t size;             /* sizeof(sb_v8_settings) */
    int profile;             /* SB_V8_PROFILE_NODE: code for what Node.js has code for, and nothing else */
    int guard;               /* SB_V8_GUARD_NONE: calls of a retired library are not caught; it stays loaded */
    int narrow;              /* SB_V8_NARROW_TRUST: integers narrower than 32 bits are in range; _EXACT: those of at most
                              * 32 bits come as double and are checked, and `range` gets the bits of the double */
    int options;             /* SB_V8_OPTIONS_ALWAYS: V8 passes its options, not for buffers alone */
    int int64;               /* what 64-bit integers are in JavaScript; by default bigints */
    int callbacks;           /* SB_V8_CALLBACKS_... */
    const uint16_t *buffers; /* the parameters that JavaScript passes as buffers, counted from 0 */
    size_t buffer_count;     /* how many */
    void *context;           /* what the host's functions are given */
    int effects;             /* SB_V8_EFFECTS_... */
    int reserved;            /* 0 */
} sb_v8_settings;

/* How V8 passes a value: the types of v8::CTypeInfo. */
enum {
    SB_V8_VOID = 0,
    SB_V8_BOOL = 1,
    SB_V8_I32 = 2,
    SB_V8_U32 = 3,
    SB_V8_I64 = 4,
    SB_V8_U64 = 5,
    SB_V8_F32 = 6,
    SB_V8_F64 = 7,
    SB_V8_POINTER = 8,        /* an address: kUint64 or kPointer, as the host likes */
    SB_V8_VALUE = 9,          /* any value, as a handle of V8's */
    SB_V8_ONE_BYTE_STRING = 10
};

/* What V8 is told about the code: what a v8::CFunctionInfo is made of. */
typedef struct sb_v8_description {
    size_t size;      /* sizeof(sb_v8_description) */
    int result;       /* SB_V8_VOID ... */
    int options;      /* 1 where V8's options are the last argument */
    int int64;        /* SB_V8_INT64_NUMBER or SB_V8_INT64_BIGINT */
    int reserved;
    size_t arguments; /* how many there are after the receiver, which is always there */
} sb_v8_description;

/* Forms of JavaScript's values. */
enum {
    SB_V8_UNDEFINED = 0,
    SB_V8_NULL = 1,
    SB_V8_BOOLEAN = 2, /* flag */
    SB_V8_NUMBER = 3,  /* number */
    SB_V8_BIGINT = 4,  /* high * 2^64 + low; for one that does not fit, any with the same low that does not fit 64 bits */
    SB_V8_BYTES = 5,   /* the memory of a view or ArrayBuffer: bytes, length */
    SB_V8_TEXT = 6,    /* UTF-8: bytes, length */
    SB_V8_OTHER = 7,
    SB_V8_SHARED = 8   /* the memory of a SharedArrayBuffer itself: bytes, length. A view of one is SB_V8_BYTES */
};

/* A value of JavaScript. What it points to stays the caller's. */
typedef struct sb_v8_value {
    int form; /* SB_V8_UNDEFINED ... */
    int flag;
    double number;
    uint64_t low;
    int64_t high;
    void *bytes;
    size_t length;
} sb_v8_value;

/* Errors that JavaScript is to throw. */
enum { SB_V8_ERROR = 0, SB_V8_TYPE_ERROR = 1, SB_V8_RANGE_ERROR = 2 };

/* Makes a library ready for V8. The host is copied. Errors: those of handles, SB_ERROR_NULL, SB_ERROR_ARGUMENT. */
int sb_v8_library_new(const sb_engine *engine, const sb_library *library, const sb_v8_host *host,
                      sb_v8_library **made);

/* Ends the library: guarded functions of it say so from now on, and it is unloaded unless something else keeps it. No
 * thread may be inside of its functions, or begin a call, while this runs. Doing it again does nothing. Errors: those
 * of handles. */
int sb_v8_library_retire(const sb_v8_library *library);

/* Closes the handle; functions keep the library. Errors: those of handles. */
int sb_v8_library_close(sb_v8_library *library);

/* Binds the function that the declaration names. settings may be null: the defaults. That it gets no fast code is no
 * error. Errors: those of handles, SB_ERROR_NULL; as sb_function_bind(); SB_ERROR_ARGUMENT where the library is
 * retired, the host lacks a function that is needed, or a buffer is not a pointer. */
int sb_v8_function_bind(const sb_v8_library *library, const char *declaration, const sb_v8_settings *settings,
                        sb_v8_function **function);

/* Binds the function at an address, as if it were a symbol of the library. Errors: as sb_v8_function_bind(), without
 * those of symbols; SB_ERROR_NULL where the address is null. */
int sb_v8_function_bind_address(const sb_v8_library *library, void *address, const char *declaration,
                                const sb_v8_settings *settings, sb_v8_function **function);

/* Binds count functions at once, which takes less time and memory than one by one. settings has one for each, of which
 * any may be null: the defaults; where it is null itself, all have them. functions has room for count handles; those that
 * could not be bound become null. Where some could not, *failed becomes the index of the first, and the error is its own;
 * else *failed becomes count. Errors: as sb_v8_function_bind(). */
int sb_v8_function_bind_all(const sb_v8_library *library, const char *const *declarations,
                            const sb_v8_settings *const *settings, size_t count, sb_v8_function **functions,
                            size_t *failed);

/* The code that V8 may call. Where there is none, *code becomes null, and the text says why. Good until the function's
 * handle is closed. Errors: those of handles, SB_ERROR_NULL. */
int sb_v8_function_fast(const sb_v8_function *function, void **code, char *buffer, size_t size, size_t *length);

/* What V8 is told about the code. description->size must be set. kinds gets an SB_V8_VOID ... for each argument after
 * the receiver, as many as there is room for; it is optional where room is 0. Errors: those of handles, SB_ERROR_NULL,
 * SB_ERROR_ARGUMENT. */
int sb_v8_function_description(const sb_v8_function *function, sb_v8_description *description, uint8_t *kinds,
                               size_t room);

/* Calls with any values: the slow call. It makes of values what V8 makes of them for the fast code. The result is
 * undefined, a boolean, a number or a bigint. Errors: those of handles, SB_ERROR_NULL, SB_ERROR_ARGUMENT;
 * SB_ERROR_THROWN where JavaScript is to throw the message, as SB_V8_ERROR ... in *thrown (optional), with
 * sb_v8_thrown_code(). */
int sb_v8_function_call(const sb_v8_function *function, const sb_v8_value *arguments, size_t count,
                        sb_v8_value *result, int *thrown);

/* Closes the handle. Its code is freed, unless a registry has the function: V8 must call it no more. Errors: those of
 * handles. */
int sb_v8_function_close(sb_v8_function *function);

/* What the error of the last SB_ERROR_THROWN on this thread has as its property code, such as "ERR_INVALID_ARG_VALUE".
 * Null where it has none, and where the last failure was another. Good as sb_error_message() is. Cannot fail. */
const char *sb_v8_thrown_code(void);

/* The helpers of sb_v8_host that throw by themselves. */
enum {
    SB_V8_HELPER_CLOSED = 0,
    SB_V8_HELPER_RANGE = 1, /* given is an SB_V8_NUMBER: the value that the helper got */
    SB_V8_HELPER_EXACT = 2, /* the same, where the settings have SB_V8_NARROW_EXACT and the value is the bits of a double */
    SB_V8_HELPER_BUFFER = 3 /* given is what is no buffer */
};

/* What a helper is to throw, so that fast calls throw as sb_v8_function_call() does: SB_ERROR_THROWN, with message, class and
 * code as of that. given may be null for SB_V8_HELPER_CLOSED. Errors: SB_ERROR_ARGUMENT, SB_ERROR_NULL. */
int sb_v8_helper_error(int helper, uint64_t parameter, const sb_v8_value *given, int *thrown);

/* ---- V8: node:ffi -------------------------------------------------------------------------------------------- */

/* A type of node:ffi. */
typedef struct sb_v8_node_type {
    size_t size;                /* sizeof(sb_v8_node_type) */
    const char *name;           /* matched exactly; belongs to the library, and is good for ever, as the others */
    const char *const *aliases; /* other names; ends with null */
    const char *c;              /* the C type */
    int is_buffer;              /* 1 where an argument is an object of which the memory is passed */
    int reserved;
} sb_v8_node_type;

/* The types by their place in the table, from 0. type->size must be set. Errors: SB_ERROR_ARGUMENT where there is none;
 * SB_ERROR_NULL. */
int sb_v8_node_type_at(size_t index, sb_v8_node_type *type);

/* The type of a name or an alias. Errors: as sb_v8_node_type_at(). */
int sb_v8_node_type_named(const char *name, sb_v8_node_type *type);

/* What int64 and uint64 arguments are given as. */
enum { SB_V8_WIDE_BIGINT_OR_NUMBER = 0, SB_V8_WIDE_BIGINT = 1 };

/* A function by the names of its types. */
typedef struct sb_v8_node_declaration {
    const char *name;             /* the symbol; not looked at where there is an address */
    void *address;                /* null, or where the function is */
    const char *const *arguments; /* names of types */
    size_t count;                 /* how many */
    const char *result;           /* the name of the result's type */
} sb_v8_node_declaration;

/* How it is called. All zero except size is the default. */
typedef struct sb_v8_node_settings {
    size_t size;   /* sizeof(sb_v8_node_settings) */
    int wide;      /* SB_V8_WIDE_...; numbers are taken if they are safe integers */
    int callbacks; /* SB_V8_CALLBACKS_... */
    int effects;   /* SB_V8_EFFECTS_... */
    int reserved;  /* 0 */
    void *context; /* what the host's function fail is given */
} sb_v8_node_settings;

/* Binds a function with the conversions of node:ffi of Node.js 26: what Node refuses is refused by the code and by
 * the slow call, with the class and code of its errors and the beginning of their messages. The host must have fail and
 * value. settings may be null. Errors: as sb_v8_function_bind(); SB_ERROR_ARGUMENT for names of no type. */
int sb_v8_node_function_bind(const sb_v8_library *library, const sb_v8_node_declaration *declaration,
                             const sb_v8_node_settings *settings, sb_v8_function **function);

/* The value is this. Texts are copied; other memory stays where it is until the call has returned. Errors:
 * SB_ERROR_NULL, SB_ERROR_ARGUMENT. */
int sb_v8_reading_set(sb_v8_reading *reading, const sb_v8_value *value);

/* The value is a text of length bytes in UTF-8, which the host writes to where this says: the one copy of it that the
 * native function sees. Null where there is no reading, or no room. */
char *sb_v8_reading_text(sb_v8_reading *reading, size_t length);

/* ---- V8: functions of the host's own ------------------------------------------------------------------------- */

/* The functions of a host, with and without fast code, its own and native ones. V8 has each by its data: an address that
 * the host gives to V8 as the function's data, and that does not change until the function is removed or the last
 * handle of the registry is closed. Then no JavaScript function of it may be left. */
typedef struct sb_v8_registry sb_v8_registry;

/* A call by JavaScript, as the conventional half of a function gets it. */
typedef struct sb_v8_call {
    const void *receiver;         /* this: a handle of V8's, good until the call returns; null where there is none */
    const sb_v8_value *arguments; /* what the arguments are */
    const void *const *values;    /* the same as handles of V8's, good until the call returns; or null */
    size_t count;                 /* how many */
} sb_v8_call;

/* An error that JavaScript is to throw. The texts are copied when the function that says so returns. */
typedef struct sb_v8_thrown {
    int kind; /* SB_V8_ERROR ... */
    int reserved;
    const char *code;    /* null, or its property code */
    const char *message;
} sb_v8_thrown;

/* A fast variant: a C function of the receiver, the arguments, and V8's options if it says so. */
typedef struct sb_v8_variant {
    const void *code;         /* its address */
    const uint8_t *arguments; /* SB_V8_BOOL ... of each argument after the receiver */
    size_t count;             /* how many */
    int result;               /* SB_V8_VOID ... */
    int options;              /* 1 where V8's options are the last argument */
    int int64;                /* SB_V8_INT64_... */
    int reserved;
} sb_v8_variant;

/* A function of the host's own. */
typedef struct sb_v8_twin {
    size_t size;      /* sizeof(sb_v8_twin) */
    const char *name; /* namespace.function */
    /* The conventional half, which takes any values and checks them: returns 0 with the result, or another number with
     * what JavaScript is to throw. A text of the result is copied when it returns. It may be called on any thread that has
     * an isolate with the function. */
    int (*slow)(void *context, const sb_v8_call *call, sb_v8_value *result, sb_v8_thrown *thrown);
    void *context;                 /* the host's own; a variant finds it by sb_v8_data_context() */
    const sb_v8_variant *variants; /* of different numbers of arguments */
    size_t variant_count;
    const char *const *outcomes;   /* last parts of keys namespace.function.outcome by which calls are counted */
    size_t outcome_count;
    int effects;                   /* SB_V8_EFFECTS_... */
    int reserved;                  /* 0 */
} sb_v8_twin;

/* Makes a registry without functions. Errors: SB_ERROR_NULL, SB_ERROR_MEMORY. */
int sb_v8_registry_new(sb_v8_registry **registry);

/* Adds a function of the host's own. All of the twin is copied. Errors: those of handles, SB_ERROR_NULL, SB_ERROR_ENCODING,
 * SB_ERROR_ARGUMENT: a name or key that is taken or malformed, two variants of one number of arguments, a variant
 * with options without a context, kinds that cannot stand where they do. */
int sb_v8_registry_add(const sb_v8_registry *registry, const sb_v8_twin *twin, const void **data);

/* Adds a native function, which the registry keeps. Errors: those of handles, SB_ERROR_NULL. */
int sb_v8_registry_add_function(const sb_v8_registry *registry, const sb_v8_function *function, const void **data);

/* Takes a function out: its names are free again, and its code is freed. No JavaScript function of it may be left, which a
 * host learns from a weak handle, and no call of it may be under way. Errors: those of handles; SB_ERROR_ARGUMENT where
 * the registry has no function of this data. */
int sb_v8_registry_remove(const sb_v8_registry *registry, const void *data);

/* The addresses that a snapshot has to know, in the order in which functions were added: of each its data, and of all its
 * fast code the address and what type_info says, which is the host's type information of the description. The host
 * puts its slow callback before them, and a zero after them. *count (optional) becomes how many there are, of which
 * references gets as many as there is room for. Errors: those of handles, SB_ERROR_NULL. */
int sb_v8_registry_references(const sb_v8_registry *registry,
                              const void *(*type_info)(void *context, const sb_v8_description *description,
                                                       const uint8_t *kinds),
                              void *context, const void **references, size_t room, size_t *count);

/* Closes the handle, and frees the functions. Errors: those of handles. */
int sb_v8_registry_close(sb_v8_registry *registry);

/* How many fast codes the function of this data has, and (optional) whether calls change anything. The data of these
 * functions is that of a function that a registry has: unlike a handle it is not checked. Errors: SB_ERROR_NULL. */
int sb_v8_data_variants(const void *data, size_t *count, int *effects);

/* One of the fast codes, from 0: its address, and what V8 is told about it, as sb_v8_function_description(). Errors:
 * SB_ERROR_NULL, SB_ERROR_ARGUMENT. */
int sb_v8_data_fast(const void *data, size_t index, const void **code, sb_v8_description *description, uint8_t *kinds,
                    size_t room);

/* Calls with any values: what the host's slow callback does, for all functions. A text of the result is good until the
 * thread's next call. Errors: SB_ERROR_NULL, SB_ERROR_ARGUMENT; SB_ERROR_THROWN as sb_v8_function_call(). */
int sb_v8_data_call(const void *data, const sb_v8_call *call, sb_v8_value *result, int *thrown);

/* The context of a function of the host's own; null for a native one. Errors: SB_ERROR_NULL. */
int sb_v8_data_context(const void *data, void **context);

/* Counts a call under a key, namespace.function or namespace.function.outcome, at a place in the source. Errors:
 * SB_ERROR_NULL; SB_ERROR_ARGUMENT where the key is malformed, or counts at another place as well. */
int sb_v8_track(const char *key, const char *file, int line);

/* How often calls were counted under a key. Errors: SB_ERROR_NULL. */
int sb_v8_tracked(const char *key, uint64_t *count);

/* The same at the place where it stands, in programs that are compiled for tests: with SB_V8_TRACKING. */
#ifdef SB_V8_TRACKING
#define SB_V8_TRACK(key) ((void)sb_v8_track(key, __FILE__, __LINE__))
#else
#define SB_V8_TRACK(key) ((void)0)
#endif

/* ---- bun:ffi ------------------------------------------------------------------------------------------------- */

/* A type of bun:ffi. */
typedef struct sb_bun_type {
    size_t size;                /* sizeof(sb_bun_type) */
    int tag;                    /* the number by which programs may name it */
    int reserved;
    const char *name;           /* matched exactly; belongs to the library, and is good for ever, as the others */
    const char *const *aliases; /* other names; ends with null */
    const char *c;              /* the C type; null where only the JavaScript engine knows it */
} sb_bun_type;

/* The types by their tags, from 0. type->size must be set. Errors: SB_ERROR_ARGUMENT where there is none; SB_ERROR_NULL. */
int sb_bun_type_tagged(int tag, sb_bun_type *type);

/* The type of a name or an alias. Errors: as sb_bun_type_tagged(). */
int sb_bun_type_named(const char *name, sb_bun_type *type);

/* What a signature is for. A callback that any thread may call returns void. */
enum { SB_BUN_FUNCTION = 0, SB_BUN_CALLBACK = 1, SB_BUN_THREADSAFE_CALLBACK = 2 };

/* The C signature of types by their names. The host keeps the types beside it: i64_fast and i64 are one in C. Errors:
 * SB_ERROR_NULL, SB_ERROR_ENCODING; SB_ERROR_ARGUMENT for a name of no type, or one that cannot stand there. */
int sb_bun_signature(int used, const char *const *arguments, size_t count, const char *returns,
                     sb_signature **signature);

/* What JavaScript gets for a slot of a type: numbers and bigints with bun:ffi's edges, one NaN, null for null pointers. A
 * cstring is SB_V8_TEXT where it lies, with flag 1 where it is Latin-1 and not UTF-8; it must end with a zero byte.
 * Errors: SB_ERROR_NULL, SB_ERROR_ARGUMENT (no such tag). */
int sb_bun_decode(int tag, uint64_t slot, sb_v8_value *value);

/* ---- Slots --------------------------------------------------------------------------------------------------- */

/* The slot of an integer that has a sign, of any width. */
static inline uint64_t sb_slot_of_int(int64_t value) {
    return (uint64_t)value;
}

/* The slot of an integer without a sign, of any width, or of a _Bool. */
static inline uint64_t sb_slot_of_uint(uint64_t value) {
    return value;
}

/* The slot of a float. */
static inline uint64_t sb_slot_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The slot of a double. */
static inline uint64_t sb_slot_of_double(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The slot of a pointer, or of a value that is passed by the address of its bytes. */
static inline uint64_t sb_slot_of_pointer(const void *value) {
    return (uint64_t)(uintptr_t)value;
}

/* The float in a slot. */
static inline float sb_float_of_slot(uint64_t slot) {
    uint32_t bits = (uint32_t)slot;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The double in a slot. */
static inline double sb_double_of_slot(uint64_t slot) {
    double value;
    memcpy(&value, &slot, sizeof value);
    return value;
}

/* The pointer in a slot. */
static inline void *sb_pointer_of_slot(uint64_t slot) {
    return (void *)(uintptr_t)slot;
}

#ifdef __cplusplus
}
#endif

#endif

// What the tests need of V8, as C functions. The Rust side of it is src/shim.rs; the two must agree. What the shim needs of
// springboard it has by the C API, as any host in C++. shim.cc has realms
// and functions, values.cc what they are called with, snapshot.cc snapshots.
//
// A realm is an isolate with one context. It belongs to the thread that made it.
#pragma once

#include <springboard.h>

#include <cstddef>
#include <cstdint>

extern "C" {

struct Realm;
struct Host;

// One fast function: its address, and what `shim_info` has made of its description.
struct Fast {
  const void* address;
  const void* info;
};

// One function of a snapshot.
struct Entry {
  const char* name;
  const void* data;
  const Fast* fast;
  uint32_t count;
};

uint32_t shim_v8_version(void);  // major * 1000 + minor
// How often the slow function of this data has run on this thread.
uint64_t shim_slow_calls(const void* data);
// The v8::CFunctionInfo of a description, for good. `arguments` are the kinds of those after the receiver.
const void* shim_info(const uint8_t* arguments, uint32_t count, uint8_t result, uint8_t options, uint8_t bigint);
// A realm of its own, or one from a snapshot: `blob` outlives it, and so do the references, which end with a zero.
Realm* shim_realm_new(const char* blob, size_t length, const intptr_t* references);
void shim_realm_free(Realm*);
// Defines a global function. The fast ones are overloads by the number of arguments.
void shim_define(Realm*, const char* name, const void* data, const Fast* fast, uint32_t count);
// The address of the slow function of V8's that all functions have.
const void* shim_conventional(void);
// The same, and `collected` is called with the data when garbage collection has found that nobody has the function.
void shim_define_weak(Realm*, const char* name, const void* data, const Fast* fast, uint32_t count,
                      void (*collected)(const void* data));
// Collects all garbage.
void shim_collect(Realm*);
// What a debugger answers that evaluates an expression, which must have no effects, as JSON. Freed by shim_free.
char* shim_inspect(Realm*, const char* expression);
// Functions of a host in C++: `has` and `is_receiver`.
Host* shim_host_new(void);
// Defines them as global functions.
void shim_host_define(Host*, Realm*);
// How often the slow half of the first or the second has run on this thread.
uint64_t shim_host_slow_calls(Host*, uint32_t index);
void shim_host_free(Host*);
// A snapshot of a realm with these functions, in which a script has run; null where it threw. Freed by shim_free. Where
// the references, which end with a zero, lack an address, V8 ends the process.
char* shim_snapshot(const intptr_t* references, const Entry* entries, uint32_t count, const char* script,
                    size_t* length);
// Defines two functions in C++ as one does without stubs: the global function `by_hand`, which calls `add`, and
// `inlined`, which adds by itself.
void shim_define_by_hand(Realm*, int32_t (*add)(int32_t, int32_t));
// Runs a script. The result is its value as text; `threw` says that it is that of an exception. Freed by shim_free.
char* shim_run(Realm*, const char* source, uint8_t* threw);
// How many handles there were when the last fast call of this thread began that may make some.
int32_t shim_handles();
void shim_free(char*);
// For fast functions, on the realm's thread:
// makes the call an error: by an exception where V8 lets fast calls throw, else by asking for the slow function.
void shim_fail(void* context, void* options, int kind, const char* code, const char* message);
// Says what a value is.
void shim_value(const void* value, void* options, sb_v8_reading* reading);
// The memory of a buffer; all ones, and an error, where the value is none.
uint64_t shim_buffer(const void* value, void* options, int32_t index);
// What the function of the call was defined with.
void* shim_data(void* options);
// Calls a global function without arguments, whatever it returns.
void shim_call(Realm*, const char* name);
}

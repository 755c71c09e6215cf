// What the tests need of V8, as C functions. The Rust side of it is src/shim.rs; the two must agree. shim.cc has realms
// and functions, values.cc what they are called with, snapshot.cc snapshots.
//
// A realm is an isolate with one context. It belongs to the thread that made it.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct Realm;

// The kinds of `springboard_js::v8::Kind`, in its order.
enum Kind : uint8_t { kVoid, kBool, kI32, kU32, kI64, kU64, kF32, kF64, kPointer, kValue, kOneByte };

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

// What a JavaScript value is.
enum Tag : uint8_t { kUndefined, kNull, kBoolean, kNumber, kBigInt, kBytes, kText, kOther, kThrown, kShared };

// A JavaScript value as a slow function gets and returns it. `words` are those of a bigint's magnitude; memory after
// `data` stays the owner's: V8's for arguments, the slow function's for results until its next call. kThrown is a
// result alone: `data` is the message, `sign` 0 for Error, 1 for TypeError, 2 for RangeError, `code` null or the property.
struct Any {
  uint8_t tag;
  uint8_t sign;
  double number;
  uint64_t words[2];
  const uint8_t* data;
  size_t length;
  const char* code;
};

typedef void (*Slow)(void* data, const Any* arguments, uint32_t count, Any* result);

uint32_t shim_v8_version(void);  // major * 1000 + minor
// What the slow twins of all functions call, with the data of the one that is called. Before any other function.
void shim_serve(Slow);
// The v8::CFunctionInfo of a description, for good. `arguments` are the kinds of those after the receiver.
const void* shim_info(const uint8_t* arguments, uint32_t count, uint8_t result, uint8_t options, uint8_t bigint);
// A realm of its own, or one from a snapshot: `blob` outlives it, and so do the references, which end with a zero.
Realm* shim_realm_new(const char* blob, size_t length, const intptr_t* references);
void shim_realm_free(Realm*);
// Defines a global function. The fast ones are overloads by the number of arguments.
void shim_define(Realm*, const char* name, const void* data, const Fast* fast, uint32_t count);
// The address of the slow function of V8's that all functions have.
const void* shim_conventional(void);
// A snapshot of a realm with these functions, in which a script has run; null where it threw. Freed by shim_free. Where
// the references, which end with a zero, lack an address, V8 ends the process.
char* shim_snapshot(const intptr_t* references, const Entry* entries, uint32_t count, const char* script,
                    size_t* length);
// Defines two functions in C++ as one does without stubs: the global function `by_hand`, which calls `add`, and
// `inlined`, which adds by itself.
void shim_define_by_hand(Realm*, int32_t (*add)(int32_t, int32_t));
// Runs a script. The result is its value as text; `threw` says that it is that of an exception. Freed by shim_free.
char* shim_run(Realm*, const char* source, uint8_t* threw);
void shim_free(char*);
// For fast functions, on the realm's thread:
// makes the call an error: by an exception where V8 lets fast calls throw, else by asking for the slow function.
void shim_fail(void* options, uint8_t kind, const char* code, const char* message);
// What a value is. Of a text only its length in UTF-8, for which shim_text writes the bytes.
void shim_value(const void* value, void* options, Any* any);
void shim_text(const void* value, void* options, char* bytes, size_t length);
// The memory of a buffer; all ones, and an error, where the value is none.
uint64_t shim_buffer(const void* value, void* options, int32_t index);
// What the function of the call was defined with.
void* shim_data(void* options);
// Calls a global function without arguments, whatever it returns.
void shim_call(Realm*, const char* name);
}

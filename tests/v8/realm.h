// What the files of the shim share.
#pragma once

#include <cstddef>
#include <cstdint>

#include "shim.h"
#include "v8-fast-api-calls.h"
#include "v8.h"

// Since 12.6 a fast call throws by itself, and may allocate in V8's heap; before, it asks for the slow function.
#define FAST_CALLS_THROW (V8_MAJOR_VERSION * 1000 + V8_MINOR_VERSION >= 12006)

struct Realm {
  v8::Isolate* isolate;
  v8::ArrayBuffer::Allocator* allocator;
  // V8 keeps its address.
  v8::StartupData snapshot;
  v8::Global<v8::Context> context;
};

// Starts V8, once.
void start();

// Collects all garbage within a fast call, if it may allocate and V8 compacts always: the code that waits for the call is
// moved.
void collect_in_helper(v8::Isolate* isolate);

// Counts the handles before a fast call opens a scope of its own.
void count_handles(v8::Isolate* isolate);

v8::Local<v8::String> text(v8::Isolate* isolate, const char* chars, size_t length);

// The slow function of all functions: their data says which one is called.
void conventional(const v8::FunctionCallbackInfo<v8::Value>& info);

// Defines a function in the global object of the context that is entered.
v8::Local<v8::Function> define(v8::Isolate* isolate, const char* name, const void* data, const Fast* fast,
                               uint32_t count);

// Runs a script in the context that is entered: its value, or the exception.
v8::Local<v8::Value> run(v8::Isolate* isolate, const char* source, uint8_t* threw);

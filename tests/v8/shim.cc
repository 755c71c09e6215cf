#include "shim.h"

#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "libplatform/libplatform.h"
#include "v8-fast-api-calls.h"
#include "v8.h"

// Since 12.6 a fast call throws by itself; before, it asks for the slow function.
#define FAST_CALLS_THROW (V8_MAJOR_VERSION * 1000 + V8_MINOR_VERSION >= 12006)

namespace {

v8::Platform* platform() {
  static std::unique_ptr<v8::Platform> platform;
  static std::once_flag once;
  std::call_once(once, [] {
    v8::V8::SetFlagsFromString("--allow-natives-syntax --turbo-fast-api-calls");
#if V8_MAJOR_VERSION >= 11
    // The middle tier makes no fast calls, and inlines functions that would into loops around them.
    v8::V8::SetFlagsFromString("--no-maglev");
#endif
    platform = v8::platform::NewDefaultPlatform(1);
    v8::V8::InitializePlatform(platform.get());
    v8::V8::Initialize();
  });
  return platform.get();
}

struct Twin {
  Slow slow;
  void* data;
};

}  // namespace

struct Realm {
  v8::Isolate* isolate;
  v8::ArrayBuffer::Allocator* allocator;
  v8::Global<v8::Context> context;
  // V8 keeps pointers into these.
  std::deque<Twin> twins;
  std::deque<std::vector<v8::CTypeInfo>> types;
  std::deque<v8::CFunctionInfo> infos;
};

namespace {

v8::CTypeInfo type_of(uint8_t kind) {
  using Type = v8::CTypeInfo::Type;
  switch (kind) {
    case kVoid: return v8::CTypeInfo(Type::kVoid);
    case kBool: return v8::CTypeInfo(Type::kBool);
    case kI32: return v8::CTypeInfo(Type::kInt32);
    case kU32: return v8::CTypeInfo(Type::kUint32);
    case kI64: return v8::CTypeInfo(Type::kInt64);
    case kU64: case kPointer: return v8::CTypeInfo(Type::kUint64);
    case kF32: return v8::CTypeInfo(Type::kFloat32);
    case kF64: return v8::CTypeInfo(Type::kFloat64);
    case kValue: return v8::CTypeInfo(Type::kV8Value);
#if FAST_CALLS_THROW
    case kOneByte: return v8::CTypeInfo(Type::kSeqOneByteString);
#endif
    default: abort();
  }
}

v8::Local<v8::String> text(v8::Isolate* isolate, const char* chars, size_t length) {
  return v8::String::NewFromUtf8(isolate, chars, v8::NewStringType::kNormal, static_cast<int>(length))
      .ToLocalChecked();
}

// The memory of a view or an ArrayBuffer; false where the value is neither or its memory is gone or shared.
bool memory_of(v8::Local<v8::Value> value, uint8_t** data, size_t* length) {
  if (value->IsArrayBufferView()) {
    auto view = value.As<v8::ArrayBufferView>();
    auto buffer = view->Buffer();
    if (!buffer->IsArrayBuffer() || (view->ByteLength() == 0 && buffer->ByteLength() == 0)) {
      // Detached, shared or empty: only empty memory that is there is an answer.
      if (!buffer->IsArrayBuffer() || buffer->Data() == nullptr) return false;
    }
    *data = static_cast<uint8_t*>(buffer->Data()) + view->ByteOffset();
    *length = view->ByteLength();
    return true;
  }
  if (value->IsArrayBuffer()) {
    auto buffer = value.As<v8::ArrayBuffer>();
    if (buffer->Data() == nullptr) return false;
    *data = static_cast<uint8_t*>(buffer->Data());
    *length = buffer->ByteLength();
    return true;
  }
  return false;
}

Any any_of(v8::Isolate* isolate, v8::Local<v8::Value> value, std::string* storage) {
  Any any{};
  uint8_t* data;
  if (value->IsUndefined()) {
    any.tag = kUndefined;
  } else if (value->IsNull()) {
    any.tag = kNull;
  } else if (value->IsBoolean()) {
    any.tag = kBoolean;
    any.sign = value->IsTrue();
  } else if (value->IsNumber()) {
    any.tag = kNumber;
    any.number = value.As<v8::Number>()->Value();
  } else if (value->IsBigInt()) {
    int sign, count = 2;
    value.As<v8::BigInt>()->ToWordsArray(&sign, &count, any.words);
    any.tag = kBigInt;
    any.sign = static_cast<uint8_t>(sign);
    // There are more words: what has been taken must not be zero.
    if (count > 2) any.words[1] = 1;
  } else if (memory_of(value, &data, &any.length)) {
    any.tag = kBytes;
    any.data = data;
  } else if (value->IsString()) {
    v8::String::Utf8Value chars(isolate, value);
    storage->assign(*chars, chars.length());
    any.tag = kText;
    any.data = reinterpret_cast<const uint8_t*>(storage->data());
    any.length = storage->size();
  } else {
    any.tag = kOther;
  }
  return any;
}

void throw_error(v8::Isolate* isolate, uint8_t kind, v8::Local<v8::String> message) {
  isolate->ThrowException(kind == 1   ? v8::Exception::TypeError(message)
                          : kind == 2 ? v8::Exception::RangeError(message)
                                      : v8::Exception::Error(message));
}

// The conventional function: makes values of the arguments, and a value of the result.
void conventional(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Twin* twin = static_cast<Twin*>(info.Data().As<v8::External>()->Value());
  std::vector<std::string> storage(info.Length());
  std::vector<Any> arguments;
  for (int index = 0; index < info.Length(); ++index)
    arguments.push_back(any_of(isolate, info[index], &storage[index]));
  Any result{};
  twin->slow(twin->data, arguments.data(), static_cast<uint32_t>(arguments.size()), &result);
  auto returned = info.GetReturnValue();
  switch (result.tag) {
    case kNull: returned.SetNull(); break;
    case kBoolean: returned.Set(result.sign != 0); break;
    case kNumber: returned.Set(result.number); break;
    case kBigInt: {
      auto context = isolate->GetCurrentContext();
      v8::Local<v8::BigInt> value;
      if (v8::BigInt::NewFromWords(context, result.sign, 2, result.words).ToLocal(&value)) returned.Set(value);
      break;
    }
    case kText: returned.Set(text(isolate, reinterpret_cast<const char*>(result.data), result.length)); break;
    case kThrown:
      throw_error(isolate, result.sign,
                  text(isolate, reinterpret_cast<const char*>(result.data), result.length));
      break;
    default: break;
  }
}

}  // namespace

uint32_t shim_v8_version(void) { return V8_MAJOR_VERSION * 1000 + V8_MINOR_VERSION; }

Realm* shim_realm_new(void) {
  platform();
  Realm* realm = new Realm();
  realm->allocator = v8::ArrayBuffer::Allocator::NewDefaultAllocator();
  v8::Isolate::CreateParams params;
  params.array_buffer_allocator = realm->allocator;
  realm->isolate = v8::Isolate::New(params);
  v8::Isolate::Scope isolate_scope(realm->isolate);
  v8::HandleScope scope(realm->isolate);
  realm->context.Reset(realm->isolate, v8::Context::New(realm->isolate));
  return realm;
}

void shim_realm_free(Realm* realm) {
  realm->context.Reset();
  realm->isolate->Dispose();
  delete realm->allocator;
  delete realm;
}

void shim_define(Realm* realm, const char* name, Slow slow, void* data, const Fast* fast, uint32_t count) {
  v8::Isolate* isolate = realm->isolate;
  v8::Isolate::Scope isolate_scope(isolate);
  v8::HandleScope scope(isolate);
  auto context = realm->context.Get(isolate);
  v8::Context::Scope context_scope(context);
  realm->twins.push_back({slow, data});
  std::vector<v8::CFunction> functions;
  for (uint32_t index = 0; index < count; ++index) {
    auto& types = realm->types.emplace_back();
    types.push_back(type_of(kValue));  // the receiver
    for (uint32_t argument = 0; argument < fast[index].count; ++argument)
      types.push_back(type_of(fast[index].arguments[argument]));
    if (fast[index].options) types.push_back(v8::CTypeInfo(v8::CTypeInfo::kCallbackOptionsType));
    unsigned length = static_cast<unsigned>(types.size());
#if FAST_CALLS_THROW
    using Representation = v8::CFunctionInfo::Int64Representation;
    realm->infos.emplace_back(type_of(fast[index].result), length, types.data(),
                              fast[index].bigint ? Representation::kBigInt : Representation::kNumber);
#else
    realm->infos.emplace_back(type_of(fast[index].result), length, types.data());
#endif
    functions.emplace_back(fast[index].address, &realm->infos.back());
  }
  auto twin = v8::External::New(isolate, &realm->twins.back());
  v8::Local<v8::FunctionTemplate> function;
  if (count <= 1) {
    function = v8::FunctionTemplate::New(isolate, conventional, twin, v8::Local<v8::Signature>(), 0,
                                         v8::ConstructorBehavior::kThrow, v8::SideEffectType::kHasSideEffect,
                                         count == 1 ? functions.data() : nullptr);
  } else {
    function = v8::FunctionTemplate::NewWithCFunctionOverloads(
        isolate, conventional, twin, v8::Local<v8::Signature>(), 0, v8::ConstructorBehavior::kThrow,
        v8::SideEffectType::kHasSideEffect, {functions.data(), functions.size()});
  }
  auto made = function->GetFunction(context).ToLocalChecked();
  context->Global()->Set(context, text(isolate, name, strlen(name)), made).Check();
}

namespace {

int32_t (*native_add)(int32_t, int32_t);

int32_t by_hand(v8::Local<v8::Object>, int32_t a, int32_t b) { return native_add(a, b); }
int32_t inlined(v8::Local<v8::Object>, int32_t a, int32_t b) { return a + b; }

void add_slow(const v8::FunctionCallbackInfo<v8::Value>& info) {
  auto context = info.GetIsolate()->GetCurrentContext();
  int32_t a = info[0]->Int32Value(context).FromMaybe(0), b = info[1]->Int32Value(context).FromMaybe(0);
  info.GetReturnValue().Set(a + b);
}

}  // namespace

void shim_define_by_hand(Realm* realm, int32_t (*add)(int32_t, int32_t)) {
  v8::Isolate* isolate = realm->isolate;
  v8::Isolate::Scope isolate_scope(isolate);
  v8::HandleScope scope(isolate);
  auto context = realm->context.Get(isolate);
  v8::Context::Scope context_scope(context);
  native_add = add;
  static const v8::CFunction functions[] = {v8::CFunction::Make(by_hand), v8::CFunction::Make(inlined)};
  const char* names[] = {"by_hand", "inlined"};
  for (int index = 0; index < 2; ++index) {
    auto function = v8::FunctionTemplate::New(isolate, add_slow, v8::Local<v8::Value>(),
                                              v8::Local<v8::Signature>(), 0, v8::ConstructorBehavior::kThrow,
                                              v8::SideEffectType::kHasSideEffect, &functions[index]);
    auto made = function->GetFunction(context).ToLocalChecked();
    context->Global()->Set(context, text(isolate, names[index], 7), made).Check();
  }
}

char* shim_run(Realm* realm, const char* source, uint8_t* threw) {
  v8::Isolate* isolate = realm->isolate;
  v8::Isolate::Scope isolate_scope(isolate);
  v8::HandleScope scope(isolate);
  auto context = realm->context.Get(isolate);
  v8::Context::Scope context_scope(context);
  v8::TryCatch caught(isolate);
  v8::Local<v8::Script> script;
  v8::Local<v8::Value> value;
  *threw = 0;
  if (!v8::Script::Compile(context, text(isolate, source, strlen(source))).ToLocal(&script) ||
      !script->Run(context).ToLocal(&value)) {
    *threw = 1;
    value = caught.Exception();
  }
  v8::String::Utf8Value chars(isolate, value);
  return strdup(*chars != nullptr ? *chars : "<no text>");
}

void shim_free(char* text) { free(text); }

void shim_fail(void* options, uint8_t kind, const char* message) {
#if FAST_CALLS_THROW
  auto* given = static_cast<v8::FastApiCallbackOptions*>(options);
  v8::Isolate* isolate = given != nullptr ? given->isolate : v8::Isolate::GetCurrent();
  // A fast call has no handle scope.
  v8::HandleScope scope(isolate);
  throw_error(isolate, kind, text(isolate, message, strlen(message)));
#else
  (void)kind;
  (void)message;
  if (options == nullptr) abort();
  static_cast<v8::FastApiCallbackOptions*>(options)->fallback = true;
#endif
}

uint64_t shim_buffer(const void* value, void* options, int32_t index) {
  // A handle is one word.
  v8::Local<v8::Value> local = reinterpret_cast<const v8::Local<v8::Value>&>(value);
#if FAST_CALLS_THROW
  v8::HandleScope scope(static_cast<v8::FastApiCallbackOptions*>(options)->isolate);
#else
  v8::HandleScope scope(v8::Isolate::GetCurrent());
#endif
  uint8_t* data;
  size_t length;
  if (memory_of(local, &data, &length)) return reinterpret_cast<uint64_t>(data);
  std::string message = "argument " + std::to_string(index + 1) + " must be a buffer";
  shim_fail(options, 1, message.c_str());
  return UINT64_MAX;
}

void* shim_data(void* options) {
  auto* given = static_cast<v8::FastApiCallbackOptions*>(options);
#if FAST_CALLS_THROW
  v8::HandleScope scope(given->isolate);
  auto* twin = static_cast<Twin*>(given->data.As<v8::External>()->Value());
#else
  auto* twin = static_cast<Twin*>(reinterpret_cast<v8::External*>(&given->data)->Value());
#endif
  return twin->data;
}

void shim_call(Realm* realm, const char* name) {
  v8::Isolate* isolate = realm->isolate;
  v8::HandleScope scope(isolate);
  auto context = realm->context.Get(isolate);
  v8::Local<v8::Value> function;
  if (context->Global()->Get(context, text(isolate, name, strlen(name))).ToLocal(&function) &&
      function->IsFunction()) {
    // An exception stays pending, for the JavaScript that is further up.
    auto result = function.As<v8::Function>()->Call(context, context->Global(), 0, nullptr);
    static_cast<void>(result.IsEmpty());
  }
}

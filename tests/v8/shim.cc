#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "libplatform/libplatform.h"
#include "realm.h"

namespace {

v8::CTypeInfo type_of(uint8_t kind) {
  using Type = v8::CTypeInfo::Type;
  switch (kind) {
    case SB_V8_VOID: return v8::CTypeInfo(Type::kVoid);
    case SB_V8_BOOL: return v8::CTypeInfo(Type::kBool);
    case SB_V8_I32: return v8::CTypeInfo(Type::kInt32);
    case SB_V8_U32: return v8::CTypeInfo(Type::kUint32);
    case SB_V8_I64: return v8::CTypeInfo(Type::kInt64);
    case SB_V8_U64: case SB_V8_POINTER: return v8::CTypeInfo(Type::kUint64);
    case SB_V8_F32: return v8::CTypeInfo(Type::kFloat32);
    case SB_V8_F64: return v8::CTypeInfo(Type::kFloat64);
    case SB_V8_VALUE: return v8::CTypeInfo(Type::kV8Value);
#if FAST_CALLS_THROW
    case SB_V8_ONE_BYTE_STRING: return v8::CTypeInfo(Type::kSeqOneByteString);
#endif
    default: abort();
  }
}

// What V8 is told about a fast function. It keeps the address of the base.
struct Types {
  std::vector<v8::CTypeInfo> types;
};
struct Info : Types, v8::CFunctionInfo {
  template <typename... Representation>
  Info(std::vector<v8::CTypeInfo> all, v8::CTypeInfo result, Representation... representation)
      : Types{std::move(all)},
        v8::CFunctionInfo(result, static_cast<unsigned>(types.size()), types.data(), representation...) {}
};

v8::SideEffectType effects_of(const void* data) {
  size_t count;
  int effects;
  if (sb_v8_data_variants(data, &count, &effects) != SB_OK) abort();
  return effects == SB_V8_EFFECTS_NONE ? v8::SideEffectType::kHasNoSideEffect : v8::SideEffectType::kHasSideEffect;
}

}  // namespace

namespace {

bool helpers_collect = false;

}  // namespace

void collect_in_helper(v8::Isolate* isolate) {
  if (FAST_CALLS_THROW && helpers_collect) isolate->LowMemoryNotification();
}

void start() {
  static std::unique_ptr<v8::Platform> platform;
  static std::once_flag once;
  std::call_once(once, [] {
    v8::V8::SetFlagsFromString("--allow-natives-syntax --turbo-fast-api-calls");
    if (const char* flags = getenv("SPRINGBOARD_V8_FLAGS")) {
      v8::V8::SetFlagsFromString(flags);
      helpers_collect = strstr(flags, "--stress-compaction") != nullptr;
    }
    platform = v8::platform::NewDefaultPlatform(1);
    v8::V8::InitializePlatform(platform.get());
    v8::V8::Initialize();
  });
}

uint32_t shim_v8_version(void) { return V8_MAJOR_VERSION * 1000 + V8_MINOR_VERSION; }

const void* shim_info(const uint8_t* arguments, uint32_t count, uint8_t result, uint8_t options, uint8_t bigint) {
  std::vector<v8::CTypeInfo> types{type_of(SB_V8_VALUE)};  // the receiver
  for (uint32_t argument = 0; argument < count; ++argument) types.push_back(type_of(arguments[argument]));
  if (options) types.push_back(v8::CTypeInfo(v8::CTypeInfo::kCallbackOptionsType));
#if FAST_CALLS_THROW
  using Representation = v8::CFunctionInfo::Int64Representation;
  const v8::CFunctionInfo* info = new Info(std::move(types), type_of(result),
                                           bigint ? Representation::kBigInt : Representation::kNumber);
#else
  (void)bigint;
  const v8::CFunctionInfo* info = new Info(std::move(types), type_of(result));
#endif
  return info;
}

Realm* shim_realm_new(const char* blob, size_t length, const intptr_t* references) {
  start();
  Realm* realm = new Realm();
  realm->allocator = v8::ArrayBuffer::Allocator::NewDefaultAllocator();
  v8::Isolate::CreateParams params;
  params.array_buffer_allocator = realm->allocator;
  if (blob != nullptr) {
    realm->snapshot = {blob, static_cast<int>(length)};
    params.snapshot_blob = &realm->snapshot;
    params.external_references = references;
  }
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

v8::Local<v8::Function> define(v8::Isolate* isolate, const char* name, const void* data, const Fast* fast,
                               uint32_t count) {
  auto context = isolate->GetCurrentContext();
  std::vector<v8::CFunction> functions;
  for (uint32_t index = 0; index < count; ++index)
    functions.emplace_back(fast[index].address, static_cast<const v8::CFunctionInfo*>(fast[index].info));
  auto external = v8::External::New(isolate, const_cast<void*>(data));
  v8::Local<v8::FunctionTemplate> function;
  if (count <= 1) {
    function = v8::FunctionTemplate::New(isolate, conventional, external, v8::Local<v8::Signature>(), 0,
                                         v8::ConstructorBehavior::kThrow, effects_of(data),
                                         count == 1 ? functions.data() : nullptr);
  } else {
    function = v8::FunctionTemplate::NewWithCFunctionOverloads(
        isolate, conventional, external, v8::Local<v8::Signature>(), 0, v8::ConstructorBehavior::kThrow,
        effects_of(data), {functions.data(), functions.size()});
  }
  auto made = function->GetFunction(context).ToLocalChecked();
  context->Global()->Set(context, text(isolate, name, strlen(name)), made).Check();
  return made;
}

void shim_define(Realm* realm, const char* name, const void* data, const Fast* fast, uint32_t count) {
  v8::Isolate* isolate = realm->isolate;
  v8::Isolate::Scope isolate_scope(isolate);
  v8::HandleScope scope(isolate);
  v8::Context::Scope context_scope(realm->context.Get(isolate));
  define(isolate, name, data, fast, count);
}

namespace {

// A function that somebody may still have.
struct Weak {
  v8::Global<v8::Function> function;
  const void* data;
  void (*collected)(const void* data);
};

}  // namespace

void shim_define_weak(Realm* realm, const char* name, const void* data, const Fast* fast, uint32_t count,
                      void (*collected)(const void* data)) {
  v8::Isolate* isolate = realm->isolate;
  v8::Isolate::Scope isolate_scope(isolate);
  v8::HandleScope scope(isolate);
  auto context = realm->context.Get(isolate);
  // V8 keeps a function that was made of a template for as long as the context that it was made in. So it is made in one
  // of its own.
  auto own = v8::Context::New(isolate);
  own->SetSecurityToken(context->GetSecurityToken());
  Weak* weak = new Weak{{}, data, collected};
  v8::Local<v8::Function> made;
  {
    v8::Context::Scope own_scope(own);
    made = define(isolate, name, data, fast, count);
  }
  v8::Context::Scope context_scope(context);
  context->Global()->Set(context, text(isolate, name, strlen(name)), made).Check();
  weak->function.Reset(isolate, made);
  weak->function.SetWeak(
      weak,
      [](const v8::WeakCallbackInfo<Weak>& info) {
        info.GetParameter()->function.Reset();
        info.SetSecondPassCallback([](const v8::WeakCallbackInfo<Weak>& info) {
          info.GetParameter()->collected(info.GetParameter()->data);
          delete info.GetParameter();
        });
      },
      v8::WeakCallbackType::kParameter);
}

void shim_collect(Realm* realm) {
  v8::Isolate::Scope isolate_scope(realm->isolate);
  realm->isolate->LowMemoryNotification();
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

v8::Local<v8::Value> run(v8::Isolate* isolate, const char* source, uint8_t* threw) {
  auto context = isolate->GetCurrentContext();
  v8::TryCatch caught(isolate);
  v8::Local<v8::Script> script;
  v8::Local<v8::Value> value;
  *threw = 0;
  if (!v8::Script::Compile(context, text(isolate, source, strlen(source))).ToLocal(&script) ||
      !script->Run(context).ToLocal(&value)) {
    *threw = 1;
    value = caught.Exception();
  }
  return value;
}

char* shim_run(Realm* realm, const char* source, uint8_t* threw) {
  v8::Isolate* isolate = realm->isolate;
  v8::Isolate::Scope isolate_scope(isolate);
  v8::HandleScope scope(isolate);
  v8::Context::Scope context_scope(realm->context.Get(isolate));
  v8::String::Utf8Value chars(isolate, run(isolate, source, threw));
  return strdup(*chars != nullptr ? *chars : "<no text>");
}

void shim_free(char* text) { free(text); }

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

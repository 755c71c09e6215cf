// A host in C++ that has everything from springboard by its C API: functions of its own, with fast variants, in a registry.
#define SB_V8_TRACKING
#include <cstdlib>
#include <cstring>
#include <vector>

#include "realm.h"

namespace {

void check(int code) {
  if (code != SB_OK) {
    fprintf(stderr, "%s\n", sb_error_message());
    abort();
  }
}

v8::Local<v8::Value> local_of(const void* const& handle) {
  return reinterpret_cast<const v8::Local<v8::Value>&>(handle);
}

// object.has: whether the receiver's own properties have this name. Objects without one are refused.
const char* const kWanted = "has takes an object and a name";

bool has(v8::Isolate* isolate, v8::Local<v8::Value> object, v8::Local<v8::Value> name, bool* found) {
  if (!object->IsObject() || !name->IsName()) return false;
  auto context = isolate->GetCurrentContext();
  return object.As<v8::Object>()->HasOwnProperty(context, name.As<v8::Name>()).To(found);
}

v8::Isolate* isolate_of(v8::FastApiCallbackOptions& options) {
#if FAST_CALLS_THROW
  return options.isolate;
#else
  (void)options;
  return v8::Isolate::GetCurrent();
#endif
}

bool has_fast(v8::Local<v8::Object>, v8::Local<v8::Value> object, v8::Local<v8::Value> name,
              v8::FastApiCallbackOptions& options) {
  v8::Isolate* isolate = isolate_of(options);
  count_handles(isolate);
  v8::HandleScope scope(isolate);
  bool found = false;
  if (!has(isolate, object, name, &found)) {
    SB_V8_TRACK("object.has.error");
    shim_fail(nullptr, &options, SB_V8_TYPE_ERROR, "ERR_INVALID_ARG_TYPE", kWanted);
    return false;
  }
  SB_V8_TRACK("object.has.ok");
  return found;
}

int has_slow(void*, const sb_v8_call* call, sb_v8_value* result, sb_v8_thrown* thrown) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  bool found = false;
  if (call->count != 2 || !has(isolate, local_of(call->values[0]), local_of(call->values[1]), &found)) {
    *thrown = {SB_V8_TYPE_ERROR, 0, "ERR_INVALID_ARG_TYPE", kWanted};
    return 1;
  }
  SB_V8_TRACK("object.has.slow");
  result->form = SB_V8_BOOLEAN;
  result->flag = found;
  return 0;
}

// object.is_receiver: whether the argument is `this`.
bool is_receiver_fast(v8::Local<v8::Object> receiver, v8::Local<v8::Value> value) {
  SB_V8_TRACK("object.is_receiver.fast");
  return value->StrictEquals(receiver);
}

int is_receiver_slow(void*, const sb_v8_call* call, sb_v8_value* result, sb_v8_thrown*) {
  result->form = SB_V8_BOOLEAN;
  result->flag = call->count == 1 && local_of(call->values[0])->StrictEquals(local_of(call->receiver));
  return 0;
}

// The type information of a description, for good.
const void* type_info(void*, const sb_v8_description* description, const uint8_t* kinds) {
  return shim_info(kinds, static_cast<uint32_t>(description->arguments), static_cast<uint8_t>(description->result),
                   static_cast<uint8_t>(description->options), description->int64 == SB_V8_INT64_BIGINT);
}

}  // namespace

struct Host {
  sb_v8_registry* registry;
  std::vector<std::pair<const char*, const void*>> functions;
};

Host* shim_host_new(void) {
  Host* host = new Host();
  check(sb_v8_registry_new(&host->registry));
  const uint8_t values[] = {SB_V8_VALUE, SB_V8_VALUE};
  const sb_v8_variant has_variants[] = {
      {reinterpret_cast<const void*>(has_fast), values, 2, SB_V8_BOOL, 1, SB_V8_INT64_DEFAULT, 0}};
  const sb_v8_variant receiver_variants[] = {
      {reinterpret_cast<const void*>(is_receiver_fast), values, 1, SB_V8_BOOL, 0, SB_V8_INT64_DEFAULT, 0}};
  const char* const outcomes[] = {"ok", "error", "slow"};
  const sb_v8_twin twins[] = {
      {sizeof(sb_v8_twin), "object.has", has_slow, host, has_variants, 1, outcomes, 3, SB_V8_EFFECTS_NONE, 0},
      {sizeof(sb_v8_twin), "object.is_receiver", is_receiver_slow, host, receiver_variants, 1, nullptr, 0,
       SB_V8_EFFECTS_POSSIBLE, 0}};
  for (const sb_v8_twin& twin : twins) {
    const void* data;
    check(sb_v8_registry_add(host->registry, &twin, &data));
    void* context;
    check(sb_v8_data_context(data, &context));
    if (context != host) abort();
    host->functions.emplace_back(strchr(twin.name, '.') + 1, data);
  }
  // Data, code and type information of each.
  const void* references[6];
  size_t count;
  check(sb_v8_registry_references(host->registry, type_info, nullptr, references, 6, &count));
  if (count != 6 || references[0] != host->functions[0].second ||
      references[1] != reinterpret_cast<const void*>(has_fast))
    abort();
  return host;
}

void shim_host_define(Host* host, Realm* realm) {
  for (const auto& [name, data] : host->functions) {
    size_t count;
    check(sb_v8_data_variants(data, &count, nullptr));
    std::vector<Fast> fast(count);
    for (size_t index = 0; index < count; ++index) {
      sb_v8_description description{};
      description.size = sizeof description;
      uint8_t kinds[8];
      check(sb_v8_data_fast(data, index, &fast[index].address, &description, kinds, 8));
      fast[index].info = type_info(nullptr, &description, kinds);
    }
    shim_define(realm, name, data, fast.data(), static_cast<uint32_t>(count));
  }
}

uint64_t shim_host_slow_calls(Host* host, uint32_t index) { return shim_slow_calls(host->functions[index].second); }

void shim_host_free(Host* host) {
  check(sb_v8_registry_close(host->registry));
  delete host;
}

// Between values of JavaScript and those that slow functions take and return; and errors.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "realm.h"

namespace {

// Whether to look at a value allocates, which an old V8 dies of in a fast call: a small view has no buffer until somebody
// asks for it, and a string may be in parts.
bool is_for_slow_function(v8::Local<v8::Value> value) {
  if (FAST_CALLS_THROW) return false;
  return value->IsString() || (value->IsArrayBufferView() && !value.As<v8::ArrayBufferView>()->HasBuffer());
}

// How often the slow function of each data has run.
thread_local std::unordered_map<const void*, uint64_t> slow_calls;

thread_local int32_t handles;

// The memory of a view or a buffer, shared or not; false where the value is neither or its memory is gone. Where there
// is none because it is empty, its address is null.
bool memory_of(v8::Local<v8::Value> value, uint8_t** data, size_t* length) {
  if (value->IsArrayBufferView()) {
    auto view = value.As<v8::ArrayBufferView>();
    // Shared memory, too, comes as this type, and is never detached.
    auto buffer = view->Buffer();
    auto store = buffer->GetBackingStore();
    if (buffer->WasDetached() || view->ByteOffset() > store->ByteLength()) return false;
    *data = store->Data() == nullptr ? nullptr : static_cast<uint8_t*>(store->Data()) + view->ByteOffset();
    *length = view->ByteLength();
    return true;
  }
  std::shared_ptr<v8::BackingStore> store;
  if (value->IsArrayBuffer()) {
    auto buffer = value.As<v8::ArrayBuffer>();
    if (buffer->WasDetached()) return false;
    store = buffer->GetBackingStore();
  } else if (value->IsSharedArrayBuffer()) {
    store = value.As<v8::SharedArrayBuffer>()->GetBackingStore();
  } else {
    return false;
  }
  *data = static_cast<uint8_t*>(store->Data());
  *length = store->ByteLength();
  return true;
}

// What a value is; of a text, its length.
sb_v8_value value_of(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  sb_v8_value made{};
  uint8_t* data;
  if (value->IsUndefined()) {
    made.form = SB_V8_UNDEFINED;
  } else if (value->IsNull()) {
    made.form = SB_V8_NULL;
  } else if (value->IsBoolean()) {
    made.form = SB_V8_BOOLEAN;
    made.flag = value->IsTrue();
  } else if (value->IsNumber()) {
    made.form = SB_V8_NUMBER;
    made.number = value.As<v8::Number>()->Value();
  } else if (value->IsBigInt()) {
    int sign, count = 2;
    uint64_t words[2] = {0, 0};
    value.As<v8::BigInt>()->ToWordsArray(&sign, &count, words);
    // Where there are more, any that does not fit 64 bits.
    if (count > 2 || words[1] >> 62 != 0) words[1] = 1;
    auto magnitude = static_cast<unsigned __int128>(words[1]) << 64 | words[0];
    auto whole = static_cast<__int128>(sign ? -magnitude : magnitude);
    made.form = SB_V8_BIGINT;
    made.low = static_cast<uint64_t>(whole);
    made.high = static_cast<int64_t>(whole >> 64);
  } else if (memory_of(value, &data, &made.length)) {
    made.form = value->IsSharedArrayBuffer() ? SB_V8_SHARED : SB_V8_BYTES;
    made.bytes = data;
  } else if (value->IsString()) {
    made.form = SB_V8_TEXT;
    made.length = static_cast<size_t>(value.As<v8::String>()->Utf8Length(isolate));
  } else {
    made.form = SB_V8_OTHER;
  }
  return made;
}

void write_text(v8::Isolate* isolate, v8::Local<v8::Value> value, char* bytes, size_t length) {
  value.As<v8::String>()->WriteUtf8(isolate, bytes, static_cast<int>(length), nullptr,
                                    v8::String::NO_NULL_TERMINATION | v8::String::REPLACE_INVALID_UTF8);
}

void throw_error(v8::Isolate* isolate, int kind, const char* code, v8::Local<v8::String> message) {
  auto error = kind == SB_V8_TYPE_ERROR    ? v8::Exception::TypeError(message)
               : kind == SB_V8_RANGE_ERROR ? v8::Exception::RangeError(message)
                           : v8::Exception::Error(message);
  if (code != nullptr) {
    auto context = isolate->GetCurrentContext();
    error.As<v8::Object>()
        ->Set(context, text(isolate, "code", 4), text(isolate, code, strlen(code)))
        .Check();
  }
  isolate->ThrowException(error);
}

v8::Isolate* isolate_of(void* options) {
#if FAST_CALLS_THROW
  auto* given = static_cast<v8::FastApiCallbackOptions*>(options);
  if (given != nullptr) return given->isolate;
#else
  (void)options;
#endif
  return v8::Isolate::GetCurrent();
}

// A handle is one word.
v8::Local<v8::Value> local_of(const void* const& value) { return reinterpret_cast<const v8::Local<v8::Value>&>(value); }

}  // namespace

v8::Local<v8::String> text(v8::Isolate* isolate, const char* chars, size_t length) {
  return v8::String::NewFromUtf8(isolate, chars, v8::NewStringType::kNormal, static_cast<int>(length))
      .ToLocalChecked();
}

void conventional(const v8::FunctionCallbackInfo<v8::Value>& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const size_t count = static_cast<size_t>(info.Length());
  std::vector<std::string> storage(count);
  std::vector<sb_v8_value> arguments;
  std::vector<v8::Local<v8::Value>> values;
  for (size_t index = 0; index < count; ++index) {
    values.push_back(info[static_cast<int>(index)]);
    sb_v8_value value = value_of(isolate, values[index]);
    if (value.form == SB_V8_TEXT) {
      storage[index].resize(value.length);
      write_text(isolate, values[index], storage[index].data(), value.length);
      value.bytes = storage[index].data();
    }
    arguments.push_back(value);
  }
  const void* data = info.Data().As<v8::External>()->Value();
  ++slow_calls[data];
  v8::Local<v8::Object> receiver = info.This();
  // Handles are one word each.
  const sb_v8_call call = {reinterpret_cast<const void* const&>(receiver), arguments.data(),
                           reinterpret_cast<const void* const*>(values.data()), count};
  sb_v8_value result;
  int kind;
  const int failed = sb_v8_data_call(data, &call, &result, &kind);
  if (failed == SB_ERROR_THROWN) {
    const char* message = sb_error_message();
    throw_error(isolate, kind, sb_v8_thrown_code(), text(isolate, message, strlen(message)));
    return;
  }
  if (failed != SB_OK) abort();
  auto returned = info.GetReturnValue();
  switch (result.form) {
    case SB_V8_NULL: returned.SetNull(); break;
    case SB_V8_BOOLEAN: returned.Set(result.flag != 0); break;
    case SB_V8_NUMBER: returned.Set(result.number); break;
    case SB_V8_BIGINT: {
      if (result.high == 0 && static_cast<int64_t>(result.low) < 0) {
        returned.Set(v8::BigInt::NewFromUnsigned(isolate, result.low));
      } else {
        returned.Set(v8::BigInt::New(isolate, static_cast<int64_t>(result.low)));
      }
      break;
    }
    case SB_V8_TEXT: returned.Set(text(isolate, static_cast<const char*>(result.bytes), result.length)); break;
    default: break;
  }
}

uint64_t shim_slow_calls(const void* data) { return slow_calls[data]; }

void count_handles(v8::Isolate* isolate) { handles = v8::HandleScope::NumberOfHandles(isolate); }

int32_t shim_handles() { return handles; }

void shim_fail(void*, void* options, int kind, const char* code, const char* message) {
#if FAST_CALLS_THROW
  v8::Isolate* isolate = isolate_of(options);
  count_handles(isolate);
  // A fast call has no handle scope.
  v8::HandleScope scope(isolate);
  collect_in_helper(isolate);
  throw_error(isolate, kind, code, text(isolate, message, strlen(message)));
#else
  (void)kind;
  (void)code;
  (void)message;
  if (options == nullptr) abort();
  static_cast<v8::FastApiCallbackOptions*>(options)->fallback = true;
#endif
}

uint64_t shim_buffer(const void* value, void* options, int32_t index) {
  v8::Isolate* isolate = isolate_of(options);
  count_handles(isolate);
  v8::HandleScope scope(isolate);
  collect_in_helper(isolate);
  uint8_t* data;
  size_t length;
  if (!is_for_slow_function(local_of(value)) && memory_of(local_of(value), &data, &length))
    return reinterpret_cast<uint64_t>(data);
#if FAST_CALLS_THROW
  sb_v8_value given = value_of(isolate, local_of(value));
  given.length = 0;  // The bytes of a text are not shown.
  int kind;
  sb_v8_helper_error(SB_V8_HELPER_BUFFER, static_cast<uint64_t>(index), &given, &kind);
  shim_fail(nullptr, options, kind, sb_v8_thrown_code(), sb_error_message());
#else
  (void)index;
  shim_fail(nullptr, options, 0, nullptr, nullptr);
#endif
  return UINT64_MAX;
}

void shim_value(const void* value, void* options, sb_v8_reading* reading) {
  v8::Isolate* isolate = isolate_of(options);
  count_handles(isolate);
  v8::HandleScope scope(isolate);
  collect_in_helper(isolate);
  if (is_for_slow_function(local_of(value))) return;
  const sb_v8_value found = value_of(isolate, local_of(value));
  if (found.form != SB_V8_TEXT) {
    if (sb_v8_reading_set(reading, &found) != SB_OK) abort();
  } else if (char* room = sb_v8_reading_text(reading, found.length)) {
    write_text(isolate, local_of(value), room, found.length);
  }
}

void* shim_data(void* options) {
  auto* given = static_cast<v8::FastApiCallbackOptions*>(options);
#if FAST_CALLS_THROW
  v8::HandleScope scope(given->isolate);
  return given->data.As<v8::External>()->Value();
#else
  return reinterpret_cast<v8::External*>(&given->data)->Value();
#endif
}

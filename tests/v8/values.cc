// Between values of JavaScript and those that slow functions take and return; and errors.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "realm.h"

namespace {

Slow slow;

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
Any any_of(v8::Isolate* isolate, v8::Local<v8::Value> value) {
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
    // There are more words: what has been taken must not fit 64 bits.
    if (count > 2) any.words[1] = 1;
  } else if (memory_of(value, &data, &any.length)) {
    any.tag = value->IsSharedArrayBuffer() ? kShared : kBytes;
    any.data = data;
  } else if (value->IsString()) {
    any.tag = kText;
    any.length = static_cast<size_t>(value.As<v8::String>()->Utf8Length(isolate));
  } else {
    any.tag = kOther;
  }
  return any;
}

void write_text(v8::Isolate* isolate, v8::Local<v8::Value> value, char* bytes, size_t length) {
  value.As<v8::String>()->WriteUtf8(isolate, bytes, static_cast<int>(length), nullptr,
                                    v8::String::NO_NULL_TERMINATION | v8::String::REPLACE_INVALID_UTF8);
}

void throw_error(v8::Isolate* isolate, uint8_t kind, const char* code, v8::Local<v8::String> message) {
  auto error = kind == 1   ? v8::Exception::TypeError(message)
               : kind == 2 ? v8::Exception::RangeError(message)
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
  std::vector<std::string> storage(info.Length());
  std::vector<Any> arguments;
  for (int index = 0; index < info.Length(); ++index) {
    Any any = any_of(isolate, info[index]);
    if (any.tag == kText) {
      storage[index].resize(any.length);
      write_text(isolate, info[index], storage[index].data(), any.length);
      any.data = reinterpret_cast<const uint8_t*>(storage[index].data());
    }
    arguments.push_back(any);
  }
  Any result{};
  slow(info.Data().As<v8::External>()->Value(), arguments.data(), static_cast<uint32_t>(arguments.size()), &result);
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
      throw_error(isolate, result.sign, result.code,
                  text(isolate, reinterpret_cast<const char*>(result.data), result.length));
      break;
    default: break;
  }
}

void shim_serve(Slow function) { slow = function; }

void shim_fail(void* options, uint8_t kind, const char* code, const char* message) {
#if FAST_CALLS_THROW
  v8::Isolate* isolate = isolate_of(options);
  // A fast call has no handle scope.
  v8::HandleScope scope(isolate);
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
  v8::HandleScope scope(isolate_of(options));
  uint8_t* data;
  size_t length;
  if (memory_of(local_of(value), &data, &length)) return reinterpret_cast<uint64_t>(data);
  std::string message = "argument " + std::to_string(index + 1) + " must be a buffer";
  shim_fail(options, 1, "ERR_INVALID_ARG_VALUE", message.c_str());
  return UINT64_MAX;
}

void shim_value(const void* value, void* options, Any* any) {
  v8::Isolate* isolate = isolate_of(options);
  v8::HandleScope scope(isolate);
  *any = any_of(isolate, local_of(value));
}

void shim_text(const void* value, void* options, char* bytes, size_t length) {
  v8::Isolate* isolate = isolate_of(options);
  v8::HandleScope scope(isolate);
  write_text(isolate, local_of(value), bytes, length);
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

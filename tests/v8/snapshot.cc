// Snapshots: contexts with functions, as bytes, from which isolates start.
#include <cstdlib>
#include <cstring>
#include <memory>

#include "realm.h"

const void* shim_conventional(void) { return reinterpret_cast<const void*>(conventional); }

char* shim_snapshot(const intptr_t* references, const Entry* entries, uint32_t count, const char* script,
                    size_t* length) {
  start();
#if FAST_CALLS_THROW
  v8::Isolate::CreateParams params;
  params.external_references = references;
  params.array_buffer_allocator_shared =
      std::shared_ptr<v8::ArrayBuffer::Allocator>(v8::ArrayBuffer::Allocator::NewDefaultAllocator());
  v8::SnapshotCreator creator(params);
#else
  v8::SnapshotCreator creator(references);
#endif
  v8::Isolate* isolate = creator.GetIsolate();
  uint8_t threw;
  {
    v8::HandleScope scope(isolate);
    auto context = v8::Context::New(isolate);
    v8::Context::Scope context_scope(context);
    for (uint32_t index = 0; index < count; ++index) {
      const Entry& entry = entries[index];
      define(isolate, entry.name, entry.data, entry.fast, entry.count);
    }
    run(isolate, script, &threw);
    creator.SetDefaultContext(context);
  }
  auto data = creator.CreateBlob(v8::SnapshotCreator::FunctionCodeHandling::kKeep);
  char* blob = nullptr;
  *length = 0;
  if (!threw && data.data != nullptr) {
    *length = static_cast<size_t>(data.raw_size);
    blob = static_cast<char*>(malloc(*length));
    memcpy(blob, data.data, *length);
  }
  delete[] data.data;
  return blob;
}

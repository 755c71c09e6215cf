// Expressions as a debugger evaluates them, which may call functions without effects alone.
#include <cstring>
#include <memory>
#include <string>

#include "realm.h"
#include "v8-inspector.h"

namespace {

std::string utf8(const v8_inspector::StringView& view) {
  std::string text;
  for (size_t index = 0; index < view.length(); ++index)
    text.push_back(view.is8Bit() ? static_cast<char>(view.characters8()[index])
                                 : static_cast<char>(view.characters16()[index]));
  return text;
}

struct Channel : v8_inspector::V8Inspector::Channel {
  std::string answer;
  void sendResponse(int, std::unique_ptr<v8_inspector::StringBuffer> message) override {
    answer = utf8(message->string());
  }
  void sendNotification(std::unique_ptr<v8_inspector::StringBuffer>) override {}
  void flushProtocolNotifications() override {}
};

struct Client : v8_inspector::V8InspectorClient {
  v8::Local<v8::Context> context;
  explicit Client(v8::Local<v8::Context> context) : context(context) {}
  v8::Local<v8::Context> ensureDefaultContextInGroup(int) override { return context; }
};

v8_inspector::StringView view(const char* text) {
  return v8_inspector::StringView(reinterpret_cast<const uint8_t*>(text), strlen(text));
}

}  // namespace

char* shim_inspect(Realm* realm, const char* expression) {
  v8::Isolate* isolate = realm->isolate;
  v8::Isolate::Scope isolate_scope(isolate);
  v8::HandleScope scope(isolate);
  auto context = realm->context.Get(isolate);
  v8::Context::Scope context_scope(context);
  Client client(context);
  Channel channel;
  auto inspector = v8_inspector::V8Inspector::create(isolate, &client);
  inspector->contextCreated(v8_inspector::V8ContextInfo(context, 1, view("tests")));
#if FAST_CALLS_THROW
  auto session = inspector->connect(1, &channel, view("{}"), v8_inspector::V8Inspector::kFullyTrusted);
#else
  auto session = inspector->connect(1, &channel, view("{}"));
#endif
  std::string message = R"({"id":1,"method":"Runtime.evaluate","params":{"throwOnSideEffect":true,"expression":")";
  message += expression;
  message += "\"}}";
  session->dispatchProtocolMessage(view(message.c_str()));
  session.reset();
  inspector->contextDestroyed(context);
  return strdup(channel.answer.c_str());
}

#include "control/tls_commands.h"

#include "base/log.h"
#include "base/text.h"
#include "outbound/tls_files.h"

namespace postern::control {

namespace {

using json::Value;

Task<Result<Value>> list(outbound::PublishedTls& tls) { co_return tls.list(); }

Task<Result<Value>> forget(outbound::PublishedTls& tls, std::function<void()> forgotten_one, Value request) {
  const auto name = outbound::parse_tls_name(request.at("name").string());
  if (!name) co_return std::unexpected(name.error());
  const std::size_t forgotten = tls.forget(*name);
  log::info("tls_forgotten", {{"name", name->text()}, {"entries", forgotten}});
  if (forgotten > 0) forgotten_one();
  co_return outbound::forgotten_answer(*name, forgotten);
}

}  // namespace

void add_tls_commands(Server& server, outbound::PublishedTls& tls, std::function<void()> forgotten) {
  server.handle("tls_list", [&tls](const Value&) { return list(tls); });
  server.handle("tls_forget", [&tls, forgotten = std::move(forgotten)](Value request) {
    return forget(tls, forgotten, std::move(request));
  });
}

}  // namespace postern::control

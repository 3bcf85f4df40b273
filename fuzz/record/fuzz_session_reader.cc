// A record's line of any octets: read within the limits, and where it is JSON, read as json::parse() reads it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "record/session_reader.h"

namespace {

using namespace postern;
using namespace postern::record;

// Whether an object names a member twice: then the two may differ, each holding another one.
bool has_doubles(json::Scanner& scanner, const json::Value& value) {
  bool doubled = false;
  if (value.is_object()) {
    std::size_t members = 0;
    if (!scanner.object([&](std::string_view key) {
          ++members;
          const std::string name(key);
          doubled = has_doubles(scanner, value.at(name)) || doubled;
          return !doubled;
        }))
      return true;
    return doubled || members != value.object().size();
  }
  if (value.is_array()) {
    std::size_t at = 0;
    if (!scanner.array([&] {
          const std::size_t element = at++;
          doubled = doubled || element >= value.array().size() || has_doubles(scanner, value.array()[element]);
          return !doubled;
        }))
      return true;
    return doubled;
  }
  POSTERN_CHECK(scanner.skip());
  return false;
}

void compare(const SessionView& view, const json::Value& value) {
  POSTERN_CHECK(view.id == value.at("id").string());
  POSTERN_CHECK(view.helo == value.at("helo").string());
  POSTERN_CHECK(view.client == value.at("client").at("address").string());
  POSTERN_CHECK(view.identity == value.at("state").at("identity").string());
  POSTERN_CHECK(view.tls_version == value.at("tls").at("version").string());
  evidence::Evidence by_text;
  evidence::Evidence by_document;
  evidence::ListNames text_names;
  evidence::ListNames document_names;
  const auto& decisions = value.at("decisions").array();
  POSTERN_CHECK(view.decisions.size() == std::min(decisions.size(), kDecisionsMax));
  for (std::size_t i = 0; i < view.decisions.size(); ++i) {
    POSTERN_CHECK(view.decisions[i].rule == decisions[i].at("rule").string());
    POSTERN_CHECK(view.decisions[i].enforced == decisions[i].at("enforced").boolean());
    by_document.apply(decisions[i].at("evidence"), document_names);
    if (view.decisions[i].changes.empty()) continue;
    std::string scratch;
    json::Scanner scanner(view.decisions[i].changes, scratch);
    POSTERN_CHECK(by_text.apply(scanner, text_names));
    POSTERN_CHECK(by_text == by_document && text_names == document_names);
  }
  const auto& transactions = value.at("transactions").array();
  POSTERN_CHECK(view.transactions.size() == std::min(transactions.size(), kTransactionsMax));
  for (std::size_t i = 0; i < view.transactions.size(); ++i) {
    POSTERN_CHECK(view.transactions[i].reverse_path == transactions[i].at("from").string());
    const auto& recipients = transactions[i].at("to").array();
    POSTERN_CHECK(view.transactions[i].recipients_end - view.transactions[i].recipients_begin ==
                  std::min(recipients.size(), kRecipientsMax));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  SessionReader reader;
  const auto kind = reader.read(line);
  const SessionView& view = reader.session();
  POSTERN_CHECK(view.decisions.size() <= kDecisionsMax && view.transactions.size() <= kTransactionsMax);
  POSTERN_CHECK(view.beyond.size() <= 6 * (kAnswersMax + 6));
  for (const DecisionView& decision : view.decisions) {
    std::string scratch;
    evidence::Evidence evidence;
    evidence::ListNames names;
    json::Scanner scanner(decision.changes, scratch);
    static_cast<void>(evidence.apply(scanner, names));
    POSTERN_CHECK(names.size() <= evidence::kListsMax);
  }
  const auto value = json::parse(line);
  if (!value) return 0;
  std::string scratch;
  json::Scanner scanner(line, scratch);
  if (has_doubles(scanner, *value)) return 0;
  if (kind == SessionReader::Kind::session) compare(view, *value);
  return 0;
}

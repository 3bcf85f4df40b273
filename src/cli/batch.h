// --batch: JSON lines in, one JSON line out for each, in their order and with their "id". A line that cannot be
// answered gets {"id", "error"} and does not end the run.
//
//   {"id", "ip", "helo", "mail_from", "message_base64" or "message_path", "zone", "now"}
//
// "zone" is what DNS says for this line alone (dns/fixture.h); without one the tool's own resolver is asked. What a
// command reads beyond that stands in its file. Thread rule: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "cli/message_input.h"
#include "cli/tool_resolver.h"
#include "dns/resolver.h"

namespace postern::cli {

inline constexpr std::size_t kBatchLineMax = std::size_t{64} << 20;

struct BatchCase {
  json::Value line;
  std::int64_t now = 0;  // seconds
  bool paths = true;     // "message_path" may be read
};

// Errors: neither message_base64 nor message_path, not base64, no such file.
[[nodiscard]] Result<MessageInput> case_message(const BatchCase& given);
[[nodiscard]] bool has_message(const BatchCase& given);
// A string that must be there. Errors name the key.
[[nodiscard]] Result<std::string> case_string(const BatchCase& given, std::string_view key);
// "a:b" or ["a", "b"]; empty where absent.
[[nodiscard]] Result<std::vector<std::string>> case_names(const BatchCase& given, std::string_view key);

// Writes its keys into the answer's object; what it wrote is dropped when it returns an error. The case outlives it.
using BatchAnswer = std::function<Task<Result<void>>(const BatchCase&, dns::Resolver&, json::Writer&)>;

class Batch {
 public:
  Batch(BatchAnswer answer, ToolResolver& resolver, std::optional<std::int64_t> now)
      : answer_(std::move(answer)), resolver_(resolver), now_(now) {}
  void forbid_paths() { paths_ = false; }

  // One line without its LF; the answer with LF appended to `out`. Blank lines have none.
  void answer(std::string_view line, std::string& out);
  // Standard input to standard output; answers are written out before it waits for more. The exit code.
  [[nodiscard]] int run();

 private:
  Result<void> try_answer(std::string_view line, json::Value& id, std::string& fields);
  BatchAnswer answer_;
  ToolResolver& resolver_;
  std::optional<std::int64_t> now_;
  bool paths_ = true;
};

// Opens the resolver and runs a batch. The exit code.
[[nodiscard]] int run_batch(const AuthCommon& common, BatchAnswer answer);

// "postern: what" on standard error; returns `code`.
int complain(std::string_view what, int code);

}  // namespace postern::cli

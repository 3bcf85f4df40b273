// Lines of --batch through every tool of mail authentication: JSON, zone, message and options all come from the input.
// Whatever it is, there is one line of JSON for it, it says either an error or what was asked for, and the same again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "cli/auth_batch.h"

namespace {

using postern::cli::Batch;

struct Tool {
  const char* key;  // of what it answers
  Batch batch;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace cli = postern::cli;
  static cli::ToolResolver nothing{postern::dns::Zone()};
  static Tool tools[] = {{"spf", Batch(cli::spf_batch(), nothing, 1'000'000'000)},
                         {"dkim", Batch(cli::dkim_verify_batch(), nothing, 1'000'000'000)},
                         {"fields", Batch(cli::dkim_sign_batch(), nothing, 1'000'000'000)},
                         {"dmarc", Batch(cli::dmarc_batch(), nothing, 1'000'000'000)},
                         {"arc", Batch(cli::arc_verify_batch(), nothing, 1'000'000'000)},
                         {"fields", Batch(cli::arc_seal_batch(), nothing, 1'000'000'000)},
                         {"dmarc", Batch(cli::auth_batch(), nothing, 1'000'000'000)}};
  std::string_view text(reinterpret_cast<const char*>(data), size);
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto given = postern::json::parse(line);
    for (Tool& tool : tools) {
      tool.batch.forbid_paths();
      std::string answer, again;
      tool.batch.answer(line, answer);
      tool.batch.answer(line, again);
      POSTERN_CHECK(answer == again);
      if (postern::trim(line).empty() || postern::trim(line) == "\r") continue;
      POSTERN_CHECK(answer.ends_with('\n') && answer.find('\n') == answer.size() - 1);
      const auto parsed = postern::json::parse(std::string_view(answer).substr(0, answer.size() - 1));
      POSTERN_CHECK(parsed && parsed->is_object());
      POSTERN_CHECK(parsed->at("error").is_string() != !parsed->at(tool.key).is_null());
      if (given && given->is_object()) POSTERN_CHECK(parsed->at("id").text() == given->at("id").text());
    }
  }
  return 0;
}

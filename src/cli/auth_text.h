// What the tools of mail authentication found, as a person reads it: what was published, what was found, why it passed
// or failed, and what to do. Whatever a stranger wrote goes through printable(). Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "arc/verify.h"
#include "cli/table.h"
#include "dkim/verify.h"
#include "dmarc/evaluate.h"
#include "spf/evaluate.h"

namespace postern::cli {

// "label     text", the lines of one section below its heading; text of several lines is indented below its first.
class Lines {
 public:
  explicit Lines(bool colour) : colour_(colour) {}
  // "SPF   pass   example.org": the result in green, yellow or red.
  void heading(std::string_view what, std::string_view result, std::string_view about);
  void line(std::string_view label, std::string_view text);  // nothing where text is empty
  void coloured_line(std::string_view label, std::string_view text, Colour colour);
  void raw(std::string_view text) { out_ += text; }
  [[nodiscard]] bool colour() const { return colour_; }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
  bool colour_;
};

[[nodiscard]] Colour result_colour(std::string_view result);

[[nodiscard]] std::string spf_text(const spf::Query& query, const spf::Evaluation& evaluation, bool colour);
// `found`: signatures in the message; more than there are verdicts when it has too many.
[[nodiscard]] std::string dkim_text(const std::vector<dkim::Verdict>& verdicts, std::size_t found, bool colour);
[[nodiscard]] std::string dmarc_text(const dmarc::Evaluation& evaluation, bool colour);
[[nodiscard]] std::string arc_text(const arc::Chain& chain, bool colour);

// What the one who publishes or signs has to do, where that can be told; empty otherwise.
[[nodiscard]] std::string_view spf_remedy(const spf::Evaluation& evaluation);
[[nodiscard]] std::string_view dkim_remedy(const dkim::Verdict& verdict);
[[nodiscard]] std::string_view dmarc_remedy(const dmarc::Evaluation& evaluation);
[[nodiscard]] std::string_view arc_remedy(const arc::Chain& chain);

}  // namespace postern::cli

// Replies: the reader takes anything within its bounds the same way at every split; what it read formats to what it
// reads.
#include <algorithm>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "smtp/reply.h"

using namespace postern::smtp;

namespace {

std::string read_all(std::string_view input, std::size_t piece) {
  ReplyReader reader;
  std::string out;
  while (!input.empty()) {
    std::string_view part = input.substr(0, piece);
    input.remove_prefix(part.size());
    while (!part.empty()) {
      const auto used = reader.feed(part);
      if (!used) return out + "error";
      POSTERN_CHECK(*used <= part.size() && *used > 0);
      part.remove_prefix(*used);
      if (!reader.complete()) continue;
      const Reply reply = reader.take();
      POSTERN_CHECK(reply.code >= 200 && reply.code <= 599 && reply.text.size() <= kReplyMax);
      const std::size_t start = out.size();
      reply.append_to(out);
      POSTERN_CHECK(std::ranges::all_of(std::string_view(out).substr(start), [](char c) {
        return (c >= ' ' && c <= '~') || c == '\t' || c == '\r' || c == '\n';
      }));
      ReplyReader second;
      std::string_view printed = std::string_view(out).substr(start);
      // Escaping may make it longer than what a reader takes
      if (printed.size() <= kReplyMax && std::ranges::count(printed, '\n') <= 128) {
        const auto again = second.feed(printed);
        POSTERN_CHECK(again && *again == printed.size() && second.complete());
        POSTERN_CHECK(second.take().code == reply.code);
      }
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = read_all(input, std::string_view::npos);
  POSTERN_CHECK(read_all(input, 1) == whole);
  POSTERN_CHECK(read_all(input, 1U + data[0]) == whole);
  return 0;
}

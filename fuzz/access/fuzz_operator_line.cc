// Any octets as a line of the operator's file, and as what an operator writes on the command line: what is taken is
// canonical, is written as a line that reads back the same, and is found again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "access/operator_list.h"

namespace {

using namespace postern;

void check_entry(const access::Entry& entry) {
  POSTERN_CHECK(!entry.subject.empty());
  const std::string line = access::entry_line(entry);
  POSTERN_CHECK(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  const auto again = access::parse_entry(line);
  if (!access::check(entry)) {
    POSTERN_CHECK(!again);
    return;
  }
  POSTERN_CHECK(again && *again == entry);
  const access::OperatorList list({entry});
  POSTERN_CHECK(list.find(entry.subject) != nullptr);
  if (entry.kind == access::Kind::prefix) {
    const auto prefix = ip::Prefix::parse(entry.subject);
    POSTERN_CHECK(prefix && list.lookup({.client = prefix->address()}, 0).word == entry.word);
  } else if (entry.kind == access::Kind::domain) {
    POSTERN_CHECK(list.lookup({.confirmed_name = entry.subject}, 0).word == entry.word);
    POSTERN_CHECK(list.lookup({.reverse_path = "a@b." + entry.subject}, 0).word == entry.word);
  } else {
    POSTERN_CHECK(list.lookup({.reverse_path = entry.subject}, 0).word == entry.word);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto entry = access::parse_entry(text)) {
    check_entry(*entry);
  } else {
    POSTERN_CHECK(entry.error().what.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
  if (const auto entry = access::parse_subject(text)) {
    check_entry(*entry);
  } else {
    POSTERN_CHECK(entry.error().what.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
  static const access::OperatorList list({*access::parse_subject("example.org"), *access::parse_subject("bob@b.org")});
  static_cast<void>(list.lookup({.confirmed_name = text, .reverse_path = text}, 0));
  return 0;
}

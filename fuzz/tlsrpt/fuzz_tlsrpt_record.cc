#include <cstdint>
#include <cstdlib>

#include "tlsrpt/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::tlsrpt;
  const auto record = parse_record(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!record) return 0;
  if (record->rua.empty() || record->rua.size() > kUrisMax) std::abort();
  for (const std::string& uri : record->rua) {
    const auto address = mail_address(uri);
    const auto target = https_target(uri);
    if (address.has_value() == target.has_value()) std::abort();
    // What becomes a command of SMTP or a line of HTTP has nothing in it that could end one
    const std::string& text = address ? *address : target->path;
    if (text.find_first_of("\r\n <>") != std::string::npos) std::abort();
  }
  return 0;
}

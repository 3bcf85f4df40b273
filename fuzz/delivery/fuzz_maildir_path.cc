// Names: whatever an address holds, its path stays below the operator's folder, and two addresses never share one.
// Input: one octet that cuts the rest into local part and domain.
#include <algorithm>
#include <cstdint>
#include <string>

#include "delivery/maildir_path.h"

using namespace postern;

namespace {

void check_name(std::string_view name) {
  POSTERN_CHECK(!name.empty() && name.size() <= delivery::kNameMax);
  POSTERN_CHECK(name.front() != '.');
  for (const char c : name) {
    POSTERN_CHECK(c != '/' && static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  }
}

// The reverse of safe_name(): that there is one proves that no two values share a name.
std::string decoded(std::string_view name) {
  std::string out;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'A' + 10; };
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '%') {
      out.push_back(name[i]);
      continue;
    }
    POSTERN_CHECK(i + 2 < name.size());
    out.push_back(static_cast<char>(digit(name[i + 1]) * 16 + digit(name[i + 2])));
    i += 2;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest(data + 1, data + size);
  const std::size_t cut = std::min<std::size_t>(data[0], rest.size());
  smtp::Mailbox mailbox;
  mailbox.local = rest.substr(0, cut);
  mailbox.domain.name = rest.substr(cut);
  for (const std::string& part : {mailbox.local, mailbox.domain.name}) {
    const auto name = delivery::safe_name(part);
    if (!name) continue;
    check_name(*name);
    POSTERN_CHECK(decoded(*name) == part);
  }
  for (const char* form :
       {"mail/{domain}/{user}", "/srv/{user}", "{domain}", "/x/{user}@{domain}/box", "/x/.{user}/"}) {
    const auto path = delivery::maildir_path("/base", form, mailbox);
    if (!path) continue;
    POSTERN_CHECK(path->fixed.starts_with('/'));
    POSTERN_CHECK(path->fixed.find('{') == std::string::npos);
    POSTERN_CHECK(!path->steps.empty());
    for (const std::string& step : path->steps) {
      POSTERN_CHECK(!step.empty() && step.size() <= delivery::kNameMax && step != "." && step != "..");
      POSTERN_CHECK(step.find('/') == std::string::npos && step.find('\0') == std::string::npos);
    }
  }
  return 0;
}

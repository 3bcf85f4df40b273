// What the tests of records share: a temporary folder, a session that was refused, the value of a counter.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/counters.h"
#include "record/session_record.h"

namespace postern::record::testing {

class Folder {
 public:
  Folder() : path_((std::filesystem::temp_directory_path() / "postern_record_XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string at(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::int64_t counter(std::string_view name) {
  for (const auto& [key, value] : counter_values()) {
    if (key == name) return value;
  }
  return -1;
}

inline SessionRecord refused(std::uint32_t number) {
  SessionRecord record;
  record.id = Id::make(1'795'243'208'123);
  record.start = 1'795'243'208'123;
  record.listener = "mx";
  record.client = *ip::Endpoint::parse("[2001:db8::7]:4711");
  record.server = *ip::Endpoint::parse("192.0.2.1:25");
  record.helo = "mail.example.org";
  record.commands = number;
  record.outline = {{'E', 250}, {'M', 250}, {'R', 550}, {'Q', 221}};
  record.transactions = {{.reverse_path = "a@example.org",
                          .recipients = {{"b@example.com", 550, "5.1.1", "unknown_user"}},
                          .recipients_total = 1,
                          .reason = "reset"}};
  record.end = "quit";
  return record;
}

}  // namespace postern::record::testing

// What the tests of records share: a temporary folder, a session that was refused, the value of a counter.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/counters.h"
#include "record/session_record.h"
#include "unit/temporary_folder.h"

namespace postern::record::testing {

using Folder = postern::testing::TemporaryFolder;

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

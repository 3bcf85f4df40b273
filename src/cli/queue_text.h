// What `postern queue` prints for people: pure functions from the control socket's answers to text.
#pragma once

#include <string>

#include "base/json.h"
#include "base/time.h"
#include "cli/table.h"

namespace postern::cli {

[[nodiscard]] Table queue_table(bool colour);
// A row of the "messages" of queue.list.
void add_queue_row(Table& table, const json::Value& message, WallMs now);
// queue.show; `message` has all its recipients.
[[nodiscard]] std::string queue_message_text(const json::Value& message, WallMs now, bool colour);
[[nodiscard]] std::string queue_status_text(const json::Value& status, bool colour);

}  // namespace postern::cli

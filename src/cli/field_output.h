// New header fields on their way out: those that signing and sealing made. Thread rule: pure, but for put_fields().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "cli/message_input.h"

namespace postern::cli {

// "fields": ["DKIM-Signature: ...", ...], each without its last CRLF.
void write_fields(json::Writer& writer, const std::vector<std::string>& fields);

// What stands behind the colon, folds included, white space around it not.
[[nodiscard]] std::string_view body_of_field(std::string_view field);

// "a:b" into names.
[[nodiscard]] std::vector<std::string> names_of(std::string_view text);

// The fields on standard output, in the message's own line ends, so that they can be put in front of its file;
// `whole`: and the message behind them. With `json` an object. The exit code.
[[nodiscard]] int put_fields(const std::vector<std::string>& fields, const MessageInput& message, bool json,
                             bool whole);

}  // namespace postern::cli

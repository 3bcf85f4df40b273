// The question that a command line or a batch line asks of SPF. Thread rule: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/batch.h"
#include "spf/evaluate.h"

namespace postern::cli {

// `now` in seconds. Errors begin with the name of the option that is wrong: "ip: ...".
[[nodiscard]] Result<spf::Query> spf_query(std::string_view ip, std::string mail_from, std::string helo,
                                           std::string receiver, std::int64_t now);
[[nodiscard]] Result<spf::Query> spf_query(const BatchCase& given);
// Whether the line asks for SPF: where the message is all there is, "ip" is absent, null or empty.
[[nodiscard]] bool has_client(const BatchCase& given);

}  // namespace postern::cli

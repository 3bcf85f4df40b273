// The files of PublishedTls for command line tools, where no server runs. Thread rule: any thread; blocks on files.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"

namespace postern::outbound {

// The name of a host or a domain, in either form.
[[nodiscard]] Result<dns::Name> parse_tls_name(std::string_view text);
// {"forgotten": n}; an error (not_found) where there was nothing.
[[nodiscard]] Result<json::Value> forgotten_answer(const dns::Name& name, std::size_t entries);

[[nodiscard]] Result<json::Value> list_tls_files(const std::string& data_dir, std::int64_t remember_verified_ms,
                                                 WallMs now);
[[nodiscard]] Result<json::Value> forget_in_tls_files(const std::string& data_dir, const dns::Name& name);

}  // namespace postern::outbound

// Assets: the files of web/ and the charts' library, compiled into the program (cmake/web_assets.cmake), each as it is
// and compressed. Thread rule: constant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace postern::web {

struct Asset {
  std::string_view name, type;
  std::string_view etag;  // with its quotes; of the content
  std::string_view identity, gzip;
};

[[nodiscard]] std::span<const Asset> assets();
[[nodiscard]] const Asset* find_asset(std::string_view name);
// "style.css?v=0123456789": another address for another content, so that browsers may keep it for ever.
[[nodiscard]] std::string versioned(std::string_view name);

}  // namespace postern::web

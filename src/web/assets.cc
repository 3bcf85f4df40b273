#include "web/assets.h"

namespace postern::web {

const Asset* find_asset(std::string_view name) {
  for (const Asset& asset : assets())
    if (asset.name == name) return &asset;
  return nullptr;
}

std::string versioned(std::string_view name) {
  const Asset* const asset = find_asset(name);
  std::string out(name);
  if (asset != nullptr && asset->etag.size() > 11) out.append("?v=").append(asset->etag.substr(1, 10));
  return out;
}

}  // namespace postern::web

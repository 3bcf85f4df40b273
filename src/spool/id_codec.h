// How an Id stands in the spool's binary formats: its 10 octets as they are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/id.h"

namespace postern::spool {

inline void write_id(BinaryWriter& out, const Id& id) {
  for (const std::uint8_t octet : id.bytes) out.u8(octet);
}

// An empty Id, and a reader that has failed, where the octets are not all there.
[[nodiscard]] inline Id read_id(BinaryReader& in) {
  Id id;
  const std::string_view octets = in.bytes(id.bytes.size());
  if (octets.size() == id.bytes.size()) {
    std::ranges::transform(octets, id.bytes.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
  }
  return id;
}

}  // namespace postern::spool

// Reads a segment from end to end and hands out its valid records in order. Damage costs the records it touches and no
// others: the scan goes on at the next octets that are a record of this very segment.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "spool/disk.h"
#include "spool/record_format.h"

namespace postern::spool {

struct ScanResult {
  std::uint64_t key = 0;
  std::uint64_t end = kSegmentHeader;  // just after the last valid record
  std::uint32_t records = 0;
  std::uint64_t damaged_octets = 0;  // between valid records: something was there and is lost
  std::uint64_t first_damage = 0;    // offset; valid if damaged_octets > 0
  bool header_damaged = false;
};

using OnRecord = std::function<void(const RecordHeader& header, std::string_view payload)>;

// `number` and `kind` are what the file's name says. Nothing (with the reason) for a file that holds no records of that
// number: for example one that was renamed by hand.
[[nodiscard]] Result<ScanResult> scan_segment(const File& file, LogKind kind, std::uint32_t number,
                                              const OnRecord& on_record,
                                              const std::function<void(std::uint64_t)>& on_octets);

// Reads one record, verified; `place` and `key` say what is expected there. `octets` is the whole record with its
// header.
[[nodiscard]] Result<RecordHeader> read_record(const File& file, Place place, std::uint64_t key, std::string& octets);

}  // namespace postern::spool

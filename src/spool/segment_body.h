// The body of a message in the intake log: chunks, then what the message record itself holds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "spool/record_format.h"
#include "spool/segment_log.h"
#include "spool/store.h"

namespace postern::spool {

// `octets` is the whole message record with its header. Fails if a segment with a chunk is not there.
[[nodiscard]] Result<std::unique_ptr<Body>> make_segment_body(const SegmentLog& log, const Id& id, std::string octets);

}  // namespace postern::spool

// What a finished session and a finished delivery attempt add to the metrics: a few relaxed additions, no allocation.
// The labels are words of ours from fixed lists; a text of a stranger is never one (base/counters.h). What each metric
// means: insight/metrics.cc, docs/metrics.md. Thread rule: any thread.
#pragma once

#include "record/session_record.h"

namespace postern::record {

void count(const SessionRecord& session);
void count(const DeliveryRecord& delivery);

}  // namespace postern::record

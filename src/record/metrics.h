// What a finished session and a finished delivery attempt add to the metrics: a few relaxed additions, no allocation.
// The labels are words of ours from fixed lists; a text of a stranger is never one (base/counters.h). What each metric
// means: insight/metrics.cc, docs/metrics.md. Thread rule: any thread.
#pragma once

#include "record/session_record.h"

namespace postern::record {

void count(const SessionRecord& session);
// How long a transaction took to be stored; for those that its session's record does not list, as they end. Listed ones
// and all else are counted with the session.
void count_commit(const TransactionRecord& transaction);
void count(const DeliveryRecord& delivery);

}  // namespace postern::record

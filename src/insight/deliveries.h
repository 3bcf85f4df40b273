// Deliveries: what became of mail after it was accepted, from the delivery records: recipients by transport, by family,
// by the TLS of the way; how long mail was in the queue and how long an attempt took. Bounded as Names is.
// Thread rule: a value.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "base/json.h"
#include "insight/names.h"
#include "insight/quantiles.h"
#include "record/delivery_reader.h"

namespace postern::insight {

struct DeliveryCounts {
  std::uint64_t delivered = 0, deferred = 0, failed = 0;  // recipients
  void add(const record::DeliveryView& delivery) {
    delivered += delivery.delivered;
    deferred += delivery.deferred;
    failed += delivery.failed;
  }
  void merge(const DeliveryCounts& other) {
    delivered += other.delivered;
    deferred += other.deferred;
    failed += other.failed;
  }
};

struct Deliveries {
  std::uint64_t attempts = 0;
  DeliveryCounts recipients;
  std::map<std::string, DeliveryCounts, std::less<>> transports;
  // Of servers of others, by the family that was talked over; attempts.
  PerFamily remote{}, tls{}, verified{};
  std::array<DeliveryCounts, 2> families;
  Names tls_versions, ciphers, tls_policies;
  // Of attempts that delivered to somebody: from the message's arrival to the attempt's end, and the attempt alone.
  // Local transports, and servers of others.
  std::array<Quantiles, 2> queued, duration;

  void add(const record::DeliveryView& delivery);
  void merge(const Deliveries& other);
};

void append_json(const Deliveries& deliveries, json::Writer& out);
// {"count":n,"p50":ms,"p90":ms,"p99":ms,"max":ms}
void append_json(const Quantiles& quantiles, json::Writer& out);

}  // namespace postern::insight

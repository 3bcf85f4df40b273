#include "insight/deliveries.h"

namespace postern::insight {

namespace {

void write_counts(const DeliveryCounts& counts, json::Writer& out) {
  out.begin_object().field("delivered", counts.delivered).field("deferred", counts.deferred);
  out.field("failed", counts.failed).end_object();
}

}  // namespace

void Deliveries::add(const record::DeliveryView& delivery) {
  ++attempts;
  recipients.add(delivery);
  auto found = transports.find(delivery.transport);
  if (found == transports.end()) {
    const std::string_view name = transports.size() < kNamesMax ? delivery.transport : std::string_view("other");
    found = transports.emplace(name, DeliveryCounts{}).first;
  }
  found->second.add(delivery);
  const bool away = delivery.transport == "smtp";
  if (delivery.delivered > 0) {
    queued.at(away ? 1 : 0).add(delivery.queued_ms);
    duration.at(away ? 1 : 0).add(delivery.duration_ms);
  }
  if (!away || delivery.family.empty()) return;
  const bool ipv6 = delivery.family == "ipv6";
  const std::size_t family = ipv6 ? 1 : 0;
  ++remote.at(family);
  families.at(family).add(delivery);
  tls_policies.add(delivery.tls_policy, ipv6);
  tls_versions.add(delivery.tls.empty() ? "clear" : delivery.tls, ipv6);
  if (delivery.tls.empty()) return;
  ++tls.at(family);
  if (delivery.tls_verified) ++verified.at(family);
  ciphers.add(delivery.tls_cipher, ipv6);
}

void Deliveries::merge(const Deliveries& other) {
  attempts += other.attempts;
  recipients.merge(other.recipients);
  for (const auto& [name, counts] : other.transports) {
    const bool room = transports.contains(name) || transports.size() < kNamesMax;
    transports[room ? name : "other"].merge(counts);
  }
  postern::insight::add(remote, other.remote);
  postern::insight::add(tls, other.tls);
  postern::insight::add(verified, other.verified);
  for (std::size_t i = 0; i < families.size(); ++i) families.at(i).merge(other.families.at(i));
  tls_versions.merge(other.tls_versions);
  ciphers.merge(other.ciphers);
  tls_policies.merge(other.tls_policies);
  for (std::size_t i = 0; i < queued.size(); ++i) {
    queued.at(i).merge(other.queued.at(i));
    duration.at(i).merge(other.duration.at(i));
  }
}

void append_json(const Quantiles& quantiles, json::Writer& out) {
  out.begin_object().field("count", quantiles.count()).field("p50", quantiles.at(0.5));
  out.field("p90", quantiles.at(0.9)).field("p99", quantiles.at(0.99)).field("max", quantiles.most()).end_object();
}

void append_json(const Deliveries& deliveries, json::Writer& out) {
  out.begin_object().field("attempts", deliveries.attempts);
  out.field("delivered", deliveries.recipients.delivered).field("deferred", deliveries.recipients.deferred);
  out.field("failed", deliveries.recipients.failed).key("transports").begin_object();
  for (const auto& [name, counts] : deliveries.transports) {
    out.key(name);
    write_counts(counts, out);
  }
  out.end_object();
  for (const bool ipv6 : {false, true}) {
    const std::size_t family = ipv6 ? 1 : 0;
    const DeliveryCounts& counts = deliveries.families.at(family);
    out.key(ipv6 ? "ipv6" : "ipv4").begin_object().field("attempts", deliveries.remote.at(family));
    out.field("tls", deliveries.tls.at(family)).field("verified", deliveries.verified.at(family));
    out.field("delivered", counts.delivered).field("deferred", counts.deferred);
    out.field("failed", counts.failed).end_object();
  }
  write_names("tls_versions", deliveries.tls_versions, out);
  write_names("ciphers", deliveries.ciphers, out);
  write_names("tls_policies", deliveries.tls_policies, out);
  for (const bool away : {false, true}) {
    out.key(away ? "remote_ms" : "local_ms").begin_object().key("queued");
    append_json(deliveries.queued.at(away ? 1 : 0), out);
    out.key("attempt");
    append_json(deliveries.duration.at(away ? 1 : 0), out);
    out.end_object();
  }
  out.end_object();
}

}  // namespace postern::insight

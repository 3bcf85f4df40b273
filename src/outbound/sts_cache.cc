#include "outbound/sts_cache.h"

#include <algorithm>
#include <atomic>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

namespace postern::outbound {

namespace {

constexpr std::size_t kFileMax = 64 << 20;
constexpr std::size_t kLineMax = 64 * 1024;
constexpr std::size_t kAddressesMax = 8;
constexpr std::size_t kFailedMax = 1000;
constexpr WallMs kUsedStepMs = 3600 * 1000;  // a later use within it is not worth writing the file
constexpr std::uint32_t kLookups = 16;       // of a fetch
constexpr seconds kLookupsDeadline{60};

// 3.3: the media type, without its parameters
bool is_text_plain(std::string_view type) { return iequals(trim(type.substr(0, type.find(';'))), "text/plain"); }

}  // namespace

std::string to_line(const StsEntry& entry) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object()
      .field("domain", entry.domain.text())
      .field("id", entry.id)
      .field("mode", mtasts::to_string(entry.policy.mode))
      .field("max_age", entry.policy.max_age)
      .field("fetched", entry.fetched)
      .field("used", entry.used)
      .key("mx")
      .begin_array();
  for (const std::string& mx : entry.policy.mx) writer.string(mx);
  writer.end_array().end_object();
  return out;
}

std::optional<StsEntry> parse_sts_entry(std::string_view line) {
  if (line.size() > kLineMax) return std::nullopt;
  const auto value = json::parse(line, 4);
  if (!value) return std::nullopt;
  const auto domain = dns::Name::parse(value->at("domain").string());
  if (!domain || domain->is_root()) return std::nullopt;
  // Through the parser of policies, so that the file cannot say what a policy could not.
  std::string text = "version: STSv1\nmode: " + std::string(value->at("mode").string()) +
                     "\nmax_age: " + std::to_string(value->at("max_age").integer(-1)) + "\n";
  for (const json::Value& mx : value->at("mx").array()) text += "mx: " + std::string(mx.string()) + "\n";
  auto policy = mtasts::parse_policy(text);
  auto id = mtasts::parse_record(mtasts::record_text(value->at("id").string()));
  if (!policy || !id) return std::nullopt;
  StsEntry out{.domain = *domain, .id = std::move(*id), .policy = std::move(*policy)};
  out.fetched = value->at("fetched").integer();
  out.used = value->at("used").integer();
  constexpr WallMs kFar = WallMs{1} << 50;
  if (out.fetched < 0 || out.fetched > kFar || out.used < 0 || out.used > kFar) return std::nullopt;
  return out;
}

// One find() that waits for a fetch. Its end and a cancelled budget come through the signal.
struct StsCache::Wait final : dns::Budget::Waiter {
  explicit Wait(io::Loop& loop) : signal(loop) {}
  void cancelled() override { signal.notify(); }
  io::Signal signal;
};

// A fetch, and who waits for it. Its look-ups are not charged to one of them.
struct StsCache::Flight {
  dns::Budget budget{kLookups, Deadline::after(kLookupsDeadline)};
  std::atomic<bool> stop = false;  // read by the thread that fetches
  bool landed = false;
  bool alone = false;  // nobody waited for it from the beginning
  std::vector<Wait*> waits;
};

StsCache::StsCache(io::Loop& loop, io::BlockingPool& pool, dns::Resolver& resolver, Options options)
    : resolver_(resolver),
      options_(std::move(options)),
      fetches_(loop),
      file_(loop, pool, options_.file, [this] { return render(); }) {}
StsCache::~StsCache() = default;

void StsCache::load() {
  const auto text = read_file(options_.file, kFileMax);
  if (!text) {
    if (text.error().kind != ErrorKind::not_found) log::warning("sts_cache", {{"problem", text.error().what}});
    return;
  }
  std::size_t bad = 0;
  for (const std::string_view line : split(*text, '\n')) {
    if (trim(line).empty()) continue;
    auto entry = parse_sts_entry(line);
    if (!entry || entries_.size() >= kEntriesMax)
      ++bad;
    else
      entries_.insert_or_assign(entry->domain, std::move(*entry));
  }
  if (bad > 0)
    log::warning("sts_cache", {{"problem", "lines that cannot be read"}, {"file", options_.file}, {"lines", bad}});
}

StsEntry* StsCache::valid(const dns::Name& domain, WallMs now) {
  const auto found = entries_.find(domain);
  if (found == entries_.end()) return nullptr;
  // A clock that went back far must not make a policy last for ever
  if (found->second.expires() > now && found->second.fetched <= now + kRefreshMs) return &found->second;
  entries_.erase(found);
  file_.changed();
  return nullptr;
}

bool StsCache::tried_lately(const dns::Name& domain, const std::string& id) const {
  const auto found = failed_.find(domain);
  return found != failed_.end() && found->second.id == id && options_.now() - found->second.when < kRetryMs;
}

Task<StsFound> StsCache::find(dns::Name domain, dns::Budget& budget) {
  StsFound out;
  const auto owner = domain.below("_mta-sts");
  if (!owner) co_return out;
  const dns::AnswerPtr answer = co_await resolver_.query(*owner, dns::Type::txt, budget);
  std::optional<std::string> id;
  if (answer->status == dns::Status::ok) {
    if (auto chosen = mtasts::choose_id(answer->texts)) id = std::move(*chosen);
  }
  const StsEntry* entry = valid(domain, options_.now());
  if (id && (entry == nullptr || entry->id != *id)) {
    const bool late = !tried_lately(domain, *id) && !co_await fetch(domain, *id, budget);
    entry = valid(domain, options_.now());
    if (late) {
      out.late = entry == nullptr;
    } else if (entry == nullptr || entry->id != *id) {
      const auto attempt = failed_.find(domain);
      out.failure = attempt != failed_.end() ? attempt->second.failure : "sts-policy-fetch-error";
      if (attempt != failed_.end()) out.why = attempt->second.why;
    }
  } else if (id && options_.now() - entry->fetched > kRefreshMs && !tried_lately(domain, *id) && !stopping_ &&
             !flights_.contains(domain)) {
    if (const auto flight = take_off(domain, *id)) flight->alone = true;
  }
  if (StsEntry* const now_valid = valid(domain, options_.now())) {
    if (options_.now() - now_valid->used > kUsedStepMs) {
      now_valid->used = options_.now();
      file_.changed();
    }
    if (now_valid->policy.mode != mtasts::Mode::none) out.policy = now_valid->policy;
  } else {
    out.unknown = dns::is_temporary(answer->status);
  }
  co_return out;
}

// nullptr where too many are under way.
std::shared_ptr<StsCache::Flight> StsCache::take_off(const dns::Name& domain, const std::string& id) {
  if (const auto found = flights_.find(domain); found != flights_.end()) return found->second;
  if (stopping_ || flights_.size() >= kFlightsMax) return nullptr;
  auto flight = std::make_shared<Flight>();
  flights_.emplace(domain, flight);
  fetches_.spawn(fly(domain, id, flight));
  return flight;
}

Task<void> StsCache::fly(dns::Name domain, std::string id, std::shared_ptr<Flight> flight) {
  co_await fetch_once(domain, id, flight);
  flight->landed = true;
  if (const auto found = flights_.find(domain); found != flights_.end() && found->second == flight)
    flights_.erase(found);
  for (Wait* const wait : flight->waits) wait->signal.notify();
}

// Nobody joins it any more; who asks next begins another.
void StsCache::break_off(const dns::Name& domain, const std::shared_ptr<Flight>& flight) {
  flight->stop = true;
  flight->budget.cancel();
  if (const auto found = flights_.find(domain); found != flights_.end() && found->second == flight)
    flights_.erase(found);
}

Task<bool> StsCache::fetch(dns::Name domain, std::string id, dns::Budget& budget) {
  if (budget.cancelled()) co_return false;
  const std::shared_ptr<Flight> flight = take_off(domain, id);
  if (flight == nullptr) co_return false;
  if (!flight->landed) {
    Wait wait(*io::Loop::current());
    flight->waits.push_back(&wait);
    budget.add(wait);
    (void)co_await wait.signal.wait(Deadline::after(kPatience).earlier(budget.deadline()));
    budget.remove(wait);
    std::erase(flight->waits, &wait);
    // What nobody asks for any more must not hold up a stop, nor others
    if (!flight->landed && budget.cancelled() && flight->waits.empty() && !flight->alone) break_off(domain, flight);
  }
  co_return flight->landed && !flight->stop;
}

Task<std::vector<ip::Address>> StsCache::addresses(dns::Name host, dns::Budget& budget) {
  std::vector<ip::Address> out;
  resolver_.prefetch(host, dns::Type::a);
  for (const dns::Type type : {dns::Type::aaaa, dns::Type::a}) {
    const dns::AnswerPtr answer = co_await resolver_.query(host, type, budget);
    for (const ip::Address& address : answer->addresses) {
      if (out.size() < kAddressesMax) out.push_back(address);
    }
  }
  co_return out;
}

Task<void> StsCache::fetch_once(dns::Name domain, std::string id, std::shared_ptr<Flight> flight) {
  const auto host = domain.below("mta-sts");
  if (!host) co_return note_failure(domain, id, "sts-policy-fetch-error", "the name of its policy host is too long");
  HttpsRequest request{.host = host->text(),
                       .port = options_.port,
                       .path = std::string(mtasts::kPath),
                       .addresses = co_await addresses(*host, flight->budget),
                       .ca_file = options_.ca_file,
                       .body_max = mtasts::kPolicyMax,
                       .body = {},
                       .content_type = {},
                       .stop = &flight->stop};
  if (flight->stop) co_return;
  if (request.addresses.empty())
    co_return note_failure(domain, id, "sts-policy-fetch-error", host->text() + " has no address");
  using Answer = std::expected<HttpsAnswer, HttpsFailure>;
  std::move_only_function<Answer()> work = [fetch = options_.fetch, request] {
    // It may have waited for a thread until nobody wants it
    return *request.stop ? Answer(std::unexpected(HttpsFailure{false, "broken off"})) : fetch(request);
  };
  const Answer answer = co_await web_.run<Answer>(std::move(work));
  // What was broken off says nothing of the host
  if (!answer && flight->stop) co_return;
  if (!answer) {
    co_return note_failure(domain, id, answer.error().certificate ? "sts-webpki-invalid" : "sts-policy-fetch-error",
                           answer.error().what);
  }
  // 3.3: nothing but 200, and a redirect least of all
  if (answer->status != 200) {
    co_return note_failure(domain, id, "sts-policy-fetch-error",
                           request.host + " answered " + std::to_string(answer->status));
  }
  if (!is_text_plain(answer->content_type)) {
    co_return note_failure(domain, id, "sts-policy-invalid",
                           request.host + " answered " + printable(answer->content_type, 80) + ", not text/plain");
  }
  auto policy = mtasts::parse_policy(answer->body);
  if (!policy) co_return note_failure(domain, id, "sts-policy-invalid", policy.error().what);
  keep({.domain = domain, .id = id, .policy = std::move(*policy), .fetched = options_.now(), .used = options_.now()});
}

void StsCache::keep(StsEntry entry) {
  failed_.erase(entry.domain);
  log::info("sts_policy", {{"domain", entry.domain.text()},
                           {"mode", mtasts::to_string(entry.policy.mode)},
                           {"max_age", entry.policy.max_age},
                           {"id", entry.id}});
  if (entries_.size() >= kEntriesMax && !entries_.contains(entry.domain)) {
    entries_.erase(std::ranges::min_element(entries_, {}, [](const auto& one) { return one.second.used; }));
  }
  const dns::Name domain = entry.domain;
  entries_.insert_or_assign(domain, std::move(entry));
  file_.changed();
}

void StsCache::note_failure(const dns::Name& domain, const std::string& id, std::string failure, std::string why) {
  const StsEntry* const kept = valid(domain, options_.now());
  // 3.3: operators should hear of it
  if (kept == nullptr || kept->policy.mode != mtasts::Mode::none) {
    log::warning("sts_fetch_failed", {{"domain", domain.text()},
                                      {"why", printable(why)},
                                      {"in_force", kept != nullptr ? mtasts::to_string(kept->policy.mode) : "none"}});
  }
  if (failed_.size() >= kFailedMax && !failed_.contains(domain)) {
    failed_.erase(std::ranges::min_element(failed_, {}, [](const auto& one) { return one.second.when; }));
  }
  failed_.insert_or_assign(domain, Attempt{id, options_.now(), std::move(failure), std::move(why)});
}

std::vector<StsEntry> StsCache::list() const {
  std::vector<StsEntry> out;
  for (const auto& [domain, entry] : entries_) out.push_back(entry);
  return out;
}

bool StsCache::forget(const dns::Name& domain) {
  failed_.erase(domain);
  if (entries_.erase(domain) == 0) return false;
  file_.changed();
  return true;
}

std::string StsCache::render() const {
  std::string out;
  for (const auto& [domain, entry] : entries_) out += to_line(entry) + "\n";
  return out;
}

Task<void> StsCache::stop() {
  stopping_ = true;
  while (!flights_.empty()) {
    const auto [domain, flight] = *flights_.begin();
    break_off(domain, flight);
  }
  co_await fetches_.join();
  co_await file_.stop();
}

}  // namespace postern::outbound

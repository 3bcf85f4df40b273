#include "inbound/defence.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "crypto/siphash.h"
#include "ip/translated.h"
#include "signals/identity.h"

namespace postern::inbound {

namespace {

namespace value = evidence::value;

std::uint32_t unix_seconds(WallMs now) { return static_cast<std::uint32_t>(now / 1000); }

bounds::BudgetOptions budget_options(const BudgetOptions& options) {
  bounds::BudgetOptions out;
  out.burst = options.burst;
  out.rate_per_hour = options.rate_per_hour;
  out.scale = std::max(options.scale, 1U);
  out.known = kKnownMultiple;
  return out;
}

bounds::GreylistTimes greylist_times(const GreylistOptions& options) {
  return {.delay = static_cast<std::uint32_t>(options.delay_ms / 1000),
          .window = static_cast<std::uint32_t>(options.window_ms / 1000)};
}

static_assert(kGreylistDelayMaxMs == std::int64_t{bounds::kGreylistDelayMax} * 1000);
constexpr bounds::GreylistTimes kHourMemory{.delay = 0, .window = 3600};
constexpr bounds::GreylistTimes kNearlyAnHour{.delay = 0, .window = 59 * 60};  // who sends hourly earns each time
constexpr unsigned kPoolAccepted = 15;                                         // as far as the table counts

std::string_view level_name(const ip::Address& client, int level) {
  if (level == bounds::kIdentityLevel) return "identity";
  if (client.is_v4()) return level == 32 ? "v4_32" : level == 24 ? "v4_24" : "v4_16";
  switch (level) {
    case 128:
      return "v6_128";
    case 64:
      return "v6_64";
    case 56:
      return "v6_56";
    case 48:
      return "v6_48";
    default:
      return "v6_32";
  }
}

bounds::TableFile open_table(const std::string& path, std::uint64_t bytes, const bounds::TableFormat& format) {
  return bounds::TableFile::open(path, bytes, format, unix_seconds(wall_now()));
}

}  // namespace

struct Defence::Tables {
  bounds::PrefixBudgets budgets;
  bounds::Pending pending;
  bounds::KnownSenders known;

  // Under a table's own secret: nobody outside can find two texts of one key.
  [[nodiscard]] std::uint64_t pending_key(std::string_view text) const {
    return crypto::siphash_1_3(pending.table().secret(), text);
  }
  [[nodiscard]] std::uint64_t known_key(std::string_view text) const {
    return crypto::siphash_1_3(known.table().secret(), text);
  }
  [[nodiscard]] std::uint64_t pair_key(std::string_view stranger, std::string_view our_mailbox) const {
    std::string text("pair:");
    text += signals::correspondent(stranger);
    text += '\n';
    text += signals::correspondent(our_mailbox);
    return known_key(text);
  }
};

std::uint32_t budget_scale(std::string_view preset) {
  if (preset == "provider") return 400;  // other providers send all day from one /32
  return preset == "personal" || preset == "strict" ? 1 : 4;
}

Defence::Defence(const DefenceOptions& options, const std::string& data_dir)
    : tables_(std::make_unique<Tables>(
          Tables{.budgets = {open_table(data_dir + "/budgets.table", options.tables.budgets_bytes,
                                        bounds::PrefixBudgets::format()),
                             budget_options(options.budget)},
                 .pending = bounds::Pending(
                     open_table(data_dir + "/greylist.table", options.tables.pending_bytes, bounds::Pending::format())),
                 .known = bounds::KnownSenders(open_table(data_dir + "/known.table", options.tables.known_bytes,
                                                          bounds::KnownSenders::format()))})) {
  countries_.store(std::make_shared<const geo::CountryTable>());
  operator_list_.store(std::make_shared<const access::OperatorList>());
  load_suffixes();
  show_tables();
  reload_files(options);
}

Defence::Defence(const DefenceOptions& options)
    : tables_(std::make_unique<Tables>(Tables{
          .budgets = {bounds::TableFile::in_memory(options.tables.budgets_bytes), budget_options(options.budget)},
          .pending = bounds::Pending(bounds::TableFile::in_memory(options.tables.pending_bytes)),
          .known = bounds::KnownSenders(bounds::TableFile::in_memory(options.tables.known_bytes))})) {
  countries_.store(std::make_shared<const geo::CountryTable>());
  systems_.store(std::make_shared<const fingerprint::OsTable>());
  operator_list_.store(std::make_shared<const access::OperatorList>());
  load_suffixes();
  show_tables();
}

Defence::~Defence() = default;

void Defence::load_suffixes() {
  auto suffixes = dns::PublicSuffixList::latest();
  if (suffixes) {
    suffixes_ = std::make_unique<const dns::PublicSuffixList>(std::move(*suffixes));
  } else {
    log::warning("suffixes_unknown",
                 {{"why", suffixes.error().what},
                  {"remedy", "install the package publicsuffix; reverse DNS is unknown until then"}});
  }
}

Defence::Charge Defence::charge(const Payer& payer, std::uint32_t units, WallMs now) {
  const ip::Address client = ip::untranslated(payer.client);
  bounds::Event event{.address = client, .known = payer.known, .narrow = false, .identity = std::nullopt, .cost = 1};
  if (!payer.identity.empty()) event.identity = tables_->known_key(payer.identity);
  const std::uint32_t time = unix_seconds(now);
  const bounds::Decision decision = tables_->budgets.decide(event, time);
  Charge charge;
  charge.over = !decision.admitted;
  charge.level = level_name(client, charge.over ? decision.refused_by : decision.fullest.level);
  charge.load = charge.over ? 1.0F : static_cast<float>(decision.fullest.share);
  if (charge.over) {
    event.narrow = true;
    charge.wide_alone = !payer.known && tables_->budgets.decide(event, time).admitted;
    return charge;
  }
  if (units == 0) return charge;
  // A price above what is left is taken whole: what has happened has happened, and the next event finds it.
  event.cost = units;
  tables_->budgets.charge(event, time);
  return charge;
}

Defence::History Defence::history(std::span<const Identity> identities, WallMs now) const {
  History best;
  for (const Identity& identity : identities) {
    const auto sender = tables_->known.look(tables_->known_key(identity), unix_seconds(now));
    if (!sender) continue;
    const value::Known found = sender->replied_to                ? value::Known::replied_to
                               : sender->known || sender->pinned ? value::Known::known
                                                                 : value::Known::seen;
    if (found > best.known) best = {.known = found, .by = identity};
  }
  return best;
}

bool Defence::tls_failed_before(const Identity& identity, WallMs now) const {
  return tables_->pending.look(tables_->pending_key("tls:" + identity), unix_seconds(now), kHourMemory).kind !=
         bounds::Pending::Kind::unseen;
}

bool Defence::hung_up_before(const Identity& identity, WallMs now) const {
  return tables_->pending.look(tables_->pending_key("gone:" + identity), unix_seconds(now), kHourMemory).kind !=
         bounds::Pending::Kind::unseen;
}

Identity host_identity(const ip::Address& from) {
  const ip::Address client = ip::untranslated(from);
  return "host:" + ip::Prefix(client, client.is_v4() ? 32 : 64).text();
}

void Defence::note(const Identity& identity, bounds::SenderEvent event, WallMs now) {
  tables_->known.note(tables_->known_key(identity), event, unix_seconds(now));
}

void Defence::accepted(std::span<const Identity> identities, WallMs now) {
  for (const Identity& identity : identities) {
    // The hour is kept with the greylist, as those below
    const std::uint64_t hour = tables_->pending_key("earned:" + identity);
    const bool again =
        tables_->pending.look(hour, unix_seconds(now), kNearlyAnHour).kind != bounds::Pending::Kind::unseen;
    if (!again) tables_->pending.note(hour, unix_seconds(now), kNearlyAnHour);
    note(identity, again ? bounds::SenderEvent::accepted_again : bounds::SenderEvent::accepted, now);
  }
}

void Defence::passed_greylist(const Identity& identity, WallMs now) {
  note(identity, bounds::SenderEvent::passed, now);
}

void Defence::logged_in(const ip::Address& client, WallMs now) {
  note(host_identity(client), bounds::SenderEvent::passed, now);
}

void Defence::demote(const Identity& identity, WallMs now) {
  const auto sender = tables_->known.look(tables_->known_key(identity), unix_seconds(now));
  // Whoever has an account at a large pool could take its history from it with one letter; a machine is no pool
  const bool machine = identity.starts_with("host:") || identity.starts_with("name:");
  const bool pool = !machine && sender && sender->accepted >= kPoolAccepted;
  if (!pool) note(identity, bounds::SenderEvent::trapped, now);
}

void Defence::trapped(std::span<const Identity> identities, WallMs now) {
  for (const Identity& identity : identities) demote(identity, now);
}

void Defence::guessed(std::span<const Identity> identities, WallMs now) {
  for (const Identity& identity : identities) {
    const auto sender =
        tables_->known.note(tables_->known_key(identity), bounds::SenderEvent::guessed, unix_seconds(now));
    if (sender && sender->guesses >= kGuessesMax) demote(identity, now);
  }
}

bool Defence::enter_doubt() {
  if (doubtful_.fetch_add(1) < kDoubtfulMax) return true;
  leave_doubt();
  return false;
}

// Kept with the greylist, where a stranger has an entry as well as anybody, and for an hour.
void Defence::tls_failed(const Identity& identity, WallMs now) {
  tables_->pending.note(tables_->pending_key("tls:" + identity), unix_seconds(now), kHourMemory);
}

void Defence::hung_up(const Identity& identity, WallMs now) {
  tables_->pending.note(tables_->pending_key("gone:" + identity), unix_seconds(now), kHourMemory);
}

void Defence::wrote_to(std::string_view recipient, std::string_view our_mailbox, WallMs now) {
  tables_->known.note(tables_->pair_key(recipient, our_mailbox), bounds::SenderEvent::replied_to, unix_seconds(now));
}

bool Defence::replied_to(std::string_view sender, std::string_view our_mailbox, WallMs now) const {
  const auto found = tables_->known.look(tables_->pair_key(sender, our_mailbox), unix_seconds(now));
  return found && found->replied_to;
}

Defence::Greylisting Defence::greylist(std::string_view strong, std::string_view weak, const GreylistOptions& options,
                                       WallMs now) const {
  const bounds::GreylistTimes times = greylist_times(options);
  const std::uint32_t time = unix_seconds(now);
  const auto by_identity = tables_->pending.look(tables_->pending_key(strong), time, times);
  if (by_identity.kind == bounds::Pending::Kind::due) return {.state = value::Greylist::due, .wait_s = 0};
  const auto by_pair = tables_->pending.look(tables_->pending_key(weak), time, bounds::weak_times(times));
  if (by_pair.kind == bounds::Pending::Kind::due) return {.state = value::Greylist::weak, .wait_s = 0};
  if (by_identity.kind == bounds::Pending::Kind::early)
    return {.state = value::Greylist::early, .wait_s = by_identity.seconds};
  if (by_pair.kind == bounds::Pending::Kind::early)
    return {.state = value::Greylist::early, .wait_s = std::min(by_pair.seconds, times.delay)};
  return {.state = value::Greylist::first, .wait_s = 0};
}

void Defence::note_attempt(std::string_view strong, std::string_view weak, const GreylistOptions& options, WallMs now) {
  const bounds::GreylistTimes times = greylist_times(options);
  tables_->pending.note(tables_->pending_key(strong), unix_seconds(now), times);
  tables_->pending.note(tables_->pending_key(weak), unix_seconds(now), times);
}

void Defence::reload_files(const DefenceOptions& options) {
  auto countries = geo::CountryTable::load(options.country_files);
  if (countries) {
    const auto age = countries->age_days(wall_now());
    log::info("countries", {{"data", countries->describe(wall_now())}});
    if (age && *age > kCountryAgeMaxDays)
      log::warning("countries_old", {{"days", *age}, {"remedy", "update the package or file that they come from"}});
    countries_.store(std::make_shared<const geo::CountryTable>(std::move(*countries)));
  } else {
    log::warning("countries_unknown", {{"why", countries.error().what},
                                       {"remedy", "install tor-geoipdb, or name files in [defence] country_files"}});
  }
  // Without p0f's database the own table stands alone; that is no trouble worth a line in the log
  auto loaded = fingerprint::P0fDatabase::load(options.p0f_file);
  if (loaded) {
    systems_.store(std::make_shared<const fingerprint::OsTable>(
        std::make_shared<const fingerprint::P0fDatabase>(std::move(*loaded))));
    return;
  }
  const bool broken = loaded.error().kind != ErrorKind::not_found;
  if (broken) {
    log::warning("p0f_file_unread",
                 {{"why", loaded.error().what}, {"remedy", "mend the file; what was read before it stays in use"}});
  }
  if (!broken || systems_.load() == nullptr) systems_.store(std::make_shared<const fingerprint::OsTable>(nullptr));
}

void Defence::list_trouble(const std::string& zone, std::string_view problem) {
  constexpr std::array<std::string_view, 5> kOurs{"mistyped", "public_resolver", "rate_limited", "refused", "no_list"};
  if (std::ranges::find(kOurs, problem) == kOurs.end()) return;  // a failure of DNS passes
  {
    const MutexLock lock(mutex_);
    auto& last = told_of_[zone];
    if (last != Clock::time_point() && Clock::now() - last < std::chrono::hours(1)) return;
    last = Clock::now();
  }
  log::warning(
      "list_does_not_answer",
      {{"zone", zone},
       {"why", problem},
       {"remedy", problem == "public_resolver" ? "ask with a resolver of your own: [dns] recurse, or a local one"
                  : problem == "rate_limited"  ? "ask the list for a data feed or a key"
                                               : "look up the list's terms, or take it out of [[policy.list]]"}});
}

double Defence::budgets_saturation() const { return tables_->budgets.gauges(unix_seconds(wall_now())).saturation; }

void Defence::show_tables() {
  const auto show = [this](std::string_view name, auto look) {
    shown_.emplace_back(name, [look, tables = tables_.get()] { return static_cast<std::int64_t>(look(*tables)); });
  };
  show("postern_budgets_saturation_percent",
       [](const Tables& tables) { return tables.budgets.gauges(unix_seconds(wall_now())).saturation * 100; });
  show("postern_budgets_evicted_total",
       [](const Tables& tables) { return tables.budgets.gauges(unix_seconds(wall_now())).evictions; });
  show("postern_greylist_evicted_total", [](const Tables& tables) { return tables.pending.gauges().evictions; });
  show("postern_known_evicted_total", [](const Tables& tables) { return tables.known.gauges().known_evicted; });
  show("postern_known_full_percent", [](const Tables& tables) {
    const bounds::KnownSenders::Shares shares = tables.known.shares(unix_seconds(wall_now()));
    return (shares.known + shares.learning) * 100;
  });
}

}  // namespace postern::inbound

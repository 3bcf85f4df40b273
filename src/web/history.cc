#include "web/history.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "insight/sessions.h"
#include "record/files.h"
#include "record/writer.h"

namespace postern::web {

namespace {

constexpr WallMs kMinute = 60'000;
constexpr WallMs kHour = 60 * kMinute;
constexpr WallMs kDay = 24 * kHour;

Word word_of(evidence::Action action) {
  switch (action) {
    case evidence::Action::accept:
      return Word::accept;
    case evidence::Action::tag:
      return Word::tag;
    case evidence::Action::greylist:
      return Word::greylist;
    case evidence::Action::throttle:
      return Word::throttle;
    case evidence::Action::reject:
      return Word::reject;
  }
  return Word::none;
}

// What was refused, of the whole session or of its first part that was. Code 0: nothing.
struct Refused {
  std::string_view reason;
  int code = 0;
};
Refused refused_in(const record::SessionView& session) {
  if (!session.refusal.empty()) return {session.refusal, 421};
  for (const record::RecipientView& recipient : session.recipients)
    if (recipient.code >= 400) return {recipient.reason, recipient.code};
  for (const record::TransactionView& transaction : session.transactions)
    if (transaction.code >= 400) return {transaction.reason, transaction.code};
  return {};
}

}  // namespace

std::string_view to_string(Tls tls) {
  constexpr std::array<std::string_view, kTlsWords> kNames{"none", "ok", "failed"};
  return kNames.at(static_cast<std::size_t>(tls));
}

std::string_view to_string(Word word) {
  constexpr std::array<std::string_view, kWords> kNames{"none", "accept", "tag", "greylist", "throttle", "reject"};
  return kNames.at(static_cast<std::size_t>(word));
}

std::string_view to_string(Range range) {
  constexpr std::array<std::string_view, 4> kNames{"hour", "day", "week", "month"};
  return kNames.at(static_cast<std::size_t>(range));
}

Range parse_range(std::string_view word) {
  for (const Range range : {Range::hour, Range::day, Range::week, Range::month})
    if (word == to_string(range)) return range;
  return Range::day;
}

WallMs length_of(Range range) {
  constexpr std::array<WallMs, 4> kLengths{kHour, kDay, 7 * kDay, 30 * kDay};
  return kLengths.at(static_cast<std::size_t>(range));
}

WallMs step_of(Range range) {
  constexpr std::array<WallMs, 4> kSteps{kMinute, 15 * kMinute, 2 * kHour, 12 * kHour};
  return kSteps.at(static_cast<std::size_t>(range));
}

void Counts::add(const Counts& other) {
  for (std::size_t f = 0; f < 2; ++f) {
    messages.at(f) += other.messages.at(f);
    for (std::size_t t = 0; t < kTlsWords; ++t)
      for (std::size_t w = 0; w < kWords; ++w) sessions.at(f).at(t).at(w) += other.sessions.at(f).at(t).at(w);
  }
}

std::uint64_t Counts::total() const { return of_family(0) + of_family(1); }

std::uint64_t Counts::of_family(std::size_t family) const {
  std::uint64_t sum = 0;
  for (const auto& row : sessions.at(family))
    for (const std::uint32_t count : row) sum += count;
  return sum;
}

std::uint64_t Counts::of_tls(Tls tls) const {
  std::uint64_t sum = 0;
  for (const auto& family : sessions)
    for (const std::uint32_t count : family.at(static_cast<std::size_t>(tls))) sum += count;
  return sum;
}

std::uint64_t Counts::of_word(Word word) const {
  std::uint64_t sum = 0;
  for (const auto& family : sessions)
    for (const auto& row : family) sum += row.at(static_cast<std::size_t>(word));
  return sum;
}

Word word_of(const record::SessionView& session) {
  Word strongest = Word::none;
  for (const record::DecisionView& decision : session.decisions) {
    if (decision.enforced) strongest = std::max(strongest, word_of(decision.action));
  }
  // Mailboxes that do not exist, full disks and the like are refused without a judgement
  if (session.accepted > 0) return std::max(strongest, Word::accept);
  const int code = refused_in(session).code;
  if (code >= 500) return Word::reject;
  return code >= 400 && strongest <= Word::accept ? Word::throttle : strongest;
}

Tls tls_of(const record::SessionView& session) {
  if (session.tls) return Tls::ok;
  return session.tls_error.empty() ? Tls::none : Tls::failed;
}

Counts Series::sum() const {
  Counts out;
  for (const Counts& point : points) out.add(point);
  return out;
}

Counts* History::Ring::at(WallMs time) {
  const std::int64_t slot = time / step_ms;
  const auto index = static_cast<std::size_t>(slot) % counts.size();
  if (slots[index] > slot) return nullptr;  // fell out of the ring
  if (slots[index] < slot) {
    slots[index] = slot;
    counts[index] = {};
  }
  return &counts[index];
}

const Counts* History::Ring::find(std::int64_t slot) const {
  if (slot < 0) return nullptr;
  const auto index = static_cast<std::size_t>(slot) % counts.size();
  return slots[index] == slot ? &counts[index] : nullptr;
}

void History::note(Refusal refusal) {
  const auto place = std::ranges::find_if(recent_, [&](const Refusal& other) { return other.time <= refusal.time; });
  recent_.insert(place, std::move(refusal));
  if (recent_.size() > kRecentMax) recent_.pop_back();
}

void History::add(const record::SessionView& session) {
  // What comes to a sinkhole is no mail traffic
  if (session.start < 0 || record::is_sinkhole(session.listener)) return;
  ++sessions_;
  const Word word = web::word_of(session);
  const std::size_t family = session.ipv6 ? 1 : 0;
  for (Ring* const ring : {&minutes_, &hours_}) {
    Counts* const counts = ring->at(session.start);
    if (counts == nullptr) continue;
    ++counts->sessions.at(family).at(static_cast<std::size_t>(tls_of(session))).at(static_cast<std::size_t>(word));
    counts->messages.at(family) += session.accepted;
  }
  const Refused refused = refused_in(session);
  if (refused.reason.empty() || (recent_.size() == kRecentMax && session.start < recent_.back().time)) return;
  note({.id = std::string(session.id),
        .client = std::string(session.client),
        .helo = std::string(session.helo),
        .reason = std::string(refused.reason),
        .time = session.start,
        // An unknown mailbox is refused by no policy
        .word = word >= Word::greylist ? word
                : refused.code >= 500  ? Word::reject
                                       : Word::throttle,
        .ipv6 = session.ipv6});
}

void History::merge(const History& other) {
  const auto merge_ring = [](Ring& into, const Ring& from) {
    for (std::size_t i = 0; i < from.slots.size(); ++i) {
      if (from.slots[i] < 0) continue;
      if (Counts* const counts = into.at(from.slots[i] * from.step_ms); counts != nullptr) counts->add(from.counts[i]);
    }
  };
  merge_ring(minutes_, other.minutes_);
  merge_ring(hours_, other.hours_);
  for (const Refusal& refusal : other.recent_) note(refusal);
  sessions_ += other.sessions_;
}

Series History::series(Range range, WallMs now) const {
  const Ring& ring = range == Range::hour || range == Range::day ? minutes_ : hours_;
  Series out;
  out.step = step_of(range);
  const auto count = static_cast<std::size_t>(length_of(range) / out.step);
  out.from = (now / out.step + 1) * out.step - static_cast<WallMs>(count) * out.step;
  out.points.resize(count);
  const std::int64_t per_point = out.step / ring.step_ms;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t first = out.from / ring.step_ms + static_cast<std::int64_t>(i) * per_point;
    for (std::int64_t slot = first; slot < first + per_point; ++slot)
      if (const Counts* const counts = ring.find(slot); counts != nullptr) out.points[i].add(*counts);
  }
  return out;
}

void append_json(const Series& series, Range range, json::Writer& out) {
  out.begin_object().field("range", to_string(range)).field("from_ms", series.from).field("step_ms", series.step);
  out.key("series").begin_array();
  for (std::size_t f = 0; f < 2; ++f) {
    for (std::size_t t = 0; t < kTlsWords; ++t) {
      for (std::size_t w = 0; w < kWords; ++w) {
        const auto value = [&](const Counts& counts) { return counts.sessions.at(f).at(t).at(w); };
        if (std::ranges::none_of(series.points, [&](const Counts& counts) { return value(counts) > 0; })) continue;
        out.begin_object().field("family", f == 0 ? "ipv4" : "ipv6").field("tls", to_string(static_cast<Tls>(t)));
        out.field("verdict", to_string(static_cast<Word>(w))).key("values").begin_array();
        for (const Counts& counts : series.points) out.number(static_cast<std::uint64_t>(value(counts)));
        out.end_array().end_object();
      }
    }
  }
  out.end_array().key("messages").begin_object();
  for (std::size_t f = 0; f < 2; ++f) {
    out.key(f == 0 ? "ipv4" : "ipv6").begin_array();
    for (const Counts& counts : series.points) out.number(static_cast<std::uint64_t>(counts.messages.at(f)));
    out.end_array();
  }
  out.end_object().end_object();
}

void append_json(const Refusal& refusal, json::Writer& out) {
  out.begin_object().field("id", refusal.id).field("time", iso8601(refusal.time)).field("client", refusal.client);
  out.field("family", refusal.ipv6 ? "ipv6" : "ipv4").field("helo", refusal.helo).field("reason", refusal.reason);
  out.field("verdict", to_string(refusal.word)).end_object();
}

bool Follower::open_current() {
  const std::string stem = record::rotation_stem(wall_now());
  const std::string path = folder_ + "/" + std::string(record::kCurrentName);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) return false;
  if (inode_ == status.st_ino) return false;
  if (opened_.empty()) opened_ = stem;
  fd_ = std::move(fd);
  inode_ = status.st_ino;
  partial_.clear();
  return true;
}

bool Follower::read_on(History& history) {
  bool any = false;
  std::array<char, 65536> block;
  while (true) {
    const ssize_t got = ::read(fd_.get(), block.data(), block.size());
    if (got <= 0) return any;
    partial_.append(block.data(), static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = partial_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const std::string_view line = std::string_view(partial_).substr(begin, end - begin);
      if (reader_.read(line) != record::SessionReader::Kind::session) continue;
      history.add(reader_.session());
      any = true;
    }
    partial_.erase(0, begin);
    if (partial_.size() > record::kLineMax) partial_.clear();
  }
}

bool Follower::follow(History& history) {
  bool any = false;
  if (fd_.valid()) any = read_on(history);
  // Rotated since: what is in the old file was read, the new one begins
  while (open_current()) any = read_on(history) || any;
  if (opened_.empty()) opened_ = record::rotation_stem(wall_now());
  return any;
}

void Follower::read_older(History& history, WallMs since, const std::atomic<bool>& stop) const {
  const auto files = record::list_record_files(folder_);
  if (!files) return;
  for (const record::RecordFile& file : *files) {
    const std::string closed = file.stem.substr(0, 16);
    // Those that were rotated since the first look were read as the current one
    if (file.current || closed < record::rotation_stem(since) || (!opened_.empty() && closed >= opened_)) continue;
    record::SessionReader reader;
    static_cast<void>(record::read_records(file, [&](std::string_view line) {
      if (reader.read(line) == record::SessionReader::Kind::session && reader.session().start >= since)
        history.add(reader.session());
      return !stop;
    }));
    if (stop) return;
  }
}

}  // namespace postern::web

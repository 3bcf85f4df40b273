#include "maillog/journal_export.h"

#include <algorithm>

#include "base/text.h"
#include "base/time.h"
#include "maillog/line.h"
#include "maillog/scan.h"

namespace postern::maillog {

namespace {

constexpr std::size_t kNameMax = 64;    // systemd's own limit of a field's name
constexpr std::size_t kShortMax = 256;  // host, identifier, times

}  // namespace

std::string& JournalExport::target() {
  switch (field_) {
    case Field::message:
      return message_;
    case Field::identifier:
      return identifier_;
    case Field::pid:
      return pid_;
    case Field::syslog_pid:
      return syslog_pid_;
    case Field::host:
      return host_;
    case Field::time:
      return time_;
    case Field::source_time:
      return source_time_;
    case Field::other:
      break;
  }
  return ignored_;
}

void JournalExport::put(std::string_view octets) {
  if (field_ == Field::other) return;
  std::string& into = target();
  const std::size_t max = field_ == Field::message ? kLineMax - 4 * kShortMax : kShortMax;
  into.append(octets.substr(0, max - std::min(max, into.size())));
}

void JournalExport::end_name() {
  field_ = name_ == "MESSAGE"                      ? Field::message
           : name_ == "SYSLOG_IDENTIFIER"          ? Field::identifier
           : name_ == "_PID"                       ? Field::pid
           : name_ == "SYSLOG_PID"                 ? Field::syslog_pid
           : name_ == "_HOSTNAME"                  ? Field::host
           : name_ == "__REALTIME_TIMESTAMP"       ? Field::time
           : name_ == "_SOURCE_REALTIME_TIMESTAMP" ? Field::source_time
                                                   : Field::other;
  name_.clear();
  any_ = true;
  target().clear();
}

void JournalExport::end_value() {
  state_ = State::name;
  field_ = Field::other;
}

void JournalExport::end_entry(std::string& lines) {
  // The sender's own time where the journal has it: it is what a syslog would have written.
  const auto micros = parse_unsigned(source_time_.empty() ? time_ : source_time_, 253402300799999999);
  if (micros) {
    if (identifier_.empty()) identifier_ = "-";
    std::string stamp = iso8601(static_cast<WallMs>(*micros / 1000));
    lines += stamp + " ";
    // What other programs say is no line of ours, but is counted: their names must not break the line.
    for (std::string* const text : {&host_, &identifier_}) {
      for (char& c : *text)
        if (static_cast<unsigned char>(c) <= ' ' || c == ':' || c == '[') c = '_';
    }
    lines += (host_.empty() ? "localhost" : host_) + " " + identifier_;
    const std::string& pid = syslog_pid_.empty() ? pid_ : syslog_pid_;
    if (parse_unsigned(pid)) lines += "[" + pid + "]";
    lines += ": ";
    for (char& c : message_)
      if (c == '\n') c = ' ';
    lines += message_ + "\n";
  } else if (any_) {
    ++dropped_;
  }
  any_ = false;
  for (std::string* const text : {&message_, &identifier_, &pid_, &syslog_pid_, &host_, &time_, &source_time_})
    text->clear();
}

void JournalExport::feed(std::string_view octets, std::string& lines) {
  while (!octets.empty()) {
    switch (state_) {
      case State::name: {
        const std::size_t end = octets.find_first_of("=\n");
        const std::string_view part = octets.substr(0, end);
        name_.append(part.substr(0, kNameMax - std::min(kNameMax, name_.size())));
        if (end == kNone) return;
        if (octets[end] == '=') {
          end_name();
          state_ = State::value;
        } else if (name_.empty()) {
          end_entry(lines);
        } else {
          end_name();
          state_ = State::length;
          left_ = length_octets_ = 0;
        }
        octets.remove_prefix(end + 1);
        break;
      }
      case State::value: {
        const std::size_t end = find_char(octets, '\n');
        put(octets.substr(0, end));
        if (end == kNone) return;
        octets.remove_prefix(end + 1);
        end_value();
        break;
      }
      case State::length:
        left_ |= std::uint64_t{static_cast<unsigned char>(octets.front())} << (8 * length_octets_);
        octets.remove_prefix(1);
        if (++length_octets_ == 8) state_ = left_ == 0 ? State::binary_end : State::binary;
        break;
      case State::binary: {
        const std::size_t n = std::min<std::uint64_t>(left_, octets.size());
        put(octets.substr(0, n));
        octets.remove_prefix(n);
        left_ -= n;
        if (left_ == 0) state_ = State::binary_end;
        break;
      }
      case State::binary_end:
        octets.remove_prefix(1);
        end_value();
        break;
    }
  }
}

bool JournalExport::finish(std::string& lines) {
  const bool whole = state_ == State::name && name_.empty();
  if (whole) {
    end_entry(lines);
  } else {
    std::string none;
    time_.clear();
    source_time_.clear();
    any_ = true;
    end_entry(none);  // forgets it
  }
  state_ = State::name;
  name_.clear();
  return whole;
}

}  // namespace postern::maillog

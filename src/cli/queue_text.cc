#include "cli/queue_text.h"

#include <algorithm>

#include "base/text.h"

namespace postern::cli {

namespace {

std::string count(const json::Value& value) { return std::to_string(value.integer()); }

std::string bytes(const json::Value& value) {
  return human_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(value.integer(), 0)));
}

// "2026-11-21 06:13:28", UTC
std::string moment(WallMs time) {
  std::string text = iso8601(time).substr(0, 19);
  if (text.size() > 10) text[10] = ' ';
  return text;
}

std::string when(WallMs time, WallMs now) {
  if (time < now + 1000) return "now";
  return "in " + human_duration((time - now) / 1000 * 1000);
}

std::string age(WallMs since, WallMs now) {
  return now < since + 1000 ? "0s" : human_duration((now - since) / 1000 * 1000);
}

Table::Cell state_cell(const json::Value& message) {
  if (message.at("active").boolean()) return {"active", Colour::green};
  if (message.at("held").boolean()) return {"held", Colour::yellow};
  if (message.at("failed").integer() > 0)
    return {message.at("pending").integer() > 0 ? "partly failed" : "failed", Colour::red};
  if (message.at("attempts").integer() > 0) return {"deferred", Colour::yellow};
  return {"waiting", Colour::none};
}

Colour colour_of_state(std::string_view state) {
  if (state == "delivered") return Colour::green;
  if (state == "failed" || state == "bounced") return Colour::red;
  if (state == "pending") return Colour::yellow;
  return Colour::dim;
}

void line(std::string& out, std::string_view name, std::string_view value, bool colour) {
  if (value.empty()) return;
  out += coloured(name, Colour::bold, colour);
  out += std::string(name.size() < 13 ? 13 - name.size() : 1, ' ');
  out += value;
  out += '\n';
}

}  // namespace

Table queue_table(bool colour) {
  return Table({{"ID", false},
                {"ARRIVED (UTC)", false},
                {"AGE", true},
                {"SIZE", true},
                {"PENDING", true},
                {"FAILED", true},
                {"TRIES", true},
                {"NEXT TRY", true},
                {"STATE", false}},
               colour);
}

void add_queue_row(Table& table, const json::Value& message, WallMs now) {
  const bool waits =
      !message.at("held").boolean() && !message.at("active").boolean() && message.at("pending").integer() > 0;
  table.add({{printable(message.at("id").string(), 32)},
             {moment(message.at("arrived_ms").integer()), Colour::dim},
             {age(message.at("arrived_ms").integer(), now)},
             {bytes(message.at("size"))},
             {count(message.at("pending"))},
             {count(message.at("failed")), message.at("failed").integer() > 0 ? Colour::red : Colour::none},
             {count(message.at("attempts"))},
             {waits ? when(message.at("next_attempt_ms").integer(), now) : "-"},
             state_cell(message)});
}

std::string queue_message_text(const json::Value& message, WallMs now, bool colour) {
  std::string out;
  const WallMs arrived = message.at("arrived_ms").integer();
  line(out, "id", printable(message.at("id").string()), colour);
  line(out, "session", printable(message.at("session").string()), colour);
  line(out, "arrived", moment(arrived) + " UTC, " + age(arrived, now) + " ago", colour);
  line(out, "from", "<" + printable(message.at("reverse_path").string()) + ">", colour);
  line(out, "client", printable(message.at("client").string()), colour);
  line(out, "login", printable(message.at("login").string()), colour);
  line(out, "size", bytes(message.at("size")), colour);
  line(out, "attempts", count(message.at("attempts")), colour);
  line(out, "next try",
       message.at("held").boolean() ? "none: held (postern queue release)"
                                    : when(message.at("next_attempt_ms").integer(), now),
       colour);
  out += '\n';
  Table table({{"RECIPIENT", false}, {"STATE", false}, {"TRIES", true}, {"LAST REPLY", false}}, colour);
  for (const json::Value& recipient : message.at("recipients").array()) {
    std::string path = printable(recipient.at("path").string(), 320);
    const std::string original = printable(recipient.at("original").string(), 320);
    if (!original.empty() && original != path) path += " (for " + original + ")";
    const std::string_view state = recipient.at("state").string();
    table.add({{std::move(path)},
               {printable(state, 32), colour_of_state(state)},
               {count(recipient.at("attempts"))},
               {printable(recipient.at("last_reply").string(), 512)}});
  }
  return out + table.take();
}

std::string queue_status_text(const json::Value& status, bool colour) {
  std::string out;
  line(out, "messages", count(status.at("messages")), colour);
  line(out, "held", count(status.at("held")), colour);
  line(out, "failed", count(status.at("failed_recipients")) + " recipients", colour);
  line(out, "on disk", bytes(status.at("bytes_on_disk")) + " of at most " + bytes(status.at("bytes_limit")), colour);
  line(out, "index", bytes(status.at("index_bytes")) + " of memory", colour);
  const bool healthy = status.at("healthy").boolean();
  line(out, "storage",
       healthy ? coloured("healthy", Colour::green, colour)
               : coloured("failing: " + printable(status.at("sick_because").string()), Colour::red, colour),
       colour);
  const json::Value& counters = status.at("counters");
  if (!counters.at("postern_budgets_saturation_percent").is_null()) {
    line(out, "tables",
         "budgets " + count(counters.at("postern_budgets_saturation_percent")) + " % saturated; pushed out " +
             count(counters.at("postern_greylist_evicted_total")) + " first attempts, " +
             count(counters.at("postern_known_evicted_total")) + " known senders",
         colour);
  }
  return out;
}

}  // namespace postern::cli

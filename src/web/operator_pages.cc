// The operator's other pages: the queue with its actions, what is remembered of other servers, what each signal is
// worth, another policy on recorded traffic, and the metrics. Each is a page and, below /api, the same as JSON.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "web/chart.h"
#include "web/control_client.h"
#include "web/site_impl.h"
#include "web/url.h"

namespace postern::web {

namespace {

using json::Value;

constexpr std::size_t kQueueRows = 100;
constexpr std::size_t kRowsMax = 200;
constexpr WallMs kSignalsFresh = 10 * 60'000;
constexpr milliseconds kSignalsPatience{2000};
constexpr seconds kBacktestMax{60};

// The walk over the records looks at the flag at each line.
Task<void> set_when_over(io::Signal& over, std::shared_ptr<std::atomic<bool>> flag) {
  const bool told = co_await over.wait(Deadline::after(kBacktestMax));
  if (!told) *flag = true;
}

bool is_api(const Request& request) { return request.path.starts_with("/api/"); }

Value text_value(std::string_view text) { return Value(std::string(text)); }

// Of a form or of a JSON object.
Parameters fields_of(const Request& request) {
  if (!istarts_with(request.field("content-type"), "application/json")) return request.form();
  Parameters out;
  const auto body = json::parse(request.body, 4);
  if (!body) return out;
  for (const auto& [name, value] : body->object())
    if (value.is_string()) out.emplace(name, std::string(value.string()));
  return out;
}

std::string_view of(const Parameters& fields, std::string_view name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

std::string button(const Frame& frame, std::string_view id, std::string_view action, std::string_view label) {
  return "<form method=\"post\" action=\"" + frame.base + "/queue\"><input type=\"hidden\" name=\"id\" value=\"" +
         escape(id) + "\"><button name=\"action\" value=\"" + std::string(action) + "\"" +
         (action == "drop" ? " class=\"danger\"" : "") + " aria-label=\"" + std::string(label) + " message " +
         escape(id) + "\">" + std::string(label) + "</button></form>";
}

std::string ago(WallMs then, WallMs now) { return then <= 0 ? "" : human_duration(std::max<WallMs>(now - then, 0)); }

std::string queue_table(const Frame& frame, const Value& list, WallMs now) {
  std::vector<std::vector<std::string>> rows;
  for (const Value& row : list.at("messages").array()) {
    const std::string id(row.at("id").string());
    const bool held = row.at("held").boolean();
    std::string state = held ? badge("held") : row.at("active").boolean() ? "being delivered" : "waiting";
    const WallMs next = row.at("next_attempt_ms").integer();
    std::string actions = "<div class=\"actions\">";
    actions += held ? button(frame, id, "release", "Release")
                    : button(frame, id, "retry", "Retry") + button(frame, id, "hold", "Hold");
    actions += "<details class=\"sure\"><summary aria-label=\"Drop message " + escape(id) + "\">Drop…</summary>" +
               button(frame, id, "drop", "Drop for good") + "</details></div>";
    rows.push_back({"<a href=\"" + frame.base + "/queue?id=" + escape(id) + "\"><code>" + escape(id) + "</code></a>",
                    ago(row.at("arrived_ms").integer(), now),
                    human_bytes(static_cast<std::uint64_t>(row.at("size").integer())),
                    std::to_string(row.at("pending").integer()), std::to_string(row.at("failed").integer()),
                    std::to_string(row.at("attempts").integer()),
                    state + (held || next <= now ? "" : ", next in " + human_duration(next - now)), actions});
  }
  return table("Messages that wait",
               {{.title = "id"},
                {.title = "age", .number = true},
                {.title = "size", .number = true},
                {.title = "recipients", .number = true},
                {.title = "failed", .number = true},
                {.title = "attempts", .number = true},
                {.title = "state"},
                {.title = "actions"}},
               rows, "The queue is empty.");
}

std::string message_of(const Value& message) {
  std::string out = facts({{"Message", "<code>" + escape(message.at("id").string()) + "</code>"},
                           {"From", "&lt;" + escape(message.at("reverse_path").string()) + "&gt;"},
                           {"Client", escape(message.at("client").string())},
                           {"Login", escape(message.at("login").string())},
                           {"Arrived", time_html(message.at("arrived_ms").integer())},
                           {"Session", escape(message.at("session").string())}});
  std::vector<std::vector<std::string>> rows;
  for (const Value& recipient : message.at("recipients").array()) {
    if (rows.size() == kRowsMax) break;
    rows.push_back({escape(recipient.at("path").string()), escape(recipient.at("state").string()),
                    std::to_string(recipient.at("attempts").integer()), escape(recipient.at("last_reply").string())});
  }
  return out + table("Recipients",
                     {{.title = "recipient"},
                      {.title = "state"},
                      {.title = "attempts", .number = true},
                      {.title = "last reply"}},
                     rows, "There are none.");
}

std::string memory_tables(const Value& tls) {
  std::vector<std::vector<std::string>> policies, verified, broken;
  for (const Value& row : tls.at("policies").array()) {
    std::string hosts;
    for (const Value& host : row.at("mx").array()) hosts += (hosts.empty() ? "" : " ") + std::string(host.string());
    policies.push_back({escape(row.at("domain").string()), escape(row.at("mode").string()), escape(hosts),
                        time_html(row.at("expires_ms").integer())});
  }
  for (const Value& row : tls.at("verified").array())
    verified.push_back({escape(row.at("domain").string()), escape(row.at("how").string()),
                        time_html(row.at("last_ms").integer()), time_html(row.at("until_ms").integer())});
  for (const Value& row : tls.at("broken").array())
    broken.push_back({escape(row.at("host").string()), escape(row.at("address").string()),
                      escape(row.at("reason").string()), time_html(row.at("until_ms").integer())});
  for (auto* const rows : {&policies, &verified, &broken})
    if (rows->size() > kRowsMax) rows->resize(kRowsMax);
  return table("MTA-STS policies of other domains",
               {{.title = "domain"}, {.title = "mode"}, {.title = "hosts"}, {.title = "until"}}, policies,
               "No policy is remembered.") +
         table("Domains that mail does not go to in clear any more",
               {{.title = "domain"}, {.title = "verified by"}, {.title = "last"}, {.title = "until"}}, verified,
               "No domain was verified yet.") +
         table("Servers whose STARTTLS fails",
               {{.title = "host"}, {.title = "address"}, {.title = "reason"}, {.title = "until"}}, broken,
               "Of no server it is known that its TLS is broken.");
}

// Destinations and their families, of the command `families`, where the server has it.
std::string family_table(const Value& families) {
  std::vector<std::vector<std::string>> rows;
  for (const Value& row : families.at("destinations").array()) {
    if (rows.size() == kRowsMax) break;
    const auto side = [&row](std::string_view family) {
      const Value& value = row.at(family);
      const double connect = value.at("connect_ms").real(-1);
      std::string out = connect >= 0 ? decimal(connect, 0) + " ms" : std::string("–");
      if (value.at("success").real(1) < 1) out += ", works " + decimal(value.at("success").real() * 100, 0) + " %";
      if (value.at("refused_at").integer() > 0) out += ", refuses mail over it";
      return out;
    };
    rows.push_back({escape(row.at("destination").string()), side("ipv6"), side("ipv4")});
  }
  return table("Address families towards other servers",
               {{.title = "destination"}, {.title = "IPv6"}, {.title = "IPv4"}}, rows, "Nothing is remembered yet.");
}

std::string signal_table(const Value& report) {
  std::vector<std::vector<std::string>> rows;
  for (const Value& row : report.at("signals").array()) {
    if (rows.size() == kRowsMax) break;
    const bool decided = row.at("evidence").boolean();
    const double nats = row.at("llr").real();
    const double wide = std::min(std::abs(nats), 6.0) * 100 / 6;
    const std::string bar =
        decided ? "<svg viewBox=\"0 0 200 12\" preserveAspectRatio=\"none\" class=\"bar\" aria-hidden=\"true\"><line "
                  "class=\"grid\" x1=\"100\" x2=\"100\" y1=\"0\" y2=\"12\"/><rect class=\"" +
                      std::string(nats > 0 ? "c-reject" : "c-accept") + "\" y=\"1\" height=\"10\" x=\"" +
                      decimal(nats > 0 ? 100 : 100 - wide, 1) + "\" width=\"" + decimal(wide, 1) + "\"/></svg>"
                : "<span class=\"dim\">no evidence yet</span>";
    rows.push_back({escape(row.at("signal").string()), escape(printable(row.at("value").string(), 60)),
                    decimal(row.at("spam").real(), 0), decimal(row.at("ham").real(), 0),
                    decided ? (nats > 0 ? "+" : "") + decimal(nats, 2) : "", bar,
                    decimal(row.at("information_gain").real(), 3), std::to_string(row.at("unique_catch").integer()),
                    std::to_string(row.at("unique_harm").integer())});
  }
  return table("What each value of each signal is worth, in nats towards spam",
               {{.title = "signal"},
                {.title = "value"},
                {.title = "spam", .number = true},
                {.title = "ham", .number = true},
                {.title = "nats", .number = true},
                {.title = "ham ← → spam"},
                {.title = "bits", .number = true},
                {.title = "catch", .number = true},
                {.title = "harm", .number = true}},
               rows, "Nothing was judged in these records: there is nothing to measure yet.");
}

std::string sender_table(std::string_view title, const Value& senders, const Frame& frame) {
  std::vector<std::vector<std::string>> rows;
  for (const Value& row : senders.array()) {
    if (rows.size() == kRowsMax) break;
    rows.push_back({escape(row.at("identity").string()), escape(row.at("sender_domain").string()),
                    escape(row.at("client").string()), std::to_string(row.at("sessions").integer()),
                    escape(row.at("before").string()), escape(row.at("rule").string()),
                    escape(row.at("later").string()),
                    link(frame, "/why/" + std::string(row.at("session").string()), "why",
                         "why " + std::string(row.at("session").string()))});
  }
  return table(title,
               {{.title = "sender"},
                {.title = "domain"},
                {.title = "client"},
                {.title = "sessions", .number = true},
                {.title = "before"},
                {.title = "by rule"},
                {.title = "known now as"},
                {.title = ""}},
               rows, std::string(title) + ": nobody.");
}

std::string backtest_form(const Frame& frame, std::string_view policy, std::string_view since) {
  std::string out = "<form method=\"post\" action=\"" + frame.base + "/backtest\" class=\"stack\">";
  out += "<label for=\"policy\">A policy: a whole configuration, or its <code>[policy]</code> alone</label>";
  out += "<textarea id=\"policy\" name=\"policy\" rows=\"12\" spellcheck=\"false\" required>" + escape(policy) +
         "</textarea><label for=\"since\">Sessions of the last</label><select id=\"since\" name=\"since\">";
  for (const std::string_view choice : {"1d", "7d", "30d"})
    out += "<option value=\"" + std::string(choice) + "\"" + (choice == since ? " selected" : "") + ">" +
           (choice == "1d"   ? "day"
            : choice == "7d" ? "7 days"
                             : "30 days") +
           "</option>";
  return out + "</select><button>Replay</button></form>\n";
}

}  // namespace

Task<Response> Site::Impl::queue(Visit visit) {
  const bool api = is_api(visit.request);
  std::string said;
  if (visit.request.method == Method::post) {
    const Parameters fields = fields_of(visit.request);
    const std::string action(of(fields, "action"));
    constexpr std::array<std::string_view, 4> kActions{"retry", "hold", "release", "drop"};
    if (std::ranges::find(kActions, action) == kActions.end())
      co_return json_error(400, "the action is one of retry, hold, release and drop");
    const auto done = co_await services.control(
        Value(Value::Object{{"command", text_value("queue." + action)}, {"id", text_value(of(fields, "id"))}}));
    if (api && !done) co_return json_error(done.error());
    if (api) co_return json_response(done->text());
    if (done) co_return redirect(visit.frame.base + "/queue?done=" + action);
    said = notice("bad", explain_control(done.error()));
  }
  const std::string id(visit.request.parameter("id"));
  if (!id.empty() && visit.request.method != Method::post) {
    const auto message =
        co_await services.control(Value(Value::Object{{"command", text_value("queue.show")}, {"id", text_value(id)}}));
    if (api && !message) co_return json_error(message.error());
    if (api) co_return json_response(message->text());
    const std::string body = message ? message_of(*message) : notice("bad", explain_control(message.error()));
    co_return html(
        page(visit.frame, "Message", body + "<p>" + link(visit.frame, "/queue", "Back to the queue") + "</p>"));
  }
  Value::Object list_request{{"command", text_value("queue.list")},
                             {"max", Value(static_cast<std::int64_t>(kQueueRows))}};
  if (const auto after = visit.request.parameter("after"); !after.empty())
    list_request.emplace("after", text_value(after));
  const auto list = co_await services.control(Value(std::move(list_request)));
  if (api && !list) co_return json_error(list.error());
  if (api) co_return json_response(list->text());
  const auto status = co_await services.control(command("queue.status"));
  std::string body = said;
  if (const auto done = visit.request.parameter("done"); !done.empty() && done.size() < 10)
    body += notice("good", "Done: " + std::string(done) + ".");
  if (status)
    body += facts({{"Messages", count_text(static_cast<std::uint64_t>(status->at("messages").integer()))},
                   {"Held", count_text(static_cast<std::uint64_t>(status->at("held").integer()))},
                   {"On disk", human_bytes(static_cast<std::uint64_t>(status->at("bytes_on_disk").integer()))},
                   {"Storage", status->at("healthy").boolean()
                                   ? badge("healthy")
                                   : badge("failed") + " " + escape(status->at("sick_because").string())}});
  body += list ? queue_table(visit.frame, *list, services.now()) : notice("bad", explain_control(list.error()));
  if (list && list->at("next").is_string())
    body += "<p>" + link(visit.frame, "/queue?after=" + std::string(list->at("next").string()), "Further messages") +
            "</p>";
  co_return html(page(visit.frame, "Queue", body));
}

Task<Response> Site::Impl::memory(Visit visit) {
  const bool api = is_api(visit.request);
  const auto tls = co_await services.control(command("tls_list"));
  const auto families = co_await services.control(command("families_list"));
  if (api && !tls) co_return json_error(tls.error());
  if (api) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object().key("tls");
    tls->write(writer);
    if (families) {
      writer.key("families");
      families->write(writer);
    }
    writer.end_object();
    co_return json_response(std::move(out));
  }
  std::string body = "<p>What this server has learnt of others it sends mail to.</p>";
  body += tls ? memory_tables(*tls) : notice("bad", explain_control(tls.error()));
  if (families) body += family_table(*families);
  co_return html(page(visit.frame, "Memory", body));
}

Task<Response> Site::Impl::signals(Visit visit) {
  const bool api = is_api(visit.request);
  if (!services.signals) co_return json_error(404, "signals are not measured here");
  Work work = [measure = services.signals, since = services.now() - length_of(Range::month), stop = &stopping] {
    return measure(since, *stop);
  };
  const Found found = co_await keep("signals", kSignalsFresh, std::move(work), kSignalsPatience, kSignalsPatience);
  const bool waiting = found.value == nullptr && found.problem.empty();
  if (api && found.value == nullptr)
    co_return json_error(503, waiting ? "they are being measured; ask again in a moment" : found.problem);
  if (api) co_return with_age(json_response(found.value->text()), found, services.now());
  std::string body =
      "<p>Measured on the traffic of the last 30 days and on the days' aggregates, one event a sender and day.</p>";
  if (waiting) body += notice("note", "They are being measured. This page looks again by itself.");
  if (!found.problem.empty()) body += notice("bad", "They cannot be measured: " + found.problem);
  if (found.value != nullptr) {
    if (found.stale || !found.problem.empty()) body += "<p class=\"dim\">As of " + time_html(found.at) + " UTC.</p>";
    body += signal_table(*found.value);
  }
  co_return html(page(visit.frame, "Signals", body, {}, waiting ? 5 : 0));
}

Task<Response> Site::Impl::backtest(Visit visit) {
  const bool api = is_api(visit.request);
  if (!services.backtest) co_return json_error(404, "there is no backtest here");
  if (visit.request.method != Method::post) {
    const std::string body =
        "<p>Recorded sessions are judged anew by another policy. Nothing of what is judged now changes.</p>" +
        backtest_form(visit.frame, "[policy]\npreset = \"organisation\"\n", "7d");
    co_return html(page(visit.frame, "Backtest", body));
  }
  const Parameters fields = fields_of(visit.request);
  const std::string policy(of(fields, "policy"));
  const std::string since(of(fields, "since"));
  const std::int64_t back = parse_duration_ms(since).value_or(7LL * 24 * 3600 * 1000);
  // One at a time: each walks over all records
  if (backtests > 0) co_return json_error(503, "another backtest is under way; try again in a minute");
  const Counted under_way(backtests);
  auto stop = std::make_shared<std::atomic<bool>>(false);
  std::move_only_function<Result<std::string>()> work = [run = services.backtest, policy, from = services.now() - back,
                                                         stop] { return run(policy, from, *stop); };
  io::Scope timer(services.loop);
  io::Signal over(services.loop);
  timer.spawn(set_when_over(over, stop));
  const auto answer = co_await services.pool.run<Result<std::string>>(std::move(work));
  over.notify();
  co_await timer.join();
  if (api && !answer) co_return json_error(answer.error());
  if (api) co_return json_response(*answer);
  std::string body;
  if (!answer) {
    body = notice("bad", answer.error().kind == ErrorKind::cancelled
                             ? "The replay took longer than a minute; choose a shorter time, or use `postern replay`."
                             : answer.error().what);
  } else if (const auto report = json::parse(*answer); report) {
    body = facts({{"Sessions", count_text(static_cast<std::uint64_t>(report->at("sessions").integer()))},
                  {"Would change", count_text(static_cast<std::uint64_t>(report->at("changed").integer()))}});
    body += sender_table("Newly refused", report->at("newly_refused"), visit.frame);
    body += sender_table("Newly delayed", report->at("newly_delayed"), visit.frame);
    body += sender_table("Newly accepted", report->at("newly_accepted"), visit.frame);
  }
  body += "<h2>Again</h2>" + backtest_form(visit.frame, policy, since);
  co_return html(page(visit.frame, "Backtest", body));
}

Task<Response> Site::Impl::metrics() {
  const auto answer = co_await services.control(command("metrics"));
  if (!answer) co_return plain(503, explain_control(answer.error()));
  Response out;
  out.type = "text/plain; version=0.0.4; charset=utf-8";
  out.body = std::string(answer->at("text").string());
  co_return out;
}

}  // namespace postern::web

// The why page. A refused sender who opens the URL of a refusal sees what was refused, when, and what to change: no
// score, no limit, no signal, no rule by name, and nobody's address but his own server's. The operator sees the whole
// record there, can say what the mail was, and can let the sender in.
#include <algorithm>

#include "base/id.h"
#include "base/text.h"
#include "control/control.h"
#include "insight/why.h"
#include "web/control_client.h"
#include "web/reason_texts.h"
#include "web/site_impl.h"
#include "web/url.h"

namespace postern::web {

namespace {

using json::Value;

constexpr std::size_t kReasonsMax = 10;
constexpr std::size_t kRowsMax = 100;
constexpr double kVisitorCost = 3;  // requests, beside the page: records are read for it
constexpr seconds kBetweenFlushes{1};
constexpr seconds kTurnMax{3};
constexpr int kLookAgainS = 3;

std::string search_form(const Frame& frame, std::string_view id) {
  return "<form method=\"get\" action=\"" + frame.base +
         "/why\" class=\"inline\"><label for=\"id\">The id in the refusal</label><input id=\"id\" name=\"id\" "
         "inputmode=\"text\" autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" maxlength=\"40\" "
         "placeholder=\"M7YDGB6VQ0N6K727\" required value=\"" +
         escape(id) + "\"><button>Look</button></form>\n";
}

std::string postmaster_line(const Frame& frame, std::string_view id) {
  if (frame.postmaster.empty()) return {};
  return "<h2>Still stuck?</h2><p>Write to <a href=\"mailto:" + escape(frame.postmaster) +
         "?subject=" + percent_encode("Mail refused, " + std::string(id)) + "\">" + escape(frame.postmaster) +
         "</a> and give the id <code>" + escape(id) +
         "</code>. Mail to the postmaster is always taken, also from servers whose other mail is refused.</p>\n";
}

struct Refused {
  std::string reason;
  std::int64_t code = 0;
  std::uint64_t count = 0;
};

// What SMTP answers exactly as an unknown mailbox is one on the page, too: whoever is told of a spamtrap knows it. A
// rule that refuses who wrote to one (5.7.1) says so aloud, and the page with it.
std::string_view said_of(const Value& recipient) {
  const std::string_view reason = recipient.at("reason").string();
  const bool is_nobody = reason == "retired_user" || (reason == "trap" && recipient.at("enhanced").string() != "5.7.1");
  return is_nobody ? "unknown_user" : reason;
}

// What of a session was refused, each reason once, in the order in which it was said.
std::vector<Refused> refused_in(const Value& session) {
  std::vector<Refused> out;
  const auto add = [&out](std::string_view reason, std::int64_t code) {
    if (reason.empty()) return;
    const auto known = std::ranges::find(out, reason, &Refused::reason);
    if (known != out.end())
      ++known->count;
    else if (out.size() < kReasonsMax)
      out.push_back({.reason = std::string(reason), .code = code, .count = 1});
  };
  add(session.at("refusal").string(), 421);
  for (const Value& transaction : session.at("transactions").array()) {
    for (const Value& recipient : transaction.at("to").array())
      if (recipient.at("code").integer() >= 400) add(said_of(recipient), recipient.at("code").integer());
    if (transaction.at("code").integer() >= 400)
      add(transaction.at("reason").string(), transaction.at("code").integer());
  }
  return out;
}

std::string public_body(const Frame& frame, const Value& session, std::string_view id) {
  const auto refused = refused_in(session);
  const Value& tls = session.at("tls");
  const std::string over = tls.is_null()                       ? "in clear"
                           : !tls.at("error").string().empty() ? "a TLS handshake that failed"
                                                               : std::string(tls.at("version").string());
  std::string out;
  if (refused.empty()) out += notice("good", "Nothing was refused in this session.");
  for (const Refused& one : refused) {
    const ReasonText& text = reason_text(one.reason);
    out += "<section class=\"reason\"><h2>" + escape(text.title) + "</h2><p>" + escape(text.what) +
           "</p><h3>What to do</h3><p>" + escape(text.change) + "</p><p class=\"dim\">" +
           (one.code >= 500 ? "This was final: the message was not taken."
                            : "This was temporary: a mail server tries again by itself.") +
           (one.count > 1 ? " It concerned " + std::to_string(one.count) + " recipients." : "") + "</p></section>\n";
  }
  out += "<h2>The connection</h2>" +
         facts({{"When", time_html(session.at("time").string()) + " UTC"},
                {"Your server", "<code>" + escape(session.at("client").at("address").string()) + "</code>"},
                {"It called itself", escape(printable(session.at("helo").string(), 100))},
                {"Encryption", escape(over)},
                {"Messages taken", std::to_string(session.at("accepted").integer())},
                {"Id", "<code>" + escape(id) + "</code>"}});
  return out + postmaster_line(frame, id);
}

// The id of a message stands in the Received field of everybody who got it: with it nobody reads where it came from.
bool is_for_visitors(const Value& session, std::string_view id) {
  if (!session.at("login").string().empty() || refused_in(session).empty()) return false;
  return session.at("id").string() == id ||
         std::ranges::any_of(session.at("transactions").array(), [id](const Value& transaction) {
           return transaction.at("message").string() == id && transaction.at("code").integer() >= 400;
         });
}

std::string operator_form(const Frame& frame, std::string_view id, const Value& session) {
  const std::string path = frame.base + "/why/" + std::string(id);
  std::string out =
      "<section class=\"panel\" aria-label=\"What you say of it\"><form method=\"post\" action=\"" + path +
      "\" class=\"inline\"><span>This mail was</span> <button name=\"action\" value=\"ham\">wanted</button> "
      "<button name=\"action\" value=\"spam\">spam</button> <label for=\"note\">Note</label><input "
      "id=\"note\" name=\"note\" maxlength=\"200\"></form>";
  const std::string client(session.at("client").at("address").string());
  std::string domain;
  for (const Value& transaction : session.at("transactions").array()) {
    const std::string_view from = transaction.at("from").string();
    if (const std::size_t at = from.rfind('@'); domain.empty() && at != std::string_view::npos)
      domain = from.substr(at + 1);
  }
  out += "<form method=\"post\" action=\"" + path +
         "\" class=\"inline\"><label for=\"subject\">Let in</label><select id=\"subject\" name=\"subject\"><option>" +
         escape(client) + "</option>";
  if (!domain.empty()) out += "<option>" + escape(domain) + "</option>";
  out +=
      "</select><label for=\"for\">for</label><select id=\"for\" name=\"for\"><option value=\"30d\">30 "
      "days</option><option "
      "value=\"1d\">a day</option><option value=\"\">good</option></select> <button name=\"action\" "
      "value=\"allow\">Allow</button> <button name=\"action\" value=\"deny\" "
      "class=\"danger\">Deny</button></form></section>\n";
  return out;
}

std::string words(const Value& list) {
  std::string out;
  for (const Value& word : list.array()) out += (out.empty() ? "" : ", ") + std::string(word.string());
  return out;
}

std::string decision_html(const Value& decision, std::size_t number) {
  std::string out = "<section class=\"decision\"><h3>" + std::to_string(number) + ". At " +
                    escape(decision.at("stage").string()) + ", after " + std::to_string(decision.at("ms").integer()) +
                    " ms " + badge(decision.at("action").string()) + "</h3>";
  out += facts({{"Recipient", escape(decision.at("recipient").string())},
                {"Reason", escape(decision.at("reason").string())},
                {"Rule", escape(decision.at("rule").string())},
                {"Enforced", decision.at("enforced").boolean() ? "yes" : "no, only told"},
                {"Score", decision.at("score").real() == 0 ? "" : decimal(decision.at("score").real(), 2)},
                {"Tags", escape(words(decision.at("tags")))},
                {"In shadow", escape(words(decision.at("shadow")))},
                {"Way out", escape(decision.at("way_out").string())}});
  std::vector<std::vector<std::string>> known, terms, changes;
  for (const auto& [name, value] : decision.at("facts").object())
    known.push_back({escape(name), escape(printable(value.string(), 200))});
  if (!known.empty())
    out += "<details><summary>What became known (" + std::to_string(known.size()) + ")</summary>" +
           table("Facts", {{.title = "signal"}, {.title = "value"}}, known, "") + "</details>";
  for (const Value& term : decision.at("terms").array())
    terms.push_back({escape(term.at("what").string()), decimal(term.at("nats").real(), 2)});
  if (terms.empty())
    for (const Value& term : decision.at("explanation").at("terms").array())
      terms.push_back({escape(term.at("what").string()), decimal(term.at("nats").real(), 2)});
  if (!terms.empty())
    out += "<details open><summary>What the score is made of</summary>" +
           table("Terms", {{.title = "evidence"}, {.title = "nats", .number = true}}, terms, "") + "</details>";
  for (const Value& change : decision.at("changes").array())
    changes.push_back({escape(change.at("signal").string()), escape(change.at("value").string()),
                       escape(words(change.at("instead")))});
  if (!changes.empty())
    out += table("Each of these alone would have let it in",
                 {{.title = "signal"}, {.title = "is"}, {.title = "would have to be"}}, changes, "");
  return out + "</section>\n";
}

std::string operator_body(const Frame& frame, const Value& why, std::string_view id) {
  const Value& session = why.at("session");
  std::string out = operator_form(frame, id, session);
  const Value& client = session.at("client");
  const Value& tls = session.at("tls");
  out += "<h2>Session</h2>" + facts({{"When", time_html(session.at("time").string()) + " UTC, for " +
                                                  human_duration(session.at("duration_ms").integer())},
                                     {"Client", "<code>" + escape(client.at("address").string()) + "</code> (" +
                                                    escape(session.at("family").string()) + ")"},
                                     {"HELO", escape(session.at("helo").string())},
                                     {"Known as", escape(session.at("state").at("identity").string())},
                                     {"History of", escape(session.at("state").at("known_by").string())},
                                     {"Login", escape(session.at("login").string())},
                                     {"TLS", tls.is_null() ? "none"
                                                           : escape(std::string(tls.at("version").string()) + " " +
                                                                    std::string(tls.at("cipher").string()) + " " +
                                                                    std::string(tls.at("error").string()))},
                                     {"Did", escape(words(session.at("outline")))},
                                     {"Facts", escape(words(session.at("facts")))},
                                     {"Ended by", escape(std::string(session.at("end").string()) + " " +
                                                         std::string(session.at("refusal").string()))}});
  std::vector<std::vector<std::string>> rows;
  for (const Value& transaction : session.at("transactions").array()) {
    for (const Value& recipient : transaction.at("to").array()) {
      if (rows.size() == kRowsMax) break;
      rows.push_back({"&lt;" + escape(transaction.at("from").string()) + "&gt;", escape(recipient.at("path").string()),
                      std::to_string(recipient.at("code").integer()), escape(recipient.at("reason").string()),
                      std::to_string(transaction.at("code").integer()), escape(transaction.at("reason").string())});
    }
  }
  out += table("Messages",
               {{.title = "from"},
                {.title = "to"},
                {.title = "RCPT", .number = true},
                {.title = "reason"},
                {.title = "DATA", .number = true},
                {.title = "reason"}},
               rows, "The session brought no message.");
  std::size_t number = 0;
  if (!why.at("decisions").array().empty()) out += "<h2>Decisions</h2>";
  for (const Value& decision : why.at("decisions").array()) out += decision_html(decision, ++number);
  if (!why.at("same_policy").boolean() && why.at("judged").boolean())
    out += notice("note",
                  "Another policy judged this session than the one in force: rules and score cannot be explained.");
  std::vector<std::vector<std::string>> deliveries;
  for (const Value& delivery : why.at("deliveries").array()) {
    for (const Value& outcome : delivery.at("outcomes").array())
      deliveries.push_back({time_html(delivery.at("time").string()), escape(outcome.at("path").string()),
                            escape(outcome.at("state").string()), escape(outcome.at("reply").string())});
  }
  if (!deliveries.empty())
    out += table("Deliveries", {{.title = "when"}, {.title = "recipient"}, {.title = "state"}, {.title = "reply"}},
                 deliveries, "");
  return out + "<details><summary>The record as it is</summary><pre tabindex=\"0\">" + escape(session.text()) +
         "</pre></details>\n";
}

Result<std::optional<insight::FoundSession>> find(const std::string& records, const Id& id, WallMs now) {
  auto found = insight::find_session(records, id, now);
  // No folder of records holds no record
  if (!found && found.error().kind == ErrorKind::not_found) return std::optional<insight::FoundSession>();
  return found;
}

}  // namespace

Task<Response> Site::Impl::change_by_why(Visit visit, std::string id) {
  const Parameters fields = visit.request.form();
  const auto field = [&fields](std::string_view name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  };
  const std::string action = field("action");
  Value::Object request;
  if (action == "ham" || action == "spam") {
    request = {{"command", Value(std::string("mark"))}, {"id", Value(id)}, {"mark", Value(action)}};
    if (const std::string note = field("note"); !note.empty()) request.emplace("note", Value(note));
  } else if (action == "allow" || action == "deny") {
    request = {{"command", Value(action)}, {"subject", Value(field("subject"))}, {"note", Value("why " + id)}};
    if (const auto length = parse_duration_ms(field("for")); length) request.emplace("for_ms", Value(*length));
  } else {
    co_return plain(400, "the action is one of ham, spam, allow and deny");
  }
  const auto done = co_await services.control(Value(std::move(request)));
  if (visit.request.wants_json() && done) co_return json_response(done->text());
  if (visit.request.wants_json()) co_return json_error(done.error());
  if (done) co_return redirect(visit.frame.base + "/why/" + id + "?done=" + action);
  co_return html(page(visit.frame, "Why", notice("bad", explain_control(done.error()))), 502);
}

Task<void> Site::Impl::flush_records() {
  const auto now = Clock::now();
  if (now - flushed < kBetweenFlushes) co_return;
  flushed = now;
  static_cast<void>(co_await services.control(command("records.flush")));
}

Task<Response> Site::Impl::why(Visit visit) {
  const bool api = visit.request.path.starts_with("/api/");
  std::string text = visit.request.path.substr(std::string_view(api ? "/api/why" : "/why").size());
  if (text.starts_with('/')) text.erase(0, 1);
  if (text.empty()) {
    std::string asked(trim(visit.request.parameter("id")));
    // As it is copied from a refusal: "[M7YD...; https://...]"
    if (asked.starts_with('[')) asked.erase(0, 1);
    asked = asked.substr(0, asked.find_first_of("]; "));
    if (const auto id = Id::parse(asked); id) co_return redirect(visit.frame.base + "/why/" + id->text());
    std::string body =
        "<p>Every refusal of this server ends with an id in brackets. Type it here to read what was "
        "refused and what can be done.</p>";
    if (!asked.empty())
      body += notice("bad", "\"" + printable(asked, 40) + "\" is no id; it has 16 letters and digits.");
    co_return html(page(visit.frame, "Why was my mail refused?", body + search_form(visit.frame, asked)));
  }
  const auto id = Id::parse(text);
  if (!id && api) co_return json_error(400, "an id has 16 letters and digits");
  if (!id)
    co_return html(page(visit.frame, "Why was my mail refused?",
                        notice("bad", "That is no id; it has 16 letters and digits.") + search_form(visit.frame, "")),
                   404);
  if (visit.request.method == Method::post) {
    if (!visit.is_operator) co_return refuse(visit);
    co_return co_await change_by_why(std::move(visit), id->text());
  }
  if (!visit.is_operator && !spend(visit.request, kVisitorCost)) co_return too_often(kVisitorCost);
  co_await flush_records();
  if (visit.is_operator && services.explain) {
    std::move_only_function<Result<std::string>()> work = [explain = services.explain, name = id->text()] {
      return explain(name);
    };
    const auto explained = co_await services.pool.run<Result<std::string>>(std::move(work));
    if (api && explained) co_return json_response(*explained);
    if (api) co_return json_error(explained.error());
    const auto value = explained ? json::parse(*explained) : Result<Value>(std::unexpected(explained.error()));
    if (value) {
      std::string body;
      if (const auto done = visit.request.parameter("done"); !done.empty() && done.size() < 10)
        body += notice("good", "Done: " + std::string(done) + ".");
      body += operator_body(visit.frame, *value, id->text());
      co_return html(page(visit.frame, "Session " + id->text(), body));
    }
    co_return html(page(visit.frame, "Why", notice("bad", value.error().what) + search_form(visit.frame, id->text())),
                   404);
  }
  // The walk over the records alone: whoever waits for the mail server keeps nobody from reading
  const bool entered = co_await visitors_read.enter(services.loop, Deadline::after(kTurnMax));
  if (!entered) {
    Response out = html(
        page(visit.frame, "Why was my mail refused?",
             notice("note", "Many refusals are being looked up. This page looks again by itself."), {}, kLookAgainS),
        503);
    out.fields.emplace_back("Retry-After", std::to_string(kLookAgainS));
    co_return out;
  }
  std::optional<Turn> turn(visitors_read);
  std::move_only_function<Result<std::optional<insight::FoundSession>>()> work =
      [records = options->records, id = *id, now = services.now()] { return find(records, id, now); };
  const auto found = co_await services.pool.run<Result<std::optional<insight::FoundSession>>>(std::move(work));
  turn.reset();
  if (!found || !*found || !is_for_visitors((*found)->session, id->text())) {
    const std::string body =
        notice("bad", found ? "There is no record with this id. Records are kept for some weeks; a session is recorded "
                              "when it ends."
                            : "The records cannot be read at the moment.") +
        search_form(visit.frame, id->text()) + postmaster_line(visit.frame, id->text());
    co_return html(page(visit.frame, "Why was my mail refused?", body), found ? 404 : 503);
  }
  co_return html(
      page(visit.frame, "Why was my mail refused?", public_body(visit.frame, (*found)->session, id->text())));
}

}  // namespace postern::web

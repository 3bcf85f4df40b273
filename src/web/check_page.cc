// The check page: a domain is typed, the checks run and are watched (events, or a page that looks again by itself), and
// the report has an address of its own.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "check/catalogue.h"
#include "check/remedies.h"
#include "web/site_impl.h"
#include "web/url.h"

namespace postern::web {

namespace {

using check::Category;
using check::Finding;
using check::Outcome;

constexpr int kRefreshS = 2;
constexpr std::size_t kRemediesMax = 12;
// Requests, beside that of the page. Each look at the deeper tests asks DNS for the proof. A page without JavaScript
// looks again every kRefreshS seconds for as long as they run, some minutes: what one look costs has to be forgotten
// until the next, so that only the beginning of a check is ever paid for.
constexpr double kDeepCost = 1;

std::string ask_form(const Frame& frame, std::string_view domain) {
  return "<form method=\"get\" action=\"" + frame.base +
         "/check\" class=\"inline\"><label for=\"domain\">Domain</label><input id=\"domain\" name=\"domain\" "
         "inputmode=\"url\" autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\" maxlength=\"253\" "
         "placeholder=\"example.org\" required value=\"" +
         escape(domain) + "\"><button>Check</button></form>\n";
}

std::string finding_html(const Finding& finding) {
  const check::Check* const about = check::find_check(finding.id);
  std::string out = "<li class=\"finding f-" + std::string(to_string(finding.outcome)) + "\"><div class=\"head\">" +
                    badge(to_string(finding.outcome)) + " <b>" + escape(about != nullptr ? about->title : finding.id) +
                    "</b> <span class=\"dim\">" + escape(finding.subject) + "</span></div>";
  if (!finding.evidence.empty()) out += "<p class=\"evidence\">" + escape(finding.evidence) + "</p>";
  if (!finding.fix.empty()) out += "<p class=\"fix\">" + escape(finding.fix) + "</p>";
  if (!finding.record.empty()) out += "<pre tabindex=\"0\">" + escape(finding.record) + "</pre>";
  if (about != nullptr)
    out += "<details><summary>The rule</summary><p>" + escape(about->rule) + " <span class=\"dim\">(" +
           escape(about->reference) + "; <code>" + escape(about->id) + "</code>)</span></p></details>";
  return out + "</li>\n";
}

int rank(Outcome outcome) {
  switch (outcome) {
    case Outcome::fail:
      return 0;
    case Outcome::warn:
      return 1;
    case Outcome::info:
      return 2;
    case Outcome::not_tested:
      return 3;
    case Outcome::pass:
      break;
  }
  return 4;
}

std::string calendar_html(const check::Report& report) {
  if (report.calendar.empty()) return {};
  std::string out =
      "<h2>What ends when</h2><table><thead><tr><th scope=\"col\">Day</th><th scope=\"col\">What</th>"
      "<th scope=\"col\">Whose</th></tr></thead><tbody>";
  for (const check::Ending& one : report.calendar) {
    const std::string day = iso8601(one.when).substr(0, 10);
    out += "<tr><td><time datetime=\"" + day + "\">" + day + "</time>" +
           (one.when < report.started ? " " + badge("over") : "") + "</td><td>" + escape(check::title(one.what)) +
           "</td><td>" + escape(one.subject) + "</td></tr>";
  }
  return out + "</tbody></table>\n";
}

// What to mend first, each remedy once; the categories below have everything.
std::string remedies_html(const check::Report& report) {
  const auto all = check::remedies(report);
  if (all.empty()) return {};
  std::string out = "<h2>What to mend first</h2><ol class=\"findings\">";
  for (std::size_t i = 0; i < std::min(all.size(), kRemediesMax); ++i) {
    const Finding& first = *all[i].findings.front();
    const check::RemedyWords words = check::words(all[i]);
    out += "<li class=\"finding f-" + std::string(to_string(all[i].outcome)) + "\"><div class=\"head\">" +
           badge(to_string(all[i].outcome)) + " <b>" + escape(words.titles) + "</b> <span class=\"dim\">" +
           escape(words.subjects) + "</span></div><p class=\"evidence\">" + escape(words.evidence) +
           "</p><p class=\"fix\">" + escape(first.fix) + "</p>";
    if (!first.record.empty()) out += "<pre tabindex=\"0\">" + escape(first.record) + "</pre>";
    out += "</li>\n";
  }
  out += "</ol>";
  if (all.size() > kRemediesMax)
    out += "<p class=\"dim\">And " + std::to_string(all.size() - kRemediesMax) + " more below.</p>";
  return out + "<h2>Everything</h2>\n";
}

std::string report_html(const check::Report& report) {
  std::array<std::size_t, 5> counts{};
  for (const Finding& finding : report.findings) ++counts.at(static_cast<std::size_t>(rank(finding.outcome)));
  std::string out = "<dl class=\"tiles\">";
  constexpr std::array<Outcome, 5> kOrder{Outcome::fail, Outcome::warn, Outcome::info, Outcome::not_tested,
                                          Outcome::pass};
  for (std::size_t i = 0; i < kOrder.size(); ++i)
    out += "<div class=\"tile\"><dt>" + badge(to_string(kOrder.at(i))) + "</dt><dd><b>" + std::to_string(counts.at(i)) +
           "</b></dd></div>";
  out += "</dl>\n";
  if (!report.complete)
    out += notice("note", check::nothing_known(report)
                              ? "Nothing could be found out: DNS did not answer here. This says nothing of the domain."
                              : "The check was broken off; these are the findings until then.");
  out += remedies_html(report);
  // By category, the worst first within each; what passes is folded away
  for (std::size_t c = 0; c < check::kCategories; ++c) {
    const auto category = static_cast<Category>(c);
    std::vector<const Finding*> own;
    for (const Finding& finding : report.findings) {
      const check::Check* const about = check::find_check(finding.id);
      if (about != nullptr && about->category == category) own.push_back(&finding);
    }
    if (own.empty()) continue;
    // Within a rank in the order of the report, whose findings lie in one array
    std::ranges::sort(own, {}, [](const Finding* finding) { return std::pair(rank(finding->outcome), finding); });
    out += std::string("<details class=\"category\"><summary><h2>") + escape(check::title(category)) + "</h2> " +
           badge(to_string(worst(report, category))) + "</summary><ul class=\"findings\">";
    const auto passed = std::ranges::find(own, Outcome::pass, &Finding::outcome);
    for (auto at = own.begin(); at != passed; ++at) out += finding_html(**at);
    out += "</ul>";
    if (passed != own.end()) {
      out += "<details class=\"passed\"><summary>" + std::to_string(own.end() - passed) +
             " passed</summary><ul class=\"findings\">";
      for (auto at = passed; at != own.end(); ++at) out += finding_html(**at);
      out += "</ul></details>";
    }
    out += "</details>\n";
  }
  return out + calendar_html(report);
}

std::string progress_html(const CheckRun& run, const CheckKey& key) {
  std::string out = "<section id=\"run\" data-events=\"" + escape(key.path()) + "/events\">";
  out +=
      "<p><progress id=\"progress\" aria-label=\"Steps of the check\" max=\"" +
      std::to_string(std::max<std::size_t>(run.total, 1)) + "\" value=\"" + std::to_string(run.done) +
      "\"></progress> <span id=\"step\" role=\"status\" aria-live=\"polite\">" +
      (run.state == CheckRun::State::waiting ? "waiting for its turn" : escape(run.step.empty() ? "begun" : run.step)) +
      "</span></p><ul class=\"findings\" id=\"findings\">";
  for (const Finding& finding : run.findings) out += finding_html(finding);
  return out + "</ul></section>\n";
}

}  // namespace

// Below a report: how to get the deeper tests.
std::string Site::Impl::deeper_html(const Visit& visit, const std::string& domain) const {
  if (!visit.is_operator && !services.proofs.record) return {};
  const std::string here = visit.frame.base + "/check/" + domain + "/deep";
  return "<h2>Deeper tests</h2><p>Versions and ciphers one by one, recipients that must and must not be taken, an open "
         "relay: they take many connections, and only a domain's owner may ask for them.</p><p><a href=\"" +
         here + "\">" +
         (visit.is_operator ? "Run the deeper tests" : "Show that the domain is yours, and run the deeper tests") +
         "</a></p>\n";
}

// What to publish for the page with that ticket.
std::string Site::Impl::proof_html(const Visit& visit, const CheckKey& key) const {
  const auto record = services.proofs.record(key.domain, key.ticket, services.now());
  if (!record) return notice("bad", record.error().what);
  const std::string here = visit.frame.base + "/check/" + key.path();
  return "<p>Publish this record, then <a href=\"" + here +
         "\">look again</a>. It counts for a week, and for this page alone: keep its address, and give it only to who "
         "may see what is found.</p><pre tabindex=\"0\">" +
         escape(record->name.text() + ". 300 IN TXT \"" + record->text + "\"") +
         "</pre><p class=\"dim\">A new record is seen here as soon as the resolver behind this server sees it. One "
         "that "
         "has asked before it was there remembers that for as long as the SOA record of the zone says, often an "
         "hour.</p>\n";
}

// Nothing where the deeper tests may be run; else what the visitor reads.
Task<std::optional<Response>> Site::Impl::refuse_deep(const Visit& visit, CheckKey key) {
  if (visit.is_operator) co_return std::nullopt;
  const bool api = visit.request.path.starts_with("/api/");
  std::string why = "The deeper tests are the operator's here.";
  int status = 403;
  if (services.proofs.verify) {
    if (key.ticket.empty()) {
      if (api)
        co_return json_error(403, "the deeper tests are for the domain's owner: open /check/" + key.domain + "/deep");
      // A page of his own, whose address nobody guesses
      co_return redirect(visit.frame.base + "/check/" + key.domain + "/deep/" + check::make_ticket());
    }
    const check::ProofAnswer answer = co_await services.proofs.verify(key.domain, key.ticket, services.now());
    if (answer.state == check::Proof::proved) co_return std::nullopt;
    if (answer.state == check::Proof::unknown) status = 503;
    why = answer.state == check::Proof::missing
              ? "The record that proves your control of " + key.domain + " is not there yet."
              : "Whether the record is there could not be found out.";
    if (!answer.why.empty()) why += " DNS says: " + answer.why;
  }
  if (api) co_return json_error(status, why);
  std::string body = notice("bad", why);
  if (services.proofs.record && !key.ticket.empty()) body += proof_html(visit, key);
  co_return html(page(visit.frame, "Deeper tests of " + key.domain, body), status);
}

Task<Response> Site::Impl::check(Visit visit) {
  const bool api = visit.request.path.starts_with("/api/");
  std::string domain = visit.request.path.substr(std::string_view(api ? "/api/check" : "/check").size());
  if (domain.starts_with('/')) domain.erase(0, 1);
  constexpr std::string_view kEvents = "/events";
  const bool events = api && std::string_view(domain).ends_with(kEvents);
  if (events) domain.resize(domain.size() - kEvents.size());
  CheckKey key;
  constexpr std::string_view kDeep = "/deep";
  if (const std::size_t slash = domain.find('/'); slash != std::string::npos) {
    std::string_view rest = std::string_view(domain).substr(slash);
    if (rest.starts_with(kDeep)) {
      rest.remove_prefix(kDeep.size());
      key.depth = visit.is_operator && rest.empty() ? Depth::deep : Depth::own_hosts;
      if (rest.starts_with('/') && check::is_ticket(rest.substr(1))) {
        key.ticket = rest.substr(1);
        rest = {};
      }
      if (rest.empty()) domain.resize(slash);
    }
  }
  const bool deep = key.depth != Depth::polite;
  const std::string title = "Check a domain";
  constexpr std::string_view kAbout =
      "<p>Everything that can be said from here about a domain's mail set-up: DNS, DNSSEC, MX, both address families, "
      "TLS, DANE, MTA-STS, SPF, DKIM, DMARC. One polite connection is made to each of its mail servers' addresses.</p>";
  if (domain.empty()) {
    const std::string asked(trim(visit.request.parameter("domain")));
    if (api && asked.empty()) co_return json_error(400, "name the domain: /api/check/example.org");
    if (asked.empty()) co_return html(page(visit.frame, title, std::string(kAbout) + ask_form(visit.frame, "")));
    const auto name = CheckRuns::canonical(asked);
    if (!name)
      co_return html(page(visit.frame, title, notice("bad", name.error().what) + ask_form(visit.frame, asked)), 400);
    co_return redirect(visit.frame.base + "/check/" + *name);
  }
  const WallMs now = services.now();
  const auto name = CheckRuns::canonical(domain);
  if (name) key.domain = *name;
  const Asker asker{.is_operator = visit.is_operator, .client = visit.request.client};
  // Before the report is looked for: what the deeper tests found is for who may ask for them
  if (name && deep) {
    const double cost = visit.is_operator ? 0 : kDeepCost;
    if (cost > 0 && !spend(visit.request, cost)) co_return too_often(cost);
    if (auto refused = co_await refuse_deep(visit, key)) co_return std::move(*refused);
  }
  auto run = name ? checks.find(key, now) : nullptr;
  if (name && run == nullptr && events) co_return json_error(404, "that domain is not being checked");
  if (run == nullptr) {
    // A page of another site must not make this server connect anywhere
    const std::string_view site = visit.request.field("sec-fetch-site");
    if (!site.empty() && site != "none" && site != "same-origin") {
      if (api) co_return json_error(403, "this request comes from a page of another site");
      std::string body(kAbout);
      if (name)
        body += notice("note", "There is no report of " + *name +
                                   " now: one is kept for ten minutes. Check the domain to see a new one.");
      co_return html(page(visit.frame, title, body + ask_form(visit.frame, name ? *name : "")));
    }
    // A new check costs as much as many pages
    const double cost = visit.is_operator ? 0 : static_cast<double>(options->burst) / 6;
    if (name && cost > 0 && !spend(visit.request, cost)) co_return too_often(cost);
    using Asked = Result<std::shared_ptr<const CheckRun>>;
    const Asked asked = name ? checks.ask(key, asker, now) : Asked(std::unexpected(name.error()));
    if (!asked && api) co_return json_error(asked.error());
    if (!asked)
      co_return html(page(visit.frame, title, notice("bad", asked.error().what) + ask_form(visit.frame, domain)),
                     asked.error().kind == ErrorKind::limit ? 503 : 400);
    run = *asked;
  } else if (visit.is_operator && run->state == CheckRun::State::waiting) {
    static_cast<void>(checks.ask(key, asker, now));
  }
  if (events) {
    // Visitors leave half of the streams to the operator, whose dashboard lives on them
    const bool crowded = listeners.size() + checks.watched() >= kStreamsMax;
    if (crowded || (!visit.is_operator && checks.watched() >= kStreamsMax / 2))
      co_return json_error(503, "too many live streams are open");
    Response out;
    out.type = "text/event-stream";
    out.events = checks.watch(run, asker);
    if (out.events == nullptr) co_return json_error(503, "your network watches as many checks as it may");
    co_return out;
  }
  const bool over = run->state == CheckRun::State::done || run->state == CheckRun::State::failed;
  if (api) {
    std::string out;
    json::Writer writer(out);
    if (run->state == CheckRun::State::done) {
      append_json(run->report, writer);
    } else {
      writer.begin_object()
          .field("domain", run->domain)
          .field("state", run->state == CheckRun::State::failed ? "failed" : "running");
      if (!run->problem.empty()) writer.field("error", run->problem);
      writer.field("done", run->done).field("total", run->total).field("step", run->step).end_object();
    }
    co_return json_response(std::move(out), over ? 200 : 202);
  }
  std::string body = ask_form(visit.frame, run->domain);
  if (!over) {
    // With a script the events renew the page, else it looks again by itself
    body += "<noscript><p class=\"dim\">This page looks again by itself.</p></noscript>" + progress_html(*run, key);
    const int forgotten_s = visit.is_operator ? 0 : rates.wait_s(kPublicCost + (deep ? kDeepCost : 0));
    co_return html(page(visit.frame, "Checking " + run->domain, body, "check.js", std::max(kRefreshS, forgotten_s)));
  }
  if (run->state == CheckRun::State::failed) {
    body += notice("bad", run->problem);
    co_return html(page(visit.frame, "Check of " + run->domain, body));
  }
  const std::string shown = run->report.unicode.empty() ? run->domain : run->report.unicode;
  body += "<p class=\"dim\">Checked at " + time_html(run->ended) +
          " UTC; kept for ten minutes. The address of this page can be shared.</p>" + report_html(run->report);
  if (!deep) body += deeper_html(visit, run->domain);
  co_return html(page(visit.frame, "Check of " + shown, body));
}

}  // namespace postern::web

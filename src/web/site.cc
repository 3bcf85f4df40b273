#include "web/site.h"

#include <algorithm>

#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "control/control.h"
#include "crypto/hmac.h"
#include "web/assets.h"
#include "web/password.h"
#include "web/site_impl.h"
#include "web/url.h"

namespace postern::web {

namespace {

constexpr std::size_t kGoodCredentialsMax = 16;
constexpr seconds kCredentialsKept{300};
constexpr WallMs kFollowMs = 1000;
constexpr double kLoginCost = 5;  // requests; a wrong password costs as much as a page with all its parts
constexpr std::size_t kPasswordsWaiting = 16;
constexpr seconds kBetweenLogins{1};  // lines of the log
// Wrong passwords of a network: who guesses has many of them
constexpr Rates::Limit kWrongPasswords{.burst = 12, .per_minute = 12, .wider = 1, .widest = 2};

Response asset(const Request& request, std::string_view name) {
  const Asset* const found = find_asset(name);
  if (found == nullptr) return plain(404, "there is no such file");
  Response out;
  out.type = std::string(found->type);
  out.fields.emplace_back("ETag", std::string(found->etag));
  // The address changes with the content
  const bool versioned = !request.parameter("v").empty();
  out.fields.emplace_back("Cache-Control", versioned ? "public, max-age=31536000, immutable" : "public, max-age=300");
  out.fields.emplace_back("Vary", "Accept-Encoding");
  if (matches_etag(request.field("if-none-match"), found->etag)) {
    out.status = 304;
    return out;
  }
  const bool packed = request.accepts_gzip() && !found->gzip.empty();
  if (packed) out.fields.emplace_back("Content-Encoding", "gzip");
  out.constant = packed ? found->gzip : found->identity;
  return out;
}

}  // namespace

Response html(std::string text, int status) {
  Response out;
  out.status = status;
  out.body = std::move(text);
  return out;
}

std::string explain_control(const Error& error) {
  if (control::nobody_serves(error)) return "The mail server does not run, or its control socket is out of reach.";
  return "The mail server says: " + error.what;
}

Response with_age(Response out, const Found& found, WallMs now) {
  out.fields.emplace_back("Age", std::to_string(std::max<WallMs>(now - found.at, 0) / 1000));
  return out;
}

Response json_error(int status, std::string_view what) {
  std::string out;
  json::Writer(out).begin_object().field("error", what).end_object();
  return json_response(std::move(out), status);
}

Response json_error(const Error& error) {
  int status = 502;
  if (control::nobody_serves(error) || error.kind == ErrorKind::limit || error.kind == ErrorKind::timeout)
    status = 503;
  else if (error.kind == ErrorKind::not_found)
    status = 404;
  else if (error.kind == ErrorKind::invalid)
    status = 400;
  return json_error(status, error.what);
}

Site::Impl::Impl(std::shared_ptr<const Options> o, Services s)
    : options(std::move(o)),
      services(std::move(s)),
      rates({.burst = static_cast<double>(options->burst),
             .per_minute = static_cast<double>(options->requests_per_minute)}),
      wrong_passwords(kWrongPasswords),
      checks(services.loop, services.checker, options->checks_at_once),
      scope(services.loop),
      tick(services.loop),
      credentials_key(crypto::random_octets(32)) {}

Site::Site(std::shared_ptr<const Options> options, Services services)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(services))) {}
Site::~Site() = default;

namespace {

bool is_api(const Request& request, const Options& options) {
  std::string_view path = request.path;
  const std::string_view base = base_path(options);
  if (!base.empty() && path.starts_with(base)) path.remove_prefix(base.size());
  return path.starts_with("/api/");
}

// What is said in a line of text is said in JSON below /api.
Response as_json(Response out) {
  if (out.status < 400 || out.type == "application/json") return out;
  Response made = json_error(out.status, trim(out.octets()));
  made.fields = std::move(out.fields);
  return made;
}

}  // namespace

Task<Response> Site::answer(Request request) { return impl_->answer(std::move(request)); }

Response Site::too_many(const Request& request, int wait_s) {
  Response out = plain(429, "too many requests from your network; wait a moment");
  out.fields.emplace_back("Retry-After", std::to_string(wait_s));
  return is_api(request, *impl_->options) ? as_json(std::move(out)) : std::move(out);
}

int Site::must_wait(const Request& request) {
  return impl_->spend(request, kPublicCost) ? 0 : impl_->rates.wait_s(kPublicCost);
}

bool Site::Impl::spend(const Request& request, double cost) {
  if (is_of_this_machine(request, *options)) return true;
  return rates.take(client_of(request, *options), services.clock(), cost);
}

Response Site::Impl::too_often(double cost) const {
  Response out = plain(429, "your network has asked for much; wait a moment");
  out.fields.emplace_back("Retry-After", std::to_string(rates.wait_s(cost)));
  return out;
}

void Site::stop() {
  impl_->stopping = true;
  impl_->tick.notify();
  impl_->checks.stop();
  for (Impl::Listener* const listener : impl_->listeners) listener->signal.notify();
}

// The history changes on the pool, one step at a time; the loop sees whole copies.
Task<void> Site::follow() {
  Impl& own = *impl_;
  auto follower = std::make_shared<Follower>(own.options->records);
  auto history = std::make_shared<History>();
  bool older_read = false;
  while (!own.stopping) {
    std::move_only_function<bool()> work = [follower, history, &own, older = !older_read] {
      bool any = follower->follow(*history);
      if (older) {
        follower->read_older(*history, own.services.now() - length_of(Range::month), own.stopping);
        any = true;
      }
      return any;
    };
    // What was written just now is seen at once, what is older when it has been read
    if (!older_read) {
      std::move_only_function<bool()> first = [follower, history] { return follower->follow(*history); };
      co_await own.services.pool.run<bool>(std::move(first));
      own.history = std::make_shared<const History>(*history);
    }
    const bool any = co_await own.services.pool.run<bool>(std::move(work));
    older_read = true;
    own.history_whole = true;
    if (any) {
      own.history = std::make_shared<const History>(*history);
      ++own.records_version;
      own.tell_changed();
    }
    if (own.stopping) break;
    static_cast<void>(co_await own.tick.wait(Deadline::after(milliseconds(kFollowMs))));
  }
  co_await own.scope.join();
}

std::string Site::Impl::hash_of(const Credentials& credentials) const {
  return std::string(
      crypto::view_of(crypto::hmac_sha256(credentials_key, credentials.user + '\0' + credentials.secret)));
}

bool Site::Impl::remembers(const Credentials& credentials) {
  std::erase_if(good_credentials, [now = Clock::now()](const auto& entry) { return entry.second < now; });
  return credentials.kind == Credentials::Kind::basic && good_credentials.contains(hash_of(credentials));
}

Task<bool> Site::Impl::knows(Credentials credentials) {
  if (credentials.kind == Credentials::Kind::bearer)
    co_return !options->token.empty() && token_matches(options->token, credentials.secret);
  if (credentials.kind != Credentials::Kind::basic || options->user.empty()) co_return false;
  if (remembers(credentials)) co_return true;
  const std::string hash = hash_of(credentials);
  const bool same_user = equal_constant_time(credentials.user, options->user);
  std::move_only_function<bool()> work = [verifier = options->password, secret = credentials.secret] {
    return password_matches(verifier, secret);
  };
  const bool good = co_await passwords.run<bool>(std::move(work)) && same_user;
  if (good && good_credentials.size() < kGoodCredentialsMax)
    good_credentials.emplace(hash, Clock::now() + kCredentialsKept);
  co_return good;
}

void Site::Impl::tell_login_failed(const ip::Address& client) {
  const auto now = Clock::now();
  if (now - told_login_failed < kBetweenLogins) {
    ++login_failed_untold;
    return;
  }
  told_login_failed = now;
  log::warning("web_login_failed",
               {{"client", client.text()}, {"before", std::to_string(std::exchange(login_failed_untold, 0))}});
}

Task<std::optional<Response>> Site::Impl::log_in(Visit& visit, Credentials credentials) {
  const bool basic = credentials.kind == Credentials::Kind::basic;
  if (!remembers(credentials)) {
    const bool own = is_of_this_machine(visit.request, *options);
    const auto pay = [&] {
      return spend(visit.request, kLoginCost) &&
             (own || wrong_passwords.take(visit.request.client, services.clock(), 1));
    };
    // Paid beforehand: a password is expensive to look at. A token is not, and nobody guesses one.
    if (basic && !pay()) co_return too_often(kLoginCost);
    if (basic && !own && passwords_waiting >= kPasswordsWaiting) {
      Response out = plain(503, "too many passwords are being looked at; try again in a moment");
      out.fields.emplace_back("Retry-After", "1");
      co_return out;
    }
    {
      const Counted waiting(passwords_waiting);
      visit.is_operator = co_await knows(std::move(credentials));
    }
    // It was no wrong one
    if (basic && !own && visit.is_operator) wrong_passwords.give_back(visit.request.client, services.clock(), 1);
    if (!basic && !visit.is_operator && !pay()) co_return too_often(kLoginCost);
  } else {
    visit.is_operator = true;
  }
  visit.wrong_password = !visit.is_operator;
  if (visit.wrong_password) tell_login_failed(visit.request.client);
  co_return std::nullopt;
}

Response Site::Impl::refuse(const Visit& visit) const {
  const bool api = visit.request.path.starts_with("/api/");
  const auto shown = [&](std::string_view kind, std::string_view text, std::string_view title, int status) {
    return api ? json_error(status, text) : html(page(visit.frame, title, notice(kind, text)), status);
  };
  if (visit.entry == Entry::ask) {
    Response out = shown(
        visit.wrong_password ? "bad" : "note",
        visit.wrong_password ? "User name and password, or the token, are wrong." : "This page is the operator's.",
        "Log in", 401);
    if (!options->user.empty())
      out.fields.emplace_back("WWW-Authenticate", "Basic realm=\"Postern\", charset=\"UTF-8\"");
    else
      out.fields.emplace_back("WWW-Authenticate", "Bearer realm=\"Postern\"");
    return out;
  }
  std::string_view why =
      "This page is the operator's, and is shown over loopback alone while [web] has no user and password.";
  if (visit.entry == Entry::foreign_host)
    why =
        "The address names another host than this machine (DNS rebinding?). Open the page as localhost, 127.0.0.1 or "
        "[::1].";
  if (visit.entry == Entry::proxied)
    why =
        "This request came through a proxy, which brings strangers here: set user and password in [web] (postern web "
        "password).";
  if (visit.entry == Entry::other_user)
    why =
        "Over loopback this page is shown to root and to the user that the server runs as. For other users of this "
        "machine, set user and password in [web] (postern web password).";
  return shown("bad", why, "Not shown here", 403);
}

Task<Response> Site::Impl::answer(Request request) {
  const bool api = is_api(request, *options);
  Response out = co_await answer_visit(std::move(request));
  co_return api ? as_json(std::move(out)) : std::move(out);
}

Task<Response> Site::Impl::answer_visit(Request request) {
  // RFC 8461 3.3: by the host, beside everything else
  if (request.path == mtasts::kPath) co_return sts_policy(request);
  const std::string_view base = base_path(*options);
  if (!base.empty() && request.path.starts_with(base)) request.path.erase(0, base.size());
  if (request.path.empty() && !base.empty()) request.path = "/";
  if (request.method == Method::other) {
    Response out = plain(405, "GET, HEAD and POST are understood here");
    out.fields.emplace_back("Allow", "GET, HEAD, POST");
    co_return out;
  }
  if (!request.path.starts_with('/')) co_return plain(400, "the path of the request cannot be read");
  request.client = client_of(request, *options);
  constexpr std::string_view kAssets = "/assets/";
  if (request.path.starts_with(kAssets))
    co_return asset(request, std::string_view(request.path).substr(kAssets.size()));
  if (request.path == "/robots.txt") co_return plain(200, "User-agent: *\nDisallow: /");
  if (request.method == Method::post && !is_same_site(request, *options))
    co_return plain(403, "this request comes from a page of another site; open the page here and try again");

  Visit visit;
  visit.entry = entry_of(request, *options);
  visit.is_operator = visit.entry == Entry::operator_;
  visit.frame = {.base = std::string(base),
                 .here = request.path,
                 .is_operator = visit.is_operator,
                 .why = options->why,
                 .check = options->check,
                 .log_in = options->authenticates(),
                 .hostname = options->hostname,
                 .postmaster = options->postmaster};
  visit.request = std::move(request);
  Credentials credentials;
  if (visit.entry == Entry::ask) credentials = credentials_of(visit.request);
  if (credentials.kind != Credentials::Kind::none) {
    if (auto instead = co_await log_in(visit, std::move(credentials))) co_return std::move(*instead);
    visit.frame.is_operator = visit.is_operator;
  }
  co_return co_await route(std::move(visit));
}

Task<Response> Site::Impl::route(Visit visit) {
  const std::string& path = visit.request.path;
  const auto within = [&path](std::string_view folder) {
    return path == folder || (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
  };
  // Where a visitor of a public page shows that he is the operator; browsers send the password to all pages then
  if (path == "/login") {
    if (!visit.is_operator) co_return refuse(visit);
    const std::string_view to = visit.request.parameter("to");
    const bool ours = to.starts_with('/') && !to.starts_with("//") && to.find_first_of("\\\r\n") == std::string::npos;
    co_return redirect(visit.frame.base + (ours ? std::string(to) : "/"));
  }
  if (within("/why") && (visit.is_operator || options->why)) co_return co_await why(std::move(visit));
  if ((within("/check") || within("/api/check")) && (visit.is_operator || options->check))
    co_return co_await check(std::move(visit));
  if (!visit.is_operator && path == "/" && !visit.wrong_password && (options->why || options->check) &&
      visit.entry != Entry::foreign_host) {
    // A stranger's front page; the operator's is behind /dashboard
    std::string body = "<p>This is the mail server <b>" + escape(options->hostname) + "</b>.</p><ul class=\"front\">";
    if (options->why)
      body += "<li>" + link(visit.frame, "/why", "Why was my mail refused?") + " Type the id from the refusal.</li>";
    if (options->check)
      body +=
          "<li>" + link(visit.frame, "/check", "Check a domain") + " Is its mail set-up sane, over both families?</li>";
    if (visit.frame.log_in) body += "<li>" + link(visit.frame, "/dashboard", "Operator") + "</li>";
    body += "</ul>";
    co_return html(page(visit.frame, "Welcome", body));
  }
  if (!visit.is_operator) co_return refuse(visit);
  co_return co_await route_operator(std::move(visit));
}

Task<Response> Site::Impl::route_operator(Visit visit) {
  const std::string& path = visit.request.path;
  if (path == "/" || path == "/dashboard" || path == kStatisticsPath || path == kOverviewPath)
    co_return co_await dashboard(std::move(visit));
  if (path == "/queue") co_return co_await queue(std::move(visit));
  if (path == "/memory") co_return co_await memory(std::move(visit));
  if (path == "/signals") co_return co_await signals(std::move(visit));
  if (path == "/backtest") co_return co_await backtest(std::move(visit));
  if (path == "/metrics") co_return co_await metrics();
  if (path.starts_with("/api/")) co_return co_await route_api(std::move(visit));
  co_return html(page(visit.frame, "Not found", notice("bad", "There is no such page.")), 404);
}

Task<Response> Site::Impl::route_api(Visit visit) {
  const std::string& path = visit.request.path;
  const std::string_view asked = visit.request.parameter("range");
  const Range range = parse_range(asked);
  if (!asked.empty() && asked != to_string(range))
    co_return json_error(400, "the range is one of hour, day, week and month");
  if (path == "/api/overview") co_return co_await overview(std::move(visit));
  if (path == "/api/live") co_return live(visit);
  if (path == "/api/history") {
    std::string out;
    json::Writer writer(out);
    append_json(history->series(range, services.now()), range, writer);
    co_return json_response(std::move(out));
  }
  if (path == "/api/statistics") {
    const Found found = co_await statistics(range, Patience::program);
    if (found.value == nullptr)
      co_return json_error(503,
                           found.problem.empty() ? "they are being computed; ask again in a moment" : found.problem);
    co_return with_age(json_response(found.value->text()), found, services.now());
  }
  if (path == "/api/queue") co_return co_await queue(std::move(visit));
  if (path == "/api/memory") co_return co_await memory(std::move(visit));
  if (path == "/api/signals") co_return co_await signals(std::move(visit));
  if (path == "/api/backtest") co_return co_await backtest(std::move(visit));
  if (path.starts_with("/api/why/")) co_return co_await why(std::move(visit));
  co_return json_error(404, "there is no such resource; docs/web.md lists them");
}

Response Site::Impl::sts_policy(const Request& request) const {
  constexpr std::string_view kHost = "mta-sts.";
  const std::string host = request.host();
  if (request.method != Method::get && request.method != Method::head) return plain(405, "GET it");
  if (std::string_view(host).starts_with(kHost)) {
    const std::string_view domain = std::string_view(host).substr(kHost.size());
    for (const StsPolicy& own : options->sts) {
      if (own.domain != domain) continue;
      Response out;
      // RFC 8461 3.2
      out.type = "text/plain";
      out.body = mtasts::policy_text(own.policy);
      out.fields.emplace_back("Cache-Control", "max-age=300");
      return out;
    }
  }
  return plain(404, "there is no MTA-STS policy for that host");
}

}  // namespace postern::web

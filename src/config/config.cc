#include "config/config.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <tuple>

#include "base/text.h"
#include "base/unique_fd.h"
#include "config/keys.h"
#include "config/reader.h"
#include "smtp/address.h"

namespace postern::config {

namespace {

std::string current_directory() {
  std::array<char, 4096> buffer;
  const char* const path = ::getcwd(buffer.data(), buffer.size());
  return path == nullptr ? std::string() : std::string(path);
}

std::string folder_of(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  std::string folder = slash == std::string::npos ? std::string() : file.substr(0, slash);
  if (file.starts_with('/')) return folder;  // "" for a file in /
  return folder.empty() ? current_directory() : current_directory() + "/" + folder;
}

void read_number(Reader& reader, const Key& key, const Node& node) {
  const auto value = reader.number(node, {.unit = key.unit, .min = key.min, .max = key.max, .zero = key.zero});
  if (value) key.set(reader.config, *value);
}

// "rule" of "policy.rule", where `section` is "policy"; all of it where it is "".
std::optional<std::string_view> child_of(std::string_view section, const Section& known) {
  std::string_view name = known.name;
  if (name.empty()) return std::nullopt;
  if (!section.empty()) {
    if (!name.starts_with(section) || name.size() <= section.size() || name[section.size()] != '.') return std::nullopt;
    name.remove_prefix(section.size() + 1);
  }
  if (name.find('.') != std::string_view::npos) return std::nullopt;
  return name;
}

bool is_child(std::string_view section, std::string_view name) {
  return std::ranges::any_of(sections(), [&](const Section& known) { return child_of(section, known) == name; });
}

std::string header_of(const Section& section) {
  return section.repeated ? "[[" + std::string(section.name) + "]]" : "[" + std::string(section.name) + "]";
}

// What the operator may have meant by a key that is not there: a neighbour, the same key of another section, or a key
// of the top that slid below a section header.
std::string unknown_key_remedy(std::string_view section, const std::string& name) {
  std::vector<std::string> here;
  for (const Key* key : keys_of(section)) here.emplace_back(key->name);
  for (const Section& known : sections()) {
    if (const auto child = child_of(section, known)) here.emplace_back(*child);
  }
  for (const Section& other : sections()) {
    for (const Key* key : keys_of(other.name)) {
      if (key->name != name) continue;
      if (other.name.empty()) return "it belongs at the top of the file, before the first section";
      return "it belongs in " + header_of(other);
    }
  }
  if (const auto near = nearest(name, here)) return "did you mean " + quoted(*near) + "?";
  std::string all;
  for (const std::string& known : here) all += (all.empty() ? "" : ", ") + known;
  return "known here: " + all;
}

const Member* find_member(const Node& table, std::string_view name) {
  const auto found = std::ranges::find(table.members, name, &Member::name);
  return found == table.members.end() ? nullptr : &*found;
}

// The value of a section, which may stand within another; null where it is not there.
const Node* find_section(const Node& top, std::string_view name) {
  const Node* at = &top;
  for (const std::string_view part : split(name, '.')) {
    const Member* const member = at->kind == Node::Kind::table ? find_member(*at, part) : nullptr;
    if (member == nullptr) return nullptr;
    at = &member->value;
  }
  return at;
}

void read_sections(Reader& reader, const Node& top, std::string_view only = {}) {
  for (const Section& section : sections()) {
    if (section.name.empty() || !section.name.starts_with(only)) continue;
    const Node* const value = find_section(top, section.name);
    if (value == nullptr) continue;
    if (!section.repeated) {
      if (value->kind == Node::Kind::table)
        read_section(reader, section, *value);
      else
        reader.problem_at(section.name, value->place,
                          "found " + value->describe() + ", expected the section " + header_of(section));
      continue;
    }
    if (value->kind != Node::Kind::array) {
      reader.problem_at(section.name, value->place,
                        "found " + value->describe() + "; there may be several of it, so write " + header_of(section) +
                            " with two brackets");
      continue;
    }
    for (const Node& item : value->items) {
      if (item.kind == Node::Kind::table)
        section.read(reader, section, item);
      else
        reader.problem_at(section.name, item.place,
                          "found " + item.describe() + ", expected the section " + header_of(section));
    }
  }
}

// Values that come from others.
void derive(Config& config) {
  if (config.data_dir.empty()) config.data_dir = "/var/lib/postern";
  config.inbound.hostname = config.hostname;
  config.spool.directory = config.data_dir + "/spool";
  config.records.directory = config.data_dir + "/records";
  config.queue.local.base_directory = config.base_directory;
  config.queue.local.hostname = config.hostname;
  config.outbound.hostname = config.hostname;
  config.outbound.memory_file = config.data_dir + "/families.jsonl";
  if (config.pickup.folder.empty()) config.pickup.folder = config.data_dir + "/pickup";
  if (std::string& domain = config.inbound.submission.domain; domain.empty() && !config.domains.empty()) {
    if (const auto first = smtp::parse_domain(config.domains.front().name, true)) domain = lower(first->name);
  }
  for (directory::DomainOptions& domain : config.domains) {
    if (domain.deliver.kind == directory::Transport::Kind::maildir && domain.deliver.target.empty()) {
      domain.deliver.target = config.data_dir + "/mail/{domain}/{user}";
    }
  }
  std::string first;
  if (!config.domains.empty()) {
    const auto name = smtp::parse_domain(config.domains.front().name, /*utf8=*/true);
    if (name) first = name->text();
  }
  derive_web(config, first.starts_with('[') ? std::string() : first);
  if (config.srs_domain.empty() && !first.starts_with('[')) config.srs_domain = first;
  if (config.queue.notices.from.empty() && (!first.empty() || !config.hostname.empty()))
    config.queue.notices.from = first.empty() ? "MAILER-DAEMON@" + config.hostname : "postmaster@" + first;
}

void sort_problems(std::vector<Problem>& problems) {
  std::sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.line, a.column, a.key, a.what) < std::tie(b.line, b.column, b.key, b.what);
  });
  if (problems.size() <= kProblemsMax) return;
  const std::size_t more = problems.size() - kProblemsMax;
  const std::string file = problems.front().file;
  problems.resize(kProblemsMax);
  problems.push_back(Problem{file, 0, 0, "", "and " + std::to_string(more) + " more problems"});
}

// The tables of the file, or nothing and a problem.
std::optional<Node> read_toml(std::string_view text, const std::string& file, std::vector<Problem>& problems) {
  if (text.size() > kFileMax) {
    problems.push_back(Problem{
        file, 0, 0, "", "is over " + human_bytes(kFileMax) + "; move long lists of mailboxes to a mailboxes_file"});
    return std::nullopt;
  }
  auto top = parse_toml(text);
  if (top) return std::move(*top);
  problems.push_back(Problem{file, top.error().place.line, top.error().place.column, "", top.error().what});
  return std::nullopt;
}

// With `files` those that it names are read, but for mailboxes.
std::optional<Config> read(std::string_view text, const std::string& file, bool files, Loaded& loaded) {
  const auto top = read_toml(text, file, loaded.problems);
  if (!top) return std::nullopt;
  Reader reader(file, text);
  reader.config.base_directory = folder_of(file);
  read_section(reader, sections().front(), *top);
  read_sections(reader, *top);
  check_together(reader);
  const bool listens = std::any_of(top->members.begin(), top->members.end(),
                                   [](const Member& member) { return member.name == "listen"; });
  if (!listens) {
    reader.problem_at("listen", {},
                      "there is no [[listen]], so that no mail could come in; write one with "
                      "address = [\"[::]:25\", \"0.0.0.0:25\"]");
  }
  reader.config.judge = compile_policy(reader, files);
  loaded.problems = std::move(reader.problems);
  loaded.warnings = std::move(reader.warnings);
  if (const auto place = reader.places.find("tls.certificates"); place != reader.places.end()) {
    reader.config.certificates_line = place->second.line;
  }
  derive(reader.config);
  return std::move(reader.config);
}

Result<std::string> read_file(const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(ErrorKind::not_found, "cannot be opened", errno);
  std::string text;
  std::array<char, 65536> block;
  while (text.size() <= kFileMax) {
    const ssize_t got = ::read(fd.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(ErrorKind::storage, "cannot be read", errno);
    if (got == 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  return text;
}

// Where [hostname] is not given: the machine's name, if it is one that others could know.
void default_hostname(Config& config, std::vector<Problem>& problems) {
  if (!config.hostname.empty()) return;
  std::array<char, 256> name = {};
  if (::gethostname(name.data(), name.size() - 1) == 0) {
    const std::string_view text(name.data());
    if (text.find('.') != std::string_view::npos) config.hostname = lower(text);
  }
  if (config.hostname.empty()) {
    problems.push_back(Problem{config.file, 0, 0, "hostname",
                               "is not given, and the machine's own name has no domain; write hostname = "
                               "\"mx.example.org\" at the top of the file"});
  }
  derive(config);
}

// Passwords for next hops: the first line of each file.
void read_password(outbound::RouteOptions& way, const Config& config, std::vector<Problem>& problems) {
  if (way.password_file.empty()) return;
  const auto text = read_file(way.password_file);
  std::string password = text ? text->substr(0, text->find('\n')) : std::string();
  if (password.ends_with('\r')) password.pop_back();
  std::string what;
  if (!text) {
    what = text.error().what;
  } else if (password.empty() || password.size() > 255 || password.find('\0') != std::string::npos) {
    what = "holds no password in its first line";
  }
  if (!what.empty()) problems.push_back(Problem{config.file, way.line, 0, "", way.password_file + ": " + what});
  way.password = std::move(password);
}

// The files of [[dkim]], as whoever loads the configuration may read them.
void read_signing_keys(Config& config, std::vector<Problem>& problems) {
  auto keys = std::make_shared<mailauth::SigningKeys>();
  for (const mailauth::KeyOptions& options : config.dkim) {
    auto key = mailauth::read_signing_key(options);
    if (key)
      keys->add(std::move(*key));
    else
      problems.push_back(Problem{config.file, options.line, 0, "dkim.key", key.error().what});
  }
  if (!keys->empty()) config.inbound.signing = std::move(keys);
}

void note_parts(const Config& config, Loaded& loaded) {
  loaded.data_dir = config.data_dir;
  loaded.pickup_folder = config.pickup.folder;
  loaded.tls = config.tls;
  loaded.certificates_line = config.certificates_line;
}

}  // namespace

void read_section(Reader& reader, const Section& section, const Node& node) {
  const std::vector<const Key*> keys = keys_of(section.name);
  for (const Member& member : node.members) {
    if (is_child(section.name, member.name)) continue;  // read_sections() does
    const auto key = std::ranges::find(keys, member.name, &Key::name);
    if (key == keys.end()) {
      std::string name(section.name);
      if (!name.empty()) name += '.';
      reader.problem_at(name + printable(member.name, 64), member.place,
                        "is not a key of the configuration; " + unknown_key_remedy(section.name, member.name));
      continue;
    }
    reader.key = full_name(**key);
    reader.places[reader.key] = member.value.place;
    if ((*key)->unit != Unit::none)
      read_number(reader, **key, member.value);
    else
      (*key)->read(reader, member.value);
  }
  reader.key.clear();
}

std::string Problem::text() const {
  std::string out = file;
  if (line > 0) out += ":" + std::to_string(line);
  if (line > 0 && column > 0) out += ":" + std::to_string(column);
  if (!out.empty()) out += ": ";
  if (!key.empty()) out += key + ": ";
  return out + what;
}

Loaded parse(std::string_view text, const std::string& file) {
  Loaded loaded;
  auto config = read(text, file, false, loaded);
  sort_problems(loaded.problems);
  if (config) note_parts(*config, loaded);
  if (config && loaded.problems.empty()) loaded.config = std::make_shared<const Config>(std::move(*config));
  return loaded;
}

Loaded load(const std::string& file) {
  Loaded loaded;
  const auto text = read_file(file);
  if (!text) {
    loaded.problems.push_back(Problem{file, 0, 0, "", text.error().what});
    return loaded;
  }
  auto config = read(*text, file, true, loaded);
  if (config) {
    const bool hostname_wrong = std::any_of(loaded.problems.begin(), loaded.problems.end(),
                                            [](const Problem& problem) { return problem.key == "hostname"; });
    if (!hostname_wrong) default_hostname(*config, loaded.problems);
    if (config->outbound.smarthost) read_password(*config->outbound.smarthost, *config, loaded.problems);
    for (outbound::RouteOptions& route : config->outbound.routes) read_password(route, *config, loaded.problems);
    read_signing_keys(*config, loaded.problems);
    std::vector<directory::Directory::Problem> found;
    config->inbound.directory = directory::Directory::build(config->domains, found);
    for (auto& problem : found) {
      loaded.problems.push_back(
          Problem{problem.line > 0 ? file : std::string(), problem.line, 0, "", std::move(problem.what)});
    }
  }
  sort_problems(loaded.problems);
  if (config) note_parts(*config, loaded);
  if (config && loaded.problems.empty()) loaded.config = std::make_shared<const Config>(std::move(*config));
  return loaded;
}

Result<std::shared_ptr<const Config>> load_or_explain(const std::string& file) {
  Loaded loaded = load(file);
  if (loaded.config) return std::move(loaded.config);
  std::string what;
  for (const Problem& problem : loaded.problems) what += (what.empty() ? "" : "\n") + problem.text();
  return fail(ErrorKind::invalid, std::move(what));
}

namespace {

LoadedPolicy read_policy(std::string_view text, const std::string& file, bool files) {
  LoadedPolicy loaded;
  const auto top = read_toml(text, file, loaded.problems);
  if (!top) return loaded;
  Reader reader(file, text);
  reader.config.base_directory = folder_of(file);
  bool any_known = false;
  for (const Member& member : top->members) {
    const bool known = is_child("", member.name) ||
                       std::ranges::any_of(keys_of(""), [&](const Key* key) { return key->name == member.name; });
    any_known = any_known || known;
    if (known) continue;
    reader.problem_at(printable(member.name, 64), member.place,
                      "is not a key of the configuration; " + unknown_key_remedy("", member.name));
  }
  if (!any_known && reader.problems.empty()) {
    reader.problem_at("policy", {},
                      "is not there, and nothing else of a configuration; write [policy] and what it decides");
  }
  read_sections(reader, *top, "policy");
  check_policy(reader);
  loaded.judge = compile_policy(reader, files);
  loaded.problems = std::move(reader.problems);
  sort_problems(loaded.problems);
  if (loaded.problems.empty())
    loaded.policy = std::move(reader.config.policy);
  else
    loaded.judge = nullptr;
  Reader numbers(file, text);
  numbers.config.base_directory = reader.config.base_directory;
  read_sections(numbers, *top, "defence");
  loaded.defence = std::move(numbers.config.inbound.defence);
  loaded.defence_problems = std::move(numbers.problems);
  sort_problems(loaded.defence_problems);
  return loaded;
}

}  // namespace

LoadedPolicy parse_policy(std::string_view text, const std::string& file) { return read_policy(text, file, false); }

LoadedPolicy load_policy(const std::string& file) {
  const auto text = read_file(file);
  if (text) return read_policy(*text, file, true);
  LoadedPolicy loaded;
  loaded.problems.push_back(Problem{file, 0, 0, "", text.error().what});
  return loaded;
}

std::vector<std::string> restart_needed(const Config& old, const Config& now) {
  std::vector<std::string> out;
  for (const Section& section : sections()) {
    for (const Key* key : keys_of(section.name)) {
      if (key->reload) continue;
      const bool same = key->unit != Unit::none ? key->get(old) == key->get(now) : key->show(old) == key->show(now);
      if (!same) out.push_back(full_name(*key));
    }
  }
  return out;
}

}  // namespace postern::config

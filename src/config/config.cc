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
  std::string expected = key.unit == Unit::bytes          ? "a size such as 1048576 or \"1 MiB\""
                         : key.unit == Unit::milliseconds ? "a duration such as \"90s\", \"5m\" or a number of seconds"
                                                          : "a whole number without quotes";
  expected += ", from " + range_text(key);
  if (!key.zero.empty()) expected += ", or 0 for " + std::string(key.zero);

  std::optional<std::uint64_t> value;
  if (node.kind == Node::Kind::integer && node.integer >= 0) {
    value = static_cast<std::uint64_t>(node.integer);
    if (key.unit == Unit::milliseconds) value = *value > UINT64_MAX / 1000 ? UINT64_MAX : *value * 1000;
  } else if (node.kind == Node::Kind::string && key.unit == Unit::bytes) {
    value = parse_bytes(node.text);
  } else if (node.kind == Node::Kind::string && key.unit == Unit::milliseconds) {
    if (const auto ms = parse_duration_ms(node.text); ms && *ms >= 0) value = static_cast<std::uint64_t>(*ms);
  }
  if (!value) return reader.problem(node.place, "found " + node.describe() + ", expected " + expected);
  const bool special = *value == 0 && !key.zero.empty();
  if (!special && (*value < key.min || *value > key.max)) {
    return reader.problem(node.place, "found " + node.describe() + ", which is out of range; expected " + expected);
  }
  key.set(reader.config, *value);
}

// What the operator may have meant by a key that is not there: a neighbour, the same key of another section, or a key
// of the top that slid below a section header.
std::string unknown_key_remedy(std::string_view section, const std::string& name) {
  std::vector<std::string> here;
  for (const Key* key : keys_of(section)) here.emplace_back(key->name);
  if (section.empty()) {
    for (const Section& known : sections()) {
      if (!known.name.empty()) here.emplace_back(known.name);
    }
  }
  for (const Section& other : sections()) {
    for (const Key* key : keys_of(other.name)) {
      if (key->name != name) continue;
      if (other.name.empty()) return "it belongs at the top of the file, before the first section";
      return "it belongs in " + std::string(other.repeated ? "[[" : "[") + std::string(other.name) +
             (other.repeated ? "]]" : "]");
    }
  }
  if (const auto near = nearest(name, here)) return "did you mean " + quoted(*near) + "?";
  std::string all;
  for (const std::string& known : here) all += (all.empty() ? "" : ", ") + known;
  return "known here: " + all;
}

void read_section(Reader& reader, const Section& section, const Node& node) {
  const std::vector<const Key*> keys = keys_of(section.name);
  for (const Member& member : node.members) {
    const bool is_section = std::any_of(sections().begin(), sections().end(), [&](const Section& known) {
      return !known.name.empty() && known.name == member.name;
    });
    if (section.name.empty() && is_section) continue;  // read_sections() does
    const auto key =
        std::find_if(keys.begin(), keys.end(), [&](const Key* known) { return known->name == member.name; });
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

std::string header_of(const Section& section) {
  return section.repeated ? "[[" + std::string(section.name) + "]]" : "[" + std::string(section.name) + "]";
}

void read_listener(Reader& reader, const Section& section, const Node& node) {
  inbound::ListenerOptions listener;
  reader.listener = &listener;
  const std::size_t before = reader.problems.size();
  read_section(reader, section, node);
  reader.listener = nullptr;
  if (listener.addresses.empty() && reader.problems.size() == before) {
    reader.problem_at("listen.address", node.place, "names no address; write address = [\"[::]:25\", \"0.0.0.0:25\"]");
  }
  for (std::size_t i = 0; i < listener.addresses.size(); ++i) {
    const ip::Endpoint& endpoint = listener.addresses[i];
    bool twice = std::find(listener.addresses.begin(), listener.addresses.begin() + static_cast<std::ptrdiff_t>(i),
                           endpoint) != listener.addresses.begin() + static_cast<std::ptrdiff_t>(i);
    for (const inbound::ListenerOptions& other : reader.config.inbound.listeners) {
      twice = twice || std::find(other.addresses.begin(), other.addresses.end(), endpoint) != other.addresses.end();
    }
    if (twice) {
      reader.problem_at("listen.address", reader.places["listen.address"],
                        endpoint.text() + " is listened on twice; take one of them out");
    }
  }
  reader.config.inbound.listeners.push_back(std::move(listener));
}

void read_domain(Reader& reader, const Section& section, const Node& node) {
  directory::DomainOptions domain;
  domain.deliver.kind = directory::Transport::Kind::sink;
  reader.domain = &domain;
  const std::size_t before = reader.problems.size();
  reader.places.erase("domain.name");
  reader.places.erase("domain.deliver");
  read_section(reader, section, node);
  reader.domain = nullptr;
  const auto named = reader.places.find("domain.name");
  domain.line = named == reader.places.end() ? node.place.line : named->second.line;
  if (named == reader.places.end()) {
    reader.problem_at("domain.name", node.place, "is missing; write name = \"example.org\"");
  }
  if (!reader.places.contains("domain.deliver")) {
    domain.deliver = {directory::Transport::Kind::maildir, {}};  // of data_dir, which may stand further down
  }
  if (reader.problems.size() != before) return;
  reader.config.domains.push_back(std::move(domain));
}

void read_sections(Reader& reader, const Node& top) {
  for (const Section& section : sections()) {
    if (section.name.empty()) continue;
    const auto member =
        std::find_if(top.members.begin(), top.members.end(), [&](const Member& m) { return m.name == section.name; });
    if (member == top.members.end()) continue;
    const Node& value = member->value;
    if (!section.repeated) {
      if (value.kind == Node::Kind::table)
        read_section(reader, section, value);
      else
        reader.problem_at(section.name, value.place,
                          "found " + value.describe() + ", expected the section " + header_of(section));
      continue;
    }
    if (value.kind != Node::Kind::array) {
      reader.problem_at(section.name, value.place,
                        "found " + value.describe() + "; there may be several of it, so write " + header_of(section) +
                            " with two brackets");
      continue;
    }
    for (const Node& item : value.items) {
      if (item.kind != Node::Kind::table) {
        reader.problem_at(section.name, item.place,
                          "found " + item.describe() + ", expected the section " + header_of(section));
      } else if (section.name == "listen") {
        read_listener(reader, section, item);
      } else {
        read_domain(reader, section, item);
      }
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
  for (directory::DomainOptions& domain : config.domains) {
    if (domain.deliver.kind == directory::Transport::Kind::maildir && domain.deliver.target.empty()) {
      domain.deliver.target = config.data_dir + "/mail/{domain}/{user}";
    }
  }
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

std::optional<Config> read(std::string_view text, const std::string& file, std::vector<Problem>& problems) {
  Reader reader(file);
  reader.config.base_directory = folder_of(file);
  if (text.size() > kFileMax) {
    problems.push_back(Problem{
        file, 0, 0, "", "is over " + human_bytes(kFileMax) + "; move long lists of mailboxes to a mailboxes_file"});
    return std::nullopt;
  }
  const auto top = parse_toml(text);
  if (!top) {
    problems.push_back(Problem{file, top.error().place.line, top.error().place.column, "", top.error().what});
    return std::nullopt;
  }
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
  problems = std::move(reader.problems);
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

void note_parts(const Config& config, Loaded& loaded) {
  loaded.data_dir = config.data_dir;
  loaded.tls = config.tls;
  loaded.certificates_line = config.certificates_line;
}

}  // namespace

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
  auto config = read(text, file, loaded.problems);
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
  auto config = read(*text, file, loaded.problems);
  if (config) {
    const bool hostname_wrong = std::any_of(loaded.problems.begin(), loaded.problems.end(),
                                            [](const Problem& problem) { return problem.key == "hostname"; });
    if (!hostname_wrong) default_hostname(*config, loaded.problems);
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

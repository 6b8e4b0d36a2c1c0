#include <cache/registry/registries.hpp>

#include <cache/json_bounds.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <system_error>

namespace slipway {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr std::size_t longest_file = std::size_t{1} << 20;
constexpr std::size_t most_mirrors = 16;
constexpr std::size_t most_certificates = 64;

bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= 255 && text.front() != '.' && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view(".-_:[]").find(c) != std::string_view::npos;
         });
}

bool is_prefix(std::string_view text) {
  return text.size() <= 255 && text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  std::string_view("._-/").find(c) != std::string_view::npos;
         });
}

std::optional<RegistryPlace> parse_place(std::string_view text) {
  RegistryPlace place;
  for (const std::string_view scheme : {"https", "http"}) {
    const std::string start = std::string(scheme) + "://";
    if (!text.starts_with(start)) continue;
    place.scheme = scheme;
    text.remove_prefix(start.size());
    break;
  }
  const std::size_t slash = std::min(text.find('/'), text.size());
  place.host = text.substr(0, slash);
  text.remove_prefix(std::min(slash + 1, text.size()));
  while (text.ends_with('/')) text.remove_suffix(1);
  if (!is_host(place.host) || !is_prefix(text)) return std::nullopt;
  if (!text.empty()) place.prefix = std::string(text) + "/";
  return place;
}

RegistrySettings read_settings(const std::string& domain, const Json& entry,
                               const std::function<Error(const std::string&)>& wrong) {
  if (!entry.is_object()) throw wrong("what it says of " + quoted(domain) + " is not an object");
  RegistrySettings settings;
  for (const auto& [key, value] : entry.items()) {
    if (key == "insecure") {
      if (!value.is_boolean())
        throw wrong("\"insecure\" of " + quoted(domain) + " is neither true nor false");
      settings.insecure = value.get<bool>();
    } else if (key == "mirrors") {
      if (!value.is_array() || value.size() > most_mirrors)
        throw wrong("\"mirrors\" of " + quoted(domain) + " is not a list of at most " +
                    std::to_string(most_mirrors));
      for (const Json& mirror : value) {
        const auto place =
            mirror.is_string() ? parse_place(mirror.get_ref<const std::string&>()) : std::nullopt;
        if (!place)
          throw wrong("a mirror of " + quoted(domain) +
                      " is neither HOST[:PORT][/PREFIX] nor such a URL with http or https");
        settings.mirrors.push_back(*place);
      }
    } else {
      throw wrong(quoted(key) + " of " + quoted(domain) + " means nothing");
    }
  }
  return settings;
}

// Nothing where there is no such file.
std::optional<std::string> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::error_code error;
    if (!fs::exists(path, error)) return std::nullopt;
    throw Error("cannot read " + quoted(path.string()));
  }
  std::string text(longest_file + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad()) throw Error("cannot read " + quoted(path.string()));
  if (text.size() > longest_file)
    throw Error(quoted(path.string()) + " is larger than " + std::to_string(longest_file) +
                " bytes");
  return text;
}

fs::path folder_from(const char* variable, const char* below_home) {
  if (const char* folder = std::getenv(variable); folder != nullptr && *folder != '\0')
    return folder;
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return fs::path(home) / below_home;
  return {};
}

void add_certificates(HostRules& rules, const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    files.push_back(at->path());
    if (files.size() > most_certificates)
      throw Error(quoted(folder.string()) + " has more than " + std::to_string(most_certificates) +
                  " files");
  }
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    throw Error("cannot read the folder " + quoted(folder.string()) + ": " + error.message());
  std::sort(files.begin(), files.end());
  bool chosen = false;  // of this folder
  for (const fs::path& file : files) {
    if (file.extension() == ".crt") {
      rules.roots += read_file(file).value_or("") + "\n";
    } else if (file.extension() == ".cert" || file.extension() == ".key") {
      const bool key = file.extension() == ".key";
      fs::path other = file;
      other.replace_extension(key ? ".cert" : ".key");
      if (!std::binary_search(files.begin(), files.end(), other))
        throw Error("the " + std::string(key ? "key " : "certificate ") + quoted(file.string()) +
                    " is there without " + quoted(other.filename().string()))
            .hint("a client's certificate is NAME.cert with NAME.key; an authority's is NAME.crt");
      if (key || std::exchange(chosen, true)) continue;
      rules.certificate = file;
      rules.key = other;
    }
  }
}

}  // namespace

RegistryTable read_registries(std::string_view text, std::string_view name) {
  const auto wrong = [&](const std::string& why) {
    return Error(quoted(name) + " is malformed: " + why)
        .hint(R"(it looks like {"registries": {"docker.io": {"mirrors": ["https://HOST"]}}})");
  };
  if (text.size() > longest_file || !is_modest_json(text, 8, 100'000))
    throw wrong("it is too large");
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) throw wrong("it is not a JSON object");
  RegistryTable table;
  for (const auto& [key, value] : json.items()) {
    if (key != "registries") throw wrong(quoted(key) + " means nothing");
    if (!value.is_object()) throw wrong("\"registries\" is not an object");
    for (const auto& [domain, entry] : value.items()) {
      if (!is_host(domain)) throw wrong(quoted(domain) + " is not a registry: HOST[:PORT]");
      table[domain] = read_settings(domain, entry, wrong);
    }
  }
  return table;
}

Registries Registries::load() {
  RegistryTable table;
  const auto add = [&table](const fs::path& file) {
    const auto text = read_file(file);
    if (!text) return false;
    for (auto& [domain, settings] : read_registries(*text, file.string()))
      table[domain] = std::move(settings);
    return true;
  };
  if (const char* file = std::getenv("SLIPWAY_REGISTRIES"); file != nullptr && *file != '\0') {
    if (!add(file))
      throw Error("SLIPWAY_REGISTRIES names " + quoted(file) + ", which is not there");
  } else {
    add("/etc/slipway/registries.json");
    if (const fs::path folder = folder_from("XDG_CONFIG_HOME", ".config"); !folder.empty())
      add(folder / "slipway/registries.json");
  }
  std::vector<fs::path> certificates = {"/etc/docker/certs.d"};
  if (const fs::path folder = folder_from("DOCKER_CONFIG", ".docker"); !folder.empty())
    certificates.push_back(folder / "certs.d");
  return {std::move(table), std::move(certificates)};
}

const RegistrySettings& Registries::settings(std::string_view domain) const {
  static const RegistrySettings none;
  const auto found = table_.find(domain);
  return found == table_.end() ? none : found->second;
}

HostRules Registries::rules(const std::string& host) const {
  HostRules rules;
  const bool insecure = settings(host).insecure;
  rules.verify = !insecure;
  rules.plain = insecure;
  // It becomes a part of a path.
  if (!is_host(host)) return rules;
  for (const fs::path& folder : certificates_) add_certificates(rules, folder / host);
  return rules;
}

}  // namespace slipway

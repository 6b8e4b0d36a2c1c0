#include <ir/remote_source.hpp>

#include <ir/error.hpp>
#include <ir/lowering/paths.hpp>
#include <ir/nearest.hpp>
#include <ir/quantities.hpp>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace slipway {
namespace {

constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

bool among(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}
bool is_plain(char c) {
  return among(c, letters) || among(c, digits);
}
bool only(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_plain(c) || among(c, others); });
}

// %41 as A, and + as a blank where it is a query; nothing where % has no two digits behind it.
std::optional<std::string> decoded(std::string_view text, bool query) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+' && query) {
      result += ' ';
    } else if (text[at] != '%') {
      result += text[at];
    } else {
      const int high = at + 2 < text.size() ? digit(text[at + 1]) : -1;
      const int low = high < 0 ? -1 : digit(text[at + 2]);
      if (low < 0) return std::nullopt;
      result += static_cast<char>(high * 16 + low);
      at += 2;
    }
  }
  return result;
}

// A path as it may stand in a URL: as it is if it may, else with % for what may not.
std::string encoded_path(std::string_view raw, std::string_view value) {
  constexpr std::string_view valid = "-_.~$&+,/:;=@!'()*[]%";
  if (only(raw, valid)) return std::string(raw);
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string result;
  for (const char c : value) {
    if (is_plain(c) || among(c, "-_.~$&+,/:;=@")) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result += {'%', hex[byte >> 4], hex[byte & 15]};
    }
  }
  return result;
}

// A URL in its parts, as Go's net/url reads it.
struct Url {
  std::string scheme;  // lower case
  std::string authority;
  std::string raw_path;
  std::string path;  // decoded
  std::string query;
  std::string fragment;  // decoded
};

bool valid_authority(std::string_view authority) {
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    if (!only(authority.substr(0, at), "-._:~!$&'()*+,;=%@")) return false;
    authority.remove_prefix(at + 1);
  }
  const bool bracket = authority.starts_with('[');
  const std::size_t end = bracket ? authority.rfind(']') : 0;
  if (end == std::string_view::npos) return false;
  const std::size_t colon = authority.find(':', end);
  if (colon != std::string_view::npos &&
      authority.find_first_not_of(digits, colon + 1) != std::string_view::npos)
    return false;
  return std::all_of(authority.begin(), authority.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x80 || is_plain(c) ||
           among(c, "-_.~!$&'()*+,;=:[]<>\"");
  });
}

// With a scheme and "://"; nothing where Go takes it for no URL.
std::optional<Url> parse_url(std::string_view text) {
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return std::nullopt;
  Url url;
  if (const std::size_t hash = text.find('#'); hash != std::string_view::npos) {
    auto fragment = decoded(text.substr(hash + 1), false);
    if (!fragment) return std::nullopt;
    url.fragment = std::move(*fragment);
    text = text.substr(0, hash);
  }
  if (const std::size_t mark = text.find('?'); mark != std::string_view::npos) {
    url.query = text.substr(mark + 1);
    text = text.substr(0, mark);
  }
  const std::size_t colon = text.find("://");
  if (colon == 0 || colon == std::string_view::npos || !among(text[0], letters))
    return std::nullopt;
  url.scheme = text.substr(0, colon);
  for (char& c : url.scheme)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  text.remove_prefix(colon + 3);
  const std::size_t slash = std::min(text.find('/'), text.size());
  url.authority = text.substr(0, slash);
  url.raw_path = text.substr(slash);
  auto path = decoded(url.raw_path, false);
  if (!path || !valid_authority(url.authority)) return std::nullopt;
  url.path = std::move(*path);
  return url;
}

// Every value of every key. Malformed pairs are left out; `malformed` says that there are any.
using Query = std::map<std::string, std::vector<std::string>>;
Query parse_query(std::string_view text, bool& malformed) {
  Query query;
  malformed = false;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('&', start), text.size());
    const std::string_view pair = text.substr(start, end - start);
    start = end + 1;
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto key = decoded(pair.substr(0, equals), true);
    auto value = decoded(pair.substr(std::min(equals + 1, pair.size())), true);
    if (pair.find(';') != std::string_view::npos || !key || !value) {
      malformed = true;
      continue;
    }
    query[*key].push_back(std::move(*value));
  }
  return query;
}

void conflict(const char* what, const std::string& one, const std::string& other) {
  throw Error(std::string(what) + " of the repository is given twice: " + quoted(one) + " and " +
              quoted(other));
}

// Sets what a query may say as well as the fragment.
void set(std::string& place, const char* what, std::string value) {
  if (!place.empty() && place != value) conflict(what, place, value);
  place = std::move(value);
}

bool boolean(const std::string& key, const std::string& value) {
  if (value.empty()) return true;
  const auto result = read_boolean(value);
  if (!result) {
    throw Error("invalid value " + quoted(value) + " of " + key + " in a git URL")
        .hint("it is true or false");
  }
  return *result;
}

std::string with_prefix(std::string_view prefix, const std::string& name) {
  return name.starts_with(prefix) ? name : std::string(prefix) + name;
}

void read_query(const Query& query, GitSource& source) {
  static const std::vector<std::string> keys = {
      "ref",    "tag",          "branch",     "subdir", "checksum",
      "commit", "keep-git-dir", "submodules", "mtime",  "fetch-by-commit"};
  std::string tag;
  std::string branch;
  for (const auto& [key, values] : query) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      throw Error("unknown key " + quoted(key) + " in a git URL")
          .hint(did_you_mean(key, keys,
                             "there are ref, tag, branch, subdir, checksum, commit, keep-git-dir, "
                             "submodules, mtime, fetch-by-commit"));
    }
    if (values.size() > 1) throw Error("the key " + quoted(key) + " of a git URL is given twice");
    const std::string& value = values.front();
    if (key == "keep-git-dir") {
      source.keep_git_dir = boolean(key, value);
    } else if (key == "submodules") {
      source.submodules = boolean(key, value);
    } else if (key == "fetch-by-commit") {
      source.fetch_by_commit = boolean(key, value);
    } else if (value.empty()) {
      throw Error("the key " + quoted(key) + " of a git URL needs a value");
    } else if (key == "ref") {
      set(source.ref, "the ref", value);
    } else if (key == "tag") {
      tag = with_prefix("refs/tags/", value);
    } else if (key == "branch") {
      branch = with_prefix("refs/heads/", value);
    } else if (key == "subdir") {
      set(source.subdir, "the directory", value);
    } else if (key == "mtime") {
      // Checked only: what comes from git always has the time of its commit.
      if (value != "checkout" && value != "commit") {
        throw Error("invalid value " + quoted(value) + " of mtime in a git URL")
            .hint("it is checkout or commit");
      }
    } else {
      source.checksum = value;
    }
  }
  if (!tag.empty() && !branch.empty()) conflict("the ref", tag, branch);
  if (!tag.empty()) set(source.ref, "the ref", tag);
  if (!branch.empty()) set(source.ref, "the ref", branch);
}

void read_fragment(std::string_view fragment, GitSource& source) {
  const std::size_t colon = std::min(fragment.find(':'), fragment.size());
  source.ref = fragment.substr(0, colon);
  if (colon < fragment.size()) source.subdir = rooted(fragment.substr(colon + 1)).substr(1);
}

// user@host:path, with ?query and #fragment.
std::optional<GitSource> parse_scp_style(std::string_view text) {
  const std::size_t at = text.find('@');
  const std::size_t colon = at == std::string_view::npos ? at : text.find(':', at);
  if (at == 0 || colon == std::string_view::npos || colon == at + 1) return std::nullopt;
  if (!only(text.substr(0, at), "-_") || !only(text.substr(at + 1, colon - at - 1), "-.") ||
      text.find('\n') != std::string_view::npos)
    return std::nullopt;
  const std::size_t hash = std::min(text.find('#', colon), text.size());
  const std::size_t mark = std::min(text.find('?', colon), hash);
  GitSource source;
  source.remote = text.substr(0, mark);
  if (hash < text.size()) read_fragment(text.substr(hash + 1), source);
  if (mark == hash) return source;
  bool malformed = false;
  const Query query = parse_query(text.substr(mark + 1, hash - mark - 1), malformed);
  if (malformed) return std::nullopt;
  read_query(query, source);
  return source;
}

}  // namespace

std::optional<GitSource> parse_git_source(std::string_view text) {
  constexpr std::string_view github = "github.com/";
  const bool like_a_path = text.starts_with(github);
  if (text.starts_with("./") || text.starts_with("../")) return std::nullopt;
  const std::size_t colon = text.find("://");
  const bool schemed =
      colon != std::string_view::npos && colon > 0 && only(text.substr(0, colon), "");
  if (!schemed && !like_a_path) return parse_scp_style(text);

  const auto url = parse_url(like_a_path ? "https://" + std::string(text) : std::string(text));
  if (!url) return std::nullopt;
  const bool web = url->scheme == "http" || url->scheme == "https";
  if (!web && url->scheme != "ssh" && url->scheme != "git") return std::nullopt;
  if (web && !like_a_path && !url->path.ends_with(".git")) return std::nullopt;
  GitSource source;
  source.like_a_path = like_a_path;
  source.remote = url->scheme + "://" + url->authority + encoded_path(url->raw_path, url->path);
  read_fragment(url->fragment, source);
  bool malformed = false;
  read_query(parse_query(url->query, malformed), source);
  return source;
}

bool is_http_source(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

std::string http_file_name(std::string_view url) {
  const auto parsed = parse_url(url);
  const std::string name = parsed ? last_name(parsed->path) : "";
  if (name.empty() || name == "." || name == ".." || name == "/") return "__unnamed__";
  // The name docker has for what a file cannot be called, or what would disturb a terminal.
  const bool harmless = std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  return harmless ? name : "download";
}

UrlAuthority authority_of(std::string_view url) {
  if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos)
    url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  const std::size_t at = url.rfind('@');
  const std::size_t host = at == std::string_view::npos ? 0 : at + 1;
  return {url.substr(0, host), url.substr(host)};
}

std::string without_credentials(std::string_view url) {
  std::string_view user = authority_of(url).user_info;
  if (user.empty()) return std::string(url);
  user.remove_suffix(1);
  // The name that ssh is spoken to with is no secret.
  if (user == "git") return std::string(url);
  const std::string_view mask = user.find(':') == std::string_view::npos ? "xxxxx" : "xxxxx:xxxxx";
  std::string masked(url);
  masked.replace(static_cast<std::size_t>(user.data() - url.data()), user.size(), mask);
  return masked;
}

}  // namespace slipway

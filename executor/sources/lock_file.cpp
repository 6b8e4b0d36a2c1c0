#include <executor/sources/lock_file.hpp>

#include <cache/json_bounds.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::json;
// For writing alone: it looks for a member in all of them, and a stranger may give it any number.
using Ordered = nlohmann::ordered_json;
using Kind = ResolvedSource::Kind;

constexpr std::size_t most_entries = 50'000;
constexpr std::size_t longest_value = 8192;
constexpr int version = 1;

// In the order of Kind.
constexpr std::array<const char*, 3> kind_members = {"image", "url", "git"};

class Reader {
 public:
  explicit Reader(const std::shared_ptr<const SourceFile>& file) : file_(file) {}

  LockEntries read() {
    const std::string& text = file_->text;
    if (text.size() > most_lock_bytes || !is_modest_json(text, 3, most_entries * 12))
      throw error("the lock file is no lock file: it is too large or nested too deeply", 1);
    Json json;
    try {
      json = Json::parse(text);
    } catch (const Json::parse_error& problem) {
      throw error("the lock file is not JSON",
                  line_at(std::min(problem.byte == 0 ? 0 : problem.byte - 1, text.size())));
    }
    if (!json.is_object()) throw error("the lock file is not a JSON object", 1);
    for (const auto& [name, value] : json.items())
      if (name != "version" && name != "sources")
        throw error("the lock file has the unknown member " + quoted(name), line_of(name));
    const auto number = json.find("version");
    if (number == json.end() || !number->is_number_integer())
      throw error("the lock file has no version", 1);
    if (*number != version)
      throw error("the lock file has version " + number->dump() + ", and this slipway knows " +
                      std::to_string(version),
                  line_of("version"));
    const auto sources = json.find("sources");
    if (sources == json.end() || !sources->is_array())
      throw error("the lock file has no list of sources", 1);
    LockEntries entries;
    for (const Json& each : *sources) {
      position_ = entries.size();
      entries.push_back(entry(each));
    }
    sort(entries);
    return entries;
  }

 private:
  Error error(const std::string& message, std::size_t line) const {
    const auto number = static_cast<std::uint32_t>(line);
    return Error(message)
        .at({file_, number, 1, number, 2})
        .hint("mend it, or remove it and build again: that writes it anew");
  }
  Error entry_error(const std::string& message) const {
    return error(message, line_of_entry(position_));
  }

  std::size_t line_at(std::size_t byte) const {
    return 1 +
           static_cast<std::size_t>(std::count(
               file_->text.begin(), file_->text.begin() + static_cast<std::ptrdiff_t>(byte), '\n'));
  }
  // Of a member of the outermost object; of another text the first.
  std::size_t line_of(const std::string& name) const {
    const std::size_t found = file_->text.find("\"" + name + "\"");
    return line_at(found == std::string::npos ? 0 : found);
  }
  // The text is JSON already: brackets outside of strings say where the n-th entry begins.
  std::size_t line_of_entry(std::size_t wanted) const {
    std::size_t depth = 0;
    bool in_string = false;
    const std::string& text = file_->text;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (in_string) {
        if (c == '\\') ++i;
        if (c == '"') in_string = false;
        continue;
      }
      if (c == '"') in_string = true;
      const bool opens = c == '{' || c == '[';
      // An entry that is no object begins nowhere: the list's line has to do.
      if (opens && depth == 2 && wanted-- == 0) return line_at(i);
      if (opens) ++depth;
      if ((c == '}' || c == ']') && depth > 0) --depth;
    }
    return line_of("sources");
  }

  std::string string(const Json& value, const std::string& name) const {
    if (!value.is_string()) throw entry_error("the member " + quoted(name) + " is no text");
    std::string text = value.get<std::string>();
    if (text.size() > longest_value)
      throw entry_error("the member " + quoted(name) + " is too long");
    return text;
  }

  Digest digest(const Json& value, const std::string& name) const {
    const std::optional<Digest> digest = Digest::parse(string(value, name));
    if (!digest)
      throw entry_error("the member " + quoted(name) +
                        " is not sha256: and 64 lower-case hexadecimal digits");
    return *digest;
  }

  LockEntry entry(const Json& json) {
    if (!json.is_object()) throw entry_error("an entry of the lock file is no object");
    LockEntry entry;
    bool has_kind = false;
    for (const auto& [name, value] : json.items()) {
      const auto kind = std::find(kind_members.begin(), kind_members.end(), name);
      if (kind != kind_members.end()) {
        if (has_kind) throw entry_error("an entry of the lock file names two sources");
        has_kind = true;
        entry.kind = static_cast<Kind>(kind - kind_members.begin());
        entry.name = string(value, name);
        if (entry.name.empty()) throw entry_error("an entry of the lock file has an empty name");
      } else if (name == "platform") {
        try {
          entry.platform = parse_platform(string(value, name));
        } catch (const Error& problem) {
          throw entry_error(problem.what());
        }
      } else if (name == "ref") {
        entry.ref = string(value, name);
      } else if (name == "git-dir") {
        if (!value.is_boolean()) throw entry_error("the member \"git-dir\" is not true or false");
        entry.git_dir = value.get<bool>();
      } else if (name == "full-ref") {
        entry.full_ref = string(value, name);
        if (!entry.full_ref.starts_with("refs/"))
          throw entry_error("the member \"full-ref\" does not begin with refs/");
      } else if (name == "digest") {
        entry.digest = digest(value, name);
      } else if (name == "id") {
        entry.id = digest(value, name);
      } else if (name == "commit") {
        entry.commit = commit(string(value, name));
      } else {
        throw entry_error("an entry of the lock file has the unknown member " + quoted(name));
      }
    }
    if (!has_kind)
      throw entry_error("an entry of the lock file names no image, url or git repository");
    require_shape(entry);
    if (!seen_.insert(entry).second)
      throw entry_error("the lock file has " + quoted(entry.text()) + " twice");
    return entry;
  }

  std::string commit(std::string text) const {
    if ((text.size() != 40 && text.size() != 64) ||
        text.find_first_not_of("0123456789abcdef") != std::string::npos)
      throw entry_error("the member \"commit\" is not a whole commit in lower-case digits");
    return text;
  }

  // What belongs to one kind stands in no other.
  void require_shape(const LockEntry& entry) const {
    const bool image = entry.kind == Kind::image;
    const bool git = entry.kind == Kind::git;
    const bool good = (image ? entry.digest.has_value() != entry.id.has_value() : !entry.id) &&
                      (entry.kind == Kind::http) == (entry.digest && !image) &&
                      git == !entry.commit.empty() &&
                      (git || (entry.ref.empty() && !entry.git_dir)) &&
                      (entry.git_dir || entry.full_ref.empty()) && (image || !entry.platform);
    if (!good)
      throw entry_error("the entry of " + quoted(entry.text()) +
                        " has not the members that its kind has")
          .hint("an image has a digest or an id, a url a digest, a git repository a commit");
  }

  std::shared_ptr<const SourceFile> file_;
  std::size_t position_ = 0;  // of the entry that is read
  std::set<LockKey> seen_;

  static void sort(LockEntries& entries) {
    std::sort(entries.begin(), entries.end(),
              [](const LockKey& left, const LockKey& right) { return left < right; });
  }
};

}  // namespace

std::string LockKey::text() const {
  std::string text = name;
  if (platform) text += " (" + platform->text() + ")";
  if (!ref.empty()) text += "#" + ref;
  if (git_dir) text += " with its .git";
  return text;
}

std::string LockEntry::value() const {
  if (id) return "the image ID " + id->text();
  return digest ? digest->text() : commit;
}

LockEntries read_lock_file(const std::shared_ptr<const SourceFile>& file) {
  return Reader(file).read();
}

std::string write_lock_file(const LockEntries& entries) {
  std::string text = "{\n  \"version\": " + std::to_string(version) + ",\n  \"sources\": [";
  const char* separator = "\n";
  for (const LockEntry& entry : entries) {
    Ordered json;
    json[kind_members[static_cast<std::size_t>(entry.kind)]] = entry.name;
    if (entry.platform) json["platform"] = entry.platform->text();
    if (!entry.ref.empty()) json["ref"] = entry.ref;
    if (entry.git_dir) json["git-dir"] = true;
    if (!entry.full_ref.empty()) json["full-ref"] = entry.full_ref;
    if (entry.digest) json["digest"] = entry.digest->text();
    if (entry.id) json["id"] = entry.id->text();
    if (!entry.commit.empty()) json["commit"] = entry.commit;
    std::string line = "{";
    for (const auto& [name, value] : json.items()) {
      line += (line.size() > 1 ? ", " : "") + Ordered(name).dump() + ": " +
              value.dump(-1, ' ', false, Ordered::error_handler_t::replace);
    }
    text += separator + ("    " + line + "}");
    separator = ",\n";
  }
  return text + (entries.empty() ? "]\n}\n" : "\n  ]\n}\n");
}

}  // namespace slipway

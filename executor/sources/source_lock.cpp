#include <executor/sources/source_lock.hpp>

#include <ir/error.hpp>
#include <ir/reference.hpp>
#include <ir/remote_source.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <map>
#include <system_error>
#include <utility>
#include <variant>

namespace slipway {
namespace {

namespace fs = std::filesystem;
using Kind = ResolvedSource::Kind;

constexpr std::size_t most_bytes = std::size_t{16} << 20;

// Empty: there is no such file.
std::optional<LockEntries> read_entries(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    if (errno == ENOENT) return std::nullopt;
    throw system_error("open", path.string(), errno);
  }
  auto file = std::make_shared<SourceFile>();
  file->name = path.string();
  // One byte more than is allowed says that it is too long.
  file->text.resize(most_bytes + 1);
  stream.read(file->text.data(), static_cast<std::streamsize>(file->text.size()));
  if (stream.bad()) throw system_error("read", path.string(), errno);
  file->text.resize(static_cast<std::size_t>(stream.gcount()));
  return read_lock_file(file);
}

// Aside, so that nobody reads half of it. Where the name is a link it stays one.
void replace_file(const fs::path& path, const std::string& text) {
  std::error_code none;
  const fs::path target = fs::is_symlink(path, none) ? fs::canonical(path) : path;
  const fs::path aside = target.string() + ".slipway-" + std::to_string(::getpid());
  std::ofstream stream(aside, std::ios::binary | std::ios::trunc);
  stream << text;
  stream.close();
  if (!stream || std::rename(aside.c_str(), target.c_str()) != 0) {
    const int error = errno;
    ::unlink(aside.c_str());
    throw system_error("write", path.string(), error)
        .hint("--frozen-lock builds with a lock file that nobody may write");
  }
}

LockKey key_of(const FetchHttp& fetch) {
  LockKey key;
  key.kind = Kind::http;
  key.name = without_credentials(fetch.url);
  return key;
}

LockKey key_of(const FetchGit& fetch) {
  LockKey key;
  key.kind = Kind::git;
  key.name = without_credentials(fetch.remote);
  key.ref = fetch.ref;
  key.git_dir = fetch.keep_git_dir;
  return key;
}

// An entry as it would be written, and which image it was.
struct Taken : LockEntry {
  Digest image;
};

Taken entry_of(const ResolvedSource& source) {
  Taken entry;
  entry.image = source.id;
  entry.kind = source.kind;
  entry.name = source.kind == Kind::image ? locked_name(source.name) : source.name;
  entry.digest = source.digest;
  switch (source.kind) {
    case Kind::image:
      if (!source.digest) entry.id = source.id;
      if (!source.every_platform) entry.platform = source.platform;
      break;
    case Kind::http:
      break;
    case Kind::git:
      entry.ref = source.ref;
      entry.git_dir = source.keep_git_dir;
      entry.commit = source.commit;
      break;
  }
  return entry;
}

// The build's own context is what is built, and changes from build to build.
std::vector<Taken> entries_of(const std::vector<ResolvedSource>& sources) {
  // An image whose name stood for several digests on several platforms has an entry for each.
  std::map<std::string, std::vector<Digest>> digests;
  for (const ResolvedSource& source : sources) {
    if (source.kind != Kind::image || !source.digest || !source.every_platform) continue;
    std::vector<Digest>& all = digests[locked_name(source.name)];
    if (std::find(all.begin(), all.end(), *source.digest) == all.end())
      all.push_back(*source.digest);
  }
  std::map<LockKey, Taken> entries;
  for (const ResolvedSource& source : sources) {
    if (source.use == ResolvedSource::Use::build_context) continue;
    Taken entry = entry_of(source);
    if (source.kind == Kind::image && source.every_platform && digests[entry.name].size() > 1)
      entry.platform = source.platform;
    entries.emplace(entry, entry);
  }
  std::vector<Taken> sorted;
  for (auto& [key, entry] : entries) sorted.push_back(std::move(entry));
  return sorted;
}

std::map<LockKey, LockEntry> by_key(const LockEntries& entries) {
  std::map<LockKey, LockEntry> map;
  for (const LockEntry& entry : entries) map.emplace(entry, entry);
  return map;
}

// The entry that holds it: of this platform, else of every one.
const LockEntry* holder(const std::map<LockKey, LockEntry>& entries, const LockKey& key) {
  auto found = entries.find(key);
  if (found == entries.end()) {
    LockKey everywhere = key;
    everywhere.platform.reset();
    found = entries.find(everywhere);
  }
  return found == entries.end() ? nullptr : &found->second;
}


Error differs(const LockKey& key, const std::string& locked, const std::string& is) {
  return Error(quoted(key.text()) + " is not what the lock file holds it to")
      .detail("locked to " + locked + "\n    it is " + is + "\n")
      .hint("--update-lock takes what is there now");
}

void require_held(const std::map<LockKey, LockEntry>& entries, const std::vector<Taken>& taken) {
  for (const Taken& entry : taken) {
    const LockEntry* held = holder(entries, entry);
    if (held == nullptr) continue;
    if (held->id) {
      if (*held->id != entry.image)
        throw differs(entry, held->value(), "the image ID " + entry.image.text());
    } else if (held->value() != entry.value()) {
      throw differs(entry, held->value(), entry.value());
    }
  }
}

}  // namespace

std::string locked_name(const std::string& reference) {
  return reference.find("://") == std::string::npos ? parse_reference(reference).familiar()
                                                     : reference;
}

SourceLock::SourceLock(fs::path file, Mode mode) : file_(std::move(file)), mode_(mode) {
  std::optional<LockEntries> read = read_entries(file_);
  if (!read && mode == Mode::frozen)
    throw Error("there is no lock file " + quoted(file_.string()))
        .hint("a build without --frozen-lock writes it");
  entries_ = std::move(read).value_or(LockEntries());
}

const LockEntry* SourceLock::find(const LockKey& key) const {
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), key,
                       [](const LockKey& left, const LockKey& right) { return left < right; });
  return found != entries_.end() && static_cast<const LockKey&>(*found) == key ? &*found : nullptr;
}

void SourceLock::refuse_missing(const LockKey& key) const {
  throw Error(quoted(key.text()) + " is not in the lock file " + quoted(file_.string()))
      .hint("build without --frozen-lock: that adds it, and the file is to be committed");
}

std::optional<LockEntry> SourceLock::image(const std::string& reference,
                                           const Platform& platform) const {
  if (mode_ == Mode::update) return std::nullopt;
  LockKey key;
  key.name = locked_name(reference);
  key.platform = platform;
  const LockEntry* entry = find(key);
  if (entry == nullptr) {
    key.platform.reset();
    entry = find(key);
  }
  if (entry != nullptr) return *entry;
  if (mode_ == Mode::frozen) {
    key.platform = platform;
    refuse_missing(key);
  }
  return std::nullopt;
}

FetchHttp SourceLock::hold(FetchHttp fetch) const {
  if (mode_ == Mode::update) return fetch;
  const LockKey key = key_of(fetch);
  const LockEntry* entry = find(key);
  if (entry == nullptr) {
    if (mode_ == Mode::frozen) refuse_missing(key);
    return fetch;
  }
  const std::string locked = entry->digest->text();
  if (fetch.checksum.starts_with("sha256:") && fetch.checksum != locked)
    throw differs(key, locked, fetch.checksum + " by its --checksum");
  // A longer checksum stays: finish() compares.
  if (fetch.checksum.empty()) fetch.checksum = locked;
  return fetch;
}

FetchGit SourceLock::hold(FetchGit fetch) const {
  if (mode_ == Mode::update) return fetch;
  const LockKey key = key_of(fetch);
  const LockEntry* entry = find(key);
  if (entry == nullptr) {
    if (mode_ == Mode::frozen) refuse_missing(key);
    return fetch;
  }
  // A checksum may be that of a tag, which only the remote knows: finish() compares.
  if (!entry->commit.starts_with(fetch.checksum)) return fetch;
  fetch.commit = entry->commit;
  return fetch;
}

LoweredPlatforms SourceLock::hold(LoweredPlatforms lowered) const {
  Graph graph;
  std::vector<VertexId> places;
  std::vector<Diagnostic> refused;
  for (std::uint32_t i = 0; i < lowered.graph.size(); ++i) {
    Vertex vertex = lowered.graph[VertexId{i}];
    try {
      if (auto* http = std::get_if<FetchHttp>(&vertex.operation)) *http = hold(std::move(*http));
      if (auto* git = std::get_if<FetchGit>(&vertex.operation)) *git = hold(std::move(*git));
    } catch (Error& error) {
      error.at(vertex.origin);
      refused.insert(refused.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
    for (VertexId& input : vertex.inputs) input = places[index_of(input)];
    places.push_back(graph.add(std::move(vertex)));
  }
  if (!refused.empty()) throw Error(std::move(refused));
  lowered.graph = std::move(graph);
  for (PlatformImage& image : lowered.images) image.root = places[index_of(image.root)];
  return lowered;
}

std::vector<SourceLock::Change> SourceLock::finish(
    const std::vector<ResolvedSource>& sources) const {
  const std::vector<Taken> taken = entries_of(sources);
  std::map<LockKey, LockEntry> before = by_key(entries_);
  std::map<LockKey, LockEntry> after;
  if (mode_ != Mode::update) {
    require_held(before, taken);
    if (mode_ == Mode::frozen) return {};
    before = by_key(read_entries(file_).value_or(LockEntries()));
    after = before;
  }
  for (const Taken& entry : taken)
    if (mode_ == Mode::update || holder(after, entry) == nullptr) after.emplace(entry, entry);

  std::vector<Change> changes;
  for (const auto& [key, entry] : before) {
    const auto now = after.find(key);
    if (now == after.end()) {
      changes.push_back({key.text(), entry.value(), std::nullopt});
    } else if (now->second != entry) {
      changes.push_back({key.text(), entry.value(), now->second.value()});
    }
  }
  for (const auto& [key, entry] : after)
    if (!before.contains(key)) changes.push_back({key.text(), std::nullopt, entry.value()});
  std::sort(changes.begin(), changes.end(), [](const Change& left, const Change& right) {
    return left.name < right.name;
  });
  std::error_code none;
  if (changes.empty() && fs::exists(file_, none)) return changes;
  LockEntries entries;
  for (auto& [key, entry] : after) entries.push_back(std::move(entry));
  replace_file(file_, write_lock_file(entries));
  return changes;
}

}  // namespace slipway

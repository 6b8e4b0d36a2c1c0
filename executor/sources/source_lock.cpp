#include <executor/sources/source_lock.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/replace_file.hpp>
#include <executor/sources/hidden.hpp>
#include <ir/error.hpp>
#include <ir/reference.hpp>

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <map>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>

namespace slipway {
namespace {

namespace fs = std::filesystem;
using Kind = ResolvedSource::Kind;

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
  file->text.resize(most_lock_bytes + 1);
  stream.read(file->text.data(), static_cast<std::streamsize>(file->text.size()));
  if (stream.bad()) throw system_error("read", path.string(), errno);
  file->text.resize(static_cast<std::size_t>(stream.gcount()));
  return read_lock_file(file);
}

// The folder, because the file itself is replaced. Empty where the file system locks no folder
// (NFS) or it may not be read: two builds that end at once may then lose an entry, which the next
// build adds again.
FileDescriptor lock_folder_of(const fs::path& file) {
  const fs::path folder = without_links(file).parent_path();
  FileDescriptor descriptor(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor) return {};
  // Others hold it for the time that a small file takes. Who has called slipway may hold it for as
  // long as slipway runs.
  constexpr std::chrono::milliseconds step(20);
  constexpr int attempts = 1500;
  for (int i = 0; i < attempts; ++i) {
    if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) == 0) return descriptor;
    if (errno != EWOULDBLOCK && errno != EINTR) return {};
    std::this_thread::sleep_for(step);
  }
  throw Error("the folder of the lock file " + quoted(file.string()) +
              " has been locked by another program for half a minute")
      .hint("does a script run slipway under flock(1) on that folder? lock another file there");
}

// The file is committed: what a secret was put into is known without it.
std::string locked_address(const std::string& url) {
  return Hidden().url(url);
}

LockKey key_of(const FetchHttp& fetch) {
  LockKey key;
  key.kind = Kind::http;
  key.name = locked_address(fetch.url);
  return key;
}

LockKey key_of(const FetchGit& fetch) {
  LockKey key;
  key.kind = Kind::git;
  key.name = locked_address(fetch.remote);
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
  entry.name = source.kind == Kind::image ? locked_name(source.name) : locked_address(source.name);
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
      if (source.keep_git_dir && source.full_ref != source.ref) entry.full_ref = source.full_ref;
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
    const auto [known, is_new] = entries.emplace(entry, entry);
    if (is_new || known->second.value() == entry.value()) continue;
    throw Error(quoted(entry.text()) + " was two different things in this build")
        .detail("once " + known->second.value() + "\n    once " + entry.value() + "\n")
        .hint("a lock holds a name to one of them; addresses are one where they differ in secrets");
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

// The entry that holds it: of this platform, else of every one. Of a repository that was held its
// full ref is what the operation has.
const LockEntry* holder(const std::map<LockKey, LockEntry>& entries, const LockKey& key) {
  auto found = entries.find(key);
  if (found == entries.end()) {
    LockKey everywhere = key;
    everywhere.platform.reset();
    found = entries.find(everywhere);
  }
  if (found != entries.end()) return &found->second;
  const auto short_for = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) {
    return key.kind == Kind::git && key.git_dir && entry.second.kind == Kind::git &&
           entry.second.name == key.name && !key.ref.empty() && entry.second.full_ref == key.ref;
  });
  return short_for == entries.end() ? nullptr : &short_for->second;
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
  if (entry != nullptr) {
    const bool layout = reference.find("://") != std::string::npos;
    const std::optional<Digest> own = layout ? std::nullopt : parse_reference(reference).digest;
    if (own && entry->digest != own)
      throw differs(*entry, entry->value(), own->text() + " by its own digest");
    return *entry;
  }
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
  if (!entry->full_ref.empty()) fetch.ref = entry->full_ref;
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
  if (mode_ != Mode::update) require_held(before, taken);
  if (mode_ == Mode::frozen) return {};
  // Until the file is there: what two builds add at once is all in it.
  const FileDescriptor alone = lock_folder_of(file_);
  if (mode_ != Mode::update) {
    before = by_key(read_entries(file_).value_or(LockEntries()));
    // What another build has added meanwhile holds this one, too.
    require_held(before, taken);
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
  std::sort(changes.begin(), changes.end(),
            [](const Change& left, const Change& right) { return left.name < right.name; });
  std::error_code none;
  if (changes.empty() && fs::exists(file_, none)) return changes;
  LockEntries entries;
  for (auto& [key, entry] : after) entries.push_back(std::move(entry));
  try {
    replace_file(file_, write_lock_file(entries));
  } catch (Error& error) {
    error.hint("--frozen-lock builds with a lock file that nobody may write");
    throw;
  }
  return changes;
}

}  // namespace slipway

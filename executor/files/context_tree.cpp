#include <executor/files/context_tree.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <atomic>
#include <memory>

namespace slipway {
namespace {

void visit_all(const Directory& directory,
               const std::function<void(const Directory&, const WalkedEntry&)>& visit) {
  for (const WalkedEntry& entry : directory.entries) {
    visit(directory, entry);
    if (entry.below) visit_all(*entry.below, visit);
  }
}

void read_all(Directory& directory, const std::function<void(Directory&)>& read) {
  read(directory);
  for (WalkedEntry& entry : directory.entries)
    if (entry.below) read_all(*entry.below, read);
}

}  // namespace

ContextTree::ContextTree(int root, const std::filesystem::path& directory,
                         const IgnoreRules& ignore, const std::optional<FileStamp>& without,
                         std::function<void(Directory&)> read, const std::atomic<bool>& stopped)
    : directory_(directory),
      without_(without),
      root_{root, &ignore, without_ ? &*without_ : nullptr, &stopped},
      read_(std::move(read)) {}

std::optional<ContextTree::Place> ContextTree::find(std::string_view path) const {
  const std::optional<Place> place = locate(path);
  if (!place || !is_there(*place->directory, *place->entry)) return std::nullopt;
  return place;
}

std::vector<ContextTree::Place> ContextTree::children(std::string_view path) const {
  std::vector<Place> places;
  Directory* const directory = directory_at(path);
  if (directory == nullptr) return places;
  places.reserve(directory->entries.size());
  for (WalkedEntry& entry : directory->entries)
    if (is_there(*directory, entry)) places.push_back({directory, &entry});
  return places;
}

void ContextTree::read_below(std::string_view path, const WalkFilter& filter) const {
  Directory* const directory = directory_at(path);
  if (directory == nullptr) return;
  const std::lock_guard reading(reading_);
  NewDirectories found = walk(root_, *directory, filter);
  // Which name of a file is its first does not depend on which thread was faster.
  std::sort(found.begin(), found.end(), [](const auto& left, const auto& right) {
    return left.second->path < right.second->path;
  });
  for (auto& [entry, below] : found) publish(*entry, std::move(below));
}

std::string ContextTree::first_name(const WalkedEntry& file) const {
  const std::shared_lock lock(published_);
  return first_names_.at({file.stamp.device, file.stamp.inode});
}

std::uint64_t ContextTree::seen() const {
  const std::shared_lock lock(published_);
  return seen_;
}

void ContextTree::for_each(
    const std::function<void(const Directory&, const WalkedEntry&)>& visit) const {
  const std::lock_guard reading(reading_);
  if (top_.below) visit_all(*top_.below, visit);
}

std::optional<ContextTree::Place> ContextTree::locate(std::string_view path) const {
  Directory* directory = &root();
  for (;;) {
    const std::size_t slash = path.find('/');
    WalkedEntry* const entry = directory->find(path.substr(0, slash));
    if (entry == nullptr) return std::nullopt;
    if (slash == std::string_view::npos) return Place{directory, entry};
    if (entry->type != Entry::Type::directory) return std::nullopt;
    directory = &below(*directory, *entry);
    require_readable(*directory);
    path.remove_prefix(slash + 1);
  }
}

Directory* ContextTree::directory_at(std::string_view path) const {
  if (path.empty()) return &root();
  const std::optional<Place> place = locate(path);
  if (!place || place->entry->type != Entry::Type::directory) return nullptr;
  Directory& directory = below(*place->directory, *place->entry);
  require_readable(directory);
  return &directory;
}

Directory& ContextTree::below(const Directory& above, WalkedEntry& entry) const {
  {
    const std::shared_lock lock(published_);
    if (entry.below) return *entry.below;
  }
  const std::lock_guard reading(reading_);
  if (!entry.below) publish(entry, read_directory(root_, above.path_of(entry)));
  return *entry.below;
}

Directory& ContextTree::root() const {
  {
    const std::shared_lock lock(published_);
    if (top_.below) return *top_.below;
  }
  const std::lock_guard reading(reading_);
  if (!top_.below) {
    std::unique_ptr<Directory> directory = read_directory(root_, {});
    require_readable(*directory);
    publish(top_, std::move(directory));
  }
  return *top_.below;
}

void ContextTree::publish(WalkedEntry& entry, std::unique_ptr<Directory> directory) const {
  read_all(*directory, read_);
  const std::unique_lock lock(published_);
  learn(*directory);
  entry.below = std::move(directory);
}

void ContextTree::learn(Directory& directory) const {
  seen_ += directory.seen;
  for (WalkedEntry& entry : directory.entries) {
    if (entry.several_names)
      first_names_.try_emplace({entry.stamp.device, entry.stamp.inode}, directory.path_of(entry));
    if (entry.below) learn(*entry.below);
  }
}

// An excluded directory is there for what is re-included in it; where that is nothing, it is not.
bool ContextTree::is_there(const Directory& directory, WalkedEntry& entry) const {
  if (!entry.excluded) return true;
  // Threads that find it out together find the same.
  const std::atomic_ref<WalkedEntry::Included> known(entry.included);
  if (known == WalkedEntry::Included::unknown) {
    Directory& inside = below(directory, entry);
    const bool any = std::any_of(inside.entries.begin(), inside.entries.end(),
                                 [&](WalkedEntry& child) { return is_there(inside, child); });
    known.store(any ? WalkedEntry::Included::something : WalkedEntry::Included::nothing);
  }
  return known == WalkedEntry::Included::something;
}

void ContextTree::require_readable(const Directory& directory) const {
  if (directory.error == 0) return;
  throw system_error("read", (directory_ / directory.path).native(), directory.error)
      .hint("make it readable, or exclude it in .dockerignore");
}

}  // namespace slipway

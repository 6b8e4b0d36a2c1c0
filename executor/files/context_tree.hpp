// A directory of the user's, read piece by piece.
//
// A directory is opened when somebody asks what is in it, so what no instruction selects is never
// looked at. Whatever was seen once stays as it was seen. Thread-safe.
#pragma once

#include <executor/files/walk.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {

class ContextTree {
 public:
  // `root` is the open `directory`; both and `ignore` are borrowed. `without`: WalkRoot's. `read`
  // is called with every directory that was read, before anyone else sees it, by one thread at a
  // time. `stopped`: WalkRoot's.
  ContextTree(int root, const std::filesystem::path& directory, const IgnoreRules& ignore,
              const std::optional<FileStamp>& without, std::function<void(Directory&)> read,
              const std::atomic<bool>& stopped);
  ContextTree(const ContextTree&) = delete;
  ContextTree& operator=(const ContextTree&) = delete;

  struct Place {
    Directory* directory = nullptr;
    WalkedEntry* entry = nullptr;
    std::string path() const { return directory->path_of(*entry); }
  };
  // What is at exactly this path, which is not empty. Throws Error where a directory on the way
  // cannot be read.
  std::optional<Place> find(std::string_view path) const;
  // The entries of the directory at exactly this path, in byte order; none if there is no
  // directory. Throws Error where it cannot be read.
  std::vector<Place> children(std::string_view directory) const;
  // Reads the directory at this path and all below it but for what the filter leaves out, faster
  // than one after the other as they are asked for.
  void read_below(std::string_view directory, const WalkFilter& filter) const;

  // Of a file that has several names: the first one that was seen.
  std::string first_name(const WalkedEntry& file) const;
  // Names in the directories that were read, also those that were left out.
  std::uint64_t seen() const;
  // All that was read, in path order.
  void for_each(const std::function<void(const Directory&, const WalkedEntry&)>& visit) const;

 private:
  std::optional<Place> locate(std::string_view path) const;
  Directory* directory_at(std::string_view path) const;
  Directory& below(const Directory& above, WalkedEntry& entry) const;
  Directory& root() const;
  void publish(WalkedEntry& entry, std::unique_ptr<Directory> directory) const;
  void learn(Directory& directory) const;
  bool is_there(const Directory& directory, WalkedEntry& entry) const;
  void require_readable(const Directory& directory) const;

  const std::filesystem::path& directory_;
  const std::optional<FileStamp> without_;
  const WalkRoot root_;
  const std::function<void(Directory&)> read_;

  mutable std::mutex reading_;  // one reads at a time, and only who reads changes what follows
  mutable std::shared_mutex published_;  // held alone while it is changed
  mutable WalkedEntry top_;              // the root's directory is `below` it
  mutable std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> first_names_;  // by inode
  mutable std::uint64_t seen_ = 0;
};

}  // namespace slipway

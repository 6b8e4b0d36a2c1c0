// Holding a build to what an earlier one took from outside (`slipway build --lock FILE`).
//
// Before: images are asked for by what the file has, and files of the web and commits are written
// into the graph. After: what is new is added, or, where that is asked for, all is written anew.
#pragma once

#include <executor/sources/lock_file.hpp>
#include <ir/lower.hpp>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// How an image is called in a lock file: as docker shows it, and a layout's as it is written.
std::string locked_name(const std::string& reference);

class SourceLock {
 public:
  enum class Mode {
    hold,    // what is in the file counts, what is not is added
    frozen,  // what is not in the file is an Error, and the file is not written
    update,  // nothing in the file counts, and all of it is written anew
  };

  // Reads the file. One that is not there is empty, and an Error where it is frozen.
  SourceLock(std::filesystem::path file, Mode mode);

  Mode mode() const { return mode_; }

  // What the image is held to: a registry's digest or an ID; nothing: it is not. Throws Error where
  // the lock is frozen and does not have it.
  std::optional<LockEntry> image(const std::string& reference, const Platform& platform) const;

  // The same operation, held to its content or commit. Throws Error where the operation itself
  // asks for another one, or where the lock is frozen and does not have it.
  FetchHttp hold(FetchHttp fetch) const;
  FetchGit hold(FetchGit fetch) const;
  // All of a graph, which may get fewer vertices. Throws Error at each vertex that hold() refuses.
  LoweredPlatforms hold(LoweredPlatforms lowered) const;

  struct Change {
    std::string name;                // of the source, for people: any text may be in it
    std::optional<std::string> was;  // empty: it is new
    std::optional<std::string> is;   // empty: it is gone
  };
  // To be called when all was taken. Throws Error if something is not what it was held to; writes
  // the file if it changes, aside and then renamed. Gives what has changed, sorted. What another
  // build has added meanwhile stays.
  std::vector<Change> finish(const std::vector<ResolvedSource>& sources) const;

 private:
  const LockEntry* find(const LockKey& key) const;
  [[noreturn]] void refuse_missing(const LockKey& key) const;

  std::filesystem::path file_;
  Mode mode_;
  LockEntries entries_;
};

}  // namespace slipway

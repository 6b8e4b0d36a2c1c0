// The text of a lock file: what a build took from outside, by digests and commits.
//
//   {
//     "version": 1,
//     "sources": [
//       {"image": "debian:bookworm", "digest": "sha256:..."},
//       {"image": "local/base:latest", "platform": "linux/amd64", "id": "sha256:..."},
//       {"url": "https://example.org/tool.tgz", "digest": "sha256:..."},
//       {"git": "https://example.org/repo.git", "ref": "main", "commit": "..."}
//     ]
//   }
//
// Sorted, an entry a line: the same sources give the same bytes, and a change is one line of a
// diff. Where .git is kept, which may tell a tag from its commit, "git-dir": true stands there, and
// "full-ref" says what the ref was short for.
#pragma once

#include <executor/sources/resolved_source.hpp>
#include <ir/digest.hpp>
#include <ir/platform.hpp>
#include <ir/source.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

// What an entry is found by.
struct LockKey {
  ResolvedSource::Kind kind = ResolvedSource::Kind::image;
  std::string name;                  // of an image as docker shows it: "debian:latest"
  std::optional<Platform> platform;  // of an image; empty: every platform
  std::string ref;                   // of a repository
  bool git_dir = false;              // of a repository
  auto operator<=>(const LockKey&) const = default;
  // "debian:latest (linux/arm64)", "https://example.org/repo.git#main": may have anything in it.
  std::string text() const;
};

struct LockEntry : LockKey {
  // Of an image its registry's digest, else its ID; of a file the sha256; of a repository a commit.
  std::optional<Digest> digest;
  std::optional<Digest> id;
  std::string commit;
  std::string full_ref;  // of a repository whose .git is kept, which tells of it: "refs/heads/main"
  bool operator==(const LockEntry&) const = default;
  // "sha256:...", "the image ID sha256:...", a commit.
  std::string value() const;
};

// Sorted by key, each key once.
using LockEntries = std::vector<LockEntry>;

// No lock file is larger.
inline constexpr std::size_t most_lock_bytes = std::size_t{16} << 20;

// Total and bounded, for files that strangers may have changed. Throws Error at the line.
LockEntries read_lock_file(const std::shared_ptr<const SourceFile>& file);
std::string write_lock_file(const LockEntries& entries);

}  // namespace slipway

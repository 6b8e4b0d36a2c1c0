// A commit of the shared repository as files, with or without a repository of their own.
#pragma once

#include <executor/git/repository.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace slipway {

// The commit that the object is, or that the tag names.
std::string commit_of(const SharedRepository& repository, const std::string& object);

// The committer's time, seconds since the epoch, never negative.
std::int64_t commit_time(const SharedRepository& repository, const std::string& commit);

// The commit's files in `files`, which is empty. No hook runs, and attributes choose between git's
// own conversions only: a filter would need configuration, which there is none of. `index` is a
// file that does not exist and is removed.
void write_files(const SharedRepository& repository, const std::string& commit,
                 const std::filesystem::path& files, const std::filesystem::path& index);

// The same with a repository of its own in `git_dir`, as a shallow clone has it: the one commit,
// HEAD detached at it, the ref under its full name, "origin" without anything secret. The same
// commit gives the same bytes wherever it is done.
struct OwnRepository {
  std::filesystem::path files;
  std::filesystem::path git_dir;
  std::string ref;     // in full; empty, or a commit: there is none
  std::string object;  // what the ref names: the commit or a tag of it
  std::string commit;
};
void write_with_git_dir(const SharedRepository& repository, const OwnRepository& own);

// Makes the repository of a submodule, which lies in that of the one above it, known to both.
struct JoinedSubmodule {
  std::filesystem::path files;    // of the one above
  std::filesystem::path git_dir;  // of the one above
  std::string path;               // the submodule's, in `files`
  std::string name;               // in `git_dir`/modules
  std::string url;
};
void join_git_dirs(const JoinedSubmodule& joined, const GitListener& listener);

// Gives everything at and below `directory` this time.
void set_times(const std::filesystem::path& directory, std::int64_t time);

}  // namespace slipway

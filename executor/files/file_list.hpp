// The files a COPY, an ADD or a bind mount selected, small enough to be kept in a record: what the
// next miss is compared with, so that it can be explained by the names of files.
//
// A layer's index would not do: it lacks what was equal below and was therefore left out, and knows
// files by where they went, not by what their author calls them.
#pragma once

#include <executor/files/copy.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// What is kept of one selection, at most; beyond, nothing is. About 150,000 files.
inline constexpr std::size_t most_file_list = std::size_t{4} << 20;

// The plan's files by the names their source has for them, and of each what the key depends on.
// Directories that are only made or were there before are not among them. Empty: there are none, or
// too many. The format is described in file_list.cpp.
std::string file_list(const CopyPlan& plan);

// One difference between two lists.
struct FileChange {
  std::string path;               // in the source; of a heredoc where it goes, with a '/' in front
  std::vector<std::string> what;  // "new", "gone", "renamed", or some of: "type", "content",
                                  // "link", "mode", "owner", "attributes"
  std::string detail;             // "0644 -> 0755"; of a renamed one what it was; or empty
  std::uint64_t files = 0;        // in a directory that is new, gone or renamed as a whole
  bool directory = false;
  bool operator==(const FileChange&) const = default;
};

struct FileChanges {
  std::vector<FileChange> first;  // in path order, at most most_file_changes
  std::size_t count = 0;          // of all
  // What all files of both lists have in common, where there are several and nothing else changed:
  // "owner". Empty: nothing.
  std::string all;
  std::uint64_t files = 0;  // in the list as it is now
};
inline constexpr std::size_t most_file_changes = 1000;

// Any bytes may be given: what is damaged ends the comparison with nothing found. One pass over
// both; a directory that is new or gone stands for all that is in it.
FileChanges compare_file_lists(std::string_view was, std::string_view is);

// "src/main.c: content; src/new/: new (1,000 files); and 37 more": ten names, then a count. Empty
// without changes.
std::string describe(const FileChanges& changes);

// "1,234,567"
std::string grouped(std::uint64_t number);

}  // namespace slipway

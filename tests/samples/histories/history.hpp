// The commits of a project's history.txt; README.md has the format.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slipway {

struct Commit {
  struct Miss {
    std::string step;  // how its name begins: "[build 4/5] COPY src/"
    std::string reason;
  };
  struct ImageFromFolder {
    std::string name;
    std::string folder;
  };

  std::string title;
  std::string checkout;                 // title of the commit whose files come back; empty: none
  std::string commands;                 // edits: a script of sh, run in the project's folder
  std::vector<ImageFromFolder> images;  // built before the project
  std::vector<std::string> flags;       // of the build
  std::vector<Miss> misses;             // every other step is a hit
  std::optional<std::string> all;       // every step is a miss, for this reason
  std::string same_image_as;            // title of a commit; empty: a new image
  bool fails = false;                   // the build does
};

// Throws std::runtime_error with the line that it does not understand.
std::vector<Commit> read_history(const std::filesystem::path& file);

}  // namespace slipway

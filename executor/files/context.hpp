// Build contexts: a directory of the user's as a SourceTree.
//
// Only what .dockerignore lets in exists. A directory is read when first asked for, and no other
// time. Owners are 0:0 and xattrs are dropped, as docker does. Contents are hashed when asked for,
// by way of the stat cache (DESIGN §2), so an unchanged context costs one walk of what is used.
#pragma once

#include <executor/files/selected.hpp>
#include <executor/files/source_tree.hpp>
#include <ir/pattern.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace slipway {

class StateDirectory;

class Context : public SourceTree {
 public:
  struct Options {
    std::filesystem::path directory;
    std::string name;  // as messages call it: "build context"
    IgnoreRules ignore;
    // Where each rule of `ignore` stands, for messages (".dockerignore:3"); may be empty.
    std::vector<std::string> rule_places;
    // Where the stat cache is kept; null: none is.
    StateDirectory* state = nullptr;
  };
  // Throws Error if the directory cannot be opened. What the walk cannot read is an Error when it
  // is asked for.
  static std::unique_ptr<Context> open(Options options);
  using SourceTree::open;

  // Reads what will be taken, at one moment and faster than piece by piece. It is no mistake if
  // there is no such source.
  virtual void expect(const std::vector<Taking>& takings) = 0;

  // Writes what was learned to the stat cache; called once, after a solve. Never throws: a cache
  // that cannot be written costs time and nothing else.
  virtual void remember() noexcept = 0;

  struct Figures {
    std::uint64_t entries = 0;       // names in the directories that were read
    std::uint64_t files_hashed = 0;  // read because the stat cache did not know them
    std::uint64_t bytes_hashed = 0;
  };
  virtual Figures figures() const = 0;
  // What is being walked or read ends with an Error before the next directory or file.
  virtual void stop() noexcept = 0;
};

}  // namespace slipway

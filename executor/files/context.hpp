// Build contexts: a directory of the user's as a SourceTree.
//
// Walked once, when first asked; only what .dockerignore lets in exists. Owners are 0:0 and xattrs
// are dropped, as docker does. Contents are hashed when asked for, by way of the stat cache
// (DESIGN §2), so an unchanged context costs one walk.
#pragma once

#include <executor/files/source_tree.hpp>
#include <ir/pattern.hpp>

#include <filesystem>
#include <memory>
#include <string>

namespace slipway {

class StateDirectory;

class Context : public SourceTree {
 public:
  struct Options {
    std::filesystem::path directory;
    std::string name;     // as messages call it: "build context"
    IgnoreRules ignore;
    // Where the stat cache is kept; null: none is.
    StateDirectory* state = nullptr;
  };
  // Throws Error if the directory cannot be opened. What the walk cannot read is an Error when it
  // is asked for.
  static std::unique_ptr<Context> open(Options options);
  using SourceTree::open;

  // Writes what was learned to the stat cache; called once, after a solve. Never throws: a cache
  // that cannot be written costs time and nothing else.
  virtual void remember() noexcept = 0;

  struct Figures {
    std::uint64_t entries = 0;       // walked
    std::uint64_t files_hashed = 0;  // read because the stat cache did not know them
    std::uint64_t bytes_hashed = 0;
  };
  virtual Figures figures() const = 0;
};

}  // namespace slipway

// The upper directory of a step that has run: what of it is the layer.
#pragma once

#include <cache/layers/entry.hpp>
#include <cache/layers/stack.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace slipway {

// What a RUN left in overlayfs's upper directory, as the layer it makes above `below`: copies that
// equal what lies below are left out (directories' mtimes do not count), whiteouts are explicit,
// sockets are skipped. Nothing else may change the tree while this reads it, unless that was said.
class UpperTree {
 public:
  struct Options {
    // Where ids are recorded (recorded_ids.hpp): whose the files are that the step made and
    // recorded nobody's.
    OwnerIds maker = {0, 0};
    // No change, as long as they are empty: files, and directories that hold nothing but these.
    std::set<std::string, std::less<>> stubs = {};
    // Somebody does change the tree: what goes away meanwhile is not there.
    bool changing = false;
  };
  // Walks it. Throws Error naming the path where something cannot be read.
  UpperTree(const std::filesystem::path& upper, const StackView& below, Options options);
  UpperTree(const std::filesystem::path& upper, const StackView& below, OwnerIds maker = {0, 0});
  ~UpperTree();

  // What the layer has, in path order, and what the layers below have at the same path. Contents'
  // digests are not known.
  void for_each(const std::function<void(const Entry& entry, const std::optional<Entry>& below)>&
                    visit) const;
  // The directory, which the entries that are no whiteouts lie in; O_PATH.
  int root() const;

  // Makes the directory hold what the layer has and nothing else, as it must before it is mounted
  // or committed: other steps that made the same layer get this directory, above other files.
  // Throws Error.
  void clean();

  // Reads the files. Throws Error.
  BuiltLayer index() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway

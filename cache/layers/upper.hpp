// The upper directory of a step that has run: what of it is the layer.
#pragma once

#include <cache/layers/stack.hpp>

#include <filesystem>
#include <memory>

namespace slipway {

// What a RUN left in overlayfs's upper directory, as the layer it makes above `below`: copies that
// equal what lies below are left out (directories' mtimes do not count), whiteouts are explicit,
// sockets are skipped. Nothing else may change the tree while this reads it.
class UpperTree {
 public:
  // Walks it. `maker`: where ids are recorded (recorded_ids.hpp), whose the files are that the step
  // made and recorded nobody's. Throws Error naming the path where something cannot be read.
  UpperTree(const std::filesystem::path& upper, const StackView& below, OwnerIds maker = {0, 0});
  ~UpperTree();

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

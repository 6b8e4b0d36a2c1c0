// What a step is shown in its root file system that is not of its layers: put into the tree before
// the step, taken out again after it, wherever the step has moved it.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/chroot/tree.hpp>
#include <executor/sandbox/root_tree.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// For one thread; only undo() may come when a step has run.
class Placements {
 public:
  // `tree` outlives this.
  explicit Placements(Tree& tree);

  RootTree& root() { return root_tree_; }
  // The root's directory, O_PATH. Throws Error.
  FileDescriptor open_root() const;

  // Each takes what is at `place` out of the way and puts a new object there. What is made has the
  // owner 0:0. Gives an O_PATH descriptor that lives as long as this.
  int directory(const RootTree::Place& place, mode_t mode);
  void file(const RootTree::Place& place, std::string_view content, mode_t mode, uid_t uid,
            gid_t gid);
  // A socket, at which somebody may wait for connections already.
  FileDescriptor socket(const RootTree::Place& place, mode_t mode, uid_t uid, gid_t gid);
  // The directory or file `kept` itself, which goes back to its place with all that was done to it.
  void lend(const RootTree::Place& place, const FileDescriptor& kept);
  // The path `source` of the layers; a copy.
  void copy(const RootTree::Place& place, const MergedLayers& layers, const std::string& source);

  // Takes all out. Nothing may be alive in the tree. Gives files that have other names left in the
  // tree. Goes on after an error and throws the first one.
  Inodes undo();

 private:
  struct Placed {
    FileDescriptor parent;  // O_PATH: of the place
    std::string name;
    std::string path;       // where that is
    std::string aside;      // what was there
    FileDescriptor object;  // O_PATH: what was put there
    std::optional<std::filesystem::path> kept;
  };

  Placed& clear(const RootTree::Place& place);
  void hold(Placed& placed);
  void take_out(Placed& placed, Inodes& left);
  void give_back(const Placed& placed, int directory, const std::string& name);

  Tree& tree_;
  FileDescriptor root_;   // O_PATH
  FileDescriptor aside_;  // O_PATH
  RootTree root_tree_;
  std::vector<Placed> placed_;
};

}  // namespace slipway

// What processes use of the store, and how things are removed beside them.
//
// Whatever can be removed has a digest: a layer its diffID, a blob its digest, a cache mount the
// one that names its directory. A process that is going to rely on such a thing
//   1. holds it: a shared lock on the byte of locks/holds that the digest names;
//   2. asks whether it is there, and only then.
// Who removes (room.hpp; one process at a time, who has the lock "prune"),
//   1. takes that byte for himself, without waiting: where somebody holds it, the thing stays;
//   2. in the same transaction deletes the rows: the layer's and those of its records, unless an
//      image has got the layer or one of the records was used since he looked;
//   3. renames the files away into work/;
//   4. gives the byte back, and only then deletes the files.
// So what a process has found is there until it ends, and who asks while something is removed waits
// for the rename and finds nothing. The remover waits for nobody while he has a byte, so nobody
// waits in a circle. Nothing is ever written to say that something is in use: a hit costs a system
// call, and a process that is killed holds nothing. A build that runs for days holds what it uses
// and no more, so removing never has to wait for the builds to end.
//
// A remover who is killed between 2 and 3 leaves names without rows, and his lock's file: by that
// the next one, at the end of the next build, knows that there is something to sweep up. Who is
// killed between a layer's rename into layers/ and its row leaves names without a row as well: he
// has a folder in work/, and who finds that without its owner leaves a mark (state_directory.hpp).
#pragma once

#include <ir/digest.hpp>

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <utility>

namespace slipway {

// What one opened store holds. Any thread.
class Holds {
 public:
  explicit Holds(std::filesystem::path file);  // made when it is needed
  ~Holds();
  Holds(const Holds&) = delete;

  // Until release(), or the end of the process. Waits while it is being removed. Throws Error.
  void hold(const Digest& thing);
  // Holds nothing any more: for who has ended all that used something.
  void release();

 private:
  const std::filesystem::path file_;
  std::mutex mutex_;  // guards what follows
  int descriptor_ = -1;
  std::unordered_set<Digest> held_;
};

// The byte of something that is being removed, until the end of its scope.
class [[nodiscard]] Removal {
 public:
  // Empty: somebody holds it. Throws Error.
  static std::optional<Removal> attempt(const std::filesystem::path& file, const Digest& thing);

  Removal(Removal&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Removal& operator=(Removal&&) = delete;
  ~Removal();

 private:
  explicit Removal(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;  // -1: moved from
};

}  // namespace slipway

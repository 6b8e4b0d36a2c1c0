// The state directory: what lies where, which format it has, who works in it.
//
//   version          the format's number
//   ids              whose ids the files' owners are, and where overlayfs's marks are
//   slipway.db       SQLite (WAL)
//   layers/HEX/      a layer's tree, by diffID; layers/HEX.index beside it
//   blobs/HEX        blobs as stored, by digest
//   containers/ID/   a container's layer and what it is doing (containers/state.hpp)
//   contexts/HEX     stat caches, by context
//   failed/HEX/      what the last failed step of a place left (failed_steps.hpp)
//   git/HEX/         a bare repository for each git remote (executor/git)
//   mounts/HEX       what RUN --mount=type=cache keeps (executor/solve/mounts.cpp)
//   networks/ID/     what a network's process keeps while it runs
//   volumes/NAME/    the files of volumes, in _data
//   secret.key       a random key of this store's own (secret_key.hpp), once something needs it
//   locks/           one file a lock
//   work/            what is not finished: a folder a process, removed by the next one if it died
#pragma once

#include <cache/layers/overlay_marks.hpp>
#include <cache/room/holds.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace slipway {

// An advisory lock (flock) on a file of locks/, given back at the end of its scope or of the
// process, however that comes.
class [[nodiscard]] FileLock {
 public:
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();
  explicit operator bool() const { return descriptor_ >= 0; }

 private:
  friend class StateDirectory;
  FileLock(int descriptor, std::filesystem::path path)
      : descriptor_(descriptor), path_(std::move(path)) {}
  int descriptor_;  // -1: not held
  std::filesystem::path path_;
};

class StateDirectory {
 public:
  // Makes what is missing. Holds a shared lock on the store for its own life. Throws Error if the
  // path cannot be used, holds another format, or is another user's.
  explicit StateDirectory(std::filesystem::path root);
  ~StateDirectory();
  StateDirectory(const StateDirectory&) = delete;

  // --root, else $SLIPWAY_ROOT, else /var/lib/slipway for root, $XDG_DATA_HOME/slipway (by default
  // ~/.local/share/slipway) for others.
  static std::filesystem::path default_root();

  // Says whose ids the owners of layers' files will be (the text of the user namespace's maps,
  // empty for the machine's own) and where overlayfs's marks will be. Throws Error if the store's
  // files have others. Needs no lock.
  void claim(const std::string& maps, OverlayMarks marks);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path layers() const { return root_ / "layers"; }
  std::filesystem::path blobs() const { return root_ / "blobs"; }
  std::filesystem::path contexts() const { return root_ / "contexts"; }
  std::filesystem::path mounts() const { return root_ / "mounts"; }

  // What this process uses, so that nobody removes it meanwhile.
  Holds& holds() const;
  // Where all processes say so.
  std::filesystem::path holds_file() const { return root_ / "locks" / "holds"; }

  // A new path below this process's own folder of work/. Nothing is made there. The first call
  // makes that folder, and removes those of processes that have died, of which it leaves the mark.
  // Thread-safe.
  std::filesystem::path fresh_work_path();
  // That folder.
  std::filesystem::path own_work();
  // Where those of all processes are.
  std::filesystem::path work() const { return root_ / "work"; }
  // The mark: an empty file. What the dead left elsewhere is still to be swept up (room/room.hpp).
  std::filesystem::path died() const { return root_ / "locks" / "died"; }

  // Waits; `name` is [a-z0-9-]+. Two locks of one name exclude each other within a process too.
  FileLock lock(std::string_view name);
  // Empty if another holds it.
  FileLock try_lock(std::string_view name);

 private:
  std::optional<std::string> claimed() const;

  std::filesystem::path root_;
  struct Own;
  std::unique_ptr<Own> own_;
};

}  // namespace slipway

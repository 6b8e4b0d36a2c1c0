// What one build learned, joined with what is in the file by then.
#include <cache/stat_cache/stat_cache.hpp>

#include <cache/file_descriptor.hpp>
#include <cache/layers/entry.hpp>
#include <cache/state_directory.hpp>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>
#include <string>

namespace slipway {
namespace {

std::uint32_t today() {
  constexpr std::int64_t day = 86'400;
  return static_cast<std::uint32_t>(std::time(nullptr) / day);
}

}  // namespace

struct StatCacheUpdate::State {
  State(StateDirectory& directory, const std::filesystem::path& path, int root)
      : state(directory),
        file(path),
        context(root),
        lock(directory.lock("context-" + path.filename().native())),
        present(StatCache::open(path)) {}

  // Those of `present` before `path`: this build did not see them.
  void keep_until(const std::string_view* path) {
    for (; position < present.size(); ++position) {
      const std::string_view other = present.path(position);
      if (path != nullptr && !path_less(other, *path)) return;
      keep(other);
    }
  }

  // Most were looked at today, by a build that uses them; to look at all of them every time would
  // be a second walk.
  void keep(std::string_view path) {
    const FileStamp stamp = present.stamp(position);
    std::uint32_t seen = present.seen(position);
    if (seen != now || unchecked >= most_unchecked) {
      const std::optional<FileStamp> there = look(path);
      if (!there || *there != stamp) return;
      seen = now;
    } else {
      ++unchecked;
    }
    writer.add(path, stamp, present.digest(position), seen);
  }

  std::optional<FileStamp> look(std::string_view path) const {
    open_how how{};
    how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const std::string name(path);
    const FileDescriptor found(
        static_cast<int>(::syscall(SYS_openat2, context, name.c_str(), &how, sizeof how)));
    return found ? stat_stamp(found.get(), "") : std::nullopt;
  }

  // Against a directory whose files have new names at every build.
  static constexpr std::size_t most_unchecked = 200'000;

  StateDirectory& state;
  std::filesystem::path file;
  int context;
  FileLock lock;  // from reading the file to replacing it
  StatCache present;
  std::size_t position = 0;  // in `present`
  std::size_t unchecked = 0;
  const std::uint32_t now = today();
  StatCacheWriter writer;
};

StatCacheUpdate::StatCacheUpdate(StateDirectory& state, const std::filesystem::path& file,
                                 int context)
    : state_(std::make_unique<State>(state, file, context)) {}
StatCacheUpdate::~StatCacheUpdate() = default;

void StatCacheUpdate::add(std::string_view path, const FileStamp& stamp,
                          const std::optional<Digest>& digest) {
  State& state = *state_;
  state.keep_until(&path);
  const bool both =
      state.position < state.present.size() && state.present.path(state.position) == path;
  const std::size_t other = state.position;
  if (both) ++state.position;
  // Of two stamps the one with the later change time is the file as it is now.
  const bool theirs = both && (state.present.stamp(other).ctime_ns > stamp.ctime_ns ||
                               (!digest && state.present.stamp(other) == stamp));
  if (theirs) {
    state.writer.add(path, state.present.stamp(other), state.present.digest(other), state.now);
  } else if (digest) {
    state.writer.add(path, stamp, *digest, state.now);
  }
}

void StatCacheUpdate::write() {
  state_->keep_until(nullptr);
  state_->writer.write(state_->state.fresh_work_path(), state_->file);
}

}  // namespace slipway

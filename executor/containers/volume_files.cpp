// A volume's first files: what the image has at the place where it is mounted.
//
// They are made beside the volume, in "_data.new", which has the name "_data.ready" when all are
// there, and are then moved in one after the other: others may have the directory mounted, so
// another one cannot take its place. Who is killed before the new name leaves the volume empty, so
// the next container fills it; who is killed behind it leaves what the next one moves in.
#include <executor/containers/container_tree.hpp>

#include <cache/layers/beneath.hpp>
#include <cache/layers/make_entry.hpp>
#include <cache/remove_tree.hpp>
#include <cache/store.hpp>
#include <executor/export/merged.hpp>
#include <executor/files/copy_content.hpp>
#include <executor/files/write_tree.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

class Filling {
 public:
  Filling(const StackView& view, std::string source, int directory)
      : view_(view), source_(std::move(source)), maker_(directory) {}

  void run() {
    walk_merged(
        view_, [this](const Entry& entry) { add(entry); }, source_);
    for (auto entry = directories_.rbegin(); entry != directories_.rend(); ++entry)
      maker_.finish_directory(*entry);
  }

 private:
  std::string inside(const std::string& path) const {
    return source_.empty() ? path : path.substr(source_.size() + 1);
  }

  void add(const Entry& found) {
    Entry entry = found;
    entry.path = inside(found.path);
    if (entry.type == Entry::Type::directory) {
      maker_.make_directory(entry);
      directories_.push_back(std::move(entry));
      return;
    }
    if (!found.hard_link.empty()) {
      // The first name may lie elsewhere in the image; then the first one that lies here is the
      // file.
      const auto [first, fresh] = outside_.try_emplace(found.hard_link, entry.path);
      const bool lies_here =
          found.hard_link.size() > source_.size() && path_within(found.hard_link, source_);
      entry.hard_link = lies_here ? inside(found.hard_link) : fresh ? std::string() : first->second;
      if (!entry.hard_link.empty()) return maker_.make_link(entry);
    }
    if (entry.type != Entry::Type::file) return maker_.make_other(entry);
    const FileDescriptor made = maker_.make_file(entry);
    if (entry.size > 0) {
      const FileDescriptor content(view_.open(found));
      copy_content(content.get(), made.get(), entry.size, entry.path);
    }
    maker_.finish_file(made.get(), entry);
  }

  const StackView& view_;
  const std::string source_;
  TreeMaker maker_;
  std::vector<Entry> directories_;
  std::map<std::string, std::string> outside_;  // by a first name: the first one here
};

// Removed with all that is left in it.
class [[nodiscard]] Aside {
 public:
  explicit Aside(std::filesystem::path path) : path_(std::move(path)) {
    remove_tree(path_);  // of somebody who was killed
    if (::mkdir(path_.c_str(), 0700) != 0) throw system_error("mkdir", path_.native(), errno);
  }
  Aside(const Aside&) = delete;
  ~Aside() { remove_tree(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::filesystem::path ready_for(const std::filesystem::path& directory) {
  return directory.native() + ".ready";
}

// What another command has put into the volume meanwhile stays.
void move_in(const std::filesystem::path& directory, int volume) {
  const std::filesystem::path path = ready_for(directory);
  const FileDescriptor ready = open_root(path);
  const Entry top = read_directory_entry(ready.get(), directory.native()).entry;
  for (const std::string& name : sorted_names(ready.get())) {
    struct stat status {};
    if (::fstatat(volume, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) continue;
    if (::renameat(ready.get(), name.c_str(), volume, name.c_str()) != 0)
      throw system_error("renameat", directory.native() + "/" + name, errno);
  }
  set_metadata(volume, top);
  const timespec time{.tv_sec = top.mtime, .tv_nsec = 0};
  const timespec times[2] = {time, time};
  if (::futimens(volume, times) != 0) throw system_error("futimens", directory.native(), errno);
  if (const std::error_code failure = remove_tree(path))
    throw system_error("rmdir", path.native(), failure.value());
}

}  // namespace

bool needs_filling(const std::filesystem::path& directory) {
  return std::filesystem::is_empty(directory) || std::filesystem::exists(ready_for(directory));
}

void fill_volume(Store& store, const LayerStack& layers, std::string_view path,
                 const std::filesystem::path& directory) {
  const FileLock one_at_a_time = store.state().lock("volumes");
  const FileDescriptor volume(
      ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!volume) throw system_error("open", directory.native(), errno);
  // Of somebody who was killed.
  if (std::filesystem::exists(ready_for(directory))) return move_in(directory, volume.get());
  if (!sorted_names(volume.get()).empty()) return;

  const StackView view = store.layers().view(layers);
  const StackView::Resolved source = view.resolve(path, true);
  if (!source.entry || source.entry->type != Entry::Type::directory) return;

  const Aside aside(directory.native() + ".new");
  const FileDescriptor made(::open(aside.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!made) throw system_error("open", aside.path().native(), errno);
  Filling(view, source.path, made.get()).run();
  set_metadata(made.get(), *source.entry);
  const timespec time{.tv_sec = source.entry->mtime, .tv_nsec = 0};
  const timespec times[2] = {time, time};
  if (::futimens(made.get(), times) != 0)
    throw system_error("futimens", aside.path().native(), errno);
  if (::rename(aside.path().c_str(), ready_for(directory).c_str()) != 0)
    throw system_error("rename", aside.path().native(), errno);
  move_in(directory, volume.get());
}

}  // namespace slipway

#include <executor/containers/copied_tree.hpp>

#include <cache/layers/beneath.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <map>
#include <utility>
#include <vector>

namespace slipway {
namespace {

using Visit = std::function<void(const Entry& entry, const FileDescriptor& content)>;

// Of a file on the way, which may be another one by now: what is read is what `content` is.
FileDescriptor open_content(int directory, const std::string& name, Entry& entry) {
  FileDescriptor content = open_regular(directory, name, entry.path);
  struct stat status {};
  if (::fstat(content.get(), &status) != 0) throw system_error("fstat", entry.path, errno);
  entry.size = static_cast<std::uint64_t>(status.st_size);
  return content;
}

class FileWalk {
 public:
  FileWalk(const std::pair<dev_t, ino_t>& copy, const Visit& visit) : copy_(copy), visit_(visit) {}

  // The entry of a name; whether it is a directory to go into.
  bool meet(int directory, const std::string& name, const std::string& path) {
    DiskEntry disk = read_entry(directory, name, path);
    Entry& entry = disk.entry;
    if (disk.socket || entry.type == Entry::Type::whiteout) return false;
    entry.opaque = false;
    const std::pair inode(disk.status.st_dev, disk.status.st_ino);
    if (entry.type == Entry::Type::directory) {
      if (inode == copy_) throw Error("cannot copy " + quoted(name) + " into itself");
      visit_(entry, {});
      return true;
    }
    if (disk.status.st_nlink > 1) {
      const auto [first, fresh] = names_.try_emplace(inode, path);
      if (!fresh) entry.hard_link = first->second;
    }
    const bool has_content = entry.type == Entry::Type::file && entry.hard_link.empty();
    const FileDescriptor content =
        has_content ? open_content(directory, name, entry) : FileDescriptor();
    visit_(entry, content);
    return false;
  }

  void below(int root) {
    // Paths still to visit, the next one last: each directory is opened by its path, so that a deep
    // tree takes neither the stack nor the descriptors.
    std::vector<std::string> open;
    const auto push = [&](const std::string& path) {
      const FileDescriptor directory = open_beneath(root, path, O_RDONLY | O_DIRECTORY);
      std::vector<std::string> names = sorted_names(directory.get());
      for (auto name = names.rbegin(); name != names.rend(); ++name)
        open.push_back(path.empty() ? *name : path + "/" + *name);
    };
    ParentCache parents(root);
    push("");
    while (!open.empty()) {
      const std::string path = std::move(open.back());
      open.pop_back();
      if (meet(parents.directory(parent_path(path)), std::string(base_name(path)), path))
        push(path);
    }
  }

 private:
  const std::pair<dev_t, ino_t> copy_;
  const Visit& visit_;
  std::map<std::pair<dev_t, ino_t>, std::string> names_;
};

}  // namespace

void walk_files(int directory, const std::string& name, const std::pair<dev_t, ino_t>& copy,
                const Visit& visit) {
  FileWalk walk(copy, visit);
  if (!walk.meet(directory, name, "")) return;
  walk.below(open_beneath(directory, name == "." ? "" : name, O_PATH | O_DIRECTORY).get());
}

}  // namespace slipway

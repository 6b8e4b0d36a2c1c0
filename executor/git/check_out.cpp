// From a commit in the shared repository to files, submodules included.
#include <executor/git/git_sources.hpp>

#include <cache/layers/beneath.hpp>
#include <cache/remove_tree.hpp>
#include <cache/state_directory.hpp>
#include <executor/git/repository.hpp>
#include <executor/git/submodules.hpp>
#include <executor/git/work_tree.hpp>
#include <ir/error.hpp>
#include <ir/lowering/paths.hpp>
#include <ir/nearest.hpp>
#include <ir/remote_source.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway {
namespace {

namespace fs = std::filesystem;

// A submodule within a submodule is usual; twenty levels are a repository that plays tricks.
constexpr std::size_t most_levels = 16;
constexpr std::size_t most_submodules = 1000;

// One check-out with all its submodules.
class CheckOut {
 public:
  CheckOut(StateDirectory& state, const SecretReader& secret, const GitListener& listener,
           const fs::path& scratch)
      : state_(state), secret_(secret), listener_(listener), scratch_(scratch) {}

  // `path` is the work tree's place below `root`, "" for the root itself.
  struct Place {
    fs::path root;
    std::string path;
    std::optional<fs::path> git_dir;  // where .git is to be kept
  };

  // Gives the time of the commit.
  std::int64_t run(const GitRemote& remote, const std::string& object, const std::string& ref,
                   bool submodules, const Place& place, std::size_t level = 0) {
    std::vector<Submodule> found;
    std::int64_t time = 0;
    {
      // Given back before the submodules' are taken, so that no two ever wait for each other.
      SharedRepository repository(state_, remote, object, listener_);
      repository.require(object, ref);
      try {
        time = write(repository, object, ref, submodules, place, found);
      } catch (const Error&) {
        if ((listener_.cancelled && listener_.cancelled()) || !repository.discard_if_old()) throw;
        // What a power failure left of it is not whole.
        clear(place);
        found.clear();
        repository.require(object, ref);
        time = write(repository, object, ref, submodules, place, found);
      }
    }
    for (const Submodule& each : found) add(remote, each, place, level + 1);
    return time;
  }

 private:
  std::int64_t write(SharedRepository& repository, const std::string& object,
                     const std::string& ref, bool submodules, const Place& place,
                     std::vector<Submodule>& found) {
    const fs::path files = place.root / place.path;
    const std::string commit = commit_of(repository, object);
    if (place.git_dir) {
      write_with_git_dir(repository, {files, *place.git_dir, ref, object, commit});
    } else {
      write_files(repository, commit, files, scratch_ / "index");
    }
    if (submodules) found = find_submodules(repository, commit);
    return commit_time(repository, commit);
  }

  static void clear(const Place& place) {
    for (const fs::directory_entry& entry : fs::directory_iterator(place.root / place.path))
      remove_tree(entry.path());
    if (place.git_dir) remove_tree(*place.git_dir);
  }

  void add(const GitRemote& parent, const Submodule& submodule, const Place& place,
           std::size_t level) {
    if (level > most_levels)
      throw Error("submodules of " + quoted(parent.shown()) + " lie more than " +
                  std::to_string(most_levels) + " levels deep")
          .hint("leave them out with ?submodules=false");
    if (++submodules_ > most_submodules)
      throw Error("more than " + std::to_string(most_submodules) + " submodules")
          .hint("leave them out with ?submodules=false");
    Place inner{place.root, joined_path(place.path, submodule.path), {}};
    require_empty_directory(inner);
    try {
      const GitRemote remote =
          parent.submodule(submodule_url(parent.url(), submodule.url), secret_);
      if (listener_.output)
        listener_.output("Submodule " + quoted(submodule.path) + " from " + remote.shown() + "\n");
      if (place.git_dir) {
        inner.git_dir = *place.git_dir / "modules" / submodule.name;
        fs::create_directories(inner.git_dir->parent_path());
      }
      run(remote, submodule.commit, "", true, inner, level);
      if (inner.git_dir) {
        join_git_dirs(
            {place.root / place.path, *place.git_dir, submodule.path, submodule.name, remote.url()},
            listener_);
      }
    } catch (Error& error) {
      std::vector<Diagnostic> all = error.diagnostics();
      if (level == 1)
        all.front().message = "submodule " + quoted(submodule.path) + ": " + all.front().message;
      throw Error(std::move(all));
    }
  }

  static std::string joined_path(const std::string& directory, const std::string& name) {
    return directory.empty() ? name : directory + "/" + name;
  }

  // git made it so for the submodule. Anything else is a tree that no honest git has made, and
  // a link there would lead what is written next to another place.
  static void require_empty_directory(const Place& place) {
    const FileDescriptor root = open_root(place.root);
    const FileDescriptor directory =
        open_beneath(root.get(), place.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!sorted_names(directory.get()).empty())
      throw Error("the place of the submodule " + quoted(place.path) + " is not empty");
  }

  StateDirectory& state_;
  const SecretReader& secret_;
  const GitListener& listener_;
  fs::path scratch_;
  std::size_t submodules_ = 0;
};

// The directory's descriptor; no component may be anything but a directory. Opened twice, step by
// step to say what is wrong and once more by openat2: what lies there is moved away, and a link
// that was followed would move it from anywhere on this machine.
FileDescriptor open_subdir(const fs::path& root, const std::string& subdir,
                           const std::string& repository) {
  FileDescriptor current = open_root(root);
  std::string_view rest = subdir;
  std::string seen;
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string name(rest.substr(0, slash));
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    FileDescriptor next(
        ::openat(current.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) {
      const int error = errno;
      struct stat status {};
      const bool exists = ::fstatat(current.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
      const std::string path = seen + name;
      if (exists && S_ISLNK(status.st_mode))
        throw Error("the directory " + quoted(subdir) + " of the repository " + quoted(repository) +
                    " leads over the link " + quoted(path))
            .hint("name the directory itself");
      if (exists && !S_ISDIR(status.st_mode))
        throw Error(quoted(path) + " in the repository " + quoted(repository) +
                    " is not a directory");
      if (error != ENOENT) throw system_error("openat", path, error);
      std::vector<std::string> names = sorted_names(current.get());
      throw Error("there is no directory " + quoted(subdir) + " in the repository " +
                  quoted(repository))
          .hint(did_you_mean(name, names, {}, seen));
    }
    current = std::move(next);
    seen += name + "/";
  }
  return open_beneath(open_root(root).get(), subdir, O_RDONLY | O_DIRECTORY);
}

}  // namespace

void GitSources::check_out(const FetchGit& resolved, const Staging& staging,
                           const GitListener& listener) {
  const GitRemote remote = remote_of(resolved);
  const std::string subdir = rooted(resolved.subdir).substr(1);
  CheckOut::Place place;
  place.root = staging.upper();
  if (!subdir.empty()) {
    place.root = staging.work() / "tree";
    if (::mkdir(place.root.c_str(), 0755) != 0)
      throw system_error("mkdir", place.root.string(), errno);
  } else if (resolved.keep_git_dir) {
    place.git_dir = place.root / ".git";
  }
  CheckOut check_out(state_, secret_, listener, staging.work());
  const std::int64_t time =
      check_out.run(remote, resolved.commit, resolved.ref, resolved.submodules, place);
  if (!subdir.empty()) {
    const FileDescriptor from = open_subdir(place.root, subdir, remote.shown());
    const FileDescriptor to = open_root(staging.upper());
    for (const std::string& name : sorted_names(from.get())) {
      if (::renameat(from.get(), name.c_str(), to.get(), name.c_str()) != 0)
        throw system_error("renameat", name, errno);
    }
  }
  set_times(staging.upper(), time);
}

}  // namespace slipway

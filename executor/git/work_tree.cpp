#include <executor/git/work_tree.hpp>

#include <cache/layers/beneath.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) throw system_error("write", path.string(), errno);
}

}  // namespace

std::string commit_of(const SharedRepository& repository, const std::string& object) {
  std::string commit =
      first_line(repository.run({"rev-parse", "--verify", "--quiet", object + "^{commit}"}));
  if (!is_object_id(commit)) throw Error(quoted(object) + " is not a commit");
  return commit;
}

std::int64_t commit_time(const SharedRepository& repository, const std::string& commit) {
  const std::string text = first_line(
      repository.run({"log", "-1", "--no-show-signature", "--format=%ct", commit, "--"}));
  std::int64_t time = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), time);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error("the commit " + commit + " has no time: " + quoted(text));
  // A tar holds 33 bits of it without an extension; nobody's commit is from beyond.
  return std::clamp<std::int64_t>(time, 0, (std::int64_t{1} << 33) - 1);
}

void write_files(const SharedRepository& repository, const std::string& commit,
                 const fs::path& files, const fs::path& index) {
  GitCommand command = repository.command({"read-tree", "--reset", "-u", commit});
  command.work_tree = files;
  command.index_file = index;
  run_local(command, repository.listener());
  std::error_code ignored;
  fs::remove(index, ignored);
}

void write_with_git_dir(const SharedRepository& repository, const OwnRepository& own) {
  const GitListener& listener = repository.listener();
  const auto run = [&](std::vector<std::string> arguments) {
    GitCommand command = repository.command(std::move(arguments));
    command.git_dir = own.git_dir;
    command.work_tree = own.files;
    // The log of a ref has the time of day in it.
    command.config = {{"core.logAllRefUpdates", "false"}};
    return run_local(command, listener);
  };
  GitCommand init = repository.command(
      {"init", "--quiet", "--template=",
       std::string("--object-format=") + (own.commit.size() == 64 ? "sha256" : "sha1")});
  init.git_dir = own.git_dir;
  run_local(init, listener);
  // git takes one that is not called .git, as a submodule's is not, for a repository without files.
  run({"config", "core.bare", "false"});

  // The objects are lent by the shared repository until a pack of its own holds them: so nothing
  // is fetched a second time, and git needs no access to files for it.
  fs::create_directories(own.git_dir / "objects/info");
  const fs::path lent = own.git_dir / "objects/info/alternates";
  write_text(lent, (repository.directory() / "objects").string() + "\n");
  // What stands behind the commit stays where it is.
  write_text(own.git_dir / "shallow", own.commit + "\n");
  run({"update-ref", "--no-deref", "HEAD", own.commit});
  if (own.ref.starts_with("refs/")) run({"update-ref", own.ref, own.object});
  run({"repack", "-a", "-d", "-q", "-n"});
  if (!fs::remove(lent)) throw Error("the borrowed objects of " + quoted(own.commit) + " are gone");

  run({"read-tree", "--reset", "-u", own.commit});
  // Once more without the files: an index that knows their inodes is another one every time.
  fs::remove(own.git_dir / "index");
  run({"read-tree", own.commit});
  run({"remote", "add", "--", "origin", repository.remote().url()});
}

void join_git_dirs(const JoinedSubmodule& joined, const GitListener& listener) {
  const fs::path git_dir = joined.git_dir / "modules" / joined.name;
  const fs::path files = joined.files / joined.path;
  const auto configure = [&](const fs::path& repository, const std::string& key,
                             const std::string& value) {
    GitCommand command;
    command.arguments = {"config", key, value};
    command.git_dir = repository;
    run_local(command, listener);
  };
  configure(joined.git_dir, "submodule." + joined.name + ".active", "true");
  configure(joined.git_dir, "submodule." + joined.name + ".url", joined.url);
  configure(git_dir, "core.worktree", fs::relative(files, git_dir).string());
  write_text(files / ".git", "gitdir: " + fs::relative(git_dir, files).string() + "\n");
}

void set_times(const fs::path& directory, std::int64_t time) {
  const struct timespec times[2] = {{time, 0}, {time, 0}};
  const FileDescriptor root = open_root(directory);
  // One descriptor at a time, however deep the tree is.
  std::vector<std::string> open = {""};
  while (!open.empty()) {
    const std::string path = std::move(open.back());
    open.pop_back();
    const FileDescriptor current =
        open_beneath(root.get(), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    for (const std::string& name : sorted_names(current.get())) {
      struct stat status {};
      if (::fstatat(current.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        throw system_error("fstatat", name, errno);
      if (S_ISDIR(status.st_mode)) {
        open.push_back(path.empty() ? name : path + "/" + name);
      } else if (::utimensat(current.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
        throw system_error("utimensat", name, errno);
      }
    }
    if (::futimens(current.get(), times) != 0) throw system_error("futimens", path, errno);
  }
}

}  // namespace slipway

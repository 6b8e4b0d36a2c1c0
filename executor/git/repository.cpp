#include <executor/git/repository.hpp>

#include <cache/remove_tree.hpp>
#include <cache/state_directory.hpp>
#include <ir/digest.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;

// More packs than this make git slow; then a new repository is begun, with what is needed now.
constexpr std::size_t most_packs = 100;

fs::path git_folder(const StateDirectory& state) {
  fs::path folder = state.root() / "git";
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw system_error("mkdir", folder.string(), errno);
  return folder;
}

// An flock that is asked for again and again, because a signal has to be able to end the wait.
FileDescriptor lock_of(const fs::path& path, const GitListener& listener) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) throw system_error("open", path.string(), errno);
  bool announced = false;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) throw system_error("flock", path.string(), errno);
    if (listener.cancelled && listener.cancelled()) throw Error("git was stopped with the build");
    if (!std::exchange(announced, true) && listener.output)
      listener.output("waiting for another fetch from this repository\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return file;
}

std::size_t count_packs(const fs::path& repository) {
  std::error_code ignored;
  std::size_t count = 0;
  for (fs::directory_iterator i(repository / "objects/pack", ignored), end; i != end;
       i.increment(ignored))
    if (i->path().extension() == ".pack") ++count;
  return count;
}

}  // namespace

std::string run_local(const GitCommand& command, const GitListener& listener) {
  GitOutcome outcome = run_git(command, listener);
  if (!outcome.ok()) {
    throw Error("git " + command.arguments.front() + " failed with status " +
                std::to_string(outcome.status))
        .detail(outcome.errors);
  }
  return std::move(outcome.output);
}

fs::path known_hosts(const StateDirectory& state) {
  return git_folder(state) / "known_hosts";
}

SharedRepository::SharedRepository(StateDirectory& state, const GitRemote& remote,
                                   const std::string& object_id, const GitListener& listener)
    : state_(state), remote_(remote), listener_(listener), sha256_(object_id.size() == 64) {
  const std::string name = sha256((sha256_ ? "sha256 " : "sha1 ") + remote.url()).hex();
  directory_ = git_folder(state) / name;
  lock_ = lock_of(directory_.string() + ".lock", listener);
  // Its time says when the repository was last used, for who wants room (cache/room).
  ::futimens(lock_.get(), nullptr);
  if (!fs::exists(directory_)) {
    make();
  } else {
    remove_leftovers();
    if (count_packs(directory_) > most_packs) discard();
  }
}

void SharedRepository::make() {
  const fs::path aside = state_.fresh_work_path();
  GitCommand init;
  init.arguments = {"init", "--quiet", "--bare",
                    "--template=", std::string("--object-format=") + (sha256_ ? "sha256" : "sha1")};
  init.git_dir = aside;
  run_local(init, listener_);
  if (::rename(aside.c_str(), directory_.c_str()) != 0)
    throw system_error("rename", directory_.string(), errno);
  new_ = true;
}

void SharedRepository::discard() {
  const fs::path aside = state_.fresh_work_path();
  if (::rename(directory_.c_str(), aside.c_str()) != 0 && errno != ENOENT)
    throw system_error("rename", directory_.string(), errno);
  // What cannot be removed now goes with the rest of work/.
  remove_tree(aside);
  make();
}

bool SharedRepository::discard_if_old() {
  if (new_) return false;
  discard();
  return true;
}

void SharedRepository::remove_leftovers() const {
  std::vector<fs::path> leftovers;
  std::error_code ignored;
  for (fs::directory_iterator i(directory_, ignored), end; i != end; i.increment(ignored))
    if (i->path().extension() == ".lock") leftovers.push_back(i->path());
  for (fs::recursive_directory_iterator i(directory_ / "refs", ignored), end; i != end;
       i.increment(ignored))
    if (i->path().extension() == ".lock") leftovers.push_back(i->path());
  for (fs::recursive_directory_iterator i(directory_ / "objects", ignored), end; i != end;
       i.increment(ignored))
    if (i->path().filename().string().starts_with("tmp_")) leftovers.push_back(i->path());
  for (const fs::path& path : leftovers) fs::remove(path, ignored);
}

GitCommand SharedRepository::command(std::vector<std::string> arguments) const {
  GitCommand command;
  command.arguments = std::move(arguments);
  command.git_dir = directory_;
  command.lock = lock_.get();
  return command;
}

std::string SharedRepository::run(std::vector<std::string> arguments) const {
  return run_local(command(std::move(arguments)), listener_);
}

bool SharedRepository::has(const std::string& object_id) const {
  return run_git(command({"rev-parse", "--quiet", "--verify", "refs/slipway/" + object_id}),
                 listener_)
      .ok();
}

GitOutcome SharedRepository::fetch(std::vector<std::string> options,
                                   std::vector<std::string> refspecs) const {
  std::vector<std::string> arguments = {"fetch", "--no-tags", "--no-write-fetch-head", "--force",
                                        "--progress"};
  for (std::string& option : options) arguments.push_back(std::move(option));
  arguments.insert(arguments.end(), {"--", "origin"});
  for (std::string& refspec : refspecs) arguments.push_back(std::move(refspec));
  GitCommand command = remote_.command(std::move(arguments));
  command.git_dir = directory_;
  command.lock = lock_.get();
  command.show = true;
  return remote_.run(std::move(command), listener_);
}

void SharedRepository::require(const std::string& object_id, const std::string& ref) {
  if (has(object_id)) return;
  std::optional<Error> failed;
  if (fetch_somehow(object_id, ref, failed)) return;
  // It may be ours that is damaged.
  if (discard_if_old() && fetch_somehow(object_id, ref, failed)) return;
  throw std::move(*failed);
}

bool SharedRepository::fetch_somehow(const std::string& object_id, const std::string& ref,
                                     std::optional<Error>& failed) const {
  const std::string kept = "refs/slipway/" + object_id;
  // The remote gave this name, and it is looked for here afterwards.
  const bool named = ref.starts_with("refs/");
  failed.reset();
  const auto attempt = [&](std::vector<std::string> options, std::vector<std::string> refspecs) {
    const GitOutcome outcome = fetch(std::move(options), std::move(refspecs));
    if (!outcome.ok()) {
      if (GitRemote::is_final(outcome)) throw remote_.failure(outcome);
      const bool unknown = outcome.errors.find("not our ref") != std::string::npos;
      if (!unknown) failed = remote_.failure(outcome);
      return false;
    }
    failed.reset();
    // Only what git itself has found whole gets the ref that says so.
    if (has(object_id)) return true;
    return run_git(command({"update-ref", kept, object_id}), listener_).ok();
  };
  const std::string aside = "+" + ref + ":refs/fetched/ref";
  if (attempt({"--depth=1"}, {"+" + object_id + ":" + kept})) return true;
  // An old server gives only what it advertises; one that is only files knows no depth.
  if (named && (attempt({"--depth=1"}, {aside}) || attempt({}, {aside}))) return true;
  std::vector<std::string> all = {"--prune"};
  if (fs::exists(directory_ / "shallow")) all.push_back("--unshallow");
  if (attempt(std::move(all),
              {"+refs/heads/*:refs/fetched/heads/*", "+refs/tags/*:refs/fetched/tags/*"}))
    return true;
  if (!failed) {
    failed = Error("the repository " + quoted(remote_.shown()) + " does not contain commit " +
                   object_id + (named ? ", which " + quoted(ref) + " was a moment ago" : ""));
    failed->hint("it may have been removed by a push: build again, or name another one");
  }
  return false;
}

}  // namespace slipway

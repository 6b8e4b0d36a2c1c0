// One thread that waits for every process of a runner: passes its output on, and tells when it has
// ended.
#pragma once

#include <executor/sandbox/launch.hpp>
#include <executor/sandbox/process_runner.hpp>
#include <executor/sandbox/root_tree.hpp>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

namespace slipway {

class Reaper {
 public:
  using Output = std::function<void(OutputStream, std::string_view)>;
  using Finished = std::function<void(RunResult)>;

  Reaper();
  Reaper(const Reaper&) = delete;
  ~Reaper();  // every process has ended by then

  // From now on the callbacks are called from the thread. Before `finished`, the file system of
  // the mount `root` becomes read-only and `stubs` are removed.
  // Where `room` says no, the step's pipes are left alone until read_on(); its end is told all the
  // same, with what they hold.
  // Destroying the result kills the process and waits for `finished` to return, unless that is
  // what destroys it.
  std::unique_ptr<RunningProcess> watch(Launched launched, FileDescriptor root,
                                        std::vector<Stub> stubs, std::function<bool()> room,
                                        Output output, Finished finished);

 private:
  struct Watched;
  class Handle;

  void run();
  // Leaves after a few reads what is still in the pipe: epoll tells of it again.
  void read_some(Watched& watched, OutputStream stream);
  // False: the pipe is empty, or closed.
  bool read_once(Watched& watched, OutputStream stream);
  void end(const std::shared_ptr<Watched>& watched);

  FileDescriptor events_;  // epoll
  FileDescriptor wake_;    // eventfd: the end
  // Guards watched_ and next_, which starting threads and the reaper's change.
  std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Watched>> watched_;
  std::uint64_t next_ = 1;
  std::vector<char> buffer_;  // the thread's
  std::thread thread_;
};

}  // namespace slipway

// One probe of a container's health, as docker's daemon does it.
#include <cache/file_descriptor.hpp>
#include <cache/store.hpp>
#include <executor/containers/health.hpp>
#include <executor/containers/join.hpp>
#include <executor/spawn.hpp>
#include <ir/error.hpp>
#include <ir/lowering/history.hpp>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace slipway {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_output = 4096;  // bytes; more of it is only read
// For the start of the probe, which is none of its time.
constexpr std::chrono::seconds patience{30};

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::vector<std::string> command_of(const HealthcheckConfig& check, const ContainerConfig& config) {
  std::vector<std::string> command;
  if (check.test.front() == "CMD-SHELL") {
    command = config.shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : config.shell;
  }
  command.insert(command.end(), check.test.begin() + 1, check.test.end());
  return command;
}

class Output {
 public:
  // What is there. False: nobody writes any more.
  bool take(const FileDescriptor& pipe) {
    std::array<char, 16 << 10> bytes;
    for (;;) {
      const ssize_t got = ::read(pipe.get(), bytes.data(), bytes.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return true;
      if (got == 0) return false;
      const auto size = static_cast<std::size_t>(got);
      const std::size_t kept = std::min(size, most_output - text_.size());
      text_.append(bytes.data(), kept);
      cut_ = cut_ || kept < size;
    }
  }
  std::string text() const { return cut_ ? text_ + "..." : text_; }

 private:
  std::string text_;
  bool cut_ = false;
};

// False: its time is over.
bool await_end(const JoinedProcess& process, const FileDescriptor& pipe, Output& output,
               std::chrono::nanoseconds timeout) {
  const auto end = Clock::now() + timeout;
  bool open = true;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting[] = {{process.descriptor(), POLLIN, 0}, {open ? pipe.get() : -1, POLLIN, 0}};
    constexpr std::int64_t longest = 3'600'000;
    ::poll(waiting, 2, static_cast<int>(std::min<std::int64_t>(left, longest)));
    if (waiting[1].revents != 0) open = output.take(pipe);
    if (waiting[0].revents == 0) continue;
    // What it has printed last. Others may hold the pipe open and are none of the probe's.
    if (open) output.take(pipe);
    return true;
  }
}

HealthResult probe(Store& store, const Container& container, const HealthcheckConfig& check) {
  HealthResult result;
  result.start = now();
  result.exit_code = -1;
  try {
    Pipe pipe = make_pipe();
    never_block(pipe.read);
    ExecRequest request;
    request.arguments = command_of(check, container.config);
    request.output = request.error = pipe.write.get();
    request.patience = patience;
    const std::unique_ptr<JoinedProcess> process = join_container(store, container, request);
    pipe.write = FileDescriptor();
    Output output;
    if (await_end(*process, pipe.read, output, std::chrono::nanoseconds(check.timeout))) {
      result.exit_code = process->wait();
      result.output = output.text();
    } else {
      result.output = "Health check exceeded timeout (" + go_duration(check.timeout) + ")";
      if (const std::string text = output.text(); !text.empty()) result.output += ": " + text;
    }
  } catch (const Error& error) {
    result.output = error.what();
  }
  result.end = now();
  return result;
}

void put_health(const std::filesystem::path& folder, const Health& health, std::int64_t started) {
  const std::filesystem::path aside = folder / "health.new";
  {
    const FileDescriptor file(
        ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) throw system_error("open", aside.string(), errno);
    write_all(file.get(), write_health(health, started), aside.string());
  }
  if (::rename(aside.c_str(), (folder / "health").c_str()) != 0) {
    throw system_error("rename", aside.string(), errno);
  }
}

}  // namespace

int probe_health(Store& store, const Container& container) {
  const auto check = health_check(container.config);
  if (!check) throw Error("container " + quoted(container.name) + " has no health check");
  const ContainerState before = store.containers().state(container.id);
  if (before.status != ContainerStatus::running) {
    throw Error("container " + quoted(container.name) + " is not running");
  }
  HealthResult result = probe(store, container, *check);
  // What was asked while it ended, or was held still, says nothing of it.
  const ContainerState after = store.containers().state(container.id);
  if (after.status != ContainerStatus::running || after.started != before.started) {
    throw Error("container " + quoted(container.name) + " has ended or was paused meanwhile");
  }
  const std::filesystem::path folder = store.containers().folder(container.id);
  Health health = read_health(folder, container.config, after).value_or(Health());
  const std::int64_t running_for = result.start - after.started;
  take_result(health, *check, running_for, std::move(result));
  put_health(folder, health, after.started);
  switch (health.status) {
    case HealthStatus::healthy:
      return 0;
    case HealthStatus::unhealthy:
      return 1;
    case HealthStatus::starting:
      break;
  }
  return 2;
}

}  // namespace slipway

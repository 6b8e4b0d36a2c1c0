// Talking to a container's monitor, the small process that owns its terminal, log and exit status.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/sandbox/process_runner.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace slipway {

// What an attached client wants to have. With a terminal error and output are one.
struct AttachedStreams {
  bool input = false;
  bool output = false;
  bool error = false;
};

// For one thread. A monitor that goes away, in order or not, ends the connection.
class MonitorConnection {
 public:
  // Empty: the container has no monitor, so it does not run. Throws Error.
  static std::optional<MonitorConnection> open(const std::filesystem::path& container_folder);
  // Of a monitor that was started with the other end. `attached`: to whom it will not answer.
  explicit MonitorConnection(FileDescriptor socket, bool attached = false)
      : socket_(std::move(socket)), attached_(attached) {}
  MonitorConnection(MonitorConnection&&) noexcept = default;
  MonitorConnection& operator=(MonitorConnection&&) noexcept = default;

  // Each waits for the monitor's answer, unless this is attached: then the monitor does it, or
  // cannot, without a word. False: it has no answer any more, the container has ended. Throws Error
  // where the monitor says that it cannot.
  bool signal(int number);  // to the container's first process
  bool pause();
  bool unpause();
  // The container's processes stand still as long as this connection is there, whoever else pauses
  // and unpauses them meanwhile.
  bool hold_still();
  bool resize(const TerminalSize& size);

  // From now on output arrives, what is printed from now on and nothing before it.
  bool attach(const AttachedStreams& streams);
  // Bytes for the program's input, as they come; they are passed on or dropped once it takes no
  // more. Not blocking: how many were taken, 0 where none could be before the next event `room`.
  std::size_t send_input(std::string_view bytes);
  void end_input();
  // This process will remove the container when it hears of its end (--rm), and nobody else who has
  // said so before; if it dies before, the monitor has it done.
  void will_remove();

  int descriptor() const { return socket_.get(); }  // readable: receive() has something
  struct Event {
    // `room`: send_input() takes some again.
    enum class Kind { output, error, room, exited, gone } kind = Kind::gone;
    std::string_view bytes;  // until the next call
    int exit_code = 0;       // exited
    bool removes = false;    // exited: this process is still the one that removes the container
  };
  // Waits. `gone`: the monitor died without a word.
  Event receive();

  // Waits for the container's end, and drops what it prints until then. Nothing: the monitor died
  // without a word.
  std::optional<int> wait();

 private:
  bool say(std::uint8_t what, std::string_view bytes);
  bool ask(std::uint8_t what, std::string_view bytes, const char* wish);
  static Event end_of(std::string_view bytes);
  // The next packet in buffer_; false: there is no monitor any more.
  bool read_packet();

  FileDescriptor socket_;
  bool attached_ = false;
  bool has_room_ = true;      // for input
  std::optional<Event> end_;  // once it was told
  std::string buffer_;
};

}  // namespace slipway

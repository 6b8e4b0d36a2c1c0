// What a container has printed, in `log` of its folder, as its monitor writes it: monitor/log.hpp
// has the format.
#pragma once

#include <cache/file_descriptor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

struct LogEntry {
  std::int64_t time = 0;     // nanoseconds since the epoch
  std::string_view written;  // the same as it stands there, RFC 3339
  bool error = false;        // printed as such
  bool ends_line = false;    // a line break stood behind `bytes`
  std::string_view bytes;
};

// What is malformed is passed over. A log that grows can be read on at its end. For one thread.
class LogReader {
 public:
  // A container that has printed nothing has no log, and an empty one here. Throws Error.
  explicit LogReader(std::filesystem::path container_folder);

  // Leaves out all but the last lines; a line that has not ended counts. Before the first next().
  void keep_last(std::size_t lines);
  // The texts of the entry hold until the next call. Nothing: there is no more yet. Throws Error.
  std::optional<LogEntry> next();
  // Until something was written into the container's folder since the last call, a state as well,
  // or the time is over. The first call returns at once: what came before it is still to be read.
  void wait_for_more(std::chrono::milliseconds most);

 private:
  bool open();
  bool read_more();

  std::filesystem::path folder_;
  FileDescriptor file_;
  FileDescriptor changes_;  // inotify, once somebody waits
  std::string buffer_;
  std::size_t used_ = 0;  // of the buffer
};

}  // namespace slipway

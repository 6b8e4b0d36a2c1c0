// The output of a running step, for other processes that wait for its result.
//
//   work/PROCESS/output-HEX   HEX is the step's cache key
//
// The file begins with the step's first output and goes when the step is settled; the folder
// belongs to the process, so what a killed one leaves goes with the rest of its work. Each piece of
// output is a header (PieceHeader) and the text; a header and its text are written at once, and
// what is not there in full yet is read again later. There is an end to it: who waits for a step
// that floods its output is shown the beginning.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/sandbox/process_runner.hpp>
#include <ir/digest.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

std::string shared_output_name(const Digest& key);

// The writing end. Any thread. Whatever fails here, the step goes on: nobody is shown its output
// then.
class SharedOutput {
 public:
  SharedOutput() = default;
  SharedOutput(const SharedOutput&) = delete;
  ~SharedOutput() { end(); }

  void write(OutputStream stream, std::string_view text);
  // From now on others find it. What came before is kept until then.
  void publish(std::filesystem::path file);
  void end();

 private:
  void flush();

  // Guards all of it: a step that starts before its key is known is published by one thread while
  // another one reads its output.
  std::mutex mutex_;
  std::filesystem::path file_;  // empty: not published
  FileDescriptor descriptor_;   // once there is something to write
  std::string unwritten_;
  std::size_t taken_ = 0;  // bytes of all output so far
  bool ended_ = false;
};

// The reading end, of one thread at a time.
class SharedOutputReader {
 public:
  // `work`: the folder that holds those of all processes. `name`: the file's.
  SharedOutputReader(std::filesystem::path work, std::string name)
      : work_(std::move(work)), name_(std::move(name)) {}

  // What has come since the last time. Looks for the file a few times a second.
  void read(const std::function<void(OutputStream, std::string_view)>& show);

 private:
  void find();

  const std::filesystem::path work_;
  const std::string name_;
  FileDescriptor descriptor_;
  std::chrono::steady_clock::time_point next_look_;
  std::string unread_;  // the beginning of a piece
};

}  // namespace slipway

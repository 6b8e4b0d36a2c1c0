// A program on a terminal of its own, with somebody who types.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class AtTerminal {
 public:
  // All three streams are the terminal, of 40 rows and 120 columns.
  explicit AtTerminal(const std::vector<std::string>& words);
  AtTerminal(const AtTerminal&) = delete;
  ~AtTerminal();

  void type(std::string_view keys);
  void resize(unsigned short rows, unsigned short columns);
  void signal(int number);
  // Whether `text` is shown, behind what was found by the last call. `keys` are typed again and
  // again until then: a program may not be ready for the first.
  bool shows(std::string_view text, std::string_view keys = {});
  // Whether the terminal treats keys as a shell wants it: echo, and lines.
  bool is_cooked() const;
  // The exit status, as a shell has it. Everything shown is in all() then.
  int wait();
  const std::string& all() const { return all_; }

 private:
  // All that is there, after waiting for some.
  void read_some(int milliseconds);
  bool has_ended() const;

  pid_t pid_ = -1;
  int terminal_ = -1;
  std::string all_;
  std::size_t seen_ = 0;
};

}  // namespace slipway

// The outcome of a comparison with what somebody else's tests record.
#pragma once

#include <iostream>
#include <string>
#include <utility>

namespace slipway::testing {

// One area of it; prints at its end how many outcomes are the same, and every other one.
class Area {
 public:
  explicit Area(std::string name) : name_(std::move(name)) {}
  ~Area() {
    std::cout << name_ << ": " << same_ << " same, " << different_ << " different\n" << details_;
  }
  Area(const Area&) = delete;
  Area& operator=(const Area&) = delete;

  void compare(const std::string& what, const std::string& recorded, const std::string& ours) {
    if (recorded == ours) {
      ++same_;
      return;
    }
    ++different_;
    details_ += "  " + what + "\n    recorded: " + recorded + "\n    ours:     " + ours + "\n";
  }
  int different() const { return different_; }
  // An area in which nothing was found was not read: the source has another form by now.
  int failures() const { return same_ + different_ == 0 ? 1 : different_; }

 private:
  std::string name_;
  std::string details_;
  int same_ = 0;
  int different_ = 0;
};

}  // namespace slipway::testing

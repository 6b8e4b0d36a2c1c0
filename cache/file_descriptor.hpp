// A file descriptor with an owner.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace slipway {

class [[nodiscard]] FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~FileDescriptor() {
    if (number_ >= 0) ::close(number_);
  }

  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;  // -1: none
};

// All of it, from the descriptor's offset. Throws Error naming `path`.
void write_all(int descriptor, std::span<const std::byte> bytes, std::string_view path);
void write_all(int descriptor, std::string_view text, std::string_view path);

}  // namespace slipway

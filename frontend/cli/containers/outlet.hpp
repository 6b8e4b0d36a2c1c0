// One stream of this program that is written without ever being stuck in a write: a signal may have
// to be passed on meanwhile.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway {

class Outlet {
 public:
  Outlet(int descriptor, const char* name) : descriptor_(descriptor), name_(name) {}

  int descriptor() const { return descriptor_; }
  const char* name() const { return name_; }  // in messages
  bool empty() const { return pending_.empty(); }
  void put(std::string_view bytes) { pending_.append(bytes); }

  // When poll() says that it can be written. False: nobody reads it any more. Throws Error.
  bool write_some();

 private:
  const int descriptor_;
  const char* const name_;
  std::string pending_;
  std::size_t written_ = 0;
};

}  // namespace slipway

// Where libFuzzer comes in.
#include "target.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  slipway::fuzz::try_input({reinterpret_cast<const char*>(data), size});
  return 0;
}

#include <cstddef>

// The compiler may call these for what it copies or clears.
extern "C" {
[[gnu::used]] void* memset(void* to, int value, std::size_t count) {
  auto* bytes = static_cast<volatile unsigned char*>(to);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<unsigned char>(value);
  return to;
}
[[gnu::used]] void* memcpy(void* to, const void* from, std::size_t count) {
  auto* bytes = static_cast<volatile unsigned char*>(to);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<const unsigned char*>(from)[i];
  return to;
}
}

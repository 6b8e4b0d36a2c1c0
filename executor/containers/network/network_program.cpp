// slipway-network's executable as a constant of the program (SLIPWAY_NETWORK is its path).
#include <executor/containers/network/network_program.hpp>

#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <string_view>

__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    "slipway_network_start:\n"
    ".incbin \"" SLIPWAY_NETWORK
    "\"\n"
    "slipway_network_end:\n"
    ".popsection\n");

extern "C" const char slipway_network_start[];
extern "C" const char slipway_network_end[];

namespace slipway {

FileDescriptor network_program() {
  const std::string_view bytes(
      slipway_network_start, static_cast<std::size_t>(slipway_network_end - slipway_network_start));
  FileDescriptor file(::memfd_create("slipway-network", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) throw system_error("memfd_create", "", errno);
  write_all(file.get(), bytes, "slipway-network");
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) !=
      0) {
    throw system_error("fcntl", "slipway-network", errno);
  }
  return file;
}

}  // namespace slipway

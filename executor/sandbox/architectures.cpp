#include <executor/sandbox/architectures.hpp>

#include <array>

namespace slipway {
namespace {

using namespace std::string_view_literals;

constexpr std::array all = {
    // mov eax, 60; mov edi, 42; syscall
    Architecture{"linux/amd64", true, false, 62, 0, "qemu-x86_64-static",
                 "\xb8\x3c\x00\x00\x00\xbf\x2a\x00\x00\x00\x0f\x05"sv},
    // mov x0, #42; mov x8, #93; svc #0
    Architecture{"linux/arm64", true, false, 183, 0, "qemu-aarch64-static",
                 "\x40\x05\x80\xd2\xa8\x0b\x80\xd2\x01\x00\x00\xd4"sv},
    // mov r0, #42; mov r7, #1; svc #0
    Architecture{"linux/arm/v7", false, false, 40, 0x05000000, "qemu-arm-static",
                 "\x2a\x00\xa0\xe3\x01\x70\xa0\xe3\x00\x00\x00\xef"sv},
    // mov eax, 1; mov ebx, 42; int 0x80
    Architecture{"linux/386", false, false, 3, 0, "qemu-i386-static",
                 "\xb8\x01\x00\x00\x00\xbb\x2a\x00\x00\x00\xcd\x80"sv},
    // li a0, 42; li a7, 93; ecall
    Architecture{"linux/riscv64", true, false, 243, 0, "qemu-riscv64-static",
                 "\x13\x05\xa0\x02\x93\x08\xd0\x05\x73\x00\x00\x00"sv},
    // li r0, 1; li r3, 42; sc
    Architecture{"linux/ppc64le", true, false, 21, 2, "qemu-ppc64le-static",
                 "\x01\x00\x00\x38\x2a\x00\x60\x38\x02\x00\x00\x44"sv},
    // lghi %r2, 42; svc 1
    Architecture{"linux/s390x", true, true, 22, 0, "qemu-s390x-static",
                 "\xa7\x29\x00\x2a\x0a\x01"sv},
    // li v0, 5058; li a0, 42; syscall
    Architecture{"linux/mips64le", true, false, 8, 0x80000007, "qemu-mips64el-static",
                 "\xc2\x13\x02\x24\x2a\x00\x04\x24\x0c\x00\x00\x00"sv},
    // li.w $a7, 93; li.w $a0, 42; syscall 0
    Architecture{"linux/loong64", true, false, 258, 0x43, "qemu-loongarch64-static",
                 "\x0b\x74\x81\x02\x04\xa8\x80\x02\x00\x00\x2b\x00"sv},
};

}  // namespace

std::span<const Architecture> architectures() {
  return all;
}

std::string smallest_program(const Architecture& architecture) {
  std::string file(
      "\x7f"
      "ELF");
  const auto put = [&](std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) {
      const int byte = architecture.big ? bytes - 1 - i : i;
      file += static_cast<char>(value >> (8 * byte) & 0xffU);
    }
  };
  const int word = architecture.wide ? 8 : 4;  // of an address
  const std::uint64_t header = architecture.wide ? 64 : 52;
  const std::uint64_t segment = architecture.wide ? 56 : 32;
  const std::uint64_t size = header + segment + architecture.code.size();
  constexpr std::uint64_t base = 0x10000;  // a page of every architecture begins here
  constexpr int loaded = 1;
  constexpr int read_and_execute = 5;

  put(architecture.wide ? 2 : 1, 1);
  put(architecture.big ? 2 : 1, 1);
  put(1, 1), file.append(9, '\0');
  put(2, 2), put(architecture.machine, 2), put(1, 4);  // an executable
  put(base + header + segment, word);                  // where it begins
  put(header, word), put(0, word);                     // its one segment, and no sections
  put(architecture.flags, 4);
  put(header, 2), put(segment, 2), put(1, 2), put(0, 2), put(0, 2), put(0, 2);

  put(loaded, 4);
  if (architecture.wide) put(read_and_execute, 4);
  put(0, word), put(base, word), put(base, word), put(size, word), put(size, word);
  if (!architecture.wide) put(read_and_execute, 4);
  put(base, word);
  file += architecture.code;
  return file;
}

}  // namespace slipway

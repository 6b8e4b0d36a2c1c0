// Compiles the table to the filter's instructions while slipway is being built.
//
// At run time libseccomp would cost 3 to 24 ms per process. x32 is left out: it makes the filter
// half as long again, and Debian's kernels refuse its programs; its calls give ENOSYS.
#include "table.hpp"

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace slipway::seccomp {
namespace {

[[noreturn]] void give_up(const char* what, int error) {
  std::fprintf(stderr, "seccomp filter: %s: %s\n", what, std::strerror(error));
  std::exit(1);
}

void check(const char* what, int result) {
  if (result < 0) give_up(what, -result);
}

int number_of(const char* name) {
  return seccomp_syscall_resolve_name(name);
}

void add_rules(scmp_filter_ctx filter) {
  for (const char* name : allowed()) {
    const int number = number_of(name);
    if (number == __NR_SCMP_ERROR) continue;
    // One that the native machine does not have exists under another number on the 32-bit one.
    check(name, seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0));
  }
  for (const std::uint32_t value : personalities()) {
    check("personality", seccomp_rule_add(filter, SCMP_ACT_ALLOW, number_of("personality"), 1,
                                          SCMP_A0_32(SCMP_CMP_EQ, value)));
  }
  const int socket = number_of("socket");
  check("socket",
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, socket, 1, SCMP_A0_32(SCMP_CMP_LT, family_alg)));
  check("socket", seccomp_rule_add(filter, SCMP_ACT_ALLOW, socket, 1,
                                   SCMP_A0_32(SCMP_CMP_EQ, family_alg + 1)));
  check("socket",
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, socket, 1, SCMP_A0_32(SCMP_CMP_GT, family_vsock)));
  check("clone", seccomp_rule_add(filter, SCMP_ACT_ALLOW, number_of("clone"), 1,
                                  SCMP_A0_32(SCMP_CMP_MASKED_EQ, namespace_flags, 0)));
  check("clone3", seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number_of("clone3"), 0));
}

std::vector<sock_filter> compiled() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (filter == nullptr) give_up("seccomp_init", ENOMEM);
  check("optimize", seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2));
  check("other machines",
        seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)));
#if defined(__x86_64__)
  check("x86", seccomp_arch_add(filter, SCMP_ARCH_X86));
#elif defined(__aarch64__)
  check("arm", seccomp_arch_add(filter, SCMP_ARCH_ARM));
#endif
  add_rules(filter);

  const int memory = ::memfd_create("filter", MFD_CLOEXEC);
  if (memory < 0) give_up("memfd_create", errno);
  check("export", seccomp_export_bpf(filter, memory));
  const off_t size = ::lseek(memory, 0, SEEK_END);
  std::vector<sock_filter> instructions(static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (::pread(memory, instructions.data(), static_cast<std::size_t>(size), 0) != size) {
    give_up("pread", errno);
  }
  ::close(memory);
  seccomp_release(filter);
  return instructions;
}

// Stands before libseccomp's part and decides about the native machine's young calls, which that
// cannot name.
std::vector<sock_filter> young_part() {
#if defined(__x86_64__)
  constexpr std::uint32_t native = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  constexpr std::uint32_t native = AUDIT_ARCH_AARCH64;
#endif
  constexpr std::uint32_t x32_bit = 0x40000000;
  // Jumps count the instructions they leave out.
  const auto jump = [](std::uint32_t test, std::uint32_t value, std::size_t yes, std::size_t no) {
    return sock_filter{static_cast<std::uint16_t>(BPF_JMP | test | BPF_K),
                       static_cast<std::uint8_t>(yes), static_cast<std::uint8_t>(no), value};
  };
  const auto load = [](std::size_t offset) {
    return sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  };
  std::vector<sock_filter> part;
  const std::size_t ranges = young().size();
  const std::size_t end = 3 + 2 * ranges + 4;
  const std::size_t allow = end - 2;
  part.push_back(load(offsetof(seccomp_data, arch)));
  part.push_back(jump(BPF_JEQ, native, 0, end - 2));
  part.push_back(load(offsetof(seccomp_data, nr)));
  for (const Range& range : young()) {
    part.push_back(jump(BPF_JGE, range.first, 0, end - part.size() - 1));
    part.push_back(jump(BPF_JGT, range.last, 0, allow - part.size() - 1));
  }
  part.push_back(jump(BPF_JGE, x32_bit, end - part.size() - 1, 0));
  part.push_back(jump(BPF_JGT, youngest, 1, end - part.size() - 1));
  part.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  part.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
  return part;
}

}  // namespace
}  // namespace slipway::seccomp

// seccomp_compile FILE: a C++ source with the instructions.
int main(int argc, char** argv) {
  using namespace slipway::seccomp;
  std::vector<sock_filter> instructions = young_part();
  const std::vector<sock_filter> rest = compiled();
  instructions.insert(instructions.end(), rest.begin(), rest.end());

  std::FILE* file = argc == 2 ? std::fopen(argv[1], "w") : nullptr;
  if (file == nullptr) give_up("seccomp_compile FILE", errno);
  std::fputs(
      "// Made by seccomp/compile.cpp from seccomp/table.cpp.\n"
      "#include <executor/sandbox/seccomp/filter.hpp>\n\n"
      "namespace slipway::seccomp {\n\n"
      "namespace {\nconstexpr Instruction instructions[] = {\n",
      file);
  for (const sock_filter& one : instructions) {
    std::fprintf(file, "    {%u, %u, %u, %uU},\n", one.code, one.jt, one.jf, one.k);
  }
  std::fputs(
      "};\n}  // namespace\n\n"
      "std::span<const Instruction> filter() { return instructions; }\n\n"
      "}  // namespace slipway::seccomp\n",
      file);
  return std::fclose(file) == 0 ? 0 : 1;
}

#include <ir/error.hpp>
#include <ir/letter_case.hpp>
#include <ir/platform.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace slipway {
namespace {

constexpr std::array<std::string_view, 17> known_systems = {
    "aix",   "android", "darwin", "dragonfly", "freebsd", "hurd",    "illumos", "ios", "js",
    "linux", "nacl",    "netbsd", "openbsd",   "plan9",   "solaris", "windows", "zos"};

constexpr std::array<std::string_view, 26> known_architectures = {
    "386",       "amd64",       "amd64p32", "arm",    "armbe",   "arm64",  "arm64be",
    "ppc64",     "ppc64le",     "loong64",  "mips",   "mipsle",  "mips64", "mips64le",
    "mips64p32", "mips64p32le", "ppc",      "riscv",  "riscv64", "s390",   "s390x",
    "sparc",     "sparc64",     "wasm",     "wasm32", "ia64"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// What people and kernels call an architecture, as GOARCH and variant.
void normalise(Platform& platform) {
  std::string& architecture = platform.architecture;
  std::string& variant = platform.variant;
  if (platform.os == "macos") platform.os = "darwin";
  if (architecture == "i386") {
    architecture = "386";
    variant.clear();
  } else if (architecture == "x86_64" || architecture == "x86-64" || architecture == "amd64") {
    architecture = "amd64";
    if (variant == "v1") variant.clear();
  } else if (architecture == "aarch64" || architecture == "arm64") {
    architecture = "arm64";
    if (variant == "8" || variant == "v8" || variant == "v8.0") variant.clear();
    if (variant == "9" || variant == "9.0" || variant == "v9.0") variant = "v9";
  } else if (architecture == "armhf") {
    architecture = "arm";
    variant = "v7";
  } else if (architecture == "armel") {
    architecture = "arm";
    variant = "v6";
  } else if (architecture == "arm") {
    if (variant.empty() || variant == "7") variant = "v7";
    if (variant == "5" || variant == "6" || variant == "8") variant.insert(0, "v");
  }
}

bool is_plain(std::string_view component) {
  return !component.empty() && std::all_of(component.begin(), component.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

// Levels of a family in which a higher one runs what was made for a lower; -1: not such a family.
int level(const Platform& platform) {
  const std::string& variant = platform.variant;
  const bool versioned =
      variant.size() == 2 && variant[0] == 'v' && variant[1] >= '1' && variant[1] <= '9';
  if (platform.architecture == "amd64")
    return variant.empty() ? 1 : versioned ? variant[1] - '0' : -1;
  if (platform.architecture == "arm64")
    return variant.empty() ? 8 : versioned ? variant[1] - '0' : -1;
  if (platform.architecture == "arm")
    return variant.empty() ? 7 : versioned ? variant[1] - '0' : -1;
  return -1;
}

}  // namespace

std::string Platform::text() const {
  std::string result = os + "/" + architecture;
  if (!variant.empty()) result += "/" + variant;
  return result;
}

Platform host_platform() {
  // Known when slipway is compiled: a binary runs on its own architecture only.
#if defined(__x86_64__)
  return {"linux", "amd64", ""};
#elif defined(__aarch64__)
  return {"linux", "arm64", ""};
#elif defined(__arm__)
  return {"linux", "arm", __ARM_ARCH >= 7 ? "v7" : "v6"};
#elif defined(__i386__)
  return {"linux", "386", ""};
#elif defined(__riscv) && __riscv_xlen == 64
  return {"linux", "riscv64", ""};
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
  return {"linux", "ppc64le", ""};
#elif defined(__s390x__)
  return {"linux", "s390x", ""};
#elif defined(__loongarch64)
  return {"linux", "loong64", ""};
#else
#error "add this architecture's GOARCH name"
#endif
}

Platform parse_platform(std::string_view text) {
  const auto malformed = [&] {
    return Error("platform " + quoted(text) + " is not known")
        .hint("write OS/ARCHITECTURE[/VARIANT], such as linux/amd64 or linux/arm/v7");
  };
  std::vector<std::string> components;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t slash = std::min(text.find('/', start), text.size());
    components.push_back(lower_case(text.substr(start, slash - start)));
    if (!is_plain(components.back()) || components.size() > 3) throw malformed();
    start = slash + 1;
  }
  if (components.empty()) throw malformed();

  Platform platform;
  if (components.size() == 1) {
    // One component is a system or an architecture; the host has the rest.
    const Platform host = host_platform();
    platform.os = components[0];
    normalise(platform);
    if (contains(known_systems, platform.os)) {
      platform.architecture = host.architecture;
      platform.variant = host.variant;
      return platform;
    }
    platform.os = host.os;
    platform.architecture = components[0];
    normalise(platform);
    if (!contains(known_architectures, platform.architecture)) throw malformed();
  } else {
    platform.os = components[0];
    platform.architecture = components[1];
    if (components.size() == 3) platform.variant = components[2];
    normalise(platform);
    if (!contains(known_systems, platform.os)) throw malformed();
  }
  return platform;
}

bool matches(const Platform& image, const Platform& wanted) {
  Platform have = image;
  Platform want = wanted;
  normalise(have);
  normalise(want);
  if (have.os != want.os || have.architecture != want.architecture) return false;
  if (have.variant == want.variant) return true;
  const int have_level = level(have);
  const int want_level = level(want);
  return have_level > 0 && want_level > 0 && have_level <= want_level;
}

}  // namespace slipway

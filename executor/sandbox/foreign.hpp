// Programs of other platforms: whether this machine runs them, and what to do where it does not.
//
// The kernel hands such a program to an emulator that was registered with binfmt_misc. In a step
// the emulator is found only if it was opened when it was registered (flag F): its path leads into
// the image, which does not have it.
#pragma once

#include <ir/platform.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace slipway {

struct ForeignPlatform {
  enum class Means {
    native,           // the processor itself
    handler,          // an emulator, also in steps
    handler_outside,  // an emulator that steps do not find: registered without F
    emulator,         // one that is installed and not registered
    none,
  };
  Platform platform;
  Means means = Means::none;
  std::string program;  // the emulator
};

// $PATH and where distributions install programs.
std::string emulator_search_path();

// The platforms that slipway knows an emulator for, this machine's first. `handlers`: where
// binfmt_misc is mounted; `search_path`: where emulators are looked for, as PATH has it.
std::vector<ForeignPlatform> foreign_platforms(
    const std::filesystem::path& handlers = "/proc/sys/fs/binfmt_misc",
    const std::string& search_path = emulator_search_path());

// The commands that get a machine to run other platforms' programs.
inline constexpr const char* how_to_emulate =
    "install qemu-user-static and binfmt-support (Debian's names); `slipway doctor` says what is "
    "missing";

}  // namespace slipway

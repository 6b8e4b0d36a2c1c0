// What a RUN --mount says, once its variables have values (reference.md#run---mount).
#pragma once

#include <ir/error.hpp>
#include <ir/instruction.hpp>
#include <ir/operation.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

// A text that is empty was not given or given as empty, which is the same to BuildKit.
struct MountValues {
  RunProcess::Mount::Type type = RunProcess::Mount::Type::bind;
  std::string source;
  std::string target;
  std::string id;
  std::optional<std::string> env;
  RunProcess::Mount::Sharing sharing = RunProcess::Mount::Sharing::shared;
  std::optional<bool> read_only;  // none: as the type has it
  bool required = false;
  std::optional<std::uint64_t> size;
  std::optional<std::uint32_t> mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
};

// A word's value; nothing where it is not known yet, and then nothing is said against it.
using WordValue = std::function<std::optional<std::string>(const Word&)>;

// Adds to `mistakes` every one of them. After a mistake the result is not to be used.
MountValues mount_values(const RunMount& mount, const WordValue& value,
                         std::vector<Diagnostic>& mistakes);

// The stage, image or context that a mount names, variables being impossible there; null if none.
const Word* mount_from(const RunMount& mount);

}  // namespace slipway

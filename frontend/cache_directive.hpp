// "# cache: ttl=7d" and "# cache: never" above an instruction.
#pragma once

#include <frontend/fragment.hpp>
#include <frontend/report.hpp>

#include <ir/instruction.hpp>

#include <optional>
#include <string_view>

namespace slipway {

// Whether a comment, which begins with '#', is meant as one.
bool is_cache_rule(std::string_view comment);

// What it says of the instruction under it. One that cannot be read, or stands where it says nothing,
// is a warning and no mistake: to other builders it is a comment.
std::optional<CacheRule> read_cache_rule(const Fragment& comment, const InstructionKind& kind,
                                         Report& report);

}  // namespace slipway

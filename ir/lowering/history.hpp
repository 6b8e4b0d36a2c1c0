// History entries as BuildKit writes them; `docker history` and scanners read these texts.
#pragma once

#include <ir/image_config.hpp>
#include <ir/lowering/stage_state.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// An entry of an instruction that made a layer, or did not.
void add_history(ImageConfig& config, std::string created_by, bool layer);

// "|2 A=1 B= /bin/sh -c make": what RUN executes, with the ARGs in its scope.
std::string run_text(const StageState& stage, const std::vector<std::string>& arguments);

// Values in the forms of Go's fmt: "a", [a b], ["a" "b"], 1m30s.
std::string go_quoted(std::string_view text);
std::string go_list(const std::vector<std::string>& values);
std::string go_quoted_list(const std::vector<std::string>& values);
std::string go_duration(std::int64_t nanoseconds);

// Seconds since 1970, of the years 0 to 9999, as history has times: "2001-09-09T01:46:40Z".
std::string history_time(std::int64_t seconds);

}  // namespace slipway

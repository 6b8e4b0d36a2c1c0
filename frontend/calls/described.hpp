// What text and JSON of the calls are made from.
#pragma once

#include <ir/instruction.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

struct Target {
  std::string name;  // in lower case; empty: the stage has none
  std::string description;
  bool is_default = false;
  std::string base;      // as written
  std::string platform;  // as written
  SourceSpan lines;
};

// Every stage, in its order.
std::vector<Target> targets_of(const Dockerfile& dockerfile);

struct NamedPart {
  std::string_view name;
  std::string_view description;
};

// A call as BuildKit lists it.
struct DescribedCall {
  std::string_view name;
  std::string_view version;
  std::string_view description;
  std::span<const NamedPart> options;
  std::span<const NamedPart> results;
};
std::span<const DescribedCall> described_calls();

}  // namespace slipway

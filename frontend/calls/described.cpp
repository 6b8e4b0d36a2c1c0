#include <frontend/calls/described.hpp>
#include <ir/letter_case.hpp>
#include <ir/outline.hpp>

#include <array>

namespace slipway {
namespace {

constexpr std::array target = {NamedPart{"target", "Target build stage"}};
constexpr std::array results = {NamedPart{"result.json", ""}, NamedPart{"result.txt", ""},
                                NamedPart{"result.statuscode", ""}};
constexpr std::span<const NamedPart> texts(results.data(), 2);
constexpr std::array calls = {
    DescribedCall{"outline", "1.0.0", "List all parameters current build target supports", target,
                  texts},
    DescribedCall{"targets", "1.0.0", "List all targets current build supports", {}, texts},
    DescribedCall{"lint", "1.0.0", "Lint a Dockerfile", {}, results},
    DescribedCall{"subrequests.describe", "1.0.0", "List available subrequest types", {}, texts},
};

}  // namespace

std::span<const DescribedCall> described_calls() {
  return calls;
}

std::vector<Target> targets_of(const Dockerfile& dockerfile) {
  std::vector<Target> targets;
  for (const Stage& stage : dockerfile.stages) {
    Target target;
    if (stage.from.alias) target.name = lower_case(stage.from.alias->text);
    target.description = description_of(stage.comments, target.name);
    target.is_default = &stage == &dockerfile.stages.back();
    target.base = stage.from.image.text;
    if (stage.from.platform) target.platform = stage.from.platform->text;
    target.lines = stage.span;
    targets.push_back(std::move(target));
  }
  return targets;
}

}  // namespace slipway

// Which stages the target needs.
#pragma once

#include <ir/lower.hpp>
#include <ir/lowering/stages.hpp>

#include <cstddef>

namespace slipway {

// Marks the target, the stages it is built on and those it takes files from, ONBUILD triggers
// included. Asks for base images on the way, because their triggers can name stages; images of
// stages that are not needed are not asked for.
void mark_needed(Stages& stages, std::size_t target, Images& images, const LowerOptions& options,
                 Mistakes& mistakes);

// A plain name in a stage that is needed, taken for an image's, that is nearly a stage's.
struct DoubtfulName {
  std::string name;
  std::string near;
  Platform platform;
  SourceSpan span;
};

// All of them, of a Dockerfile whose needed stages are marked; none where a stage has lost its name
// to a mistake, because any of them may be that name. A hundred at most, and with very many stages
// and names not even all of those.
std::vector<DoubtfulName> doubtful_names(const Dockerfile& dockerfile, const Stages& stages);

}  // namespace slipway

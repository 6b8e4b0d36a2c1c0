// Gathers what a whole build takes from outside: its contexts come first, then images are asked
// for, then the solve tells what it needed.
#pragma once

#include <executor/sources/resolved_source.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace slipway {

class ImageFacts;
struct Image;
struct Reference;

class TakenSources {
 public:
  // An image that somebody asked for; it counts if the solve has a vertex for it.
  void add_image(ResolvedSource image) { images_.push_back(std::move(image)); }
  // What fetching a context took. `context` is its name; empty: the build's own.
  void add_context(std::vector<ResolvedSource> sources, const std::string& context);

  // All of the build. `solved` is what the solve gave (SolveResult::sources).
  std::vector<ResolvedSource> with(const std::vector<ResolvedSource>& solved) const;

 private:
  std::vector<ResolvedSource> images_;
  std::vector<ResolvedSource> contexts_;
};

// An image of the store as a source: `name` as written, `reference` as it was resolved. `told` is
// the digest that a registry has just given for the reference; empty: what is known from earlier
// pulls of its repository counts. What is known of others' does not: they have it under other
// names.
ResolvedSource image_source(const ImageFacts& facts, const Image& image, const std::string& name,
                            const Reference& reference, const Platform& platform,
                            const std::optional<Digest>& told);

}  // namespace slipway

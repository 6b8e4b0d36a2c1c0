#include "dockerfiles.hpp"

#include "cases.hpp"
#include "conformance.hpp"

#include "fuzz/generator.hpp"

#include <cstdint>

namespace slipway::testing {
namespace {

constexpr std::uint64_t generated = 150;

std::vector<std::string> collect() {
  std::vector<std::string> texts = conformance_dockerfiles();
  for (const char* root : {"cases", "ast_json", "format", "../ir/cases", "../../samples"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.path().filename() == "Dockerfile") texts.push_back(read_file(entry.path()));
    }
  }
  for (const char* corpus : {"source", "heredocs", "directives"}) {
    for (const auto& entry :
         std::filesystem::directory_iterator("../fuzz/corpus/" + std::string(corpus))) {
      texts.push_back(read_file(entry.path()));
    }
  }
  for (std::uint64_t seed = 0; seed < generated; ++seed) {
    fuzz::Choices choices(seed);
    texts.push_back(fuzz::random_dockerfile(choices));
  }
  return texts;
}

}  // namespace

const std::vector<std::string>& all_dockerfiles() {
  static const std::vector<std::string> texts = collect();
  return texts;
}

}  // namespace slipway::testing

#include <executor/solve/step.hpp>

#include <algorithm>
#include <string>
#include <unordered_set>

namespace slipway {

std::vector<std::filesystem::path> mountable(const StepResult& result) {
  std::vector<std::filesystem::path> lowers;
  std::unordered_set<std::string> seen;
  for (auto directory = result.directories.rbegin(); directory != result.directories.rend();
       ++directory) {
    if (seen.insert(directory->native()).second) lowers.push_back(*directory);
  }
  std::reverse(lowers.begin(), lowers.end());
  return lowers;
}

}  // namespace slipway

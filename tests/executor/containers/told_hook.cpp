// Stands for slipway in tests of monitors: appends what it was asked to do to the file "told"
// beside the store.
#include <cstdlib>
#include <fstream>
#include <string>

int main(int argc, char** argv) {
  const char* root = std::getenv("SLIPWAY_ROOT");
  if (root == nullptr) return 1;
  std::string line;
  for (int i = 1; i < argc; ++i) line += std::string(i > 1 ? " " : "") + argv[i];
  std::ofstream(std::string(root) + "/../told", std::ios::app) << line + "\n" << std::flush;
  return 0;
}

#include "git_build.hpp"

namespace slipway {

std::string add_git(const std::string& url, const std::string& flags) {
  return "FROM scratch\nADD " + flags + (flags.empty() ? "" : " ") + url + " /\n";
}

std::string failure_of(TestBuild& build, const std::string& dockerfile) {
  try {
    build.solve(dockerfile);
  } catch (const Error& error) {
    return render(error, false);
  }
  return "it was built";
}

std::optional<Entry> entry_at(TestBuild& build, const std::string& path) {
  return build.store().layers().view(build.result.layers).find(path);
}

}  // namespace slipway

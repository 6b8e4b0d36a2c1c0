// The platforms of `slipway doctor`: programs of this machine's, and those an emulator runs.
#include "doctor.hpp"

#include <executor/sandbox/foreign.hpp>

#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

using State = Ability::State;
using Means = ForeignPlatform::Means;

constexpr const char* install = "apt install qemu-user-static binfmt-support";
// Debian's and Fedora's way; each is nothing where the other is at home.
constexpr const char* enroll = "update-binfmts --enable || systemctl restart systemd-binfmt";

Ability describe(const ForeignPlatform& platform) {
  Ability ability;
  ability.name = platform.platform.text();
  switch (platform.means) {
    case Means::native:
      ability.meaning = "this machine runs its programs";
      break;
    case Means::handler:
      ability.meaning = "RUN executes its programs through " + platform.program;
      break;
    case Means::handler_outside:
      ability.state = State::limited;
      ability.meaning = "only images that contain " + platform.program +
                        " run: it is registered without the flag F";
      ability.command = install;
      break;
    case Means::emulator:
      ability.state = State::limited;
      ability.meaning = platform.program + " is installed, but binfmt_misc does not know it";
      ability.command = enroll;
      break;
    case Means::none:
      ability.state = State::missing;
      ability.meaning = "RUN cannot execute its programs; stages without RUN can be built";
      ability.command = install;
      break;
  }
  return ability;
}

}  // namespace

std::vector<Ability> examine_platforms() {
  std::vector<Ability> abilities;
  for (const ForeignPlatform& platform : foreign_platforms()) abilities.push_back(describe(platform));
  abilities.front().required = true;
  return abilities;
}

}  // namespace slipway

// Platforms, for `slipway doctor`: whose programs RUN can execute. Each one's smallest is tried in
// a step; what is registered in the kernel only explains why one does not run.
#include "doctor.hpp"

#include "doctor_attempt.hpp"

#include <executor/sandbox/foreign.hpp>

#include <string>
#include <utility>
#include <vector>

namespace slipway {
namespace {

using Means = ForeignPlatform::Means;

constexpr const char* install = "apt install qemu-user-static binfmt-support";
// Debian's and Fedora's way; each is nothing where the other is at home.
constexpr const char* enroll = "update-binfmts --enable || systemctl restart systemd-binfmt";

std::string means_text(const ForeignPlatform& platform) {
  switch (platform.means) {
    case Means::native:
      return "the processor runs its programs";
    case Means::handler:
    case Means::handler_outside:
    case Means::emulator:
      return platform.program + " runs its programs";
    case Means::none:
      break;
  }
  return "its programs run";
}

void explain(Ability& row, const ForeignPlatform& platform, const std::string& reason,
             bool steps_run) {
  switch (platform.means) {
    case Means::handler_outside:
      row.meaning = "only images that contain " + platform.program +
                    " run: it is registered without the flag F";
      row.mend = install;
      break;
    case Means::emulator:
      row.meaning = platform.program + " is installed, but binfmt_misc does not know it";
      row.mend = enroll;
      break;
    case Means::none:
      row.meaning = "RUN cannot execute its programs; stages without RUN can be built";
      row.mend = install;
      break;
    case Means::native:
    case Means::handler:
      row.meaning = "a step should run its programs, and does not: " + reason;
      row.mend = steps_run ? install : "that of the steps, above";
      break;
  }
}

}  // namespace

std::vector<Ability> examine_platforms(Machine& machine) {
  std::vector<Ability> rows;
  for (const ForeignPlatform& platform : foreign_platforms()) {
    Ability row{.name = platform.platform.text()};
    const Attempt tried = attempt([&] {
      run_trial_step(machine.root, {.in_sandbox = machine.sandbox, .platform = platform.platform});
      return std::string();
    });
    row.works = tried.worked;
    row.meaning = means_text(platform);
    if (!tried.worked) explain(row, platform, tried.reason, machine.sandbox || machine.chroot);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace slipway

// Limits of RUN and of time: what is wrong is said before anything is read or run.
#include "program.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

// What a build says that has nothing to build.
std::string said(std::vector<std::string> flags) {
  flags.insert(flags.begin(), "build");
  flags.emplace_back("/no/such/context");
  const Outcome outcome = run_slipway(flags);
  CHECK(outcome.status == 1);
  return outcome.err;
}

void refused(const std::vector<std::string>& flags, const std::string& why,
             const std::string& hint) {
  CAPTURE(flags.front());
  const std::string text = said(flags);
  CHECK(text == "error: " + why + "\nhint: " + hint + "\n");
}

void accepted(const std::vector<std::string>& flags) {
  CAPTURE(flags.front());
  CHECK(said(flags).find("/no/such/context") != std::string::npos);
}

}  // namespace

TEST_CASE("sizes are docker's") {
  for (const char* size : {"64m", "64MB", "67108864", "1.5g", "0", "64 MiB"}) {
    accepted({"--shm-size", size});
  }
  for (const char* size : {"lots", "-1", "5x", "m"}) {
    refused({"--shm-size=" + std::string(size)},
            "--shm-size \"" + std::string(size) + "\" is no size",
            "a number with b, k, m, g or none: 512m, 1.5g");
  }
}

TEST_CASE("--ulimit is a name that the kernel knows, and one or two numbers") {
  accepted({"--ulimit", "nofile=1024:2048", "--ulimit", "nproc=512", "--ulimit", "core=-1"});
  refused({"--ulimit", "nofiles=10"}, "--ulimit \"nofiles=10\" is about no limit that there is",
          "did you mean \"nofile\"?");
  refused({"--ulimit", "nofile"}, "--ulimit \"nofile\" is not NAME=SOFT[:HARD]",
          "for example nofile=1024:2048; -1 is no limit");
  refused({"--ulimit", "nofile=1:2:3"}, "--ulimit \"nofile=1:2:3\" is not NAME=SOFT[:HARD]",
          "for example nofile=1024:2048; -1 is no limit");
  refused({"--ulimit", "nofile=2:1"}, "--ulimit \"nofile=2:1\" has a soft limit above the hard one",
          "the hard limit stands behind the colon");
  refused({"--ulimit", "nofile=-1:1"},
          "--ulimit \"nofile=-1:1\" has a soft limit above the hard one",
          "the hard limit stands behind the colon");
}

TEST_CASE("memory and swap fit each other") {
  accepted({"-m", "64m"});
  accepted({"--memory", "64m", "--memory-swap", "-1"});
  accepted({"--memory", "64m", "--memory-swap", "64m"});
  accepted({"--memory", "0"});
  refused({"--memory", "lots"}, "--memory \"lots\" is no size",
          "a number with b, k, m, g or none: 512m, 1.5g");
  refused({"--memory", "1m"}, "--memory \"1m\" is too little for a process", "6m is the least");
  refused({"--memory-swap", "1g"}, "--memory-swap needs --memory",
          "it is the sum of memory and swap; --memory says how much of it is memory");
  refused({"--memory", "64m", "--memory-swap", "32m"},
          "--memory-swap \"32m\" is less than --memory",
          "it is the sum of memory and swap; the same value gives no swap");
}

TEST_CASE("shares of the processors are within what the kernel takes") {
  accepted({"--cpus", "0.5"});
  accepted({"-c", "512", "--cpu-quota", "50000", "--cpu-period", "100000"});
  accepted({"--cpu-quota", "-1"});
  CHECK(said({"--cpus", "100000"}).find("is no number of processors from 0.01 to ") !=
        std::string::npos);
  CHECK(said({"--cpus", "many"}).find("hint: for example --cpus 1.5\n") != std::string::npos);
  refused({"--cpu-shares", "1"}, "--cpu-shares \"1\" is not from 2 to 262144",
          "1024 is the usual weight");
  refused({"--cpu-shares", "half"}, "--cpu-shares \"half\" is no whole number",
          "for example --cpu-shares 512");
  refused({"--cpu-period", "10"}, "--cpu-period \"10\" is not from 1000 to 1000000",
          "it counts microseconds: a millisecond to a second");
  refused({"--cpu-quota", "10"}, "--cpu-quota \"10\" is less than 1000",
          "it counts microseconds of each --cpu-period");
  refused({"--cpus", "1", "--cpu-quota", "50000"},
          "--cpus cannot be given with --cpu-period or --cpu-quota",
          "it says the same: --cpus 1.5 is a quota of 150000 in a period of 100000");
}

TEST_CASE("processors are lists of numbers that this machine has") {
  accepted({"--cpuset-cpus", "0", "--cpuset-mems", "0"});
  refused({"--cpuset-cpus", "0-"}, "--cpuset-cpus \"0-\" is no list of numbers",
          "for example --cpuset-cpus 0-1,3");
  refused({"--cpuset-mems", "3-1"}, "--cpuset-mems \"3-1\" is no list of numbers",
          "for example --cpuset-mems 0-1,3");
  CHECK(said({"--cpuset-cpus", "0,8000"})
            .find("error: --cpuset-cpus \"0,8000\" asks for 8000, which is not here\n") !=
        std::string::npos);
}

TEST_CASE("--resource has the same names and rules as the flags") {
  accepted({"--resource", "memory=64m", "--resource=pids-limit=100", "--resource", "cpus=0.5"});
  refused({"--resource", "memory"}, "--resource \"memory\" is not NAME=VALUE",
          "for example memory=2g");
  refused({"--resource", "memroy=1g"},
          "--resource \"memroy=1g\" is about nothing that can be limited",
          "did you mean \"memory\"?");
  refused({"--resource", "pids-limit=-5"}, "--pids-limit \"-5\" is less than -1", "-1 is no limit");
  // As in buildx it comes after the flag.
  refused({"--memory", "64m", "--resource", "memory=1m"},
          "--memory \"1m\" is too little for a process", "6m is the least");
}

TEST_CASE("a control group is named by its path") {
  accepted({"--cgroup-parent", "/builds/a"});
  refused({"--cgroup-parent", "system.slice:docker:"},
          "--cgroup-parent \"system.slice:docker:\" is a name for systemd, with which slipway does "
          "not speak",
          "give the group's path, for example /system.slice");
}

TEST_CASE("times are Go's durations") {
  accepted({"--timeout", "1h30m", "--step-timeout", "90s"});
  for (const char* flag : {"--timeout", "--step-timeout"}) {
    for (const char* time : {"soon", "10", "-5s", "0"}) {
      refused({std::string(flag) + "=" + time}, std::string(flag) + " \"" + time + "\" is no time",
              "for example 90s, 10m or 1h30m");
    }
  }
}

TEST_CASE("the limits are in the help, in a part of their own") {
  const std::string help = run_slipway({"build", "--help"}).out;
  const auto part = help.find("Limits of RUN:");
  REQUIRE(part != std::string::npos);
  for (const char* flag :
       {"--shm-size", "--ulimit", "--resource", "--memory", "--memory-swap", "--cpus",
        "--cpu-shares", "--cpu-period", "--cpu-quota", "--cpuset-cpus", "--cpuset-mems",
        "--pids-limit", "--cgroup-parent"}) {
    CAPTURE(flag);
    CHECK(help.find(flag, part) != std::string::npos);
  }
}

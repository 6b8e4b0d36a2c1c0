#include "standing.hpp"

#include <executor/containers/process_table.hpp>
#include <executor/containers/statistics.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

using namespace slipway;

TEST_CASE("what stat says of a process is taken apart whatever its name is") {
  const auto facts = parse_process_facts(
      "12 (a) (b ) S 3 4 5 1025 7 8 9 10 11 12 30 40 15 16 17 18 2 20 9999 22 23 24 25\n");
  REQUIRE(facts);
  CHECK(facts->name == "a) (b ");
  CHECK(facts->status == 'S');
  CHECK(facts->parent == 3);
  CHECK(facts->terminal == 1025);
  CHECK(facts->ticks == 70);
  CHECK(facts->waited_ticks == 31);
  CHECK(facts->threads == 2);
  CHECK(facts->start == 9999);
  CHECK(facts->resident == 23);
  for (const char* broken : {"", "1", "1 (", "1 )(", "1 (x)", "(", ")", "()"}) {
    static_cast<void>(parse_process_facts(broken));
  }
}

TEST_CASE("of what ps prints the container's processes are left, by the column PID") {
  const char* const text =
      "UID        PID  PPID CMD\n"
      "root         1     0 /sbin/init\n"
      "root        12     1 sh -c  a   b \n"
      "root        13    12 \x1b[2J\n"
      "root       120     1 other\n";
  const ProcessTable table = parse_process_table(text, {12, 13});
  CHECK(table.titles == std::vector<std::string>{"UID", "PID", "PPID", "CMD"});
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0] == std::vector<std::string>{"root", "12", "1", "sh -c  a   b"});
  CHECK(table.rows[1].back().find('\x1b') == std::string::npos);
  CHECK(parse_process_table(" PID\n 7\n", {7}).rows.size() == 1);
  CHECK(parse_process_table("PID\n", {}).rows.empty());
  CHECK_THROWS_AS(parse_process_table("UID CMD\n1 x\n", {1}), Error);
  CHECK_THROWS_AS(parse_process_table("", {1}), Error);
}

TEST_CASE("a share is one of the time between") {
  ContainerUsage before;
  before.when = 1'000;
  before.processor = 500;
  ContainerUsage now = before;
  CHECK(processor_share(before, now) == 0);
  now.when = 2'000;
  now.processor = 2'500;
  CHECK(processor_share(before, now) == 200);
  now.processor = 100;  // it was started anew
  CHECK(processor_share(before, now) == 0);
}

TEST_CASE("a container uses what its processes use, and nothing when they have ended") {
  SKIP_WITHOUT_RIGHTS();
  Standing standing([] {
    for (int i = 0; i < 3; ++i) {
      if (::fork() != 0) continue;
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      // One of them in a process namespace below, where it has other numbers.
      if (i == 0 && ::unshare(CLONE_NEWPID) == 0 && ::fork() != 0) ::pause();
      volatile std::uint64_t count = 0;
      for (;;) count = count + 1;
    }
  });
  ContainerState state;
  standing.set([&](ContainerState& its) { state = its; });
  const auto before = container_usage(state);
  REQUIRE(before);
  CHECK(before->processes == 5);
  CHECK(before->memory > 0);
  CHECK(before->memory_limit > before->memory);
  CHECK(before->received == 0);
  // However loaded the machine is: at some time they get some of it.
  double share = 0;
  for (int tries = 0; tries < 1000 && share == 0; ++tries) {
    ::usleep(20'000);
    const auto now = container_usage(state);
    REQUIRE(now);
    share = processor_share(*before, *now);
  }
  CHECK(share > 0);

  const auto first = HeldProcess::open(state.process);
  REQUIRE(first);
  const ProcessTable table = process_table(*first, {});
  CHECK(table.rows.size() == 5);
  CHECK(process_table(*first, {"-o", "pid,comm"}).rows.size() <= 5);
  CHECK_THROWS_AS(process_table(*first, {"-o", "comm"}), Error);
  CHECK_THROWS_AS(process_table(*first, {"--no-such-option"}), Error);
  standing.end();
  CHECK_FALSE(container_usage(state));
}

// A person at the terminal of a container.
#include "workshop.hpp"

#include "at_terminal.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include <string>
#include <vector>

using namespace slipway;

namespace {

using Words = std::vector<std::string>;

struct Yard : Workshop {
  ~Yard() {
    slipway({"kill", "shell"});
    slipway({"wait", "shell"});
  }
  Words words(Words behind) const {
    Words all{SLIPWAY_PROGRAM, "--root", root().string()};
    all.insert(all.end(), behind.begin(), behind.end());
    return all;
  }
};

}  // namespace

TEST_CASE(
    "run -it: a terminal of its own, of the size of the user's, whose keys are the program's") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  AtTerminal person(yard.words({"run", "-it", "--rm", "busybox", "sh"}));
  CHECK(person.shows("# "));
  CHECK_FALSE(person.is_cooked());
  person.type("tty; stty size; echo $TERM\n");
  CHECK(person.shows("/dev/pts/0"));
  CHECK(person.shows("40 120"));
  CHECK(person.shows("xterm"));

  person.resize(50, 90);
  CHECK(person.shows("50 90", "stty size\n"));

  // Ctrl-C interrupts what runs there, and neither the shell nor slipway.
  person.type("echo armed-$((2+4)); sleep 1000\n");
  CHECK(person.shows("armed-6"));
  CHECK(person.shows("# ", "\x03"));
  person.type("echo still-$((2+3))\n");
  CHECK(person.shows("still-5"));
  // Not the keys that leave it, only the first of them.
  person.type("echo \x10");
  person.type("a-$((1+1))\n");
  CHECK(person.shows("a-2"));
  person.type("exit 3\n");
  CHECK(person.wait() == 3);
  INFO(person.all());
  CHECK(person.is_cooked());
}

TEST_CASE(
    "Ctrl-P Ctrl-Q leaves it, attach comes back to it, and other keys do where they are named") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  {
    AtTerminal person(yard.words({"run", "-it", "--name", "shell", "busybox", "sh"}));
    CHECK(person.shows("# "));
    person.type("word=remembered\n\x10\x11");
    CHECK(person.wait() == 0);
    CHECK(person.is_cooked());
  }
  {
    AtTerminal person(yard.words({"attach", "--detach-keys", "ctrl-a,d", "shell"}));
    CHECK(person.shows("# ", "\n"));
    person.type("echo $word; stty size\n");
    CHECK(person.shows("remembered"));
    CHECK(person.shows("40 120"));
    person.type("\x01");
    person.type("d");
    CHECK(person.wait() == 0);
    CHECK(person.is_cooked());
  }
  {
    AtTerminal person(yard.words({"attach", "shell"}));
    CHECK(person.shows("# ", "\n"));
    person.type("exit 6\n");
    CHECK(person.wait() == 6);
  }
  AtTerminal person(yard.words({"start", "-ai", "shell"}));
  CHECK(person.shows("# "));
  CHECK_FALSE(person.is_cooked());
  person.type("echo -$word-; exit\n");
  CHECK(person.shows("--"));
  CHECK(person.wait() == 0);
}

TEST_CASE("a signal that ends slipway leaves the terminal as it was, and the container running") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  {
    AtTerminal person(
        yard.words({"run", "-it", "--sig-proxy=false", "--name", "shell", "busybox", "sh"}));
    CHECK(person.shows("# "));
    CHECK_FALSE(person.is_cooked());
    person.signal(SIGTERM);
    CHECK(person.wait() == 128 + SIGTERM);
    CHECK(person.is_cooked());
  }
  const Finished killed = yard.slipway({"kill", "shell"});
  CHECK(killed.status == 0);
}

TEST_CASE("a terminal wants one in front of it") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const Finished refused = yard.slipway({"run", "--rm", "-it", "busybox", "sh"});
  CHECK(refused.status == 125);
  CHECK(refused.err.starts_with("error: the input device is not a TTY\n"));
  // For output alone it needs none.
  const Finished shown =
      yard.slipway({"run", "--rm", "-t", "busybox", "sh", "-c", "tty; echo x >&2"});
  CHECK(shown.status == 0);
  CHECK(shown.out.find("x\r\n") != std::string::npos);
  CHECK(shown.err.empty());
}

// Flags of `run` and their effect inside, what a container cannot do whatever it tries, and that
// what comes of one is no build's result.
#include "yard.hpp"

#include <unistd.h>

#include <fstream>

using namespace slipway;

namespace {

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// What a shell in a container of these flags prints.
std::string inside(const Yard& yard, const Words& flags, const std::string& script) {
  const Finished finished =
      yard.slipway(with(with({"run", "--rm"}, flags), {"busybox", "sh", "-c", script}));
  INFO(script);
  INFO(finished.err);
  CHECK(finished.status == 0);
  return finished.out;
}

const Words unconnected{"--network", "none"};

// Its status says whether it could.
bool can(const Yard& yard, const Words& flags, const std::string& script) {
  const Words words = with(with({"run", "--rm", "--network", "none"}, flags),
                           {"busybox", "sh", "-c", script + " 2>/dev/null"});
  return yard.slipway(words).status == 0;
}

}  // namespace

TEST_CASE("limits hold all processes of a container together") {
  SKIP_UNLESS_ROOT();
  ROOT_ALONE("wants control groups");
  Yard yard;
  const Finished forks =
      yard.slipway({"run", "--rm", "--network", "none", "--pids-limit", "3", "busybox", "sh", "-c",
                    "sleep 9 & sleep 9 & sleep 9 & sleep 9 & exit 0"});
  CHECK(forks.status != 0);
  CHECK(yard.slipway({"run", "--network", "none", "--name", "greedy", "--memory", "16m",
                      "--memory-swap", "16m", "busybox", "sh", "-c",
                      "exec dd if=/dev/zero of=/dev/null bs=64M count=1"})
            .status == 137);
  CHECK(yard.said({"inspect", "--format", "{{.State.OOMKilled}} {{.HostConfig.Memory}}",
                   "greedy"}) == "true 16777216\n");
  yard.said({"create", "--name", "half", "--cpus", "0.5", "busybox", "true"});
  CHECK(yard.said({"inspect", "--format", "{{.HostConfig.NanoCpus}}", "half"}) == "500000000\n");
  CHECK(yard.slipway({"start", "-a", "half"}).status == 0);
  yard.said({"rm", "greedy", "half"});
}

TEST_CASE("names, labels, name servers and groups are what the flags say") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const std::string resolv =
      inside(yard, {"--dns", "192.0.2.1", "--dns-search", "example.org", "--dns-option", "ndots:3"},
             "cat /etc/resolv.conf");
  CHECK(has(resolv, "nameserver 192.0.2.1"));
  CHECK(has(resolv, "search example.org"));
  CHECK(has(resolv, "options ndots:3"));
  CHECK(has(inside(yard, {"--hostname", "me", "--domainname", "ex.org"}, "cat /etc/hosts"),
            "me.ex.org"));
  std::ofstream(yard.folder() / "labels") << "one=1\ntwo=two words\n";
  yard.said({"create", "--name", "labelled", "--label-file", yard.folder() / "labels", "-l",
             "three=3", "busybox", "true"});
  CHECK(yard.said({"inspect", "--format",
                   "{{.Config.Labels.one}}|{{.Config.Labels.two}}|{{.Config.Labels.three}}",
                   "labelled"}) == "1|two words|3\n");
  yard.said({"rm", "labelled"});
}

TEST_CASE("rights are docker's, and what the flags add and take") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const auto effective = [&](const Words& flags) {
    const std::string line =
        inside(yard, with(flags, unconnected), "grep CapEff /proc/self/status");
    return std::stoull(line.substr(line.find_last_of('\t') + 1), nullptr, 16);
  };
  CHECK(effective({}) == 0xa80425fb);
  CHECK(effective({"--cap-drop", "ALL"}) == 0);
  CHECK(effective({"--cap-drop", "all", "--cap-add", "cap_kill"}) == 1 << 5);
  CHECK(effective({"--cap-add", "NET_ADMIN"}) == (0xa80425fb | 1 << 12));
  CHECK(effective({"--privileged"}) > 0xa80425fb);
  CHECK(inside(yard, with({"--security-opt", "no-new-privileges"}, unconnected),
               "grep NoNewPrivs /proc/self/status") == "NoNewPrivs:\t1\n");
  CHECK(inside(yard, with({"--security-opt", "seccomp=unconfined"}, unconnected),
               "grep Seccomp: /proc/self/status") == "Seccomp:\t0\n");
  CHECK(inside(yard, unconnected, "grep Seccomp: /proc/self/status") == "Seccomp:\t2\n");
}

TEST_CASE("streams are those that were asked for") {
  SKIP_UNLESS_ROOT();
  const Yard yard;
  const Words both{"--network", "none", "busybox", "sh", "-c", "echo out; echo err >&2"};
  const Finished out = yard.slipway(with({"run", "--rm", "-a", "stdout"}, both));
  CHECK(out.out == "out\n");
  CHECK(out.err.empty());
  const Finished err = yard.slipway(with({"run", "--rm", "-a", "stderr"}, both));
  CHECK(err.out.empty());
  CHECK(err.err == "err\n");
}

TEST_CASE("a container does not do what a step may not") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  // So that what follows can fail.
  REQUIRE(can(yard, {}, "true"));
  CHECK(can(yard, {}, "mkdir -p /m && touch /m/x"));
  CHECK_FALSE(can(yard, {}, "mkdir -p /m && mount -t tmpfs none /m"));
  CHECK_FALSE(can(yard, {}, "mkdir -p /m && mount --bind / /m"));
  CHECK_FALSE(can(yard, {}, "umount /proc"));
  CHECK_FALSE(can(yard, {}, "echo 1 > /proc/sys/vm/drop_caches"));
  CHECK_FALSE(can(yard, {}, "echo b > /proc/sysrq-trigger"));
  CHECK_FALSE(can(yard, {}, "touch /sys/x"));
  CHECK_FALSE(can(yard, {}, "unshare -U true"));
  CHECK_FALSE(can(yard, {}, "unshare -m true"));
  CHECK_FALSE(can(yard, {}, "mknod /disk b 8 0 && dd if=/disk of=/dev/null count=1"));
  CHECK_FALSE(can(yard, {}, "mknod /kmsg c 1 11 && head -c 1 /kmsg"));
  CHECK_FALSE(can(yard, {}, "hostname other"));
  CHECK_FALSE(can(yard, {}, "chroot /proc/1/root/../../.. ls /etc/ssl"));
  CHECK(inside(yard, unconnected, "wc -c < /proc/keys; wc -c < /proc/timer_list") == "0\n0\n");
}

TEST_CASE("a container sees nothing of the store's, of another one's, or of a build's secret") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const std::string other = yard.in_background(
      {"--network", "none", "busybox", "sh", "-c", "echo kept-to-itself > /mine; sleep 1000"});
  REQUIRE(soon([&] { return has(yard.said({"exec", other, "ls", "/"}), "mine"); }));
  const std::string seen =
      inside(yard, unconnected,
             "cat /proc/*/mountinfo /proc/*/environ /proc/*/cmdline 2>/dev/null; ls -l /proc/*/fd; "
             "grep -rl kept-to-itself / --exclude-dir=proc --exclude-dir=sys 2>/dev/null; true");
  CHECK_FALSE(has(seen, other.substr(0, 12)));
  CHECK_FALSE(has(seen, "/mine"));
  CHECK_FALSE(has(seen, "slipway.db"));
  CHECK_FALSE(has(seen, "SLIPWAY_ROOT"));

  std::ofstream(yard.folder() / "secret") << "nobody-is-to-know";
  yard.write("Dockerfile",
             "FROM busybox\n"
             "RUN --mount=type=secret,id=s grep -q nobody-is-to-know /run/secrets/s\n");
  const Built built =
      yard.build({"-t", "made", "--secret", "id=s,src=" + (yard.folder() / "secret").string()});
  INFO(built.log);
  REQUIRE(built.status == 0);
  const Finished found = yard.slipway({"run", "--rm", "--network", "none", "made", "sh", "-c",
                                       "grep -rl nobody-is-to-kno[w] /bin /etc /run /tmp /root"});
  CHECK(found.out.empty());
  yard.said({"rm", "-f", other});
}

TEST_CASE("what is committed is no build's result, and leaves its image as it was") {
  SKIP_UNLESS_ROOT();
  Yard yard;
  const std::string before = yard.said({"inspect", "busybox"});
  yard.said({"run", "--network", "none", "--name", "same", "busybox", "sh", "-c", "echo x > /f"});
  yard.said({"commit", "same", "committed"});
  CHECK(yard.said({"inspect", "busybox"}) == before);
  yard.write("Dockerfile", "FROM busybox\nRUN echo x > /f\n");
  const Built built = yard.build();
  INFO(built.log);
  REQUIRE(built.status == 0);
  CHECK(built.ran() == Words{"RUN echo x > /f"});
  yard.said({"rm", "same"});
}

// slipway without root, beside slipway as root: the same keys, and clear words where it cannot be.
#include "workshop.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <vector>

using namespace slipway;
namespace fs = std::filesystem;

namespace {

// `command` of a shell, as a user who is made for it; $SLIPWAY is the program.
Finished as_user(const std::string& command, const std::vector<std::string>& options = {}) {
  std::vector<std::string> words = {AS_USER};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"/bin/sh", "-c", "SLIPWAY=" SLIPWAY_PROGRAM "; cd; " + command});
  return run(words);
}

std::string line(const std::string& text, const std::string& start) {
  const std::size_t at = text.find(start);
  return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
}

constexpr const char* dockerfile =
    "FROM scratch AS first\n"
    "COPY busybox /bin/sh\n"
    "RUN echo made > /made; chown 7:8 /made; mkdir -m 2750 /d; chown 1000:1001 /d; echo x > /d/f\n"
    "RUN rm -r /d; mkdir /d; echo y > /d/g; ln /d/g /d/h; ln -s g /d/l; chown -h 5 /d/l\n"
    "USER 1000:1001\n"
    "WORKDIR /home/user\n"
    "RUN id > id; cat /made >> id\n"
    "FROM scratch\n"
    "COPY --from=first / /\n"
    "COPY --from=first --chown=3:4 /made /d/ /copied/\n";

std::vector<std::string> keys_of(const std::string& metadata) {
  std::vector<std::string> keys;
  const auto json = nlohmann::json::parse(metadata);
  for (const auto& step : json.at("slipway.cache").at("steps")) {
    keys.push_back(step.at("name").get<std::string>() + " " + step.at("key").get<std::string>());
  }
  return keys;
}

}  // namespace

TEST_CASE("a user's build has the keys of root's, and so the same files with the same owners") {
  ROOT_ALONE("is both root and another user");
  const Workshop workshop({});
  workshop.write("Dockerfile", dockerfile);
  fs::copy_file("/bin/busybox", workshop.context() / "busybox");
  output_of({"chmod", "-R", "a+rX", workshop.folder().string()});
  const Built root = workshop.build();
  INFO(root.log);
  REQUIRE(root.status == 0);
  const auto keys = keys_of(read(workshop.folder() / "metadata-1"));
  CHECK(keys.size() > 6);

  const Finished user = as_user("$SLIPWAY build -q --metadata-file m " +
                                workshop.context().string() + " >&2 && cat m");
  INFO(user.err);
  REQUIRE(user.status == 0);
  CHECK(keys_of(user.out) == keys);
}

TEST_CASE("what a user builds is the user's: files, containers' ids, and nothing mounted outside") {
  ROOT_ALONE("is both root and another user");
  const Finished user = as_user(
      "mkdir c; cp /bin/busybox c; printf 'FROM scratch\\nCOPY --chown=9:9 busybox /bin/sh\\n"
      "RUN stat -c %u /bin/sh; sleep 0\\n' > c/Dockerfile;"
      "$SLIPWAY build --progress=plain -o out c 2>&1; grep -F \"$HOME/\" /proc/self/mountinfo"
      " || stat -c 'mine %U' out/bin/sh; stat -c 'stored %u' .local/share/slipway/layers/*/bin/sh");
  INFO(user.out);
  CHECK(line(user.out, "mine ") == "mine slipway-tester");
  CHECK(line(user.out, "stored ") == "stored 2000008");  // the ninth of the range
}

TEST_CASE("another user's store is refused, whoever asks") {
  ROOT_ALONE("is both root and another user");
  const Workshop workshop({});
  output_of({"chmod", "a+rx", workshop.folder().string()});
  REQUIRE(workshop.slipway({"images"}).status == 0);
  output_of({"chmod", "-R", "a+rX", workshop.root().string()});
  const Finished user = as_user("$SLIPWAY --root " + workshop.root().string() + " images");
  CHECK(user.status == 1);
  CHECK(line(user.err, "error:").find("belongs to another user (id 0)") != std::string::npos);
  // And root does not put files into a user's that the user cannot remove.
  output_of({"chown", "-R", "31007", workshop.root().string()});
  const Finished root = workshop.slipway({"images"});
  CHECK(line(root.err, "error:").find("belongs to another user (id 31007)") != std::string::npos);
}

TEST_CASE("a store keeps to the ids that it was made with") {
  ROOT_ALONE("makes users");
  const Finished user = as_user(
      "$SLIPWAY fsck >/dev/null; printf 'FROM scratch\\nCOPY x /\\n' > Dockerfile; echo > x;"
      "$SLIPWAY build -q . && sed -i 's/200000/300000/' .local/share/slipway/ids; $SLIPWAY build .");
  CHECK(user.status == 1);
  CHECK(line(user.err, "error:").find("has files of other user ids") != std::string::npos);
}

TEST_CASE("where users cannot have namespaces, slipway says which setting forbids it") {
  ROOT_ALONE("makes users");
  const Finished user = as_user(
      "printf 'FROM scratch\\nCOPY x /\\n' > Dockerfile; echo > x;"
      "unshare --user --map-root-user sh -c 'echo 0 > /proc/sys/user/max_user_namespaces;"
      "exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin $0 build .' $SLIPWAY");
  CHECK(user.status == 1);
  INFO(user.err);
  CHECK(line(user.err, "error:").find("user namespace") != std::string::npos);
  CHECK(line(user.err, "hint:").find("sysctl -w user.max_user_namespaces") != std::string::npos);
}

TEST_CASE("with one id only, a build has root's keys all the same: owners are recorded") {
  ROOT_ALONE("is both root and another user");
  const Workshop workshop({});
  // All but the owner of a link, which has no place to be recorded in.
  std::string text = dockerfile;
  const std::string link = "; chown -h 5 /d/l";
  text.erase(text.find(link), link.size());
  workshop.write("Dockerfile", text);
  fs::copy_file("/bin/busybox", workshop.context() / "busybox");
  output_of({"chmod", "-R", "a+rX", workshop.folder().string()});
  const Built root = workshop.build();
  INFO(root.log);
  REQUIRE(root.status == 0);

  const Finished user = as_user("$SLIPWAY build --progress=plain --metadata-file m " +
                                    workshop.context().string() + " >&2 && cat m",
                                {"--one-id"});
  INFO(user.err);
  REQUIRE(user.status == 0);
  CHECK(keys_of(user.out) == keys_of(read(workshop.folder() / "metadata-1")));
  CHECK(line(user.err, "note:").find("only your own user id is available") != std::string::npos);
}

TEST_CASE("with one id only, a step's users are what it takes them for") {
  ROOT_ALONE("makes users");
  const Finished user = as_user(
      "mkdir c; cp /bin/busybox c; cat > c/Dockerfile <<'END'\n"
      "FROM scratch\n"
      "COPY busybox /bin/sh\n"
      "RUN ln -s sh /bin/id; ln -s sh /bin/su; mkdir /etc /tmp; "
      "echo 'root:x:0:0::/:/bin/sh' > /etc/passwd; echo 'app:x:7:8::/:/bin/sh' >> /etc/passwd; "
      "echo root:x:0: > /etc/group; echo app:x:8: >> /etc/group\n"
      "RUN su app -c 'id; /bin/sh -c id; chown 0 /tmp; echo status $?'; id -u; "
      "chmod 6755 /bin/busybox 2>/dev/null; echo x > /f; chmod 4755 /f; chown 7:8 /f; ls -l /f; "
      "chown -h 5:5 /nothere; echo missing $?; ln -s / /root; chown 9 /root/tmp; "
      "chroot /root /bin/sh -c 'chown 3:3 /f'\n"
      "USER app\n"
      "RUN id; echo mine > /tmp/mine; chown 0 /tmp/mine; echo again $?\n"
      "FROM scratch\n"
      "COPY --from=0 /f /tmp /\n"
      "END\n"
      "$SLIPWAY build --progress=plain -o type=tar,dest=t.tar c 2>&1 && "
      "tar --numeric-owner -tvf t.tar",
      {"--one-id"});
  INFO(user.out, user.err);
  REQUIRE(user.status == 0);
  const auto says = [&user](const std::string& text) {
    return user.out.find(text) != std::string::npos;
  };
  CHECK(says("uid=7(app) gid=8(app) groups=8(app)\n"));
  CHECK(says("status 1"));   // app may not give files away
  CHECK(says(" 0\n"));       // root is root again afterwards
  CHECK(says(" -rwxr-xr-x")); // a new owner takes the set-user-ID bit away
  CHECK(says("missing 1"));
  CHECK(says("again 1"));
  CHECK(says("3/3 "));  // /f, by the chown in the chroot
  CHECK(says("7/8 "));  // /tmp/mine, of the step's user
}

TEST_CASE("an owner that a user's ranges do not have is told as such") {
  ROOT_ALONE("makes users");
  const Finished user = as_user(
      "mkdir c; touch c/file; printf 'FROM scratch\nCOPY --chown=70000:7 file /\n' > c/Dockerfile; "
      "$SLIPWAY build c");
  INFO(user.err);
  CHECK(user.status != 0);
  CHECK(user.err.find("\"file\" belongs to 70000:7") != std::string::npos);
  CHECK(user.err.find("/etc/subuid") != std::string::npos);
  const Finished run = as_user(
      "mkdir c; cp /bin/busybox c/sh; printf 'FROM scratch\nCOPY sh /bin/\nUSER 70000\nRUN :\n' "
      "> c/Dockerfile; $SLIPWAY build c");
  INFO(run.err);
  CHECK(run.status != 0);
  CHECK(run.err.find("USER \"70000\": this user namespace has no such id") != std::string::npos);
}

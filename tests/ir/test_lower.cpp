#include "dockerfiles.hpp"

#include <ir/dump.hpp>
#include <ir/lower.hpp>
#include <ir/lowering/fetch.hpp>
#include <ir/lowering/history.hpp>
#include <ir/lowering/paths.hpp>
#include <ir/lowering/ports.hpp>
#include <ir/remote_source.hpp>

#include <doctest/doctest.h>

using namespace slipway;
using namespace slipway::testing;

namespace {

using Lines = std::vector<std::string>;

Lines names(const Lowered& lowered) {
  Lines result;
  for (std::size_t i = 0; i < lowered.graph.size(); ++i)
    result.push_back(lowered.graph[VertexId{static_cast<std::uint32_t>(i)}].name);
  return result;
}

Lines history(const Lowered& lowered) {
  Lines result;
  for (const HistoryEntry& entry : lowered.config.history)
    result.push_back((entry.empty_layer ? "- " : "+ ") + entry.created_by);
  return result;
}

const RunProcess& last_run(const Lowered& lowered) {
  return std::get<RunProcess>(lowered.graph[lowered.root].operation);
}
const CopyFiles& last_copy(const Lowered& lowered) {
  return std::get<CopyFiles>(lowered.graph[lowered.root].operation);
}

std::string message(const Dockerfile& dockerfile, const LowerOptions& options = amd64_options()) {
  ImageShelf shelf;
  try {
    lower(dockerfile, options, shelf.resolver());
  } catch (const Error& error) {
    std::string text;
    for (const Diagnostic& one : error.diagnostics())
      text += std::to_string(one.span.line) + ": " + one.message +
              (one.hint.empty() ? "" : " (" + one.hint + ")") + "\n";
    return text;
  }
  return "";
}

}  // namespace

TEST_CASE("stages that the target does not need are not lowered, nor their images asked for") {
  DockerfileBuilder file;
  file.from(word("compiler"), "build").run("make");
  file.from(word("linter"), "lint").run("lint");
  file.from(word("scratch")).copy({word("out")}, word("/"), word("BUILD"));
  ImageShelf shelf;
  shelf.put("compiler");
  const Lowered lowered = lower(file.get(), amd64_options(), shelf.resolver());
  CHECK(shelf.asked == Lines{"compiler"});
  CHECK(names(lowered) == Lines{"[build 1/2] FROM docker.io/library/compiler",
                                "[build 2/2] RUN make", "FROM scratch", "[stage-2 1/1] COPY"});
}

TEST_CASE("a target is a name, whatever its case, or a number") {
  DockerfileBuilder file;
  file.from(word("scratch"), "one").env(word("A"), word("1"));
  file.from(word("scratch"), "two").env(word("A"), word("2"));
  ImageShelf shelf;
  const auto env_of = [&](const std::string& target) {
    LowerOptions options = amd64_options();
    options.target = target;
    return lower(file.get(), options, shelf.resolver()).config.env.back();
  };
  CHECK(env_of("") == "A=2");
  CHECK(env_of("ONE") == "A=1");
  CHECK(env_of("0") == "A=1");
  LowerOptions options = amd64_options();
  options.target = "oen";
  CHECK(message(file.get(), options) ==
        "0: target stage \"oen\" does not exist (did you mean \"one\"?)\n");
}

TEST_CASE("ARG and ENV: the last one counts for RUN, the image keeps ENV") {
  DockerfileBuilder file;
  file.global_arg("G", word("global")).from(word("scratch"));
  file.env(word("A"), word("env")).arg("A", word("arg")).arg("G").arg("N").run("x");
  ImageShelf shelf;
  LowerOptions options = amd64_options();
  options.build_args = {{"HTTP_PROXY", "http://p"}, {"Typo", "1"}, {"N", ""}};
  const Lowered lowered = lower(file.get(), options, shelf.resolver());
  CHECK(last_run(lowered).environment ==
        Lines{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=arg",
              "G=global", "N="});
  CHECK(last_run(lowered).unkeyed.proxies == Lines{"HTTP_PROXY=http://p", "http_proxy=http://p"});
  CHECK(lowered.config.env.back() == "A=env");
  CHECK(history(lowered) == Lines{"- ENV A=env", "- ARG A=arg", "- ARG G=global", "- ARG N=",
                                  "+ RUN |3 A=arg G=global N= /bin/sh -c x # buildkit"});
  CHECK(lowered.config.history.back().comment == "buildkit.dockerfile.v0");
  REQUIRE(lowered.warnings.size() == 1);
  CHECK(lowered.warnings[0].message == "build argument \"Typo\" is declared by no ARG");
}

TEST_CASE("a stage of --no-cache-filter that is none is told") {
  DockerfileBuilder file;
  file.from(word("scratch"), "Build").run("x");
  ImageShelf shelf;
  LowerOptions options = amd64_options();
  options.no_cache_stages = {"BUILD", "biuld"};
  const Lowered lowered = lower(file.get(), options, shelf.resolver());
  REQUIRE(lowered.warnings.size() == 1);
  CHECK(lowered.warnings[0].message == "--no-cache-filter \"biuld\" names no stage");
  CHECK(lowered.warnings[0].hint == "did you mean \"build\"?");
}

TEST_CASE("a proxy that no ARG declares is in no history; one that a Dockerfile declares is its own") {
  ImageShelf shelf;
  LowerOptions options = amd64_options();
  options.build_args = {{"https_proxy", "http://user:word@p"}};
  DockerfileBuilder silent;
  silent.from(word("scratch")).run("x");
  const Lowered without = lower(silent.get(), options, shelf.resolver());
  CHECK(history(without) == Lines{"+ RUN /bin/sh -c x # buildkit"});
  CHECK(last_run(without).unkeyed.proxies ==
        Lines{"HTTPS_PROXY=http://user:word@p", "https_proxy=http://user:word@p"});
  CHECK(last_run(without).environment.size() == 1);  // PATH
  CHECK(without.warnings.empty());

  DockerfileBuilder declared;
  declared.from(word("scratch")).arg("https_proxy").run("x");
  CHECK(history(lower(declared.get(), options, shelf.resolver())).back() ==
        "+ RUN |1 https_proxy=http://user:word@p /bin/sh -c x # buildkit");
}

TEST_CASE("SOURCE_DATE_EPOCH is a variable of RUN where the stage declares it, and nowhere else") {
  ImageShelf shelf;
  LowerOptions options = amd64_options();
  options.build_args = {{"SOURCE_DATE_EPOCH", "+1700000000"}};
  DockerfileBuilder silent;
  silent.from(word("scratch")).run("x");
  CHECK(last_run(lower(silent.get(), options, shelf.resolver())).environment.size() == 1);
  DockerfileBuilder declared;
  declared.from(word("scratch")).arg("SOURCE_DATE_EPOCH").run("x");
  CHECK(last_run(lower(declared.get(), options, shelf.resolver())).environment.back() ==
        "SOURCE_DATE_EPOCH=1700000000");
}

TEST_CASE("the first agent of a RUN is the one that ssh finds, unless the image says otherwise") {
  ImageShelf shelf;
  const auto ssh = [](std::vector<std::pair<std::string, std::string>> fields) {
    RunMount mount;
    fields.insert(fields.begin(), {"type", "ssh"});
    for (const auto& [key, value] : fields)
      mount.fields.push_back({{key, {}}, word(value.c_str()), {}});
    return mount;
  };
  Run run;
  run.command.arguments = {"x"};
  run.mounts = {ssh({{"target", "/agent"}, {"id", "a"}}), ssh({})};
  DockerfileBuilder file;
  file.from(word("scratch")).add(run, "RUN x");
  const Lowered lowered = lower(file.get(), amd64_options(), shelf.resolver());
  CHECK(last_run(lowered).environment.back() == "SSH_AUTH_SOCK=/agent");
  CHECK(last_run(lowered).mounts.at(1).target == "/run/buildkit/ssh_agent.1");
  DockerfileBuilder own;
  own.from(word("scratch")).env(word("SSH_AUTH_SOCK"), word("/own")).add(run, "RUN x");
  CHECK(last_run(lower(own.get(), amd64_options(), shelf.resolver())).environment.back() ==
        "SSH_AUTH_SOCK=/own");
}

TEST_CASE("devices are what this machine finds for a name, and its refusal is told at the flag") {
  ImageShelf shelf;
  Run run;
  run.command.arguments = {"x"};
  run.devices = {{"class", false, at_line(7)}, {"a.com/b=1", true, at_line(8)}};
  DockerfileBuilder file;
  file.from(word("scratch")).add(run, "RUN x");
  LowerOptions options = amd64_options();
  options.find_devices = [](const std::string& name, bool) {
    return name == "class" ? Lines{"a.com/b=1", "a.com/b=2"} : Lines{name};
  };
  using Device = RunProcess::Device;
  CHECK(last_run(lower(file.get(), options, shelf.resolver())).devices ==
        std::vector<Device>{{"a.com/b=1", true}, {"a.com/b=2", true}});
  options.find_devices = [](const std::string& name, bool required) -> Lines {
    if (required) throw Error("no " + name);
    return {};
  };
  CHECK(message(file.get(), options) == "8: no a.com/b=1\n");
}

TEST_CASE("ENV A=2 B=$A uses the old A") {
  DockerfileBuilder file;
  file.from(word("scratch")).env(word("A"), word("1"));
  file.add(Env{{{word("A"), word("2")}, {word("B"), word({variable("A")})}}}, "ENV A=2 B=$A");
  ImageShelf shelf;
  const Lowered lowered = lower(file.get(), amd64_options(), shelf.resolver());
  CHECK(lowered.config.env[1] == "A=2");
  CHECK(lowered.config.env[2] == "B=1");
}

TEST_CASE("platform arguments are there for FROM, and for a stage that declares them") {
  DockerfileBuilder file;
  file.from(word({plain("base-"), variable("TARGETARCH")})).arg("TARGETARCH").run("x");
  ImageShelf shelf;
  shelf.put("base-amd64");
  const Lowered lowered = lower(file.get(), amd64_options(), shelf.resolver());
  CHECK(last_run(lowered).environment.back() == "TARGETARCH=amd64");
}

TEST_CASE("a child stage has its base's config, arguments and files, but runs its triggers") {
  DockerfileBuilder file;
  file.from(word("scratch"), "base").arg("V", word("1")).env(word("E"), word("e"));
  file.add(Onbuild{"RUN trigger"}, "ONBUILD RUN trigger");
  file.add(User{word("app")}, "USER app").add(Workdir{word("/w/")}, "WORKDIR /w/");
  file.from(word("base")).run("own");
  LowerOptions options = amd64_options();
  options.parse_triggers = [](const Lines& triggers, std::string_view stage) {
    CHECK(stage == "base");
    CHECK(triggers == Lines{"RUN trigger"});
    Run run;
    run.command.arguments = {"trigger"};
    return std::vector<Instruction>{{run, "RUN trigger", {}}};
  };
  ImageShelf shelf;
  const Lowered lowered = lower(file.get(), options, shelf.resolver());
  CHECK(names(lowered) == Lines{"FROM scratch", "[base 1/1] WORKDIR /w/",
                                "[stage-1 1/2] ONBUILD RUN trigger", "[stage-1 2/2] RUN own"});
  CHECK(last_run(lowered).user == "app");
  CHECK(last_run(lowered).working_directory == "/w");
  CHECK(lowered.config.working_dir == "/w/");
  CHECK(lowered.config.on_build.empty());
  CHECK(history(lowered).back() == "+ RUN |1 V=1 /bin/sh -c own # buildkit");
}

TEST_CASE("an image's triggers may bring in another stage") {
  DockerfileBuilder file;
  file.from(word("scratch"), "assets").copy({word("a")}, word("/a"));
  file.from(word("base"));
  ImageShelf shelf;
  shelf.put("base");
  Copy copy;
  copy.sources = {word("/a")};
  copy.destination = word("/b");
  copy.from = word("assets");
  shelf.images["base"].triggers = {{copy, "COPY --from=assets /a /b", {}}};
  shelf.images["base"].config.on_build = {"COPY --from=assets /a /b"};
  const Lowered lowered = lower(file.get(), amd64_options(), shelf.resolver());
  CHECK(names(lowered).back() == "[stage-1 2/2] ONBUILD COPY --from=assets /a /b");
  CHECK(lowered.config.on_build.empty());
}

TEST_CASE("what is wrong with names is said together, each at its place") {
  DockerfileBuilder file;
  file.from(word("scratch"), "builder");
  file.from(word("scratch"));
  file.copy({word("a")}, word("/"), word("biulder"));
  file.copy({word("a")}, word("/"), word({variable("X")}, "$X"));
  file.copy({word("a")}, word("/"), word("7"));
  CHECK(message(file.get()) ==
        "4: --from takes no variables, quotes or escapes (write FROM $X AS NAME above, and "
        "--from=NAME here)\n"
        "5: there is no stage 7 (stages are numbered from 0 to 1)\n");

  DockerfileBuilder typo;
  typo.from(word("scratch"), "builder").from(word("scratch"));
  typo.copy({word("a")}, word("/"), word("biulder"));
  CHECK(message(typo.get()) == "3: stage \"biulder\" does not exist (did you mean \"builder\"?)\n");

  DockerfileBuilder forward;
  forward.from(word("scratch"), "a").copy({word("x")}, word("/"), word("b"));
  forward.from(word("a"), "b");
  CHECK(message(forward.get()).starts_with("2: stage \"b\" comes after this instruction"));

  DockerfileBuilder empty;
  empty.from(word({variable("BASE")}));
  CHECK(message(empty.get()).starts_with("1: base name \"\" is empty"));
  CHECK(message(Dockerfile{}) == "0: the Dockerfile has no stage (it needs a FROM)\n");
}

TEST_CASE("what ADD fetches is a vertex of its own, at the source's place") {
  DockerfileBuilder file;
  file.from(word("scratch"));
  Add add;
  add.sources = {placed(word("https://example.com/x"), 9)};
  add.destination = word("/");
  file.add(add, "ADD https://example.com/x /");
  ImageShelf shelf;
  const Lowered lowered = lower(file.get(), amd64_options(), shelf.resolver());
  const Vertex& copy = lowered.graph[lowered.root];
  REQUIRE(copy.inputs.size() == 2);
  const Vertex& fetch = lowered.graph[copy.inputs[1]];
  CHECK(std::get<FetchHttp>(fetch.operation) == FetchHttp{"https://example.com/x", "x", ""});
  CHECK(fetch.origin.line == 9);
}

TEST_CASE("a destination is seen from WORKDIR and keeps its slash") {
  const auto destination = [](const char* written) {
    DockerfileBuilder file;
    file.from(word("scratch")).add(Workdir{word("/w")}, "WORKDIR /w");
    file.copy({word("../../a/./b/")}, word(written));
    ImageShelf shelf;
    const Lowered lowered = lower(file.get(), amd64_options(), shelf.resolver());
    CHECK(std::get<CopyFiles::Selection>(last_copy(lowered).sources[0]).path == "a/b");
    return last_copy(lowered).destination;
  };
  CHECK(destination("x") == "/w/x");
  CHECK(destination("x/") == "/w/x/");
  CHECK(destination(".") == "/w/");
  CHECK(destination("/") == "/");
  CHECK(destination("/etc/.") == "/etc/");
  CHECK(destination("../../..") == "/");
}

TEST_CASE("a linked copy does not lie on the stage, unless it has a chmod") {
  DockerfileBuilder file;
  file.from(word("base"));
  Copy copy;
  copy.sources = {word("a")};
  copy.destination = word("/b");
  copy.link = true;
  file.add(copy, "COPY --link a /b");
  ImageShelf shelf;
  shelf.put("base");
  const Lowered linked = lower(file.get(), amd64_options(), shelf.resolver());
  const Vertex& stack = linked.graph[linked.root];
  REQUIRE(std::holds_alternative<StackLayers>(stack.operation));
  CHECK(stack.name == "[2/2] LINK COPY --link a /b");
  const Vertex& copied = linked.graph[stack.inputs[1]];
  CHECK(std::get<CopyFiles>(copied.operation).link);
  CHECK(std::holds_alternative<Scratch>(linked.graph[copied.inputs[0]].operation));

  copy.chmod = word("755");
  file.get().stages[0].instructions[0].kind = copy;
  CHECK_FALSE(last_copy(lower(file.get(), amd64_options(), shelf.resolver())).link);
  copy.chmod = placed(word("nonsense"), 2);
  file.get().stages[0].instructions[0].kind = copy;
  CHECK_THROWS_AS(lower(file.get(), amd64_options(), shelf.resolver()), Error);
}

TEST_CASE("a heredoc alone is the script; with #! it is a file; otherwise the shell reads it") {
  const auto lowered = [](const char* command, const char* content) {
    DockerfileBuilder file;
    file.from(word("scratch"));
    Run run;
    run.command.arguments = {command};
    run.command.heredocs = {{"EOF", true, false, content, {}, {}}};
    file.add(run, std::string("RUN ") + command);
    ImageShelf shelf;
    return lower(file.get(), amd64_options(), shelf.resolver());
  };
  const Lowered script = lowered("<<EOF", "a\nb\n");
  CHECK(last_run(script).arguments == Lines{"/bin/sh", "-c", "a\nb\n"});
  CHECK(script.graph[script.root].name == "[1/1] RUN <<EOF (a...)");
  CHECK(last_run(lowered("<< 'EOF'", "a\n")).arguments.back() == "a\n");
  const Lowered file = lowered("<<EOF", "#!/usr/bin/python3\nprint()\n");
  CHECK(last_run(file).arguments == Lines{"/bin/sh", "-c", "/dev/pipes/EOF"});
  REQUIRE(last_run(file).scripts.size() == 1);
  CHECK(last_run(file).scripts[0].name == "EOF");
  CHECK(last_run(lowered("cat <<EOF > /x", "a\n")).arguments.back() == "cat <<EOF > /x\na\nEOF");
}

TEST_CASE("mounts get their defaults and their inputs") {
  DockerfileBuilder file;
  file.from(word("scratch"), "tools").copy({word("t")}, word("/t"));
  file.from(word("scratch")).add(Workdir{word("/src")}, "WORKDIR /src");
  Run run;
  run.command.arguments = {"make"};
  const auto mount = [&](std::vector<std::pair<std::string, std::string>> fields) {
    RunMount each;
    for (auto& [key, value] : fields) each.fields.push_back({{key, {}}, word(value.c_str()), {}});
    run.mounts.push_back(each);
  };
  mount({{"target", "in"}});  // bind of the build context
  mount({{"target", "/tools"}, {"from", "tools"}});
  mount({{"type", "cache"}, {"target", "/root/.cache/"}});
  mount({{"type", "secret"}, {"id", "token"}});
  mount({{"type", "secret"}, {"id", "token"}, {"env", "TOKEN"}});
  mount({{"type", "ssh"}});
  file.add(run, "RUN make $TOKEN");
  ImageShelf shelf;
  const Lowered lowered = lower(file.get(), amd64_options(), shelf.resolver());
  const std::vector<RunProcess::Mount>& mounts = last_run(lowered).mounts;
  REQUIRE(mounts.size() == 6);
  CHECK(mounts[0].target == "/src/in");
  CHECK(mounts[0].read_only);
  CHECK(mounts[0].input == 1);
  CHECK(mounts[1].input == 2);
  CHECK(mounts[2].unkeyed.id == "/root/.cache");
  CHECK(mounts[2].target == "/root/.cache");
  CHECK_FALSE(mounts[2].read_only);
  CHECK(mounts[2].mode == 0755);
  CHECK(mounts[3].target == "/run/secrets/token");
  CHECK(mounts[3].mode == 0400);
  CHECK(mounts[4].target == "");
  CHECK(mounts[4].env == "TOKEN");
  CHECK(mounts[5].target == "/run/buildkit/ssh_agent.0");
  CHECK(mounts[5].unkeyed.id == "default");
  const Vertex& vertex = lowered.graph[lowered.root];
  CHECK(vertex.name == "[stage-1 2/2] RUN make ****");
  CHECK(std::holds_alternative<ReadContext>(lowered.graph[vertex.inputs[1]].operation));
}

TEST_CASE("SOURCE_DATE_EPOCH is the time of the history that this Dockerfile makes") {
  DockerfileBuilder file;
  file.from(word("base"));
  file.add(Workdir{word("/w")}, "WORKDIR /w");
  ImageConfig base;
  base.history = {{"2020-01-01T00:00:00Z", "base", "", "", false}};
  const auto times = [&](const std::string& epoch) {
    LowerOptions options = amd64_options();
    if (!epoch.empty()) options.build_args["SOURCE_DATE_EPOCH"] = epoch;
    ImageShelf shelf;
    shelf.put("base", base);
    Lines result;
    for (const HistoryEntry& entry : lower(file.get(), options, shelf.resolver()).config.history)
      result.push_back(entry.created);
    return result;
  };
  CHECK(times("") == Lines{"2020-01-01T00:00:00Z", ""});
  CHECK(times("1000000000") == Lines{"2020-01-01T00:00:00Z", "2001-09-09T01:46:40Z"});
  CHECK(times("253402300799").back() == "9999-12-31T23:59:59Z");
  CHECK(times("-62167219200").back() == "0000-01-01T00:00:00Z");
}

TEST_CASE("BUILDKIT_CACHE_MOUNT_NS keeps the cache mounts of two builds apart") {
  DockerfileBuilder file;
  file.from(word("scratch"));
  Run run;
  run.command.arguments = {"make"};
  RunMount mount;
  for (const auto& [key, value] : {std::pair{"type", "cache"}, {"target", "/x"}})
    mount.fields.push_back({{key, {}}, word(value), {}});
  run.mounts = {mount};
  file.add(run, "RUN make");
  LowerOptions options = amd64_options();
  options.build_args["BUILDKIT_CACHE_MOUNT_NS"] = "mine";
  ImageShelf shelf;
  const Lowered lowered = lower(file.get(), options, shelf.resolver());
  CHECK(last_run(lowered).mounts.at(0).unkeyed.id == "mine//x");
}

TEST_CASE("CMD, ENTRYPOINT and their kin are written as BuildKit writes them") {
  DockerfileBuilder file;
  ImageConfig base;
  base.cmd = {"old"};
  base.env = {"PATH=/bin"};
  file.from(word("base"));
  file.add(Entrypoint{{false, {"a", "b \"c\""}, {}, {}}}, "ENTRYPOINT");
  file.add(Shell{{"/bin/bash", "-c"}}, "SHELL");
  file.add(
      Healthcheck{false, CommandLine{true, {"ping"}, {}, {}}, 90000000000, 1500000000, 0, 0, 3},
      "HEALTHCHECK");
  file.add(Expose{{word("81/UDP"), word("8000-8001"), word({variable("NONE")})}}, "EXPOSE");
  file.add(Volume{{word("/a"), word("/b")}}, "VOLUME");
  file.add(StopSignal{word("SIGRTMIN+3")}, "STOPSIGNAL");
  file.add(Label{{{word("k"), word("v w")}}}, "LABEL");
  file.add(Maintainer{"me"}, "MAINTAINER me");
  ImageShelf shelf;
  shelf.put("base", base);
  LowerOptions options = amd64_options();
  options.labels = {{"k", "x"}};
  const Lowered lowered = lower(file.get(), options, shelf.resolver());
  CHECK_FALSE(lowered.config.cmd);
  CHECK(lowered.config.env == Lines{"PATH=/bin"});
  CHECK(lowered.config.labels.at("k") == "x");
  CHECK(lowered.config.author == "me");
  CHECK(history(lowered) ==
        Lines{"- ENTRYPOINT [\"a\" \"b \\\"c\\\"\"]", "- SHELL [/bin/bash -c]",
              "- HEALTHCHECK {Test:[CMD-SHELL ping] Interval:1m30s Timeout:1.5s StartPeriod:0s "
              "StartInterval:0s Retries:3}",
              "- EXPOSE [8000/tcp 8001/tcp 81/udp]", "- VOLUME [/a /b]", "- STOPSIGNAL SIGRTMIN+3",
              "- LABEL k=v w", "- MAINTAINER me"});

  file.add(Cmd{{true, {"run"}, {}, {}}}, "CMD").add(Entrypoint{{false, {}, {}, {}}}, "ENTRYPOINT");
  const Lowered with_cmd = lower(file.get(), options, shelf.resolver());
  CHECK(*with_cmd.config.cmd == Lines{"/bin/bash", "-c", "run"});
  CHECK(with_cmd.config.entrypoint->empty());
}

TEST_CASE("a context takes an image's or a stage's place") {
  DockerfileBuilder file;
  file.from(word("docker.io/library/alpine:latest"), "a").run("x");
  file.from(word("scratch"), "b").run("never");
  file.from(word("a")).copy({word("f")}, word("/"), word("b"));
  file.copy({word("g")}, word("/"), word("docs"));
  LowerOptions options = amd64_options();
  options.contexts["alpine"] = {NamedContext::Kind::image, "debian"};
  options.contexts["b"] = {NamedContext::Kind::directory, ""};
  options.contexts["docs"] = {NamedContext::Kind::directory, ""};
  ImageShelf shelf;
  shelf.put("debian");
  const Lowered lowered = lower(file.get(), options, shelf.resolver());
  CHECK(shelf.asked == Lines{"debian"});
  const Vertex& last = lowered.graph[lowered.root];
  CHECK(std::get<ReadContext>(lowered.graph[last.inputs[1]].operation).name == "docs");
  // The stage's own instructions are not run: the context is what they would have made.
  for (const std::string& name : names(lowered)) CHECK(name.find("never") == std::string::npos);
}

TEST_CASE("a git URL as a context") {
  const auto operation = [](const std::string& url, bool keep = false) {
    return git_context(url, keep).value();
  };
  CHECK(operation("github.com/moby/buildkit#v0.1:docs") ==
        FetchGit{"https://github.com/moby/buildkit", "v0.1", "docs", "", "", false, true, false});
  CHECK(operation("git@host:a/b.git?branch=x&commit=00ff&submodules=false") ==
        FetchGit{"git@host:a/b.git", "refs/heads/x", "", "00ff", "", false, false, false});
  CHECK(operation("https://host/r.git", true).keep_git_dir);
  // As in BuildKit, BUILDKIT_CONTEXT_KEEP_GIT_DIR wins.
  CHECK(operation("https://host/r.git?keep-git-dir=false", true).keep_git_dir);
  CHECK_FALSE(git_context("https://host/file.tar", false));
  CHECK_FALSE(git_context("./directory", false));
  CHECK_THROWS_WITH_AS(git_context("https://host/r.git?checksum=xyz", false),
                       doctest::Contains("invalid checksum \"xyz\""), Error);
  CHECK(without_credentials("https://token@host/r.git") == "https://xxxxx@host/r.git");
  CHECK(without_credentials("ssh://git@host/r.git") == "ssh://git@host/r.git");
  CHECK(without_credentials("git@host:r.git") == "git@host:r.git");
  CHECK(without_credentials("https://host/r.git?x=a:b@c") == "https://host/r.git?x=a:b@c");
}

TEST_CASE("--no-cache marks steps, of all stages or of those that are named") {
  DockerfileBuilder file;
  file.from(word("scratch"), "a").run("one");
  file.from(word("a")).run("two");
  const auto ignored = [&](const LowerOptions& options) {
    ImageShelf shelf;
    const Lowered lowered = lower(file.get(), options, shelf.resolver());
    Lines result;
    for (std::size_t i = 0; i < lowered.graph.size(); ++i) {
      const Vertex& vertex = lowered.graph[VertexId{static_cast<std::uint32_t>(i)}];
      if (vertex.ignore_cache) result.push_back(vertex.name);
    }
    return result;
  };
  LowerOptions options = amd64_options();
  CHECK(ignored(options).empty());
  options.no_cache_stages = {"A"};
  CHECK(ignored(options) == Lines{"[a 1/1] RUN one"});
  options.no_cache = true;
  CHECK(ignored(options) == Lines{"[a 1/1] RUN one", "[stage-1 1/1] RUN two"});
}

TEST_CASE("ports are read as docker reads them") {
  CHECK(parse_ports("80") == Lines{"80/tcp"});
  CHECK(parse_ports("80/") == Lines{"80/tcp"});
  CHECK(parse_ports("127.0.0.1:8080:80/SCTP") == Lines{"80/sctp"});
  CHECK(parse_ports("8000-8002").size() == 3);
  for (const char* text :
       {"", "x", "80/x", "65536", "9-8", "1-2-3", ":", "1-2:3-5", "x:80", "-1"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_ports(text), Error);
  }
}

TEST_CASE("durations and paths have one spelling") {
  CHECK(go_duration(0) == "0s");
  CHECK(go_duration(300000000000) == "5m0s");
  CHECK(go_duration(3600000000000) == "1h0m0s");
  CHECK(go_duration(1500) == "1.5\xC2\xB5s");
  CHECK(go_duration(2000000) == "2ms");
  CHECK(rooted("a//b/../c/./") == "/a/c");
  CHECK(rooted("../..") == "/");
  CHECK(joined("/w", "/abs") == "/abs");
  CHECK(last_name("/a/b/") == "b");
}

#include <ir/graph.hpp>
#include <ir/key.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

using namespace slipway;

namespace {

RunProcess full_run() {
  RunProcess run;
  run.arguments = {"/bin/sh", "-c", "make"};
  run.environment = {"PATH=/bin", "A=1"};
  run.working_directory = "/src";
  run.user = "app";
  RunProcess::Mount mount;
  mount.type = RunProcess::Mount::Type::cache;
  mount.input = 1;
  mount.source = "/s";
  mount.target = "/t";
  mount.sharing = RunProcess::Mount::Sharing::locked;
  mount.size = 7;
  mount.mode = 0755;
  mount.uid = 1;
  mount.gid = 2;
  mount.env = "TOKEN";
  mount.unkeyed.id = "id";
  RunProcess::Mount other;
  other.target = "/u";
  run.mounts = {mount, other};
  run.scripts = {{"EOF", "#!/bin/sh\n"}, {"EOT", "x"}};
  run.hostname = "builder";
  run.extra_hosts = {{"db", "10.0.0.1"}, {"cache", "10.0.0.2"}};
  run.shm_size = 64;
  run.ulimits = {"nofile=1:2", "core=0:0"};
  run.devices = {{"a", false}, {"b", true}};
  run.platform = {"linux", "arm", "v7"};
  run.unkeyed.proxies = {"http_proxy=http://p", "no_proxy=x"};
  return run;
}

CopyFiles full_copy() {
  CopyFiles copy;
  copy.sources = {CopyFiles::Selection{1, "a*", true, false},
                  CopyFiles::Selection{2, "b", false, false},
                  CopyFiles::InlineFile{"f", "text"}};
  copy.destination = "/dst/";
  copy.chown = "1:2";
  copy.chmod = "755";
  copy.exclude = {"x", "y"};
  return copy;
}

CacheKey key_of(const Operation& operation) {
  return cache_key(key_parts(operation));
}
DefinitionDigest definition_of(const Operation& operation) {
  return definition_digest(operation, {});
}

// Every way in which one list can differ.
template <class T>
std::vector<std::function<void(RunProcess&)>> list_mutations(std::vector<T> RunProcess::*list,
                                                             T value) {
  return {
      [=](RunProcess& run) { (run.*list).push_back(value); },
      [=](RunProcess& run) { (run.*list).front() = value; },
      [=](RunProcess& run) { (run.*list).pop_back(); },
      [=](RunProcess& run) { std::swap((run.*list)[0], (run.*list)[1]); },
      [=](RunProcess& run) { (run.*list).clear(); },
  };
}

CopyFiles::Selection& first_selection(CopyFiles& copy) {
  return std::get<CopyFiles::Selection>(copy.sources[0]);
}
CopyFiles::InlineFile& inline_file(CopyFiles& copy) {
  return std::get<CopyFiles::InlineFile>(copy.sources[2]);
}

// Changes one after the other, each from the full operation; every key is new.
template <class T>
void check_all_differ(const T& full, const std::vector<std::function<void(T&)>>& mutations) {
  std::set<std::string> keys = {key_of(full).hex()};
  std::set<std::string> definitions = {definition_of(full).hex()};
  for (std::size_t i = 0; i < mutations.size(); ++i) {
    CAPTURE(i);
    T changed = full;
    mutations[i](changed);
    REQUIRE_FALSE(changed == full);
    CHECK(keys.insert(key_of(changed).hex()).second);
    CHECK(definitions.insert(definition_of(changed).hex()).second);
  }
}

}  // namespace

TEST_CASE("every field of RUN changes its key") {
  std::vector<std::function<void(RunProcess&)>> mutations = {
      [](RunProcess& r) { r.working_directory = "/other"; },
      [](RunProcess& r) { r.user = "root"; },
      [](RunProcess& r) { r.network = RunProcess::Network::none; },
      [](RunProcess& r) { r.network = RunProcess::Network::host; },
      [](RunProcess& r) { r.security = RunProcess::Security::insecure; },
      [](RunProcess& r) { r.hostname = "other"; },
      [](RunProcess& r) { r.shm_size = 65; },
      [](RunProcess& r) { r.platform.os = "freebsd"; },
      [](RunProcess& r) { r.platform.architecture = "arm64"; },
      [](RunProcess& r) { r.platform.variant = "v6"; },
      [](RunProcess& r) { r.extra_hosts[0].first = "bd"; },
      [](RunProcess& r) { r.extra_hosts[0].second = "10.0.0.9"; },
      [](RunProcess& r) { std::swap(r.extra_hosts[0], r.extra_hosts[1]); },
      [](RunProcess& r) { r.extra_hosts.pop_back(); },
      [](RunProcess& r) {
        r.extra_hosts.push_back({"x", "y"});
      },
      [](RunProcess& r) { r.scripts[0].name = "EOX"; },
      [](RunProcess& r) { r.scripts[0].content = "#!/bin/bash\n"; },
      [](RunProcess& r) { std::swap(r.scripts[0], r.scripts[1]); },
      [](RunProcess& r) { r.scripts.pop_back(); },
      [](RunProcess& r) { r.mounts[0].type = RunProcess::Mount::Type::bind; },
      [](RunProcess& r) { r.mounts[0].type = RunProcess::Mount::Type::tmpfs; },
      [](RunProcess& r) { r.mounts[0].type = RunProcess::Mount::Type::secret; },
      [](RunProcess& r) { r.mounts[0].type = RunProcess::Mount::Type::ssh; },
      [](RunProcess& r) { r.mounts[0].input = 2; },
      [](RunProcess& r) { r.mounts[0].source = "/s2"; },
      [](RunProcess& r) { r.mounts[0].target = "/t2"; },
      [](RunProcess& r) { r.mounts[0].read_only = true; },
      [](RunProcess& r) { r.mounts[0].sharing = RunProcess::Mount::Sharing::shared; },
      [](RunProcess& r) { r.mounts[0].sharing = RunProcess::Mount::Sharing::private_; },
      [](RunProcess& r) { r.mounts[0].size = 8; },
      [](RunProcess& r) { r.mounts[0].mode = 0700; },
      [](RunProcess& r) { r.mounts[0].uid = 3; },
      [](RunProcess& r) { r.mounts[0].gid = 3; },
      [](RunProcess& r) { r.mounts[0].required = true; },
      [](RunProcess& r) { r.mounts[0].env = "OTHER"; },
      [](RunProcess& r) { std::swap(r.mounts[0], r.mounts[1]); },
      [](RunProcess& r) { r.mounts.pop_back(); },
      [](RunProcess& r) { r.mounts.push_back({}); },
  };
  for (auto& mutation : list_mutations<RunProcess::Device>(&RunProcess::devices, {"c", false}))
    mutations.push_back(std::move(mutation));
  mutations.push_back([](RunProcess& r) { r.devices[0].required = true; });
  for (auto list : {&RunProcess::arguments, &RunProcess::environment, &RunProcess::ulimits}) {
    for (auto& mutation : list_mutations<std::string>(list, "Z=9"))
      mutations.push_back(std::move(mutation));
  }
  check_all_differ(full_run(), mutations);
}

TEST_CASE("every field of COPY and WORKDIR changes its key") {
  check_all_differ<CopyFiles>(
      full_copy(), {
                       [](CopyFiles& c) { first_selection(c).input = 3; },
                       [](CopyFiles& c) { first_selection(c).path = "a"; },
                       [](CopyFiles& c) { first_selection(c).wildcards = false; },
                       [](CopyFiles& c) { inline_file(c).name = "g"; },
                       [](CopyFiles& c) { inline_file(c).content = "text\n"; },
                       [](CopyFiles& c) { c.sources.pop_back(); },
                       [](CopyFiles& c) { std::swap(c.sources[0], c.sources[1]); },
                       [](CopyFiles& c) { c.sources.push_back(CopyFiles::Selection{}); },
                       [](CopyFiles& c) { c.sources.push_back(CopyFiles::InlineFile{}); },
                       [](CopyFiles& c) { c.destination = "/dst"; },
                       [](CopyFiles& c) { c.chown = "1:3"; },
                       [](CopyFiles& c) { c.chmod = "0755"; },
                       [](CopyFiles& c) { c.exclude.pop_back(); },
                       [](CopyFiles& c) { std::swap(c.exclude[0], c.exclude[1]); },
                       [](CopyFiles& c) { c.exclude.push_back("z"); },
                       [](CopyFiles& c) { c.exclude[0] = "w"; },
                       [](CopyFiles& c) { c.parents = true; },
                       [](CopyFiles& c) { c.link = true; },
                       [](CopyFiles& c) { first_selection(c).unpack = true; },
                   });
  check_all_differ<MakeDirectory>({"/w", "app", 0755}, {
                                                           [](MakeDirectory& d) { d.path = "/v"; },
                                                           [](MakeDirectory& d) { d.owner = ""; },
                                                           [](MakeDirectory& d) { d.mode = 0700; },
                                                       });
}

TEST_CASE("every field of what ADD fetches changes its key") {
  check_all_differ<FetchHttp>({"https://a/f", "f", "sha256:00"},
                              {
                                  [](FetchHttp& f) { f.url = "https://b/f"; },
                                  [](FetchHttp& f) { f.file_name = "g"; },
                                  [](FetchHttp& f) { f.checksum = ""; },
                              });
  check_all_differ<FetchGit>({"https://a/r.git", "main", "d", "00ff", "", false, true, false},
                             {
                                 [](FetchGit& f) { f.remote = "ssh://a/r.git"; },
                                 [](FetchGit& f) { f.ref = "other"; },
                                 [](FetchGit& f) { f.subdir = ""; },
                                 [](FetchGit& f) { f.checksum = "00fe"; },
                                 [](FetchGit& f) { f.commit = "00ff"; },
                                 [](FetchGit& f) { f.keep_git_dir = true; },
                                 [](FetchGit& f) { f.submodules = false; },
                                 [](FetchGit& f) { f.by_commit = true; },
                             });
}

TEST_CASE("different operations have different keys, and sources tell theirs apart") {
  const std::vector<Operation> operations = {
      Scratch{},       StackLayers{},      BaseImage{"a", sha256("a")}, BaseImage{"b", sha256("a")},
      RunProcess{},    CopyFiles{},        BaseImage{"a", sha256("b")}, ReadContext{""},
      MakeDirectory{}, ReadContext{"docs"}, FetchHttp{},              FetchGit{}};
  std::set<std::string> keys;
  for (const Operation& operation : operations) keys.insert(key_of(operation).hex());
  CHECK(keys.size() == operations.size());
}

TEST_CASE("proxies and mount ids change the definition but not the key") {
  const RunProcess full = full_run();
  RunProcess proxies = full;
  proxies.unkeyed.proxies = {"http_proxy=http://q"};
  RunProcess id = full;
  id.mounts[0].unkeyed.id = "other";
  for (const RunProcess& changed : {proxies, id}) {
    CHECK(key_parts(changed) == key_parts(full));
    CHECK(key_of(changed) == key_of(full));
    CHECK_FALSE(definition_of(changed) == definition_of(full));
  }
}

TEST_CASE("no two operations can be written alike") {
  const auto differ = [](const std::function<void(RunProcess&)>& one,
                         const std::function<void(RunProcess&)>& other) {
    RunProcess a;
    RunProcess b;
    one(a);
    other(b);
    CHECK_FALSE(key_parts(a) == key_parts(b));
    CHECK_FALSE(key_of(a) == key_of(b));
    CHECK_FALSE(definition_of(a) == definition_of(b));
  };
  differ(
      [](RunProcess& r) {
        r.arguments = {"ab", "c"};
      },
      [](RunProcess& r) {
        r.arguments = {"a", "bc"};
      });
  differ(
      [](RunProcess& r) {
        r.arguments = {"a", ""};
      },
      [](RunProcess& r) { r.arguments = {"a"}; });
  differ([](RunProcess& r) { r.environment = {"A="}; },
         [](RunProcess& r) { r.environment = {"A"}; });
  differ([](RunProcess& r) { r.environment = {"A=B=C"}; },
         [](RunProcess& r) {
           r.environment = {"A=B", "C="};
         });
  differ([](RunProcess& r) { r.environment = {"A]=1"}; },
         [](RunProcess& r) { r.environment = {"A\\]=1"}; });
  differ([](RunProcess& r) { r.ulimits = {"x"}; }, [](RunProcess& r) { r.arguments = {"x"}; });
  differ([](RunProcess& r) { r.user = "x"; }, [](RunProcess& r) { r.hostname = "x"; });
  differ([](RunProcess& r) { r.mounts = {{}, {}}; }, [](RunProcess& r) { r.mounts = {{}}; });
  differ(
      [](RunProcess& r) {
        r.extra_hosts = {{"a", "b"}, {"c", "d"}};
      },
      [](RunProcess& r) {
        r.extra_hosts = {{"a", "bc"}, {"", "d"}};
      });
  differ(
      [](RunProcess& r) {
        r.mounts = {{}};
        r.mounts[0].target = "/a].type";
      },
      [](RunProcess& r) {
        r.mounts = {{}};
        r.mounts[0].target = "/a";
      });

  // The digest of parts: lengths keep a label and its value, and one part and the next, apart.
  CHECK_FALSE(cache_key({{"ab", "c"}}) == cache_key({{"a", "bc"}}));
  CHECK_FALSE(cache_key({{"a", "b"}, {"c", "d"}}) == cache_key({{"a", "b1:c1:d"}}));
  CHECK_FALSE(cache_key({}) == cache_key({{"", ""}}));
}

TEST_CASE("a person finds the part that differs by its label") {
  const KeyParts parts = key_parts(full_run());
  const auto value = [&](const std::string& label) -> std::string {
    for (const KeyPart& part : parts)
      if (part.label == label) return part.value;
    return "(none)";
  };
  CHECK(value("operation") == "run");
  CHECK(value("arguments[2]") == "make");
  CHECK(value("environment[PATH]") == "/bin");
  CHECK(value("mount[/t].type") == "cache");
  CHECK(value("mount[/t].mode") == "0755");
  CHECK(value("extra_host[db]") == "10.0.0.1");
  CHECK(value("platform.variant") == "v7");
  CHECK(value("mount[/t].unkeyed.id") == "(none)");
  CHECK(key_parts(Operation(full_copy()))[2] == KeyPart{"source[0].path", "a*"});
}

TEST_CASE("a definition depends on its inputs and on their order") {
  const DefinitionDigest a = definition_of(Scratch{});
  const DefinitionDigest b = definition_of(ReadContext{});
  CHECK_FALSE(definition_digest(StackLayers{}, {a, b}) == definition_digest(StackLayers{}, {b, a}));
  CHECK_FALSE(definition_digest(StackLayers{}, {a}) == definition_digest(StackLayers{}, {a, a}));
}

TEST_CASE("the graph keeps one vertex for equal work, and lets nobody run in a circle") {
  Graph graph;
  const VertexId scratch = graph.add({Scratch{}, {}, {}, "one", ""});
  CHECK(graph.add({Scratch{}, {}, {}, "two", ""}) == scratch);
  const VertexId made = graph.add({MakeDirectory{"/w", "", 0755}, {scratch}, {}, "", ""});
  CHECK(graph.size() == 2);
  CHECK_FALSE(graph[made].ignore_cache.has_value());
  CHECK(graph.add({MakeDirectory{"/w", "", 0755}, {scratch}, {}, "", "", IgnoreCache::stage}) ==
        made);
  CHECK(graph[made].ignore_cache == IgnoreCache::stage);
  CHECK_THROWS_AS(graph.add({StackLayers{}, {VertexId{9}}, {}, "", ""}), std::logic_error);
}

TEST_CASE("of equal vertices the strictest ttl counts, and changes no definition") {
  const auto step = [](VertexId input, std::optional<std::int64_t> ttl) {
    Vertex vertex;
    vertex.operation = full_run();
    vertex.inputs = {input};
    vertex.cache_ttl = ttl;
    return vertex;
  };
  Graph graph;
  const VertexId scratch = graph.add({Scratch{}, {}, {}, "", ""});
  const VertexId made = graph.add(step(scratch, std::nullopt));
  CHECK(graph.add(step(scratch, 60)) == made);
  CHECK(graph[made].cache_ttl == 60);
  CHECK(graph.add(step(scratch, 30)) == made);
  CHECK(graph.add(step(scratch, 90)) == made);
  CHECK(graph.add(step(scratch, std::nullopt)) == made);
  CHECK(graph[made].cache_ttl == 30);
}

TEST_CASE("what is for people only changes neither key nor definition") {
  RunProcess told = full_run();
  told.unkeyed.shell = "/bin/bash";
  told.unkeyed.build_arguments = {"A"};
  CHECK(key_of(told) == key_of(full_run()));
  CHECK(definition_of(told) == definition_of(full_run()));
}

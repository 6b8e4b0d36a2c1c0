// ps, inspect, rm, rename, port, container prune, rmi and du with containers that are only rows.
#include "container_fixture.hpp"

#include <nlohmann/json.hpp>

#include <fstream>

using namespace slipway;
using Json = nlohmann::json;

namespace {

// The names of the rows that ps gives, in order.
std::string listed(TestContainers& test, std::vector<std::string> filters, bool all = true) {
  std::vector<std::string> arguments{"ps", "--format", "{{.Names}}"};
  if (all) arguments.emplace_back("-a");
  for (std::string& filter : filters) arguments.insert(arguments.end(), {"--filter", filter});
  const Outcome outcome = test.run(arguments);
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == 0);
  std::string names;
  for (const std::string& line : lines_of(outcome.out)) names += (names.empty() ? "" : " ") + line;
  return names;
}

}  // namespace

TEST_CASE("ps shows docker's table") {
  TestContainers test;
  CHECK(test.run({"ps"}).out ==
        "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES\n");
  ContainerConfig config = TestContainers::usual();
  config.entrypoint = {"/bin/sh", "-c"};
  config.command = {"echo \"a b\"; sleep 1000"};
  config.exposed_ports = {"443/tcp", "80/tcp"};
  const Container web = test.make("web", config);
  const Container old = test.make("old");
  const Container fresh = test.make("fresh");
  ContainerState state;
  state.ports = {{"", 8080, 80, "tcp"}, {"::1", 9000, 9000, "udp"}};
  test.run_since(web, 200, state);
  test.end(old, 3, 7300);
  const std::vector<std::string> lines = lines_of(test.run({"ps", "-a"}).out);
  REQUIRE(lines.size() == 4);
  const auto cells = [](const std::string& line) {
    std::vector<std::string> parts;
    for (std::size_t start = 0; start < line.size();) {
      const std::size_t end = std::min(line.find("   ", start), line.size());
      if (end > start) parts.push_back(line.substr(start, end - start));
      start = std::max(line.find_first_not_of(' ', end), end);
      if (start == end) break;
    }
    // Of what was made a moment ago the age is only a matter of how busy the machine is.
    CHECK(parts.at(3).ends_with(" ago"));
    parts.erase(parts.begin() + 3);
    return parts;
  };
  CHECK(cells(lines[1]) == std::vector<std::string>{fresh.id.substr(0, 12), "app:1",
                                                    "\"sleep 1000\"", "Created", "fresh"});
  CHECK(cells(lines[2])[3] == "Exited (3) 2 hours ago");
  CHECK(cells(lines[3]) ==
        std::vector<std::string>{web.id.substr(0, 12), "app:1", "\"/bin/sh -c 'echo \\\"a…\"",
                                 "Up 3 minutes",
                                 "443/tcp, [::1]:9000->9000/udp, 0.0.0.0:8080->80/tcp", "web"});
  CHECK(lines_of(test.run({"ps"}).out).size() == 2);
  CHECK(test.run({"ps", "-q"}).out == web.id.substr(0, 12) + "\n");
  CHECK(test.run({"ps", "-q", "--no-trunc"}).out == web.id + "\n");
  CHECK(test.run({"ps", "-lq"}).out == fresh.id.substr(0, 12) + "\n");
  CHECK(lines_of(test.run({"ps", "-n", "2", "-q"}).out).size() == 2);
  CHECK(test.run({"ps", "--no-trunc", "--format", "{{.Command}}"}).out ==
        "\"/bin/sh -c 'echo \\\"a b\\\"; sleep 1000'\"\n");
  const Json row = Json::parse(test.run({"ps", "--format", "json"}).out);
  CHECK(row["Names"] == "web");
  CHECK(row["State"] == "running");
  CHECK(row["Size"] == "0B");
  CHECK(row["Networks"] == "bridge");
  for (const char* command : {"container ls", "container ps", "container list"}) {
    const std::string text = command;
    CHECK(test.run({"container", text.substr(10), "-q"}).out == web.id.substr(0, 12) + "\n");
  }
}

TEST_CASE("ps says what a container does in docker's words") {
  TestContainers test;
  const auto status = [&](const Container& container) {
    return test
        .run({"ps", "-a", "--filter", "id=" + container.id, "--format", "{{.Status}}|{{.State}}"})
        .out;
  };
  const Container container = test.make("web");
  CHECK(status(container) == "Created|created\n");
  test.end(container, 0, 65);
  CHECK(status(container) == "Exited (0) About a minute ago|exited\n");
  ContainerState paused;
  paused.status = ContainerStatus::paused;
  test.run_since(container, 65, paused);
  CHECK(status(container) == "Up About a minute (Paused)|paused\n");
  // Nobody answers for it any more.
  test.locks.clear();
  CHECK(status(container).starts_with("Exited (137) "));

  ContainerConfig config = TestContainers::usual();
  config.healthcheck.emplace();
  config.healthcheck->test = {"CMD", "true"};
  const Container checked = test.make("checked", config);
  CHECK(status(checked) == "Created|created\n");
  test.run_since(checked, 65);
  CHECK(status(checked) == "Up About a minute (health: starting)|running\n");
}

TEST_CASE("ps keeps to its filters") {
  TestContainers test;
  ContainerConfig config = TestContainers::usual();
  config.labels = {{"team", "a"}, {"x", ""}};
  config.network = "none";
  config.mounts = {{ContainerMount::Type::volume, "data", "/srv", false, false, false, 0, 0}};
  test.volumes.create("data", {});
  const Container web1 = test.make("web1", config);
  config = TestContainers::usual();
  config.labels = {{"team", "b"}};
  config.exposed_ports = {"53/udp"};
  const Container web2 = test.make("web2", config);
  const Container db = test.make("db", TestContainers::usual(), "base:1");
  ContainerState state;
  state.ports = {{"", 8080, 80, "tcp"}};
  test.run_since(web2, 5, state);
  test.end(db, 1, 5);

  CHECK(listed(test, {}) == "db web2 web1");
  CHECK(listed(test, {}, false) == "web2");
  CHECK(listed(test, {"name=web"}) == "web2 web1");
  CHECK(listed(test, {"name=^/web1$"}) == "web1");
  CHECK(listed(test, {"name=db", "name=b1"}) == "db web1");
  CHECK(listed(test, {"name=["}) == "");
  CHECK(listed(test, {"id=" + db.id.substr(0, 12)}) == "db");
  CHECK(listed(test, {"label=team"}) == "web2 web1");
  CHECK(listed(test, {"label=team=a"}) == "web1");
  CHECK(listed(test, {"label=team", "label=x"}) == "web1");
  CHECK(listed(test, {"exited=1"}) == "db");
  CHECK(listed(test, {"exited=0"}) == "");
  CHECK(listed(test, {"status=created"}, false) == "web1");
  CHECK(listed(test, {"status=created", "status=exited"}, false) == "db web1");
  CHECK(listed(test, {"ancestor=app:1"}) == "web2 web1");
  CHECK(listed(test, {"ancestor=base"}) == "");
  CHECK(listed(test, {"ancestor=base:1", "ancestor=app:1"}) == "db web2 web1");
  CHECK(listed(test, {"before=web2"}) == "web1");
  CHECK(listed(test, {"since=web2"}) == "db");
  CHECK(listed(test, {"volume=data"}) == "web1");
  CHECK(listed(test, {"volume=/srv"}) == "web1");
  CHECK(listed(test, {"network=none"}) == "web1");
  CHECK(listed(test, {"network=bridge"}) == "db web2");
  CHECK(listed(test, {"publish=8080"}) == "web2");
  CHECK(listed(test, {"publish=8000-9000/tcp"}) == "web2");
  CHECK(listed(test, {"publish=80"}) == "");
  CHECK(listed(test, {"expose=80"}) == "web2");
  CHECK(listed(test, {"expose=50-60/udp"}) == "web2");
  CHECK(listed(test, {"health=none"}) == "db web2 web1");
  CHECK(listed(test, {"health=healthy"}) == "");
  CHECK(listed(test, {"is-task=false"}) == "db web2 web1");
  CHECK(listed(test, {"is-task=true"}) == "");
  CHECK(listed(test, {"name=web", "label=team=b"}) == "web2");
  for (const char* wrong : {"nonsense=1", "exited=x", "status=flying", "health=ill", "publish=x",
                            "publish=9-8", "before=nobody", "label=", "is-task=x"}) {
    CAPTURE(wrong);
    CHECK(test.run({"ps", "--filter", wrong}).status == 1);
  }
  // One that was built upon the image, too.
  const LayerRef own = add_layer(test.database, "own");
  ContainerConfig upon = TestContainers::usual();
  LayerStack layers = db.layers;
  layers.push_back(own);
  test.containers.create("upon", sha256("another"), "other", layers, upon);
  CHECK(listed(test, {"ancestor=base:1"}) == "upon db");
  CHECK(listed(test, {"ancestor=other"}) == "upon");
}

TEST_CASE("ps calls an image by its ID when the name is another's") {
  TestContainers test;
  const Container web = test.make("web");
  const auto image = [&] { return test.run({"ps", "-a", "--format", "{{.Image}}"}).out; };
  CHECK(image() == "app:1\n");
  test.tag("app:1", test.put("RUN anew", ""));
  CHECK(image() == short_of(web.image) + "\n");
  test.images.untag(parse_reference("app:1"));
  CHECK(image() == short_of(web.image) + "\n");
}

TEST_CASE("inspect shows a container in docker's shape") {
  TestContainers test;
  ContainerConfig config = TestContainers::usual();
  config.entrypoint = {"/entry"};
  config.command = {"a", "b\xff"};
  config.environment = {"A=1"};
  config.labels = {{"team", "a"}};
  config.exposed_ports = {"80/tcp", "53/udp"};
  config.ports = {{"127.0.0.1", 0, 80, "tcp"}};
  config.mounts = {{ContainerMount::Type::bind, "/srv", "/data", true, false, false, 0, 0},
                   {ContainerMount::Type::volume, "named", "/named", false, false, false, 0, 0},
                   {ContainerMount::Type::tmpfs, "", "/scratch", false, false, false, 4096, 01777}};
  test.volumes.create("named", {});
  config.limits.memory = 1 << 20;
  config.limits.cpu_quota = 150'000;
  config.limits.cpu_period = 100'000;
  config.ulimits = {"nofile=1024:2048", "core=0"};
  config.added_capabilities = {"NET_ADMIN"};
  config.dropped_capabilities = {"ALL"};
  config.no_new_privileges = true;
  config.stop_signal = "SIGQUIT";
  const Container web = test.make("web", config);
  ContainerState state;
  state.ports = {{"127.0.0.1", 49153, 80, "tcp"}};
  state.address = "10.0.2.100";
  test.run_since(web, 5, state);
  const Json list = Json::parse(test.run({"inspect", "web"}).out);
  REQUIRE(list.size() == 1);
  const Json& json = list[0];
  CHECK(json["Id"] == web.id);
  CHECK(json["Name"] == "/web");
  CHECK(json["Path"] == "/entry");
  CHECK(json["Args"] == Json::array({"a", "b\xef\xbf\xbd"}));
  CHECK(json["Image"] == web.image.text());
  CHECK(json["Created"].get<std::string>().ends_with("Z"));
  CHECK(json["State"]["Status"] == "running");
  CHECK(json["State"]["Running"] == true);
  CHECK(json["State"]["Pid"] == 4711);
  CHECK(json["State"]["FinishedAt"] == "0001-01-01T00:00:00Z");
  CHECK_FALSE(json["State"].contains("Health"));
  CHECK(json["Config"]["Image"] == "app:1");
  CHECK(json["Config"]["Hostname"] == web.id.substr(0, 12));
  CHECK(json["Config"]["Entrypoint"] == Json::array({"/entry"}));
  CHECK(json["Config"]["Labels"]["team"] == "a");
  CHECK(json["Config"]["StopSignal"] == "SIGQUIT");
  CHECK(json["HostConfig"]["Binds"] == Json::array({"/srv:/data:ro", "named:/named"}));
  CHECK(json["HostConfig"]["PortBindings"]["80/tcp"][0]["HostIp"] == "127.0.0.1");
  CHECK(json["HostConfig"]["Memory"] == 1 << 20);
  CHECK(json["HostConfig"]["NanoCpus"] == 1'500'000'000);
  CHECK(json["HostConfig"]["CpuQuota"] == 0);
  CHECK(json["HostConfig"]["CpuPeriod"] == 0);
  CHECK(json["HostConfig"]["Ulimits"][0] ==
        Json({{"Name", "nofile"}, {"Hard", 2048}, {"Soft", 1024}}));
  CHECK(json["HostConfig"]["Ulimits"][1]["Hard"] == 0);
  CHECK(json["HostConfig"]["CapAdd"] == Json::array({"CAP_NET_ADMIN"}));
  CHECK(json["HostConfig"]["CapDrop"] == Json::array({"ALL"}));
  CHECK(json["HostConfig"]["SecurityOpt"] == Json::array({"no-new-privileges"}));
  CHECK(json["HostConfig"]["ShmSize"] == 64 << 20);
  CHECK(json["HostConfig"]["Tmpfs"]["/scratch"] == "size=4096");
  CHECK(json["Mounts"].size() == 3);
  CHECK(json["Mounts"][0]["RW"] == false);
  CHECK(json["Mounts"][1]["Source"] == test.volumes.directory("named").string());
  CHECK(json["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"] == "49153");
  CHECK(json["NetworkSettings"]["Ports"]["53/udp"] == nullptr);
  CHECK(json["NetworkSettings"]["IPAddress"] == "10.0.2.100");
  CHECK(json["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] == "10.0.2.100");

  const auto shown = [&](const std::string& format) {
    return test.run({"inspect", "-f", format, "web"}).out;
  };
  CHECK(shown("{{.State.Status}} {{.State.ExitCode}} {{.Name}}") == "running 0 /web\n");
  CHECK(shown("{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}") == "49153\n");
  CHECK(shown("{{index .Config.Labels \"none\"}}|{{.State.Health}}|{{.Config.Healthcheck}}") ==
        "|<nil>|<nil>\n");
  CHECK(shown("{{range $port, $to := .NetworkSettings.Ports}}{{$port}} {{end}}") ==
        "53/udp 80/tcp \n");
  CHECK(shown("{{range .Mounts}}{{.Type}} {{end}}") == "bind volume tmpfs \n");
  CHECK(test.run({"port", "web"}).out == "80/tcp -> 127.0.0.1:49153\n");
  CHECK(test.run({"port", "web", "80"}).out == "127.0.0.1:49153\n");
  CHECK(test.run({"port", "web", "80/tcp"}).out == "127.0.0.1:49153\n");
  CHECK(test.run({"port", "web", "80/udp"}).status == 1);
  CHECK(test.run({"port", "nobody"}).status == 1);
}

TEST_CASE("inspect takes a container before an image of the same name, and can be told") {
  TestContainers test;
  const Container app = test.make("app", TestContainers::usual(), "app:latest");
  const auto id = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin() + 1, {"-f", "{{.Id}}"});
    return test.run(arguments).out;
  };
  CHECK(id({"inspect", "app"}) == app.id + "\n");
  CHECK(id({"inspect", "--type", "image", "app"}) == app.image.text() + "\n");
  CHECK(id({"inspect", "--type=container", "app"}) == app.id + "\n");
  CHECK(test.run({"container", "inspect", "-f", "{{.Id}}", "app"}).out == app.id + "\n");
  CHECK(test.run({"image", "inspect", "-f", "{{.Id}}", "app"}).out == app.image.text() + "\n");
  CHECK(test.run({"container", "inspect", "nobody"}).status == 1);
  CHECK(test.run({"inspect", "--type", "volume", "app"}).status == 1);
  CHECK(test.run({"inspect", "--type", "banana", "app"}).status == 1);
  test.volumes.create("data", {{"a", "1"}});
  const Json volume = Json::parse(test.run({"inspect", "data"}).out)[0];
  CHECK(volume["Name"] == "data");
  CHECK(volume["Labels"]["a"] == "1");
  CHECK(Json::parse(test.run({"inspect", "--type", "network", "bridge"}).out)[0]["Driver"] ==
        "bridge");
  const Outcome several = test.run({"inspect", "app", "nobody", "data"});
  CHECK(several.status == 1);
  CHECK(Json::parse(several.out).size() == 2);
  CHECK(several.err.find("nobody") != std::string::npos);
}

TEST_CASE("rm removes what it can, and says what it could not") {
  TestContainers test;
  const Container one = test.make("one");
  const Container two = test.make("two");
  const Container runs = test.make("runs");
  test.run_since(runs, 5);
  const Outcome outcome = test.run({"rm", "one", "runs", "nobody", two.id.substr(0, 12)});
  CHECK(outcome.status == 1);
  CHECK(outcome.out == "one\n" + two.id.substr(0, 12) + "\n");
  CHECK(outcome.err.find("\"runs\" is running") != std::string::npos);
  CHECK(outcome.err.find("there is no container \"nobody\"") != std::string::npos);
  CHECK(test.containers.list().size() == 1);
  const Outcome forced = test.run({"rm", "-f", "nobody"});
  CHECK(forced.status == 0);
  CHECK(forced.err.find("nobody") != std::string::npos);
}

TEST_CASE("rename gives a container another name") {
  TestContainers test;
  const Container one = test.make("one");
  test.make("two");
  CHECK(test.run({"rename", "one", "three"}).out.empty());
  CHECK(test.containers.get("three").id == one.id);
  CHECK(test.run({"rename", "three", "two"}).status == 1);
  CHECK(test.run({"rename", "one", "four"}).status == 1);
  CHECK(test.run({"rename", "three", "no/name"}).status == 1);
}

TEST_CASE("container prune removes what does not run, as far as the filter goes") {
  TestContainers test;
  ContainerConfig config = TestContainers::usual();
  config.labels = {{"keep", "1"}};
  const Container kept = test.make("kept", config);
  const Container gone = test.make("gone");
  const Container runs = test.make("runs");
  test.run_since(runs, 5);
  test.end(gone, 0, 5);
  std::ofstream(test.containers.folder(gone.id) / "upper/file") << std::string(1000, 'x');
  CHECK(test.run({"container", "prune"}).out.find("This will remove all stopped containers") !=
        std::string::npos);
  CHECK(test.run({"container", "prune", "-f", "--filter", "until=24h"}).out ==
        "Total reclaimed space: 0B\n");
  CHECK(test.containers.list().size() == 3);
  CHECK(test.run({"container", "prune", "-f", "--filter", "label!=keep"}).out ==
        "Deleted Containers:\n" + gone.id + "\n\nTotal reclaimed space: 1kB\n");
  CHECK(test.run({"container", "prune", "--force", "--filter", "status=x"}).status == 1);
  CHECK(test.run({"container", "prune", "-f"}).out.find(kept.id) != std::string::npos);
  CHECK(listed(test, {}) == "runs");
}

TEST_CASE("an image that a container has goes as docker lets it go") {
  TestContainers test;
  const Container web = test.make("web");
  const std::string id = short_of(web.image);
  const Outcome refused = test.run({"rmi", "app:1"});
  CHECK(refused.status == 1);
  CHECK(refused.err.find("conflict: unable to remove repository reference \"app:1\" (must force) - "
                         "container " +
                         web.id.substr(0, 12) + " is using its referenced image " + id) !=
        std::string::npos);
  CHECK(test.run({"image", "prune", "-af"}).out.find("deleted") == std::string::npos);
  test.run_since(web, 5);
  CHECK(test.run({"rmi", "-f", id}).err.find("cannot be forced") != std::string::npos);
  CHECK(test.run({"rmi", "-f", "app:1"}).out == "Untagged: app:1\n");
  CHECK(test.images.find(web.image));
  test.locks.clear();
  test.tag("app:1", web.image);
  CHECK(test.run({"rmi", "-f", "app:1"}).out ==
        "Untagged: app:1\nDeleted: " + web.image.text() + "\n");
  CHECK_FALSE(test.images.find(web.image));
  // The container has what it needs, and prune leaves it that.
  CHECK(test.run({"prune", "-af"}).status == 0);
  CHECK(Json::parse(test.run({"inspect", "web"}).out)[0]["Image"] == web.image.text());
  Query layers(test.database, "SELECT 1 FROM layers WHERE diff_id = ?");
  CHECK(layers.bind(web.layers.front().diff_id.digest).step());
}

TEST_CASE("du counts containers, volumes, and what only containers stand on") {
  TestContainers test;
  const Container web = test.make("web");
  std::ofstream(test.containers.folder(web.id) / "upper/file") << std::string(5000, 'x');
  test.volumes.create("data", {});
  std::ofstream(test.volumes.directory("data") / "file") << std::string(700, 'x');
  const auto total = [&](const std::string& type) {
    const Json usage = Json::parse(test.run({"du", "--format", "json"}).out);
    for (const Json& each : usage["Totals"])
      if (each["Type"] == type) return each["Size"].get<std::uint64_t>();
    return std::uint64_t{0};
  };
  CHECK(total("Images") == 12'600'000);
  CHECK(total("Volumes") == 700);
  CHECK(total("Containers") >= 5000);
  CHECK(total("Containers") < 12'600'000);
  test.images.remove(web.image);
  CHECK(total("Images") == 0);
  CHECK(total("Containers") > 12'600'000);
  const Json usage = Json::parse(test.run({"du", "--format", "json"}).out);
  CHECK(usage["Containers"][0]["Name"] == "web");
  CHECK(usage["Volumes"][0]["Containers"] == 0);
  CHECK(test.run({"du", "-v"}).out.find("VOLUME NAME") != std::string::npos);
}

TEST_CASE("volumes are made, listed, inspected, removed and pruned") {
  TestContainers test;
  CHECK(test.run({"volume", "create", "data", "--label", "team=a"}).out == "data\n");
  CHECK(test.run({"volume", "create", "data"}).out == "data\n");
  const std::string anonymous = lines_of(test.run({"volume", "create"}).out).at(0);
  CHECK(anonymous.size() == 64);
  CHECK(test.run({"volume", "create", "a/b"}).status == 1);
  CHECK(test.run({"volume", "create", "-d", "nfs", "x1"}).status == 1);
  ContainerConfig config = TestContainers::usual();
  config.mounts = {{ContainerMount::Type::volume, "data", "/srv", false, false, false, 0, 0}};
  const Container web = test.make("web", config);

  CHECK(test.run({"volume", "ls"}).out.starts_with("DRIVER    VOLUME NAME\nlocal     "));
  CHECK(lines_of(test.run({"volume", "ls", "-q"}).out).size() == 2);
  CHECK(test.run({"volume", "ls", "-q", "--filter", "dangling=true"}).out == anonymous + "\n");
  CHECK(test.run({"volume", "ls", "-q", "-f", "dangling=false"}).out == "data\n");
  CHECK(test.run({"volume", "ls", "-q", "--filter", "name=dat"}).out == "data\n");
  CHECK(test.run({"volume", "ls", "-q", "--filter", "label=team=a"}).out == "data\n");
  CHECK(test.run({"volume", "ls", "-q", "--filter", "driver=nfs"}).out.empty());
  CHECK(test.run({"volume", "ls", "--filter", "x=y"}).status == 1);
  const Json row =
      Json::parse(test.run({"volume", "ls", "--format", "json", "-f", "name=data"}).out);
  CHECK(row["Mountpoint"] == test.volumes.directory("data").string());
  CHECK(row["Labels"] == "team=a");
  CHECK(test.run({"volume", "inspect", "-f", "{{.Name}} {{.Labels.team}}", "data"}).out ==
        "data a\n");

  const Outcome used = test.run({"volume", "rm", "data", "nobody", anonymous});
  CHECK(used.status == 1);
  CHECK(used.out == anonymous + "\n");
  CHECK(used.err.find("is in use") != std::string::npos);
  CHECK(used.err.find("there is no volume \"nobody\"") != std::string::npos);
  CHECK(test.run({"volume", "rm", "-f", "nobody"}).status == 0);

  const std::string other = lines_of(test.run({"volume", "create"}).out).at(0);
  std::ofstream(test.volumes.directory(other) / "file") << std::string(1000, 'x');
  CHECK(test.run({"volume", "create", "named"}).status == 0);
  CHECK(test.run({"volume", "prune"}).out.find("anonymous local volumes") != std::string::npos);
  CHECK(test.run({"volume", "prune", "-f"}).out ==
        "Deleted Volumes:\n" + other + "\n\nTotal reclaimed space: 1kB\n");
  CHECK(test.run({"volume", "prune", "-f"}).out == "Total reclaimed space: 0B\n");
  CHECK(test.run({"volume", "prune", "-af"}).out ==
        "Deleted Volumes:\nnamed\n\nTotal reclaimed space: 0B\n");
  CHECK(test.run({"volume", "ls", "-q"}).out == "data\n");
}

TEST_CASE("ps of a hundred containers is quick to read") {
  TestContainers test;
  for (int i = 0; i < 100; ++i) test.make("c" + std::to_string(i));
  CHECK(lines_of(test.run({"ps", "-aq"}).out).size() == 100);
}

#include <cache/images/store.hpp>
#include <cache/images/time.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace slipway;

namespace {

ImageConfig full_config() {
  ImageConfig config;
  config.created = "2026-11-23T21:13:00Z";
  config.author = "Somebody <some@body.example>";
  config.platform = {"linux", "arm64", "v8"};
  config.os_version = "6.1";
  config.user = "app:app";
  config.exposed_ports = {"80/tcp", "53/udp"};
  config.env = {"PATH=/usr/bin", "Z=1", "A=\"quoted\"\n"};
  config.entrypoint = {"/entry", "--flag"};
  config.cmd = {"serve"};
  config.volumes = {"/data"};
  config.working_dir = "/srv";
  config.labels = {{"b", "2"}, {"a", "1"}};
  config.stop_signal = "SIGTERM";
  config.healthcheck = HealthcheckConfig{
      .test = {"CMD-SHELL", "true"}, .interval = 1, .timeout = 2, .start_period = 3,
      .start_interval = 4, .retries = 5};
  config.shell = {"/bin/bash", "-c"};
  config.on_build = {"RUN make"};
  config.args_escaped = true;
  config.diff_ids = {DiffId{sha256("1")}, DiffId{sha256("2")}};
  config.history = {{"2026-11-23T21:12:00Z", "ADD rootfs /", "me", "first", false},
                    {"", "ENV Z=1", "", "", true}};
  return config;
}

std::string with(const std::string& config) {
  return R"({"config":)" + config + R"(,"rootfs":{"type":"layers","diff_ids":[]}})";
}

std::string complaint(const std::string& json) {
  try {
    (void)read_image_config(json);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a config reads back what it wrote, every field of it") {
  const ImageConfig config = full_config();
  const std::string json = write_image_config(config);
  CHECK(read_image_config(json) == config);
  CHECK(write_image_config(read_image_config(json)) == json);
  CHECK(read_image_config(write_image_config(ImageConfig{})) == ImageConfig{});
}

TEST_CASE("a config's bytes are the same for ever: its digest is the image's ID") {
  CHECK(write_image_config(full_config()) ==
        R"({"created":"2026-11-23T21:13:00Z","author":"Somebody <some@body.example>",)"
        R"("architecture":"arm64","variant":"v8","os":"linux","os.version":"6.1","config":{)"
        R"("User":"app:app","ExposedPorts":{"53/udp":{},"80/tcp":{}},)"
        R"("Env":["PATH=/usr/bin","Z=1","A=\"quoted\"\n"],"Entrypoint":["/entry","--flag"],)"
        R"("Cmd":["serve"],"Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":1,"Timeout":2,)"
        R"("StartPeriod":3,"StartInterval":4,"Retries":5},"ArgsEscaped":true,"Volumes":{"/data":{}},)"
        R"("WorkingDir":"/srv","OnBuild":["RUN make"],"Labels":{"a":"1","b":"2"},)"
        R"("StopSignal":"SIGTERM","Shell":["/bin/bash","-c"]},"rootfs":{"type":"layers","diff_ids":[")" +
            DiffId{sha256("1")}.text() + R"(",")" + DiffId{sha256("2")}.text() +
            R"("]},"history":[{"created":"2026-11-23T21:12:00Z","created_by":"ADD rootfs /",)"
            R"("author":"me","comment":"first"},{"created_by":"ENV Z=1","empty_layer":true}]})");
}

TEST_CASE("an entrypoint that is empty is not one that is absent") {
  ImageConfig config;
  config.entrypoint = std::vector<std::string>{};
  const ImageConfig again = read_image_config(write_image_config(config));
  CHECK(again.entrypoint == std::vector<std::string>{});
  CHECK_FALSE(again.cmd);
}

TEST_CASE("what docker writes is read: nulls, unknown fields, other orders") {
  const ImageConfig config = read_image_config(R"({
    "rootfs": {"diff_ids": [], "type": "layers"},
    "container_config": {"Hostname": "x"}, "docker_version": "20.10", "history": null,
    "os": "linux", "architecture": "amd64", "created": "2024-05-14T01:28:28.5+02:00",
    "config": {"Hostname": "", "Env": ["A=b"], "Cmd": null, "Entrypoint": "one", "Image": "sha",
               "Volumes": null, "ExposedPorts": {"80/tcp": null}, "Labels": {}, "OnBuild": null}})");
  CHECK(config.platform.architecture == "amd64");
  CHECK(config.entrypoint == std::vector<std::string>{"one"});
  CHECK_FALSE(config.cmd);
  CHECK(config.exposed_ports == std::set<std::string>{"80/tcp"});
  CHECK(config.created == "2024-05-14T01:28:28.5+02:00");
}

TEST_CASE("bytes that are not UTF-8 do not stop a config from being written") {
  ImageConfig config;
  config.labels["latin"] = "caf\xe9";
  CHECK(read_image_config(write_image_config(config)).labels["latin"] == "caf\xef\xbf\xbd");
}

TEST_CASE("hostile JSON is refused, and the message says where it is wrong") {
  const std::string deep(100000, '[');
  const std::string zero = R"({"User":"a\u0000b"})";
  const std::pair<std::string, const char*> rows[] = {
      {"", "not JSON"},
      {"{", "not JSON"},
      {"\xff\xfe", "not JSON"},
      {R"({"a":1e999})", "not JSON"},
      {"[]", "not an object"},
      {"null", "not an object"},
      {"{}", "rootfs"},
      {deep, "nested too deeply"},
      {R"({"x":)" + deep, "nested too deeply"},
      {std::string((std::size_t{8} << 20) + 1, ' '), "8 MiB"},
      {with("[]"), "\"config\" is not an object"},
      {with(R"({"Env":[1]})"), "\"config.Env[0]\" is not a string"},
      {with(R"({"Env":{"a":"b"}})"), "\"config.Env\" is not a list"},
      {with(R"({"Labels":{"a":1}})"), "\"config.Labels.a\" is not a string"},
      {with(R"({"Volumes":["a"]})"), "\"config.Volumes\" is not an object"},
      {with(R"({"ArgsEscaped":"yes"})"), "\"config.ArgsEscaped\" is not true or false"},
      {with(R"({"Healthcheck":{"Interval":1.5}})"), "Interval\" is not a whole number"},
      {with(R"({"Healthcheck":{"Retries":18446744073709551615}})"), "not a whole number"},
      {with(zero), "zero byte"},
      {R"({"rootfs":{"type":"zip","diff_ids":[]}})", "rootfs.type"},
      {R"({"rootfs":{"type":"layers","diff_ids":["sha256:1"]}})", "not a sha256"},
      {R"({"rootfs":{"type":"layers","diff_ids":["../../etc"]}})", "not a sha256"},
      {R"({"created":"yesterday","rootfs":{"type":"layers","diff_ids":[]}})", "RFC 3339"},
  };
  for (const auto& [json, reason] : rows) {
    CAPTURE(json.substr(0, 100));
    CHECK(complaint(json).find(reason) != std::string::npos);
  }
  std::string many = R"({"rootfs":{"type":"layers","diff_ids":[)";
  for (int i = 0; i < 501; ++i) many += (i == 0 ? "\"" : ",\"") + sha256("x").text() + "\"";
  CHECK(complaint(many + "]}}").find("501 layers") != std::string::npos);
}

TEST_CASE("every prefix and every damaged byte of a config gives a config or an Error") {
  const std::string json = write_image_config(full_config());
  for (std::size_t length = 0; length < json.size(); ++length)
    CHECK_THROWS_AS((void)read_image_config(json.substr(0, length)), Error);
  for (std::size_t i = 0; i < json.size(); ++i) {
    std::string damaged = json;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x15);
    (void)complaint(damaged);  // any other exception ends the test
  }
}

TEST_CASE("times of RFC 3339 are read, and nothing else") {
  CHECK(parse_time("1970-01-01T00:00:00Z") == 0);
  CHECK(parse_time("2026-11-23T21:13:00Z") == 1795468380);
  CHECK(parse_time("2026-11-23T21:13:00.123456789Z") == 1795468380);
  CHECK(parse_time("2026-11-23T23:13:00+02:00") == 1795468380);
  CHECK(parse_time("2026-11-23T15:43:00-05:30") == 1795468380);
  CHECK(parse_time("0001-01-01T00:00:00Z") == -62135596800);
  CHECK(parse_time("2016-12-31T23:59:60Z") == 1483228800);
  for (const char* wrong :
       {"", "2026", "2026-11-23", "2026-11-23T21:13:00", "2026-11-23 21:13:00Z",
        "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-23T24:00:00Z",
        "2026-11-23T21:13:00.Z", "2026-11-23T21:13:00Zx", "2026-11-23T21:13:00+0200",
        "2026-11-23T21:13:00+24:00", "-026-11-23T21:13:00Z"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_time(wrong));
  }
}

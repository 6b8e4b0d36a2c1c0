// Which devices a name stands for, and who may have them.
#include <executor/devices/registry.hpp>

#include <cache/temporary_folder.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

using namespace slipway;

namespace {

using Names = std::vector<std::string>;

constexpr const char* spec = R"({
  "cdiVersion": "0.6.0", "kind": "vendor1.com/device",
  "containerEdits": {"env": ["COMMON=1"]},
  "devices": [
    {"name": "foo", "containerEdits": {"env": ["FOO=injected"]}},
    {"name": "bar", "annotations": {"org.mobyproject.buildkit.device.class": "class1"},
     "containerEdits": {"env": ["BAR=injected"]}},
    {"name": "baz", "annotations": {"org.mobyproject.buildkit.device.class": "class1"}},
    {"name": "auto", "annotations": {"org.mobyproject.buildkit.device.autoallow": "true"}},
    {"name": "hook", "containerEdits": {"hooks": [{"hookName": "poststop", "path": "/x"}]}}]})";

Entitlements everything() { return every_entitlement(); }
Entitlements only(const std::string& name, const std::string& meant) {
  Entitlements granted;
  granted.devices[name] = meant;
  return granted;
}

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    std::string text = error.what();
    for (const Diagnostic& one : error.diagnostics()) text += " (" + one.hint + ")";
    return text;
  }
  return "";
}

void write(const TemporaryFolder& folder, const std::string& name, const std::string& text) {
  std::filesystem::create_directories((folder / name).parent_path());
  folder.write(name, text);
}

struct Machine {
  TemporaryFolder folder;
  DeviceRegistry devices;
  Machine() {
    write(folder, "cdi/vendor1.json", spec);
    devices = DeviceRegistry({folder / "cdi"});
  }
};

}  // namespace

TEST_CASE("a name is one device, the first of a kind, all of a kind, or a class") {
  const Machine machine;
  const auto found = [&](const std::string& name) {
    return machine.devices.allowed(name, true, everything());
  };
  CHECK(found("vendor1.com/device=foo") == Names{"vendor1.com/device=foo"});
  CHECK(found("vendor1.com/device") == Names{"vendor1.com/device=auto"});
  CHECK(found("class1") == Names{"vendor1.com/device=bar", "vendor1.com/device=baz"});
  CHECK(message_of([&] { found("vendor1.com/device=*"); }) ==
        "device \"vendor1.com/device=hook\" cannot be given to a step: it needs a hook ()");
}

TEST_CASE("a device that is not there is left out, unless it is required") {
  const Machine machine;
  for (const char* name : {"vendor2.com/device=foo", "vendor1.com/device=none", "class2",
                           "vendor1.com/dev", "vendor1.com/device=FOO"}) {
    CAPTURE(name);
    CHECK(machine.devices.allowed(name, false, {}).empty());
    CHECK(message_of([&] { machine.devices.allowed(name, true, everything()); })
              .starts_with("device \"" + std::string(name) +
                           "\" is not registered on this machine (CDI specifications"));
  }
}

TEST_CASE("a device needs its grant, by its name, its kind, its class or its specification") {
  const Machine machine;
  const std::string foo = "vendor1.com/device=foo";
  const auto with = [&](const std::string& name, const Entitlements& granted) {
    return message_of([&] { machine.devices.allowed(name, false, granted); });
  };
  CHECK(with(foo, {}) ==
        "device \"vendor1.com/device=foo\" is not allowed in this build (--allow "
        "device=vendor1.com/device=foo gives it to the steps that ask)");
  CHECK(with(foo, everything()).empty());
  CHECK(with(foo, only(foo, foo)).empty());
  CHECK_FALSE(with("class1", only(foo, foo)).empty());
  CHECK(with("class1", only("class1", "class1")).empty());
  CHECK(with("vendor1.com/device=baz", only("class1", "class1")).empty());
  CHECK_FALSE(with("class1", only("vendor1.com/device=bar", "vendor1.com/device=bar")).empty());
  CHECK(with("vendor1.com/device=auto", {}).empty());
  Entitlements others;
  others.network_host = others.security_insecure = true;
  CHECK_FALSE(with(foo, others).empty());

  // By another name, and not by its own where that was not given.
  CHECK(machine.devices.allowed("gpu", true, only("gpu", foo)) == Names{foo});
}

TEST_CASE("what is put into a step is put in once, the specification's own before its devices'") {
  const Machine machine;
  const DeviceEdits edits = machine.devices.edits_of(
      {"vendor1.com/device=bar", "vendor1.com/device=foo", "vendor1.com/device=bar"}, everything());
  CHECK(edits.environment == std::vector<std::string>{"COMMON=1", "BAR=injected", "FOO=injected"});
  CHECK_THROWS_AS(machine.devices.edits_of({"vendor1.com/device=foo"}, {}), Error);
  CHECK_THROWS_AS(machine.devices.edits_of({"vendor1.com/device=none"}, everything()), Error);
}

TEST_CASE("a later folder's device takes the place of an earlier one's; two in one are none") {
  TemporaryFolder folder;
  const auto with = [](const std::string& name, const std::string& value) {
    return R"({"cdiVersion":"0.6.0","kind":"a.com/b","devices":[{"name":")" + name +
           R"(","containerEdits":{"env":["WHO=)" + value + "\"]}}]}";
  };
  write(folder, "etc/x.json", with("one", "etc"));
  write(folder, "etc/y.json", with("two", "first"));
  write(folder, "etc/z.json", with("two", "second"));
  write(folder, "run/x.json", with("one", "run"));
  const DeviceRegistry devices({folder / "etc", folder / "none", folder / "run"});
  CHECK(devices.edits_of({"a.com/b=one"}, everything()).environment ==
        std::vector<std::string>{"WHO=run"});
  CHECK(message_of([&] { devices.allowed("a.com/b=two", false, everything()); }).find("there are two") !=
        std::string::npos);
}

TEST_CASE("why a device is not there is told with the error: YAML, a mistake, no file") {
  TemporaryFolder folder;
  write(folder, "cdi/good.json", spec);
  write(folder, "cdi/nvidia.yaml", "cdiVersion: 0.6.0\n");
  write(folder, "cdi/wrong.json", "{");
  write(folder, "cdi/readme.txt", "{");
  REQUIRE(::mkfifo((folder / "cdi/pipe.json").c_str(), 0600) == 0);
  const DeviceRegistry devices({folder / "cdi"});
  CHECK(devices.allowed("vendor1.com/device=foo", true, everything()).size() == 1);
  const std::string message =
      message_of([&] { devices.allowed("nvidia.com/gpu=all", true, everything()); });
  CAPTURE(message);
  CHECK(message.find("nvidia.yaml\" is YAML, and only JSON is read") != std::string::npos);
  CHECK(message.find("wrong.json\" is no CDI specification: it is not JSON") != std::string::npos);
  CHECK(message.find("pipe.json\" is not a file") != std::string::npos);
  CHECK(message.find("readme") == std::string::npos);
}

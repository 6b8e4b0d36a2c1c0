// CDI specifications, and what is none.
#include <executor/devices/spec.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace slipway;

namespace {

std::string spec_of(const std::string& edits) {
  return R"({"cdiVersion":"0.6.0","kind":"vendor.com/gpu","devices":[{"name":"0","containerEdits":)" +
         edits + "}]}";
}

std::string message_of(const std::string& text) {
  try {
    read_cdi_spec(text, "spec.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string impossible(const std::string& edits) {
  return read_cdi_spec(spec_of(edits), "spec.json").at(0).edits.impossible;
}

}  // namespace

TEST_CASE("a specification says what its devices put into a step") {
  const auto devices = read_cdi_spec(R"({
    "cdiVersion": "0.6.0", "kind": "vendor.com/gpu", "annotations": {"a": "all", "b": "all"},
    "containerEdits": {"env": ["COMMON=1"]},
    "devices": [
      {"name": "0", "annotations": {"b": "own", "c": true},
       "containerEdits": {
         "env": ["GPU=0", "EMPTY="],
         "deviceNodes": [
           {"path": "/dev/gpu0", "hostPath": "/dev/real", "type": "c", "major": 195, "minor": 3,
            "fileMode": 432, "uid": 5, "gid": 6, "permissions": "rwm"},
           {"path": "/dev/ctl"}],
         "mounts": [{"hostPath": "/lib/a", "containerPath": "/usr/a",
                     "options": ["ro", "nosuid", "nodev", "bind"]}],
         "additionalGids": [44]}},
      {"name": "all"}]})",
                                     "spec.json");
  REQUIRE(devices.size() == 2);
  CHECK(devices[0].name == "vendor.com/gpu=0");
  CHECK(devices[1].name == "vendor.com/gpu=all");
  CHECK(devices[0].annotations ==
        std::map<std::string, std::string>{{"a", "all"}, {"b", "own"}, {"c", "true"}});
  CHECK(devices[0].common == devices[1].common);
  CHECK(devices[0].common->environment == std::vector<std::string>{"COMMON=1"});
  const DeviceEdits& edits = devices[0].edits;
  CHECK(edits.environment == std::vector<std::string>{"GPU=0", "EMPTY="});
  REQUIRE(edits.nodes.size() == 2);
  CHECK(edits.nodes[0].path == "/dev/gpu0");
  CHECK(edits.nodes[0].host_path == "/dev/real");
  CHECK(edits.nodes[0].type == 'c');
  CHECK(edits.nodes[0].major == 195U);
  CHECK(edits.nodes[0].mode == 0660);
  CHECK(edits.nodes[0].gid == 6);
  CHECK(edits.nodes[1].host_path == "/dev/ctl");
  CHECK(edits.nodes[1].mode == 0666);
  REQUIRE(edits.mounts.size() == 1);
  CHECK(edits.mounts[0].read_only);
  CHECK(edits.groups == std::vector<std::uint32_t>{44});
  CHECK(edits.impossible.empty());
}

TEST_CASE("what cannot be done for a device is known, and nothing of it is left out in silence") {
  CHECK(impossible(R"({"hooks":[{"hookName":"createContainer","path":"/bin/x"}]})") == "a hook");
  CHECK(impossible(R"({"netDevices":[{"hostInterfaceName":"a","name":"b"}]})") == "a network device");
  CHECK(impossible(R"({"intelRdt":{"closID":"x"}})") == "Intel RDT");
  CHECK(impossible(R"({"deviceNodes":[{"path":"/dev/a","permissions":"r"}]})") ==
        "a node with the permissions \"r\"");
  CHECK(impossible(R"({"deviceNodes":[{"path":"/dev/a","type":"p"}]})") == "a node of type \"p\"");
  CHECK(impossible(R"({"mounts":[{"hostPath":"/a","containerPath":"/b","type":"tmpfs"}]})") ==
        "a mount of type \"tmpfs\"");
  // CVE-2024-9407: propagation that was not looked at.
  CHECK(impossible(R"({"mounts":[{"hostPath":"/a","containerPath":"/b","options":["rshared"]}]})") ==
        "a mount with the option \"rshared\"");
}

TEST_CASE("what is no specification is refused whole") {
  const auto is_refused = [](const std::string& text, const std::string& reason) {
    CAPTURE(text);
    CHECK(message_of(text) == "\"spec.json\" is no CDI specification: " + reason);
  };
  is_refused("cdiVersion: 0.6.0", "it is not JSON");
  is_refused("[]", "it is no object");
  is_refused(R"({"kind":"a.com/b","devices":[]})", "cdiVersion is none of 0.x or 1.x");
  is_refused(R"({"cdiVersion":"0.6.0","kind":"gpu"})", "kind is not VENDOR/CLASS");
  is_refused(R"({"cdiVersion":"0.6.0","kind":"a.com/b=c"})", "kind is not VENDOR/CLASS");
  is_refused(R"({"cdiVersion":"0.6.0","kind":"a.com/b","devices":{}})", "devices is no list");
  is_refused(R"({"cdiVersion":"0.6.0","kind":"a.com/b","devices":[{"name":"*"}]})",
             "a device has the name \"*\"");
  is_refused(spec_of(R"({"env":["NAME"]})"), "a variable of env is not NAME=VALUE");
  is_refused(spec_of(R"({"env":["A=\u0000"]})"), "a variable of env is not NAME=VALUE");
  is_refused(spec_of(R"({"deviceNodes":[{"path":"dev/a"}]})"), "path is no absolute path");
  is_refused(spec_of(R"({"deviceNodes":[{"path":"/dev/a","major":-1}]})"), "major is no number");
  is_refused(spec_of(R"({"mounts":[{"hostPath":"a","containerPath":"/b"}]})"),
             "hostPath is no absolute path");
  is_refused(spec_of(R"({"additionalGids":["video"]})"), "a group of additionalGids is no number");
  CHECK(message_of(std::string(100000, '[')).find("is no CDI specification") != std::string::npos);
}

TEST_CASE("a name's kind is a vendor and a class, or there is none") {
  CHECK(device_kind("vendor.com/gpu=0") == "vendor.com/gpu");
  CHECK(device_kind("vendor.com/gpu") == "vendor.com/gpu");
  for (const char* text : {"class1", "gpu=0", "/gpu", "vendor.com/", "a/b/c", "", "=", "ven dor/x"})
    CHECK(device_kind(text).empty());
}

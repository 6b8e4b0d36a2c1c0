// Image configs (image-spec, config.md) with docker's additions. JSON is the cache's business.
#pragma once

#include <ir/digest.hpp>
#include <ir/platform.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace slipway {

// Docker's "Healthcheck". `test` empty: inherit; {"NONE"}: none; {"CMD", ...} or {"CMD-SHELL", text}.
struct HealthcheckConfig {
  std::vector<std::string> test;
  std::int64_t interval = 0;  // nanoseconds, as all four
  std::int64_t timeout = 0;
  std::int64_t start_period = 0;
  std::int64_t start_interval = 0;
  std::int64_t retries = 0;
  bool operator==(const HealthcheckConfig&) const = default;
};

struct HistoryEntry {
  std::string created;  // RFC 3339; empty: not known yet
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
  bool operator==(const HistoryEntry&) const = default;
};

struct ImageConfig {
  std::string created;  // RFC 3339; empty: absent
  std::string author;
  Platform platform;
  std::string os_version;

  std::string user;
  std::set<std::string> exposed_ports;  // "80/tcp"
  std::vector<std::string> env;         // "NAME=value", in order
  // Absent and empty differ: ENTRYPOINT [] drops the inherited one.
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  std::set<std::string> volumes;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::optional<HealthcheckConfig> healthcheck;
  std::vector<std::string> shell;
  std::vector<std::string> on_build;
  bool args_escaped = false;  // written by old docker; kept for others to read

  std::vector<DiffId> diff_ids;
  std::vector<HistoryEntry> history;

  bool operator==(const ImageConfig&) const = default;
};

}  // namespace slipway

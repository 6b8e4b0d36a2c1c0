// What `slipway build` was asked for, as its flags have it.
#pragma once

#include "build_limits.hpp"

#include <ir/digest.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

struct Globals;

struct BuildRequest {
  std::string context;                     // a directory, a URL, or "-"
  std::string file;                        // -f; empty: Dockerfile in the context; "-": stdin
  std::vector<std::string> tags;           // -t
  std::string target;
  std::vector<std::string> build_args;     // NAME=value, or NAME for the environment's
  std::vector<std::string> labels;         // NAME=value
  bool no_cache = false;
  std::vector<std::string> no_cache_filter;
  std::vector<std::string> cache_from;     // as parse_cache_spec() reads them
  std::vector<std::string> cache_to;
  std::vector<std::string> cache_mounts_from;  // the same with id=ID, any number of them
  std::vector<std::string> cache_mounts_to;
  std::string cache_sign;                  // a file with a private key
  std::vector<std::string> cache_trust;    // files with public keys
  bool cache_read_only = false;
  std::string dry_run;                     // "true" or "json": say what would be done
  std::string explain;                     // "true" or "text": to stderr; "json": to stdout
  std::string cache_ttl;                   // of RUN, "7d"; empty: for ever
  bool pull = false;
  std::string progress = "auto";
  bool quiet = false;
  std::string iidfile;
  std::string metadata_file;
  std::vector<std::string> platforms;      // each may be several, between commas
  std::vector<std::string> build_contexts;  // NAME=value
  std::string network = "default";
  std::string isolation = "auto";           // of RUN: auto, sandbox, chroot
  std::vector<std::string> allow;           // entitlements
  std::vector<std::string> add_hosts;       // name:address or name=address
  std::vector<std::string> secrets;         // id=x,src=FILE or id=x,env=NAME
  std::vector<std::string> ssh;             // default, or ID=SOCKET|KEY[,KEY]
  std::vector<std::string> outputs;         // -o
  bool push = false;                        // -o type=registry
  bool load = false;                        // -o type=docker
  std::vector<std::string> annotations;     // [LEVEL[,LEVEL]:]KEY=VALUE
  std::vector<std::string> attestations;    // --attest type=sbom|provenance,...
  std::string provenance;                   // mode=max, true, false ...; empty: not asked for
  std::string sbom;                         // true, false, generator=...; empty: not asked for
  std::string lock;                         // a file with the digests of what comes from outside
  bool update_lock = false;
  bool frozen_lock = false;                 // what is not in it is an error
  bool verify_reproducible = false;         // build twice without cache, and compare
  std::string call = "build";               // METHOD[,format=json][,ignorestatus=true]
  std::string check;                        // "true": --call=check; "all": with rules of taste
  std::string print;                        // ast, graph, dot; empty: build
  std::string format;                       // of --print: text, json; empty: text
  std::size_t max_parallelism = 0;
  bool keep_going = false;
  LimitFlags limits;
  std::string timeout;       // of all, "10m"
  std::string step_timeout;  // of each RUN
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
  std::string on_failure;    // "shell"; empty: nothing
  std::vector<std::string> outputs_on_failure;
  std::function<void(const Digest&)> built;  // is told the ID of the result
};

// The whole command. Gives the exit status; throws Error.
int run_build(const BuildRequest& request, const Globals& globals);

}  // namespace slipway

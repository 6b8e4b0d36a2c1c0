// slipway build: its flags, which are `docker buildx build`'s.
#include "build_request.hpp"
#include "command.hpp"

#include <ir/error.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

namespace slipway {
namespace {

// One value a flag, any number of flags: what stands behind a value is never taken for another.
CLI::Option* add_list(CLI::App& app, const std::string& names, std::vector<std::string>& values,
                      const std::string& what, const std::string& type) {
  return app.add_option(names, values, what)
      ->type_name(type)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

constexpr const char* footer = R"(
Examples:
  slipway build -t app .                       the Dockerfile in this directory
  slipway build -f docker/Dockerfile.dev .     another Dockerfile
  slipway build --target test .                one stage, and what it needs
  slipway build -o out .                       the result's files, into the directory out
  slipway build -o type=oci,dest=app.tar .     the image as an OCI archive
  slipway build --platform linux/amd64,linux/arm64 -o type=oci,dest=app.tar .
  slipway build --on-failure=shell .           a shell in the step that fails
  slipway build --explain .                    why each step missed, in depth
  slipway build --dry-run .                    what would run, and for how long
  slipway build --lock slipway.lock .          with the base images, files and commits of the file
  slipway build --verify-reproducible .        twice, to see whether it gives the same
  slipway build --check .                      what could be better, without a build
  slipway build --call=targets .               the stages that can be built
  slipway build --call=outline --target test . the arguments and secrets that a stage takes
  slipway build --print=graph .                what would be done, without doing it
  slipway build --print=ast --format=json .    the syntax tree, for other programs
  tar c . | slipway build -                    the context from a tar
  slipway build https://host/repo.git#v1:dir   from a directory of a tag of a git repository
  slipway build --cache-from type=registry,ref=host/app-cache \
                --cache-to   type=registry,ref=host/app-cache .
  slipway build --cache-mount-from type=local,src=/ci/mounts,id=npm \
                --cache-mount-to   type=local,dest=/ci/mounts,id=npm .

A build that went well ends with what its cache did: hits, misses, and the reason of each miss. slipway cache
why STEP tells more of it afterwards.
)";

}  // namespace

std::function<int()> declare_build(CLI::App& app, const Globals& globals) {
  auto request = std::make_shared<BuildRequest>();
  BuildRequest& r = *request;
  app.description(
      "Builds an image from a Dockerfile.\nCONTEXT is a directory, the URL of a git "
      "repository, a tar or a Dockerfile, or - for one on standard input.");
  app.add_option("context", r.context, "a directory, a URL, or -")
      ->required()
      ->type_name("CONTEXT");
  app.add_option("-f,--file", r.file, "the Dockerfile (default: CONTEXT/Dockerfile; -: stdin)")
      ->type_name("FILE");
  add_list(app, "-t,--tag", r.tags, "a name for the image; may be repeated", "NAME[:TAG]");
  app.add_option("--target", r.target, "the stage to build (default: the last)")
      ->type_name("STAGE");
  add_list(app, "--build-arg", r.build_args, "a value for an ARG; NAME alone: the environment's",
           "NAME[=VALUE]");
  add_list(app, "--label", r.labels, "a label for the image", "NAME=VALUE");
  add_list(app, "--build-context", r.build_contexts,
           "what NAME stands for in FROM and --from: PATH, a URL, oci-layout://PATH, "
           "docker-image://REF or a stage",
           "NAME=VALUE");
  app.add_flag("--no-cache", r.no_cache, "run every step, whatever the cache has");
  add_list(app, "--no-cache-filter", r.no_cache_filter, "the same for one stage", "STAGE")
      ->delimiter(',');
  add_list(app, "--cache-from", r.cache_from,
           "a cache to read from: type=local,src=DIR, type=registry,ref=NAME, type=http,url=URL or "
           "type=s3,bucket=NAME,...; several are asked in order",
           "SPEC");
  add_list(app, "--cache-to", r.cache_to,
           "a cache to write to, while the build runs: the same, with dest=DIR", "SPEC");
  add_list(app, "--cache-mount-from", r.cache_mounts_from,
           "where cache mounts that are not here come from: as --cache-from, with id=ID for one mount "
           "alone (default: all that RUN asks for)",
           "SPEC[,id=ID...]");
  add_list(app, "--cache-mount-to", r.cache_mounts_to,
           "where the build's cache mounts go when it is done: as --cache-to; only what has changed "
           "is sent",
           "SPEC[,id=ID...]");
  app.add_option("--cache-sign", r.cache_sign,
                 "sign what is written: a PEM file with an ed25519 private key")
      ->type_name("FILE");
  add_list(app, "--cache-trust", r.cache_trust,
           "believe only what is signed with this public key (PEM); may be repeated", "FILE");
  app.add_flag("--cache-read-only", r.cache_read_only,
               "write to no cache, whatever --cache-to says: for builds of strangers' changes "
               "(default: $SLIPWAY_CACHE_READ_ONLY)");
  app.add_flag("--explain", r.explain,
               "after the build say of each miss all that differs from what it is compared with; "
               "--explain=json: of each step, as JSON on standard output");
  app.add_flag("--dry-run", r.dry_run,
               "say of each step whether it would be a hit, why not, and how long it took before; "
               "run and write nothing. The status is 0 if all are hits, else 3; --dry-run=json");
  app.add_option("--cache-ttl", r.cache_ttl,
                 "run a RUN again whose last run is longer ago: 12h, 7d, 2w (for one step: a line "
                 "\"# cache: ttl=7d\" or \"# cache: never\" right above it)")
      ->type_name("AGE");
  app.add_flag("--pull", r.pull, "ask the registry for base images that are here already");
  add_list(app, "--platform", r.platforms,
           "what to build for (default: the host's own, which is also \"local\"); several give an "
           "image of several platforms",
           "OS/ARCH[,...]")
      ->delimiter(',');
  app.add_option("--network", r.network,
                 "the network of RUN: default (its own, or the host's without slirp4netns and "
                 "pasta), none or host")
      ->type_name("MODE");
  app.add_option("--isolation", r.isolation,
                 "of RUN: sandbox (namespaces), chroot (weaker, for containers that may not make "
                 "any), or auto")
      ->type_name("KIND");
  add_list(app, "--allow", r.allow,
           "what RUN may ask for: network.host, security.insecure, device[=NAME]; may be repeated",
           "ENTITLEMENT");
  add_list(app, "--add-host", r.add_hosts,
           "a line for RUN's /etc/hosts; host-gateway stands for this machine", "NAME:ADDRESS");
  add_list(app, "--secret", r.secrets,
           "a secret for RUN --mount=type=secret, from a file, - or a variable; with cache=keyed "
           "what uses it runs again when it has changed",
           "id=ID[,src=FILE|,env=NAME][,cache=keyed]");
  add_list(app, "--ssh", r.ssh,
           "an SSH agent for RUN --mount=type=ssh and for git: that of SSH_AUTH_SOCK, another one "
           "by its socket, or one with keys",
           "default|ID[=SOCKET|KEY[,KEY]]");
  add_list(app, "-o,--output", r.outputs,
           "where the result goes: a directory, - for a tar, or "
           "type=local|tar|oci|docker|image|registry|cacheonly with dest= or name= (default: the "
           "store); how its layers go: compression=gzip|zstd|uncompressed, "
           "compression-level=0-12|0-22, force-compression=, rewrite-timestamp=, squash=base|all; "
           "its manifest: oci-mediatypes=, oci-artifact=, annotation[-LEVEL][[PLATFORM]].KEY=; "
           "push=, push-by-digest=",
           "SPEC");
  app.add_flag("--push", r.push, "put the image into its names' registries: -o type=registry");
  app.add_flag("--load", r.load, "put the image into the store, which is the default");
  add_list(app, "--annotation", r.annotations,
           "an annotation; LEVEL is manifest (the default), index, manifest-descriptor or "
           "index-descriptor",
           "[LEVEL[,LEVEL]:]KEY=VALUE");
  app.add_option("--provenance", r.provenance,
                 "attest how the image was made (SLSA): true, false, or mode=min|max, version=v1|v0.2, "
                 "builder-id=, reproducible=, inline-only=, complete-materials=")
      ->type_name("SPEC");
  app.add_option("--sbom", r.sbom,
                 "attest which packages are in the image: true, false, or "
                 "format=spdx|cyclonedx|both")
      ->type_name("SPEC");
  add_list(app, "--attest", r.attestations, "the same two: type=provenance|sbom,...", "SPEC");
  app.add_option("--lock", r.lock,
                 "hold base images, ADD urls and git commits to the digests in this file; where it has "
                 "none, they are written")
      ->type_name("FILE");
  app.add_flag("--update-lock", r.update_lock, "write the digests of today, and show what changed");
  app.add_flag("--frozen-lock", r.frozen_lock,
               "what is not in the lock file is an error, and the file is not written: for CI "
               "(default: $SLIPWAY_FROZEN_LOCK)");
  app.add_flag("--verify-reproducible", r.verify_reproducible,
               "build twice without cache; where a step gives other files the second time, name them, "
               "and write no output");
  app.add_option("--progress", r.progress, "auto, tty, plain or quiet")->type_name("MODE");
  app.add_flag("-q,--quiet", r.quiet, "print nothing but the image's ID");
  app.add_option("--iidfile", r.iidfile, "write the image's ID to a file")->type_name("FILE");
  app.add_option("--metadata-file", r.metadata_file, "write the ID and the cache report as JSON")
      ->type_name("FILE");
  app.add_option("--call", r.call,
                 "instead of a build: check, outline or targets; with format=json as JSON")
      ->type_name("METHOD[,format=json]");
  app.add_flag("--check", r.check,
               "check the Dockerfile, build nothing; --check=all: matters of taste, too");
  app.add_option("--print", r.print, "print ast, graph or dot, and build nothing")
      ->check(CLI::IsMember({"ast", "graph", "dot"}))
      ->type_name("WHAT");
  app.add_option("--format", r.format, "how --print=ast prints: text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
  app.add_option("--max-parallelism", r.max_parallelism,
                 "RUN processes at once (default: four a core, at least eight)")
      // CLI11 would read -1 as a very large number.
      ->check([](const std::string& text) {
        const bool natural = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
        return natural ? std::string() : "it is a number of processes, not " + text;
      })
      ->type_name("N");
  app.add_flag("--keep-going", r.keep_going, "finish what does not need a failed step");
  app.add_option("--timeout", r.timeout, "end the build when it takes longer: 90s, 10m, 1h30m")
      ->type_name("DURATION");
  app.add_option("--step-timeout", r.step_timeout, "the same for each RUN")->type_name("DURATION");
  declare_limits(app, r.limits, LimitsOf::run_step);
  app.add_option("--on-failure", r.on_failure,
                 "shell: when a RUN fails, open a shell in what it left, with its mounts")
      ->type_name("WHAT");
  add_list(app, "--output-on-failure", r.outputs_on_failure,
           "where the files of a failed RUN go: a directory, or type=local|tar with dest=", "SPEC");
  app.footer(footer);
  return [request, &globals] { return run_build(*request, globals); };
}

}  // namespace slipway

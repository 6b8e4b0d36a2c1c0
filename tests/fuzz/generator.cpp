#include "generator.hpp"

#include "layout.hpp"
#include "random_words.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace slipway::fuzz {
namespace {

using Parts = std::vector<std::string>;

void append(Parts& to, const Parts& from) { to.insert(to.end(), from.begin(), from.end()); }

class Generator {
 public:
  Generator(Choices& choices, char escape)
      : choices_(choices), words_(choices, escape), layout_(choices, escape) {}

  std::string dockerfile() {
    global_args();
    for (std::size_t left = 1 + choices_.below(4); left > 0; --left) stage();
    return layout_.take();
  }

 private:
  struct Written {
    std::string keyword;
    Parts parts;
    Parts bodies;  // of heredocs
  };

  void write(const Written& instruction) {
    layout_.instruction(instruction.keyword, instruction.parts, instruction.bodies);
  }

  void global_args() {
    if (choices_.once_in(2)) layout_.instruction("ARG", {"IMAGE=" + words_.spelt("debian")});
    else layout_.instruction("ARG", {"IMAGE=" + words_.spelt("alpine"), "SPARE"});
    if (choices_.once_in(3)) layout_.instruction("ARG", {"TAG=12-slim"});
  }

  // ---- FROM -----------------------------------------------------------------------------------

  void stage() {
    Parts parts;
    static constexpr std::string_view platforms[] = {
        "$BUILDPLATFORM", "linux/amd64", "${TARGETPLATFORM}", "linux/arm/v7", "\"linux/amd64\""};
    if (choices_.once_in(3)) parts.push_back("--platform=" + std::string(choices_.one_of(platforms)));
    words_.known.clear();
    if (!stages_.empty() && choices_.once_in(3)) {
      const auto& base = choices_.one_of(stages_);
      parts.push_back(base.first);
      words_.known = base.second;  // ENV is inherited
    } else {
      static constexpr std::string_view images[] = {
          "scratch", "debian:bookworm", "$IMAGE", "${IMAGE}:${TAG:-3}", "registry.example:5000/a/b",
          "alpine@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
      parts.push_back(std::string(choices_.one_of(images)));
    }
    const std::string name = "s" + std::to_string(stages_.size());
    static constexpr std::string_view tails[] = {"", "-build", "_x.y"};
    const std::string full = name + std::string(choices_.one_of(tails));
    parts.push_back(choices_.once_in(2) ? "as" : "AS");
    parts.push_back((choices_.once_in(4) ? "S" : "s") + full.substr(1));
    layout_.instruction("FROM", parts);
    env_ = words_.known;
    for (std::size_t left = choices_.below(12); left > 0; --left) write(instruction());
    stages_.emplace_back(full, env_);
  }

  Written instruction() {
    switch (choices_.below(18)) {
      case 1: return arg();
      case 2: return env();
      case 3: return pairs("LABEL");
      case 4: return copy();
      case 5: return add();
      case 6: return {"WORKDIR", {words_.word(true)}, {}};
      case 7: return {"USER", {words_.spelt(choices_.once_in(2) ? "1000:1000" : "app")}, {}};
      case 8: return {"CMD", command(), {}};
      case 9: return {"ENTRYPOINT", command(), {}};
      case 10: return {"SHELL", words_.json_array(1, false), {}};
      case 11: return expose();
      case 12: return volume();
      case 13: return stopsignal();
      case 14: return healthcheck();
      case 15: return onbuild();
      case 16: return {"MAINTAINER", {"Some One", "<one@example.com>", "$UNSET"}, {}};
      case 17: return copy();
      default: return run();
    }
  }

  // ---- ARG, ENV, LABEL ------------------------------------------------------------------------

  void now_known(const std::string& name) {
    if (words_.in_trigger) return;
    if (std::find(words_.known.begin(), words_.known.end(), name) == words_.known.end()) {
      words_.known.push_back(name);
    }
  }

  Written arg() {
    static constexpr std::string_view names[] = {"A", "B", "VERSION", "_x1"};
    Parts parts;
    Parts set;
    for (std::size_t left = 1 + choices_.below(3); left > 0; --left) {
      const std::string name(choices_.one_of(names));
      if (choices_.once_in(4)) {
        parts.push_back("TARGETARCH");
      } else {
        parts.push_back(name + "=" + words_.word(true));
        set.push_back(name);
      }
    }
    // Each item sees those before it only where the reference says so: count on none of them here.
    for (const std::string& name : set) now_known(name);
    return {"ARG", parts, {}};
  }

  Written env() {
    Written written = pairs("ENV");
    for (const std::string& name : pair_names_) {
      now_known(name);
      if (!words_.in_trigger && std::find(env_.begin(), env_.end(), name) == env_.end()) {
        env_.push_back(name);
      }
    }
    return written;
  }

  Written pairs(const std::string& keyword) {
    static constexpr std::string_view names[] = {"A", "C", "PATH", "NAME_2", "_y"};
    pair_names_.clear();
    Parts parts;
    if (choices_.once_in(4)) {
      const std::string name(choices_.one_of(names));
      pair_names_.push_back(name);
      parts = {name, words_.word(true)};
      if (choices_.once_in(2)) append(parts, {"and", words_.word(true)});
      return {keyword, parts, {}};
    }
    for (std::size_t left = 1 + choices_.below(3); left > 0; --left) {
      if (keyword == "LABEL" && choices_.once_in(3)) {
        parts.push_back("\"org.example key\"=" + words_.word(true));
        continue;
      }
      const std::string name(choices_.one_of(names));
      pair_names_.push_back(name);
      const bool quoted = choices_.once_in(6);
      parts.push_back((quoted ? '"' + name + '"' : name) + "=" + words_.word(true));
    }
    return {keyword, parts, {}};
  }

  // ---- RUN, CMD, ENTRYPOINT, HEALTHCHECK ------------------------------------------------------

  Parts shell_text() {
    static constexpr std::string_view commands[] = {
        "make", "-j2", "&&", "echo \"$HOME  ${x:-y}\"", "'a  b'", "|", "sed s/a/b/", ";", "$(date)",
        "if [ -e /x ]; then", "gr\xc3\xb6\xc3\x9f" "e", "> /dev/null", "[", "]", "\"#\""};
    Parts parts = {"set", "-e;"};
    for (std::size_t left = choices_.below(6); left > 0; --left) {
      parts.push_back(std::string(choices_.one_of(commands)));
    }
    return parts;
  }

  Parts command() {
    return choices_.once_in(2) ? words_.json_array(1, false) : shell_text();
  }

  std::string mount() {
    static constexpr std::string_view mounts[] = {
        "type=cache,target=/root/.cache,id=c,sharing=locked,mode=0755,uid=1,gid=2",
        "type=cache,target=rel,sharing=private",
        "target=/cache,TYPE=cache",
        "type=bind,source=src,target=/src,rw",
        "type=bind,src=a,dst=/b,readonly=false",
        "type=bind,target=/x,from=debian:12,ro",
        "type=tmpfs,target=/tmp,size=64m",
        "type=secret,id=token,target=/t,required,mode=0400,uid=1,gid=2",
        "type=secret,id=token,env=TOKEN",
        "type=ssh",
        "type=ssh,id=key,required=true,target=/agent",
        "\"type=tmpfs\",\"target=/with,comma\""};
    if (!stages_.empty() && choices_.once_in(4)) {
      return "--mount=type=bind,target=/in,from=" + choices_.one_of(stages_).first;
    }
    const std::string mount(choices_.one_of(mounts));
    return mount.front() == '"' ? "--mount='" + mount + "'" : "--mount=" + mount;
  }

  Written run() {
    Parts parts;
    for (std::size_t left = choices_.below(3); left > 0; --left) parts.push_back(mount());
    static constexpr std::string_view flags[] = {"--network=none",     "--network=host",
                                                 "--network=default",  "--security=insecure",
                                                 "--security=sandbox", "--device=vendor.com/x=a,required"};
    if (choices_.once_in(4)) parts.push_back(std::string(choices_.one_of(flags)));
    if (choices_.once_in(12)) parts.push_back("--");
    if (!choices_.once_in(4)) {
      append(parts, command());
      return {"RUN", parts, {}};
    }
    Parts bodies;
    switch (choices_.below(4)) {
      case 1: parts.push_back("<<-'EOF'"); bodies = {body(false, "\tEOF")}; break;
      case 2: append(parts, {"cat", "<<A", "3<<\"B C\"", "&&", "true"});
              bodies = {body(false, "A"), body(false, "B C")}; break;
      case 3: append(parts, {"<<EOF", "python3"}); bodies = {body(false, "EOF")}; break;
      default: parts.push_back("<<EOF"); bodies = {body(false, "EOF")};
    }
    return {"RUN", parts, bodies};
  }

  // Lines and the one that ends them. `words`: we expand them, so that they have to be words.
  std::string body(bool words, const std::string& end) {
    static constexpr std::string_view lines[] = {
        "FROM nothing", "# no comment", "", "\tindented", "echo 'it'\"s\" $UNSET", " EOF", "a\xc3\xa9",
        "${UNSET:-w}"};
    static constexpr std::string_view shell_lines[] = {"#!/bin/sh", "x=${", "echo \\", "`date`", "\""};
    std::string text;
    for (std::size_t left = choices_.below(5); left > 0; --left) {
      text += words || choices_.once_in(2) ? choices_.one_of(lines) : choices_.one_of(shell_lines);
      text += '\n';
    }
    return text + end + "\n";
  }

  Written healthcheck() {
    if (choices_.once_in(4)) return {"HEALTHCHECK", {"NONE"}, {}};
    static constexpr std::string_view flags[] = {"--interval=1m30s", "--timeout=500ms", "--retries=3",
                                                 "--start-period=0s", "--start-interval=2s"};
    Parts parts;
    for (const std::string_view flag : flags) {
      if (choices_.once_in(3)) parts.push_back(std::string(flag));
    }
    parts.push_back(choices_.once_in(3) ? "cmd" : "CMD");
    append(parts, command());
    return {"HEALTHCHECK", parts, {}};
  }

  // ---- COPY, ADD ------------------------------------------------------------------------------

  Parts transfer_flags() {
    static constexpr std::string_view flags[] = {"--chmod=755",   "--chmod=u=rwX,go=rX", "--link",
                                                 "--link=false",  "--chown=1:2",         "--chown=app",
                                                 "--exclude=*.o", "--exclude=a/**/b",    "--link=true",
                                                 "--chown=\"55\""};
    Parts parts;
    for (std::size_t left = choices_.below(3); left > 0; --left) {
      const std::string flag(choices_.one_of(flags));
      const std::string name = flag.substr(0, flag.find('='));
      const bool again = std::any_of(parts.begin(), parts.end(), [&](const std::string& each) {
        return name != "--exclude" && each.starts_with(name);
      });
      if (!again) parts.push_back(flag);
    }
    return parts;
  }

  // Sources and a destination, as words, as JSON or with heredocs among them.
  void transfer(Written& written) {
    if (choices_.once_in(6)) {
      append(written.parts, words_.json_array(2, true));
      written.parts.back().pop_back();
      written.parts.back() += ",";
      written.parts.push_back("\"/to/\"]");
      return;
    }
    const std::size_t heredocs = choices_.once_in(4) ? 1 + choices_.below(2) : 0;
    for (std::size_t i = 0; i < heredocs; ++i) {
      const std::string name = "F" + std::to_string(i);
      const std::size_t form = choices_.below(3);
      written.parts.push_back(form == 0 ? "<<" + name : form == 1 ? "<<-" + name : "<<'" + name + "'");
      written.bodies.push_back(body(true, form == 1 ? "\t" + name : name));
    }
    // A word of its own might read user@host:path, a git repository, which is not for COPY.
    static constexpr std::string_view globs[] = {"*.c", "src/", ".", "a?[b-d]", "/abs", "\"q\"", "**/x"};
    for (std::size_t left = (heredocs == 0 ? 1 : 0) + choices_.below(3); left > 0; --left) {
      written.parts.push_back(choices_.once_in(2) ? std::string(choices_.one_of(globs))
                                                  : "./" + words_.word(false));
    }
    written.parts.push_back(choices_.once_in(3) ? "./" : "/to/" + words_.word(false) + "/");
  }

  Written copy() {
    Written written{"COPY", transfer_flags(), {}};
    if (choices_.once_in(6)) written.parts.push_back("--parents");
    const bool from_stage = !stages_.empty() && choices_.once_in(2);
    if (from_stage && choices_.once_in(3)) {
      written.parts.push_back("--from=" + std::to_string(choices_.below(stages_.size())));
    } else if (from_stage) {
      written.parts.push_back("--from=" + choices_.one_of(stages_).first);
    } else if (choices_.once_in(8)) {
      written.parts.push_back("--from=debian:12");
    }
    transfer(written);
    return written;
  }

  Written add() {
    Written written{"ADD", transfer_flags(), {}};
    if (choices_.once_in(4)) {
      written.parts.push_back(choices_.once_in(2) ? "--unpack" : "--unpack=false");
    }
    if (!choices_.once_in(3)) {
      transfer(written);
    } else if (choices_.once_in(2)) {
      append(written.parts, {"--keep-git-dir=true", "https://git.example.com/a.git#v1:sub", "/git"});
    } else {
      append(written.parts,
             {"--checksum=sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
              "https://example.com/a.tar.gz", "/to/"});
    }
    return written;
  }

  // ---- The rest -------------------------------------------------------------------------------

  Written expose() {
    static constexpr std::string_view ports[] = {"80", "8000-8003/udp", "443/tcp", "${UNSET:-90}",
                                                 "\"91/tcp\"", "53/UDP", "${UNSET:-5000}/udp"};
    Parts parts;
    for (std::size_t left = 1 + choices_.below(3); left > 0; --left) {
      parts.push_back(std::string(choices_.one_of(ports)));
    }
    return {"EXPOSE", parts, {}};
  }

  Written volume() {
    if (choices_.once_in(2)) return {"VOLUME", words_.json_array(1, true), {}};
    Parts parts = {"/" + words_.word(false)};
    if (choices_.once_in(2)) parts.push_back("/data");
    return {"VOLUME", parts, {}};
  }

  Written stopsignal() {
    static constexpr std::string_view signals[] = {"SIGTERM", "9", "SIGRTMIN+3", "QUIT"};
    return {"STOPSIGNAL", {words_.spelt(std::string(choices_.one_of(signals)))}, {}};
  }

  Written onbuild() {
    words_.in_trigger = true;
    Written trigger = run();
    switch (choices_.below(8)) {
      case 1: trigger = arg(); break;
      case 2: trigger = env(); break;
      case 3: trigger = copy(); break;
      case 4: trigger = add(); break;
      case 5: trigger = {"CMD", command(), {}}; break;
      case 6: trigger = expose(); break;
      case 7: trigger = healthcheck(); break;
      default: break;
    }
    words_.in_trigger = false;
    trigger.parts.insert(trigger.parts.begin(), trigger.keyword);
    return {"ONBUILD", trigger.parts, trigger.bodies};
  }

  Choices& choices_;
  RandomWords words_;
  Layout layout_;
  std::vector<std::pair<std::string, Parts>> stages_;  // names, and the ENV they hand on
  Parts env_;
  Parts pair_names_;
};

// Directives, in any order; the escape character if one of them chose another.
std::string head(Choices& choices, char& escape) {
  Parts lines;
  if (choices.once_in(4)) lines.push_back("# syntax=docker/dockerfile:1\n");
  if (choices.once_in(3)) {
    escape = '`';
    lines.push_back(choices.once_in(2) ? "#escape=`\n" : "# Escape = `\n");
  }
  if (choices.once_in(6)) lines.push_back("# check=skip=all\n");
  std::string text;
  while (!lines.empty()) {
    const std::size_t next = choices.below(lines.size());
    text += lines[next];
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(next));
  }
  return text;
}

}  // namespace

std::string random_dockerfile(Choices& choices) {
  char escape = '\\';
  const bool mark = choices.once_in(12);
  const bool windows = choices.once_in(8);
  const std::string directives = head(choices, escape);
  std::string text = directives + Generator(choices, escape).dockerfile();
  if (choices.once_in(8)) text.pop_back();  // no line break at the end
  if (windows) {
    std::string with_returns;
    for (const char c : text) with_returns += c == '\n' ? "\r\n" : std::string(1, c);
    text = std::move(with_returns);
  }
  return (mark ? "\xef\xbb\xbf" : "") + text;
}

}  // namespace slipway::fuzz

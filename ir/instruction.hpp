// Instructions: a Dockerfile's lines as typed data, before any variable has a value.
//
// Made by the frontend, read by lower(). Every form and flag of the reference (moby/buildkit,
// frontend/dockerfile/docs/reference.md) has its place here; what a field may hold is checked by
// the frontend where it can be without values, by lower() where it cannot.
#pragma once

#include <ir/source.hpp>
#include <ir/word.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace slipway {

// A name as written, and where.
struct Name {
  std::string text;
  SourceSpan span;
};

// <<NAME ... NAME
struct Heredoc {
  std::string name;
  bool expand = true;       // false where the delimiter was quoted
  bool strip_tabs = false;  // <<-
  std::string content;      // line breaks as in the file, tabs stripped if asked; no terminator
  Word word;                // the content as a word in raw mode (quotes stay), for expansion
  SourceSpan span;          // of <<NAME on the instruction's line
};

// What RUN, CMD, ENTRYPOINT, SHELL and HEALTHCHECK CMD run.
struct CommandLine {
  bool shell = true;               // shell form: `arguments` holds one text for the shell
  std::vector<std::string> arguments;
  std::vector<Heredoc> heredocs;   // RUN only, shell form only
  SourceSpan span;
};

// RUN --mount=KEY=VALUE,KEY,... in its order: the last of two keys counts, and whether a key fits is
// judged by the type before it. Every value but that of `from` may hold variables, so what the mount
// is shows when they have values (mount.hpp).
struct RunMount {
  struct Field {
    Name key;                   // in lower case
    std::optional<Word> value;  // none: a switch, such as `ro`
    SourceSpan span;
  };
  std::vector<Field> fields;
  SourceSpan span;
};

// RUN --device=NAME[,required]
struct RunDevice {
  std::string name;  // as CDI has it, "vendor.com/class=name"
  bool required = false;
  SourceSpan span;
};

struct From {
  Word image;  // an image, a stage, a named context or "scratch"
  std::optional<Word> platform;
  std::optional<Name> as;     // the word AS as written
  std::optional<Name> alias;  // the stage's name behind it
};

struct Arg {
  struct Item {
    std::string name;
    std::optional<Word> default_value;
    SourceSpan span;
  };
  std::vector<Item> items;
};

// ENV and LABEL: name=value ..., or one pair in the old form `name any value`.
struct Env {
  std::vector<std::pair<Word, Word>> pairs;
  bool old_form = false;
};

struct Label {
  std::vector<std::pair<Word, Word>> pairs;
  bool old_form = false;
};

struct Run {
  CommandLine command;
  std::vector<RunMount> mounts;
  std::optional<Name> network;   // default, none, host
  std::optional<Name> security;  // sandbox, insecure
  std::vector<RunDevice> devices;
};

// COPY and ADD: sources, then the destination.
struct FileTransfer {
  std::vector<Word> sources;
  std::vector<Heredoc> heredocs;  // sources given in place
  Word destination;
  std::optional<Word> chown;
  std::optional<Word> chmod;
  std::vector<Word> exclude;
  bool link = false;
};

struct Copy : FileTransfer {
  std::optional<Word> from;  // expanded with nothing but what the reference allows
  bool parents = false;
};

struct Add : FileTransfer {
  std::optional<bool> keep_git_dir;
  std::optional<Word> checksum;
  std::optional<bool> unpack;
};

struct Workdir {
  Word path;
};

struct User {
  Word user;  // name or number, perhaps with :group
};

struct Cmd {
  CommandLine command;
};

struct Entrypoint {
  CommandLine command;
};

struct Shell {
  std::vector<std::string> arguments;
};

struct Expose {
  std::vector<Word> ports;  // "80", "8000-8010/udp"; split after expansion
};

struct Volume {
  std::vector<Word> paths;
};

struct StopSignal {
  Word signal;
};

// Durations in nanoseconds, as the image config has them; zero: inherit.
struct Healthcheck {
  bool none = false;
  std::optional<CommandLine> command;
  std::int64_t interval = 0;
  std::int64_t timeout = 0;
  std::int64_t start_period = 0;
  std::int64_t start_interval = 0;
  std::int64_t retries = 0;
};

struct Onbuild {
  std::string trigger;  // the instruction as it is stored in the image config
};

struct Maintainer {
  std::string name;
};

using InstructionKind =
    std::variant<From, Arg, Env, Label, Run, Copy, Add, Workdir, User, Cmd, Entrypoint, Shell,
                 Expose, Volume, StopSignal, Healthcheck, Onbuild, Maintainer>;

// "# cache: ttl=7d" or "# cache: never" right above an instruction: for how long what it gave is
// taken from the cache. Other builders read a comment.
struct CacheRule {
  std::optional<std::int64_t> ttl;  // seconds
  bool never = false;
};

struct Instruction {
  InstructionKind kind;
  std::string text;  // the whole instruction on one line, as progress and history quote it
  SourceSpan span;   // all its lines
  Name keyword;      // its name as written
  std::vector<std::string> comments;  // the comment lines right above it, without the #
  bool failed = false;   // a mistake was found in it; only in a Dockerfile that is not whole
  bool guessed = false;  // the mistake is its name: this is what was probably meant
  std::optional<CacheRule> cache;
};

// A stage: FROM and what follows it up to the next FROM.
struct Stage {
  From from;
  SourceSpan span;                        // of its FROM
  std::string text;                       // the FROM line
  Name keyword;                           // FROM as written
  std::vector<Instruction> instructions;  // without FROM
  std::vector<std::string> comments;      // the comment lines right above FROM, without the #
  bool failed = false;                    // as Instruction's: a mistake was found in FROM
  bool guessed = false;                   // the word FROM is misspelt
};

// Directives at the head of a Dockerfile (reference.md#parser-directives).
struct Directive {
  std::string name;  // lower case
  std::string value;
  SourceSpan span;
};

// A blank line where an instruction goes on.
struct EmptyContinuation {
  SourceSpan line;  // the first of them
  SourceSpan last;  // the instruction's last line, before its heredocs
};

// Where a mistake was found, `failed` marks what it leaves behind, so that what depends on it is not
// a mistake as well: an instruction whose name is misspelt is here as the one that was meant, and
// one that cannot be told is an ENV of nothing.
struct Dockerfile {
  std::shared_ptr<const SourceFile> source;
  std::vector<Directive> directives;
  std::vector<EmptyContinuation> empty_continuations;  // at most one an instruction
  char escape = '\\';
  std::vector<Instruction> global_args;  // ARG before the first FROM
  std::vector<Stage> stages;
};

}  // namespace slipway

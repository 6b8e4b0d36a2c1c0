#include <frontend/checks/dependency_tools.hpp>

#include <algorithm>
#include <array>

namespace slipway {
namespace {

constexpr std::array tools = {
    DependencyTool{"npm", "package.json package-lock.json", "npm ci", "/root/.npm"},
    DependencyTool{"yarn", "package.json yarn.lock", "yarn install",
                   "/usr/local/share/.cache/yarn"},
    DependencyTool{"pnpm", "package.json pnpm-lock.yaml", "pnpm install",
                   "/root/.local/share/pnpm/store"},
    DependencyTool{"bun", "package.json bun.lock", "bun install", "/root/.bun/install/cache"},
    DependencyTool{"pip", "requirements.txt", "pip install -r requirements.txt",
                   "/root/.cache/pip"},
    DependencyTool{"pipenv", "Pipfile Pipfile.lock", "pipenv install --deploy",
                   "/root/.cache/pipenv"},
    DependencyTool{"poetry", "pyproject.toml poetry.lock", "poetry install --no-root",
                   "/root/.cache/pypoetry"},
    DependencyTool{"uv", "pyproject.toml uv.lock", "uv sync --locked --no-install-project",
                   "/root/.cache/uv"},
    DependencyTool{"go", "go.mod go.sum", "go mod download", "/go/pkg/mod"},
    DependencyTool{"cargo", "Cargo.toml Cargo.lock", "cargo fetch", "/usr/local/cargo/registry"},
    DependencyTool{"bundle", "Gemfile Gemfile.lock", "bundle install", "/usr/local/bundle/cache"},
    DependencyTool{"composer", "composer.json composer.lock",
                   "composer install --no-scripts --no-autoloader", "/root/.composer/cache"},
    DependencyTool{"mvn", "pom.xml", "mvn dependency:go-offline", "/root/.m2"},
    DependencyTool{"gradle", "build.gradle settings.gradle", "gradle dependencies",
                   "/root/.gradle"},
    DependencyTool{"dotnet", "*.csproj", "dotnet restore", "/root/.nuget/packages"},
    DependencyTool{"mix", "mix.exs mix.lock", "mix deps.get", "/root/.hex"},
};

const DependencyTool* find_tool(std::string_view program) {
  if (program == "mvnw") program = "mvn";
  if (program == "gradlew") program = "gradle";
  if (program == "bundler") program = "bundle";
  const auto found = std::find_if(tools.begin(), tools.end(),
                                  [&](const DependencyTool& tool) { return tool.name == program; });
  return found == tools.end() ? nullptr : &*found;
}

bool is_option(const ShellWord& word) {
  return word.text.starts_with('-');
}

// How many words are no options.
std::size_t operands(std::span<const ShellWord> words) {
  return words.size() -
         static_cast<std::size_t>(std::count_if(words.begin(), words.end(), is_option));
}

bool contains(std::span<const ShellWord> words, std::string_view text) {
  return std::any_of(words.begin(), words.end(),
                     [&](const ShellWord& word) { return word.text == text; });
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), text) != names.end();
}

// npm ci, yarn, pnpm install: all that the manifest names, if no package is named.
bool installs_packages(const Command& command, const ShellWord* verb) {
  const std::string_view program = command.program();
  if (command.has({"-g", "--global", "--help", "--version"})) return false;
  if (verb == nullptr) return program == "yarn" && !command.has({"-v", "-h"});
  if (!is_one_of(verb->text, {"install", "i", "ci", "clean-install", "fetch"})) return false;
  // `npm install --prefix DIR` and the like name a folder, which cannot be told from a package.
  return operands(command.arguments()) == 1;
}

Installation pip_installation(std::span<const ShellWord> arguments) {
  Installation result;
  result.tool = find_tool("pip");
  const ShellWord* before = nullptr;
  bool requirements = false;
  bool project = false;
  for (const ShellWord& word : arguments) {
    const std::string& text = word.text;
    const bool file = before != nullptr && is_one_of(before->text, {"-r", "--requirement"});
    if (file || text.starts_with("--requirement=")) {
      requirements = true;
      result.last = &word;
    } else if (text.starts_with("-r") && text.size() > 2) {
      requirements = true;
      result.last = &word;
    } else if (text == "-e" || text == "." || text.starts_with("./") || text.starts_with(".[")) {
      project = true;
    }
    before = &word;
  }
  result.manifest_only = requirements && !project;
  if (result.last == nullptr && !arguments.empty()) result.last = &arguments.front();
  return result;
}

}  // namespace

std::optional<std::span<const ShellWord>> pip_arguments(const Command& command) {
  const std::string_view program = command.program();
  const auto arguments = command.arguments();
  if (program == "pip" || program.starts_with("pip3") || program.starts_with("pip2"))
    return arguments;
  if (program.starts_with("python") && arguments.size() > 2 && arguments[0].text == "-m" &&
      arguments[1].text == "pip")
    return arguments.subspan(2);
  return std::nullopt;
}

std::optional<Installation> installation_of(const Command& command) {
  if (const auto pip = pip_arguments(command)) {
    const auto verb = std::find_if_not(pip->begin(), pip->end(), is_option);
    if (verb == pip->end() || verb->text != "install") return std::nullopt;
    return pip_installation(pip->subspan(static_cast<std::size_t>(verb - pip->begin())));
  }
  Installation result;
  result.tool = find_tool(command.program());
  if (result.tool == nullptr || result.tool->name == "pip") return std::nullopt;
  const ShellWord* verb = command.subcommand();
  const std::string_view text = verb == nullptr ? std::string_view() : verb->text;
  const auto arguments = command.arguments();
  const auto behind =
      verb == nullptr ? std::span<const ShellWord>()
                      : arguments.subspan(static_cast<std::size_t>(verb - arguments.data()) + 1);
  const ShellWord* second = nullptr;
  for (const ShellWord& word : behind)
    if (second == nullptr && !is_option(word)) second = &word;
  result.last = verb;
  const std::string_view name = result.tool->name;
  if (is_one_of(name, {"npm", "yarn", "pnpm", "bun"})) {
    result.manifest_only = true;
    return installs_packages(command, verb) ? std::optional(result) : std::nullopt;
  }
  if (name == "uv" && text == "pip" && second != nullptr && second->text == "install") {
    Installation pip = pip_installation(behind);
    pip.tool = result.tool;
    return pip;
  }
  if (name == "go" && second != nullptr && text == "mod" && second->text == "download") {
    result.last = second;
    result.manifest_only = operands(behind) == 1;
    return result;
  }
  if (name == "mvn" || name == "gradle") {
    for (const ShellWord& word : arguments) {
      const bool manifest = name == "mvn" ? word.text.starts_with("dependency:") ||
                                                word.text.find(":go-offline") != std::string::npos
                                          : word.text == "dependencies";
      if (manifest) {
        result.manifest_only = true;
        result.last = &word;
        return result;
      }
    }
    if (is_one_of(text, {"package", "install", "verify", "compile", "build", "assemble", "bootJar",
                         "clean"}))
      return result;
    return std::nullopt;
  }
  const bool manifest_only =
      (name == "pipenv" && is_one_of(text, {"install", "sync"}) && operands(behind) == 0) ||
      (name == "poetry" && text == "install") || (name == "uv" && text == "sync") ||
      (name == "cargo" && text == "fetch") ||
      (name == "bundle" && (text == "install" || (text.empty() && arguments.empty()))) ||
      (name == "composer" && text == "install") || (name == "dotnet" && text == "restore") ||
      (name == "mix" && text == "deps.get");
  // These read the sources and download what they need on the way.
  const bool builds = (name == "go" && is_one_of(text, {"build", "install", "test"})) ||
                      (name == "cargo" && is_one_of(text, {"build", "install", "test"})) ||
                      (name == "dotnet" && is_one_of(text, {"build", "publish"}));
  if (!manifest_only && !builds) return std::nullopt;
  result.manifest_only = manifest_only && !contains(arguments, "--version");
  return result;
}

}  // namespace slipway

#include <ir/checks/rules.hpp>

#include <ir/error.hpp>

#include <algorithm>
#include <array>

namespace slipway {
namespace {

using Level = CheckRule::Level;

// Names, pages and descriptions of BuildKit's rules are what other tools read: exactly its own. The
// page of one of ours is frontend/checks/docs/NAME.md.
constexpr std::array rules = {
    CheckRule{"AptUpdateApart", "AptUpdateApart",
              "apt-get install with the package lists of an earlier RUN, which the cache "
              "keeps, gets old packages or none",
              Level::own},
    CheckRule{"BaseImageWithoutDigest", "BaseImageWithoutDigest",
              "A tag without a digest can be another image tomorrow", Level::taste},
    CheckRule{"BroadCopyBeforeInstall", "BroadCopyBeforeInstall",
              "A COPY of the whole context before the dependencies are installed makes every "
              "change install them again",
              Level::own},
    CheckRule{"CacheMountRecommended", "CacheMountRecommended",
              "With a cache mount, an installation that runs again downloads only what is new",
              Level::taste},
    CheckRule{"CdLostAfterRun", "CdLostAfterRun",
              "A RUN that ends with cd changes nothing for the next instruction", Level::own},
    CheckRule{"ChownAfterCopy", "ChownAfterCopy",
              "chown or chmod in a RUN stores a second time what COPY has stored", Level::own},
    CheckRule{"ConsistentInstructionCasing", "consistent-instruction-casing",
              "All commands within the Dockerfile should use the same casing (either upper or "
              "lower)"},
    CheckRule{"CopyIgnoredFile", "copy-ignored-file",
              "Attempting to Copy file that is excluded by .dockerignore"},
    CheckRule{"CopyInsteadOfAdd", "CopyInsteadOfAdd",
              "ADD of local files does what COPY does, unless one of them turns out to be an "
              "archive",
              Level::taste},
    CheckRule{"CurlWithoutFail", "CurlWithoutFail",
              "curl without -f takes the page of an HTTP error for the file", Level::own},
    CheckRule{"DaemonLostAfterRun", "DaemonLostAfterRun", "A process that RUN starts ends with it",
              Level::own},
    CheckRule{"DownloadNotVerified", "DownloadNotVerified",
              "A download without a check of its origin can be anybody's", Level::own},
    CheckRule{"DuplicateStageName", "duplicate-stage-name", "Stage names should be unique"},
    CheckRule{"ExposeInvalidFormat", "expose-invalid-format",
              "IP address and host-port mapping should not be used in EXPOSE instruction. This "
              "will become an error in a future release"},
    CheckRule{"ExposeProtoCasing", "expose-proto-casing",
              "Protocol in EXPOSE instruction should be lowercase"},
    CheckRule{"FromAsCasing", "from-as-casing",
              "The 'as' keyword should match the case of the 'from' keyword"},
    CheckRule{"FromPlatformFlagConstDisallowed", "from-platform-flag-const-disallowed",
              "FROM --platform flag should not use a constant value"},
    CheckRule{"InstallWithoutYes", "InstallWithoutYes",
              "A package manager that asks in a build gets no answer", Level::own},
    CheckRule{"InvalidBaseImagePlatform", "",
              "Base image platform does not match expected target platform"},
    CheckRule{"InvalidDefaultArgInFrom", "invalid-default-arg-in-from",
              "Default value for global ARG results in an empty or invalid base image name"},
    CheckRule{"InvalidDefinitionDescription", "invalid-definition-description",
              "Comment for build stage or argument should follow the format: `# <arg/stage name> "
              "<description>`. If this is not intended to be a description comment, add an empty "
              "line or comment between the instruction and the comment.",
              Level::experimental},
    CheckRule{"JSONArgsRecommended", "json-args-recommended",
              "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior "
              "related to OS signals"},
    CheckRule{"LatestBaseImage", "LatestBaseImage",
              "An image without a version is another one whenever somebody publishes it",
              Level::taste},
    CheckRule{"LegacyKeyValueFormat", "legacy-key-value-format",
              "Legacy key/value format with whitespace separator should not be used"},
    CheckRule{"MaintainerDeprecated", "maintainer-deprecated",
              "The MAINTAINER instruction is deprecated, use a label instead to define an image "
              "author"},
    CheckRule{"MultipleInstructionsDisallowed", "multiple-instructions-disallowed",
              "Multiple instructions of the same type should not be used in the same stage"},
    CheckRule{"NoEmptyContinuation", "no-empty-continuation",
              "Empty continuation lines will become errors in a future release"},
    CheckRule{"NonRootUserRecommended", "NonRootUserRecommended",
              "What an image runs should not be root", Level::taste},
    CheckRule{"PackageCacheInLayer", "PackageCacheInLayer",
              "Package lists and downloads that a RUN leaves are in the image", Level::own},
    CheckRule{"PipelineWithoutPipefail", "PipelineWithoutPipefail",
              "A pipeline fails only with its last command unless pipefail is set", Level::taste},
    CheckRule{"RedundantTargetPlatform", "redundant-target-platform",
              "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the "
              "default behavior"},
    CheckRule{"RemovedInLaterLayer", "RemovedInLaterLayer",
              "What a later RUN removes is still in the layer of the earlier one", Level::own},
    CheckRule{"ReservedStageName", "reserved-stage-name",
              "Reserved words should not be used as stage names"},
    CheckRule{"SecretFileCopied", "SecretFileCopied",
              "A file with a secret that is copied into a layer can be read by everybody who "
              "has the image",
              Level::own},
    CheckRule{"SecretInCommand", "SecretInCommand",
              "A secret that is written out in a RUN or ADD stays in the image's history",
              Level::own},
    CheckRule{"SecretsUsedInArgOrEnv", "secrets-used-in-arg-or-env",
              "Sensitive data should not be used in the ARG or ENV commands"},
    CheckRule{"StageNameCasing", "stage-name-casing", "Stage names should be lowercase"},
    CheckRule{"SudoInRun", "SudoInRun",
              "RUN is root where USER says nothing else, and sudo there has no use", Level::own},
    CheckRule{"UndefinedArgInFrom", "undefined-arg-in-from", "FROM command must use declared ARGs"},
    CheckRule{"UndefinedVar", "undefined-var", "Variables should be defined before their use"},
    CheckRule{"UnusedStage", "UnusedStage",
              "A stage that no other one uses can only be built with --target", Level::taste},
    CheckRule{"VariableLostAfterRun", "VariableLostAfterRun",
              "A RUN that ends with export or the like changes nothing for the next instruction",
              Level::own},
    CheckRule{"WorkdirRelativePath", "workdir-relative-path",
              "Relative workdir without an absolute workdir declared within the build can have "
              "unexpected results if the base image changes"},
};
static_assert(std::is_sorted(rules.begin(), rules.end(),
                             [](const CheckRule& a, const CheckRule& b) {
                               return a.name < b.name;
                             }));

}  // namespace

std::span<const CheckRule> check_rules() {
  return rules;
}

std::vector<std::string> check_rule_names() {
  std::vector<std::string> names;
  for (const CheckRule& rule : rules) names.emplace_back(rule.name);
  return names;
}

const CheckRule& check_rule(std::string_view name) {
  const auto found = std::find_if(rules.begin(), rules.end(),
                                  [&](const CheckRule& rule) { return rule.name == name; });
  if (found == rules.end()) throw Error("there is no check " + quoted(name));
  return *found;
}

std::string check_page(const CheckRule& rule) {
  if (rule.page.empty()) return {};
  if (rule.is_own()) return "slipway checks " + std::string(rule.page);
  return "https://docs.docker.com/go/dockerfile/rule/" + std::string(rule.page) + "/";
}

}  // namespace slipway

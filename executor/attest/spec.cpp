#include <executor/attest/spec.hpp>

#include <executor/csv.hpp>
#include <ir/error.hpp>
#include <ir/letter_case.hpp>
#include <ir/nearest.hpp>
#include <ir/quantities.hpp>

#include <utility>

namespace slipway {
namespace {

struct Field {
  std::string name;
  std::string value;
  bool has_value = false;
};

// "a=1,b=2" with the quoting of CSV.
std::vector<Field> fields_of(std::string_view text, const std::string& flag) {
  std::vector<Field> fields;
  for (const std::string& field : split_csv(text, flag)) {
    const auto equals = field.find('=');
    const bool has_value = equals != std::string::npos;
    fields.push_back({lower_case(field.substr(0, equals)),
                      has_value ? field.substr(equals + 1) : "", has_value});
  }
  return fields;
}

bool boolean(const Field& field, const std::string& flag) {
  const auto value = read_boolean(field.value);
  if (!value)
    throw Error(flag + ": " + field.name + "=" + quoted(field.value) +
                " is neither true nor false");
  return *value;
}

Error unknown_value(const Field& field, const std::string& flag,
                    const std::vector<std::string>& known, std::string_view all) {
  return Error(flag + ": " + field.name + " does not know " + quoted(field.value))
      .hint(did_you_mean(field.value, known, std::string(all)));
}

ProvenanceSpec provenance_of(const std::vector<Field>& fields, const std::string& flag) {
  ProvenanceSpec spec;
  for (const Field& field : fields) {
    if (field.name == "mode") {
      if (field.value == "min") {
        spec.mode = ProvenanceSpec::Mode::min;
      } else if (field.value == "max" || field.value == "full") {  // BuildKit's older name for it
        spec.mode = ProvenanceSpec::Mode::max;
      } else {
        throw unknown_value(field, flag, {"min", "max"}, "min or max");
      }
    } else if (field.name == "version") {
      if (field.value == "v1") {
        spec.version = ProvenanceSpec::Version::v1;
      } else if (field.value == "v0.2") {
        spec.version = ProvenanceSpec::Version::v0_2;
      } else {
        throw unknown_value(field, flag, {"v1", "v0.2"}, "v1 or v0.2");
      }
    } else if (field.name == "builder-id") {
      spec.builder_id = field.value;
    } else if (field.name == "reproducible") {
      spec.reproducible = boolean(field, flag);
    } else if (field.name == "inline-only") {
      spec.inline_only = boolean(field, flag);
    } else if (field.name == "complete-materials") {
      spec.complete_materials = boolean(field, flag);
    } else if (field.name == "capture-usage") {
      if (boolean(field, flag))
        throw Error(flag + ": capture-usage is not had: what a step used is not recorded");
    } else if (field.name != "type" && field.name != "disabled") {
      throw Error(flag + " has no field " + quoted(field.name))
          .hint(did_you_mean(field.name,
                             {"mode", "version", "builder-id", "reproducible", "inline-only",
                              "complete-materials"},
                             "mode, version, builder-id, reproducible, inline-only or "
                             "complete-materials"));
    }
  }
  return spec;
}

SbomSpec sbom_of(const std::vector<Field>& fields, const std::string& flag) {
  SbomSpec spec;
  for (const Field& field : fields) {
    if (field.name == "format") {
      if (field.value != "spdx" && field.value != "cyclonedx" && field.value != "both")
        throw unknown_value(field, flag, {"spdx", "cyclonedx", "both"}, "spdx, cyclonedx or both");
      spec.spdx = field.value != "cyclonedx";
      spec.cyclonedx = field.value != "spdx";
    } else if (field.name == "generator") {
      throw Error(flag +
                  ": generator= names an image that would be run to look at the files, which "
                  "slipway does itself")
          .hint("leave it out; format=spdx, cyclonedx or both says which documents are made");
    } else if (field.name != "type" && field.name != "disabled") {
      throw Error(flag + " has no field " + quoted(field.name))
          .hint(did_you_mean(field.name, {"format"}, "format"));
    }
  }
  return spec;
}

void take(AttestSpec& spec, const std::string& type, const std::vector<Field>& fields,
          const std::string& flag) {
  bool disabled = false;
  for (const Field& field : fields) {
    if (!field.has_value) {
      throw Error(flag + ": " + quoted(field.name) + " is not NAME=VALUE")
          .hint(type == "sbom" ? "true, false, or format=spdx" : "true, false, or mode=min");
    }
    if (field.name == "disabled") disabled = boolean(field, flag);
  }
  // What is switched off has to be right, too.
  if (type == "provenance") {
    spec.provenance = provenance_of(fields, flag);
    if (disabled) spec.provenance.reset();
  } else {
    spec.sbom = sbom_of(fields, flag);
    if (disabled) spec.sbom.reset();
  }
}

// --provenance and --sbom: a boolean, or the fields.
void take_flag(AttestSpec& spec, const std::string& type, std::string_view text) {
  if (text.empty()) return;
  const std::string flag = "--" + type;
  if (const auto wanted = read_boolean(text)) {
    take(spec, type, {{"disabled", *wanted ? "false" : "true", true}}, flag);
  } else {
    take(spec, type, fields_of(text, flag), flag);
  }
}

}  // namespace

AttestSpec parse_attest(const std::vector<std::string>& attests, std::string_view provenance,
                        std::string_view sbom) {
  AttestSpec spec;
  for (const std::string& text : attests) {
    const std::string flag = "--attest";
    const std::vector<Field> fields = fields_of(text, flag);
    std::string type;
    for (const Field& field : fields)
      if (field.name == "type") type = field.value;
    if (type != "provenance" && type != "sbom") {
      throw Error(type.empty() ? flag + " " + quoted(text) + " has no type"
                               : flag + " has no type " + quoted(type))
          .hint(did_you_mean(type, {"provenance", "sbom"}, "type=provenance or type=sbom"));
    }
    take(spec, type, fields, flag);
  }
  take_flag(spec, "provenance", provenance);
  take_flag(spec, "sbom", sbom);
  return spec;
}

}  // namespace slipway

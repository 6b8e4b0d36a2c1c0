#include "described.hpp"

#include "command.hpp"
#include "print.hpp"

#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace slipway {
namespace {

// As docker: a template that cannot be read.
constexpr int template_status = 64;

Value with_maps(const Value& value, std::initializer_list<std::string_view> names) {
  if (const auto* list = value.as<Value::List>()) {
    std::vector<Value> elements;
    for (const Value& element : **list) elements.push_back(with_maps(element, names));
    return Value::list(std::move(elements));
  }
  const auto* object = value.as<Value::Object>();
  if (object == nullptr) return value;
  std::vector<ValueMember> members = (*object)->members;
  for (ValueMember& each : members) {
    each.value = with_maps(each.value, names);
    const bool is_map = std::find(names.begin(), names.end(), each.name) != names.end();
    const auto* inner = each.value.as<Value::Object>();
    if (is_map && inner != nullptr) each.value = make_map((*inner)->members);
  }
  return make_record(std::move(members));
}

}  // namespace

Value with_maps(std::string_view json, std::initializer_list<std::string_view> names) {
  return with_maps(read_json_value(json), names);
}

DescribedList::DescribedList(const std::string& format) : format_(format) {
  if (format.empty() || format == "json") return;
  try {
    template_.emplace(format);
  } catch (const Error& error) {
    std::fputs(render(error, use_color()).c_str(), stderr);
    wrong_ = template_status;
  }
}

void DescribedList::add(const std::function<Described()>& describe) {
  try {
    Described described = describe();
    if (!template_) return objects_.push_back(std::move(described.json));
    const auto reader =
        ::isatty(STDOUT_FILENO) == 1 ? Template::For::terminal : Template::For::program;
    lines_ += template_->run(described.data(described.json), reader) + "\n";
  } catch (const Error& error) {
    missing_.insert(missing_.end(), error.diagnostics().begin(), error.diagnostics().end());
  }
}

int DescribedList::show() {
  if (wrong_) return *wrong_;
  if (template_) {
    print(lines_);
  } else {
    auto list = nlohmann::ordered_json::array();
    for (const std::string& object : objects_)
      list.push_back(nlohmann::ordered_json::parse(object));
    print(list.dump(format_ == "json" || list.empty() ? -1 : 4) + "\n");
  }
  if (missing_.empty()) return 0;
  std::fflush(stdout);
  throw Error(std::move(missing_));
}

}  // namespace slipway

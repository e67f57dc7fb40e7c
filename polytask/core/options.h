#pragma once
#include <polytask/core/node.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace polytask {

/// What a value may be. Numbers outside [min, max] (open ends where stated) and texts not among `choices` are errors.
struct Range {
  std::optional<double> min, max;
  bool min_open = false, max_open = false;
  std::vector<std::string> choices;
  bool required = false;

  Range& or_required() {
    required = true;
    return *this;
  }
};
Range at_least(double min);
Range above(double min);
Range between(double min, double max);  ///< [min, max]
Range strictly_between(double min, double max);
Range one_of(std::vector<std::string> choices);
Range required();  ///< no default: absence is an error

/// One option of an options struct: its name, what it means, what it may be.
struct FieldInfo {
  std::string name;
  std::string doc;
  Range range;
};

/// Where an option's value lives. `Node*` takes any value as it stands (the options of a plug-in, read by its
/// registry).
using FieldRef =
    std::variant<bool*, int64_t*, double*, std::string*, std::optional<int64_t>*, std::optional<double>*,
                 std::optional<std::string>*, std::vector<int64_t>*, std::vector<double>*, std::vector<std::string>*,
                 std::map<std::string, double>*, std::map<std::string, std::string>*, Node*>;

/// Receives every option of a struct, in order. An options struct is a plain struct of defaults with one method
/// `void fields(Fields& f)` that names each member; parsing, range checks, `polytask list`, the reference
/// documentation and the resolved configuration all come from that one description.
class Fields {
 public:
  virtual ~Fields() = default;
  template <class T>
  void field(const std::string& name, T& value, const std::string& doc, const Range& range = {}) {
    visit({name, doc, range}, FieldRef(&value));
  }
  /// A nested options struct under its own key.
  template <class Options>
  void section(const std::string& name, Options& options, const std::string& doc) {
    enter({name, doc, {}}, [&options](Fields& inner) { options.fields(inner); });
  }

 protected:
  virtual void visit(const FieldInfo& info, FieldRef value) = 0;
  virtual void enter(const FieldInfo& info, const std::function<void(Fields&)>& inner) = 0;
};

using DescribeFields = std::function<void(Fields&)>;

/// Fills options from a map node. `also_known` are keys that someone else reads (for example "type").
/// Throws InputError with place, key path and suggestion for unknown keys, wrong types, values out of range.
void read_fields(const Node& node, const DescribeFields& fields, const std::vector<std::string>& also_known = {});
template <class Options>
Options read_options(const Node& node, const std::vector<std::string>& also_known = {}) {
  Options options;
  read_fields(
      node, [&](Fields& f) { options.fields(f); }, also_known);
  return options;
}

/// The options as a map node, every default written out; optionals without a value are left out.
Node write_fields(const DescribeFields& fields);
template <class Options>
Node write_options(Options options) {
  return write_fields([&](Fields& f) { options.fields(f); });
}

/// One line of documentation.
struct FieldDescription {
  std::string name;           ///< nested options are "section.name"
  std::string type;           ///< "number", "integer", "text", "yes/no", "list of numbers", …
  std::string default_value;  ///< as YAML; "" for none, "required" where one must be given
  std::string allowed;        ///< "≥ 0", "one of a, b", "" for anything
  std::string doc;
};
std::vector<FieldDescription> describe_fields(const DescribeFields& fields);

/// The scalar as a number; an InputError that names the place where it is none. Accepts what YAML 1.2 calls a number.
double number_of(const Node& node);
int64_t integer_of(const Node& node);
bool boolean_of(const Node& node);
/// Shortest text that reads back as the same number; ".nan", ".inf".
std::string number_text(double value);

}  // namespace polytask

// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <algorithm>
#include <boost/program_options.hpp>

#include "sentence.hpp"
#include "text.hpp"
#include "usage_error.hpp"

namespace unwait::cli {

namespace {

namespace po = boost::program_options;

constexpr const char* stray = "stray-argument";

std::string help_hint(Verb verb) { return "see 'unwait help " + std::string(word(verb)) + "'"; }

po::options_description describe(Verb verb) {
    po::options_description description;
    for (const OptionSpec& option : option_table()) {
        if (!option.belongs_to(verb)) continue;
        std::string names(option.name);
        if (option.letter != '\0') names.append(",").append(1, option.letter);
        if (option.value.empty()) {
            description.add_options()(names.c_str(), po::bool_switch());
        } else if (option.repeatable) {
            description.add_options()(names.c_str(), po::value<std::vector<std::string>>());
        } else {
            description.add_options()(names.c_str(), po::value<std::string>());
        }
    }
    description.add_options()(stray, po::value<std::vector<std::string>>());
    return description;
}

/// "'list'", or "'list', 'clear' and 'apply'".
std::string verbs_with(const OptionSpec& option) {
    std::vector<std::string> names;
    for (const VerbSpec& verb : verb_table()) {
        if (option.belongs_to(verb.verb)) names.push_back(quoted(verb.name));
    }
    return enumerated(names);
}

[[noreturn]] void throw_unknown(Verb verb, const std::string& given) {
    const std::string word_given = given.substr(0, given.find('='));
    const std::string name =
        word_given.substr(std::min(word_given.find_first_not_of('-'), word_given.size()));
    std::vector<std::string_view> names;
    for (const OptionSpec& option : option_table()) {
        const bool meant = option.name == name || (name.size() == 1 && option.letter == name[0]);
        if (meant && !option.belongs_to(verb)) {
            throw UsageError(quoted(word_given) + " is not an option of " + quoted(word(verb)) +
                                 ", only of " + verbs_with(option),
                             help_hint(verb));
        }
        if (option.belongs_to(verb)) names.push_back(option.name);
    }
    std::string what = "unknown option " + quoted(word_given);
    if (const auto near = nearest(name, names)) {
        what += "; did you mean '--" + std::string(*near) + "'?";
    }
    throw UsageError(what, help_hint(verb));
}

[[noreturn]] void throw_malformed(Verb verb, const po::invalid_command_line_syntax& error) {
    const std::string name = error.get_option_name();
    throw UsageError(error.kind() == po::invalid_syntax::extra_parameter ? name + " takes no value"
                                                                         : name + " needs a value",
                     help_hint(verb));
}

po::parsed_options parse(Verb verb, const po::options_description& description,
                         const std::vector<std::string>& words) {
    namespace style = po::command_line_style;
    po::positional_options_description strays;
    strays.add(stray, -1);
    try {
        return po::command_line_parser(words)
            .options(description)
            .positional(strays)
            .style(style::unix_style & ~style::allow_guessing)
            .run();
    } catch (const po::unknown_option& error) {
        throw_unknown(verb, error.get_option_name());
    } catch (const po::invalid_command_line_syntax& error) {
        throw_malformed(verb, error);
    } catch (const po::error& error) {
        throw UsageError(error.what(), help_hint(verb));
    }
}

}  // namespace

Given parse_options(Verb verb, std::span<char* const> arguments) {
    const po::options_description description = describe(verb);
    const po::parsed_options parsed =
        parse(verb, description, std::vector<std::string>(arguments.begin(), arguments.end()));

    Given given;
    for (const auto& option : parsed.options) {
        if (option.string_key == stray) {
            if (option.value.front() == "--") continue;
            if (given.contains(operand) || operand_of(verb).empty()) {
                throw UsageError("unexpected argument " + quoted(option.value.front()),
                                 help_hint(verb));
            }
            given[std::string(operand)] = option.value;
            continue;
        }
        const auto* const spec =
            &*std::ranges::find(option_table(), option.string_key, &OptionSpec::name);
        if (!spec->value.empty() && !spec->repeatable && given.contains(option.string_key)) {
            throw UsageError("--" + option.string_key + " is given more than once",
                             help_hint(verb));
        }
        auto& values = given[option.string_key];
        if (spec->value.empty()) continue;
        if (option.value.front().empty()) {
            throw UsageError("--" + option.string_key + " needs a value", help_hint(verb));
        }
        values.push_back(option.value.front());
    }
    if (!operand_of(verb).empty() && !given.contains(operand) && !given.contains("help")) {
        throw UsageError(
            std::string(word(verb)) + ": " + std::string(operand_of(verb)) + " is missing",
            help_hint(verb));
    }
    return given;
}

}  // namespace unwait::cli

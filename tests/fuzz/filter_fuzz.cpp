// SPDX-License-Identifier: MIT
// Filter expressions: an error points into the text, and what is read is printed and read back the
// same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "filter.hpp"
#include "filter_text.hpp"

namespace {

using namespace unwait;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

/// Every name stands for something, so that all of the condition is evaluated.
void evaluate(const Filter& filter) {
    FilterNames names = names_in({&filter, 1});
    for (auto& [name, index] : names.devices) {
        index = static_cast<std::uint32_t>(name.size());
    }
    for (auto& [path, id] : names.cgroups) {
        id = path.size();
    }
    const Condition condition = looked_up(*filter.condition, names);
    const Condition opposite{Negation{{condition}}};
    for (const Family family : {Family::inet, Family::inet6}) {
        Socket socket;
        socket.family = socket.local.address.family = socket.peer.address.family = family;
        require(meets(condition, socket) != meets(opposite, socket));
    }
}

void read_services(std::string_view text) {
    const Services services(text);
    for (const std::string_view name : services.names()) {
        require(services.port_of(name).has_value());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Services services("http 80/tcp www\nssh 22/tcp\n");
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    read_services(text);
    const auto parsed = parse_filter(text, services);
    if (const auto* error = std::get_if<FilterError>(&parsed)) {
        require(error->at <= size && error->length <= size - error->at && !error->what.empty());
        return 0;
    }
    const Filter& filter = std::get<Filter>(parsed);
    const auto back = parse_filter(format_filter(filter), services);
    require(std::holds_alternative<Filter>(back) && std::get<Filter>(back) == filter);
    if (filter.condition) {
        evaluate(filter);
    }
    return 0;
}

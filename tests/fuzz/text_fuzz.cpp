// SPDX-License-Identifier: MIT
// Words of operators and names of processes: whatever is read is written and read back the same,
// and what is shown is safe.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "text.hpp"
#include "vocabulary.hpp"

namespace {

using namespace unwait;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void read_duration(std::string_view text) {
    if (const auto duration = parse_duration(text)) {
        const std::string written = format_duration(*duration);
        const auto back = parse_duration(written);
        require(back && *back <= *duration && format_duration(*back) == written);
    }
}

void read_endpoint(std::string_view text) {
    if (const auto address = parse_address(text)) {
        require(parse_address(format_address(*address)) == address);
    }
    const auto pattern = parse_endpoint_pattern(text);
    if (pattern && pattern->address) {
        require(pattern->prefix_length <= (pattern->address->family == Family::inet ? 32U : 128U));
        const Endpoint endpoint{*pattern->address, pattern->port.value_or(0)};
        const auto back = parse_endpoint_pattern(format_endpoint(endpoint));
        require(back && back->address == endpoint.address && back->port == endpoint.port);
    }
    if (const auto range = parse_port_range(text)) {
        require(range->first <= range->last);
    }
}

void show(std::string_view text) {
    const std::string safe = printable(text);
    require(printable(safe) == safe && to_utf8(safe) == safe);
    for (const char letter : safe) {
        require(static_cast<unsigned char>(letter) >= 0x20 && letter != 0x7F);
    }
    const std::string valid = to_utf8(text);
    require(to_utf8(valid) == valid);
}

void read_word(std::string_view text) {
    const auto states = state_words();
    if (const auto near = nearest(text, states)) {
        require(states_of_word(*near).has_value());
    }
    if (const auto action = action_of_word(text)) {
        require(action_of_word(word(*action)) == action);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // A fuzzer's bytes are text here; there is no other way from one to the other.
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    read_duration(text);
    read_endpoint(text);
    read_word(text);
    show(text);
    return 0;
}

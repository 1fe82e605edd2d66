// SPDX-License-Identifier: MIT
// Policies: whatever is read is refused with a place, or is a policy that takes a ruling on a
// socket.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "json_tree.hpp"
#include "policy_file.hpp"
#include "text.hpp"

namespace {

using namespace unwait;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

/// "12:7: …", safe for a terminal.
void require_place(std::string_view what) {
    const std::size_t colon = what.find(':');
    require(parse_number(what.substr(0, colon)).value_or(0) > 0);
    what.remove_prefix(colon + 1);
    require(parse_number(what.substr(0, what.find(':'))).value_or(0) > 0);
    require(printable(what) == what);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const Rulebook book =
            cli::read_policy(std::string(reinterpret_cast<const char*>(data), size));
        for (const Rule& rule : book.rules) {
            require(!rule.actions || !rule.actions->empty());
            require(!rule.deny || !rule.actions);
        }
        Finding finding{};
        require(!reasoning_on(book, finding, {}).empty());
        // All that filters can ask for is known.
        finding.socket.mark = finding.socket.interface = 1;
        finding.socket.cgroup_id = 1;
        finding.socket.state = TcpState::close_wait;
        PolicyFacts known;
        known.names[0].devices["lo"] = 1;
        known.networks["self"] = 0;
        known.autobound[0] = true;
        require(!reasoning_on(book, finding, known).empty());
        PolicyFacts late;
        late.minute_of_week = 7 * 24 * 60 - 1;
        require(!rule_on(book, finding, late).by.empty());
    } catch (const cli::JsonError& error) {
        require_place(error.what());
    }
    return 0;
}

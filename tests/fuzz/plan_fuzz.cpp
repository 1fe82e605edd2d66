// SPDX-License-Identifier: MIT
// Saved plans: whatever is read is refused with a place, or is a plan whose steps are whole.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "json_tree.hpp"
#include "plan_digest.hpp"
#include "plan_file.hpp"
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
    std::string text(reinterpret_cast<const char*>(data), size);
    // The corpus outlives the version that reads it.
    constexpr std::string_view any_version = "@VERSION@";
    if (const std::size_t at = text.find(any_version); at != std::string::npos) {
        text.replace(at, any_version.size(), UNWAIT_VERSION);
    }
    try {
        const Report report = cli::read_plan(text);
        require(!digest_of_plan(report).empty());
        for (const Step& step : report.plan->steps) {
            require(step.id > 0 && !step.actions.empty());
            require(std::ranges::none_of(step.holders, [](const Holder& holder) {
                return holder.fds.empty() || holder.process->id.pid < 1;
            }));
        }
    } catch (const cli::JsonError& error) {
        require_place(error.what());
    }
    return 0;
}

// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "surroundings.hpp"
#include "unwait/finding.hpp"
#include "unwait/snapshot.hpp"

namespace unwait {

/// Evidence, as it is gathered.
class Notes {
public:
    void add(std::string_view code, std::string text) {
        evidence_.push_back({code, std::move(text)});
    }
    [[nodiscard]] std::vector<Evidence> take() { return std::move(evidence_); }

private:
    std::vector<Evidence> evidence_;
};

/// Of a socket that was never accepted: who should accept it, and what he does instead.
void note_backlog(Notes& notes, const Socket& socket, const Surroundings& around);

/// Of a socket to which no known fd leads: what keeps it.
void note_keepers(Notes& notes, const Socket& socket, const Surroundings& around);

/// Of a socket with several holders: which of them look mistaken.
void note_sharing(Notes& notes, const HeldSocket& held, const Surroundings& around);

}  // namespace unwait

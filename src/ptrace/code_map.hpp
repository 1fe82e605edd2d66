// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "residue.hpp"

namespace unwait::ptrace {

/// Where the code of a process is from.
class CodeMap {
public:
    /// What may not be read is left out.
    [[nodiscard]] static CodeMap of(pid_t pid);

    /// Whether code may be run there.
    [[nodiscard]] bool is_code(std::uintptr_t address) const;
    /// The file that is mapped there; empty when it is none.
    [[nodiscard]] std::string object_at(std::uintptr_t address) const;

    /// Where an object's code is mapped; absent when it is not.
    [[nodiscard]] std::optional<AddressRange> range_of(std::string_view object) const;

    struct Name {
        std::string function;
        std::uintptr_t begin = 0;
    };
    /// Generated code, as the process tells of it for perf(1) (/tmp/perf-PID.map).
    [[nodiscard]] std::optional<Name> generated_at(std::uintptr_t address) const;

    /// The text of /proc/PID/maps, and of a perf map: "BEGIN SIZE NAME" in each line, hexadecimal.
    void take_maps(std::string_view text);
    void take_perf_map(std::string_view text);

private:
    struct Range {
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        std::string name;
    };
    [[nodiscard]] static const Range* find(const std::vector<Range>& ranges,
                                           std::uintptr_t address);

    std::vector<Range> objects_;    // what may be executed, in order
    std::vector<Range> generated_;  // as they were told of: the last one counts
};

}  // namespace unwait::ptrace

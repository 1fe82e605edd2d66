// SPDX-License-Identifier: MIT
#include "code_map.hpp"

#include <fcntl.h>

#include <algorithm>

#include "fd.hpp"
#include "file.hpp"
#include "proc_text.hpp"
#include "text_scan.hpp"

namespace unwait::ptrace {

namespace {

constexpr std::size_t longest_text = std::size_t{1} << 26;

std::string text_of(const std::string& path) {
    return sys::text_or_empty(AT_FDCWD, path, longest_text);
}

/// As perf(1) looks for it: in the process's own root directory, and only what is the process's
/// own.
std::string perf_map(const std::string& directory) {
    const std::string status = text_of(directory + "/status");
    auto users = sys::status_field(status, "Uid").value_or("");  // real, effective, …
    static_cast<void>(sys::take_word(users));
    const auto user = sys::to_number<uid_t>(sys::take_word(users));
    // The process names its file by its own number: the last of them.
    const auto numbers = sys::status_field(status, "NSpid").value_or("");
    const std::string number(numbers.substr(numbers.find_last_of(" \t") + 1));
    const sys::Fd root(::open((directory + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root || !user || number.empty()) return {};
    return sys::foreign_text(root.get(), ("tmp/perf-" + number + ".map").c_str(), *user,
                             longest_text);
}

}  // namespace

CodeMap CodeMap::of(pid_t pid) {
    CodeMap map;
    const std::string directory = "/proc/" + std::to_string(pid);
    map.take_maps(text_of(directory + "/maps"));
    map.take_perf_map(perf_map(directory));
    return map;
}

void CodeMap::take_maps(std::string_view text) {
    while (!text.empty()) {
        std::string_view line = sys::take_until(text, '\n');
        std::string_view range = sys::take_word(line);
        const auto begin = sys::to_number<std::uintptr_t>(sys::take_until(range, '-'), 16);
        const auto end = sys::to_number<std::uintptr_t>(range, 16);
        const std::string_view rights = sys::take_word(line);
        for (int field = 0; field < 3; ++field) static_cast<void>(sys::take_word(line));
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        if (begin && end && rights.find('x') != std::string_view::npos)
            objects_.push_back({*begin, *end, std::string(line)});
    }
}

void CodeMap::take_perf_map(std::string_view text) {
    while (!text.empty()) {
        std::string_view line = sys::take_until(text, '\n');
        const auto begin = sys::to_number<std::uintptr_t>(sys::take_word(line), 16);
        const auto size = sys::to_number<std::uintptr_t>(sys::take_word(line), 16);
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        if (begin && size && !line.empty()) {
            generated_.push_back({*begin, *begin + *size, std::string(line)});
        }
    }
}

const CodeMap::Range* CodeMap::find(const std::vector<Range>& ranges, std::uintptr_t address) {
    const auto found = std::find_if(ranges.rbegin(), ranges.rend(), [address](const Range& range) {
        return range.begin <= address && address < range.end;
    });
    return found == ranges.rend() ? nullptr : &*found;
}

bool CodeMap::is_code(std::uintptr_t address) const { return find(objects_, address) != nullptr; }

std::string CodeMap::object_at(std::uintptr_t address) const {
    const Range* range = find(objects_, address);
    return range == nullptr ? std::string() : range->name;
}

std::optional<AddressRange> CodeMap::range_of(std::string_view object) const {
    const auto found = std::ranges::find(objects_, object, &Range::name);
    if (found == objects_.end()) return std::nullopt;
    return AddressRange{found->begin, found->end};
}

std::optional<CodeMap::Name> CodeMap::generated_at(std::uintptr_t address) const {
    const Range* range = find(generated_, address);
    if (range == nullptr) return std::nullopt;
    return Name{range->name, range->begin};
}

}  // namespace unwait::ptrace

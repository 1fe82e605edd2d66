// SPDX-License-Identifier: MIT
#include "code_map.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "fd.hpp"
#include "file.hpp"
#include "proc_text.hpp"
#include "text_scan.hpp"
#include "unwait/error.hpp"

namespace unwait::ptrace {

namespace {

constexpr std::size_t longest_text = std::size_t{1} << 26;

std::string text_of(const std::string& path) {
    try {
        return sys::read_file(path, longest_text).value_or(std::string());
    } catch (const Error&) {
        return {};
    }
}

/// Its own number, which is what it names its file by: the last of NSpid.
std::string pid_inside(pid_t pid) {
    const std::string status =
        sys::text_or_empty(AT_FDCWD, "/proc/" + std::to_string(pid) + "/status");
    const auto numbers = sys::status_field(status, "NSpid");
    if (!numbers) return std::to_string(pid);
    return std::string(numbers->substr(numbers->find_last_of(" \t") + 1));
}

/// As perf(1) looks for it: in the process's own root directory, and only what is the process's
/// own.
std::string perf_map(const std::string& directory, pid_t pid) {
    struct stat process {};
    const sys::Fd root(::open((directory + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root || ::stat(directory.c_str(), &process) != 0) return {};
    const std::string path = "tmp/perf-" + pid_inside(pid) + ".map";
    return sys::foreign_text(root.get(), path.c_str(), process.st_uid, longest_text);
}

}  // namespace

CodeMap CodeMap::of(pid_t pid) {
    CodeMap map;
    const std::string directory = "/proc/" + std::to_string(pid);
    map.take_maps(text_of(directory + "/maps"));
    map.take_perf_map(perf_map(directory, pid));
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

std::optional<CodeMap::Name> CodeMap::generated_at(std::uintptr_t address) const {
    const Range* range = find(generated_, address);
    if (range == nullptr) return std::nullopt;
    return Name{range->name, range->begin};
}

}  // namespace unwait::ptrace

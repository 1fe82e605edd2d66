// SPDX-License-Identifier: MIT
#include "sentence.hpp"

#include <algorithm>
#include <cstddef>
#include <set>

#include "text.hpp"
#include "vocabulary.hpp"

namespace unwait {

std::string counted(std::uint64_t number, std::string_view singular, std::string_view plural) {
    return std::to_string(number) + " " + std::string{number == 1 ? singular : plural};
}

std::string counted_bytes(std::uint64_t number) { return counted(number, "byte", "bytes"); }

std::string enumerated(std::span<const std::string> words) {
    std::string text;
    for (std::size_t at = 0; at < words.size(); ++at) {
        if (at > 0) {
            text += at + 1 == words.size() ? " and " : ", ";
        }
        text += words[at];
    }
    return text;
}

std::string ladder_text(std::span<const Action> actions) {
    std::string text;
    for (const Action action : actions) {
        text += (text.empty() ? "" : ",") + std::string{word(action)};
    }
    return text;
}

std::string named(const Process& process) {
    return "pid " + std::to_string(process.id.pid) + " (" + printable(process.command) + ")";
}

std::string named(std::span<const Holder> holders) {
    std::vector<std::string> names;
    for (const Holder& holder : holders) {
        names.push_back(named(*holder.process));
    }
    return enumerated(names);
}

std::string fds_of(const Holder& holder) {
    std::set<int> numbers;
    for (const HeldFd& held : holder.fds) {
        numbers.insert(held.fd);
    }
    std::vector<std::string> words;
    for (const int number : numbers) {
        words.push_back(std::to_string(number));
    }
    return (words.size() == 1 ? "fd " : "fds ") + enumerated(words);
}

std::string fds_of(std::span<const Holder> holders) {
    std::vector<std::string> parts;
    for (const Holder& holder : holders) {
        parts.push_back(fds_of(holder) + " of " + named(*holder.process));
    }
    return enumerated(parts);
}

std::size_t count_tables(std::span<const Holder> holders) {
    return static_cast<std::size_t>(std::ranges::count(holders, 0, &Holder::table_of));
}

std::string activity_of(const ThreadActivity& thread) {
    if (thread.state == 'T' || thread.state == 't') {
        return thread.state == 'T' ? "is stopped by a signal" : "is stopped by a tracer";
    }
    if (thread.call.empty()) {
        return thread.state == 'R' ? "runs" : "waits in the kernel";
    }
    std::string text = (thread.state == 'R' ? "runs in " : "is blocked in ") + thread.call;
    std::vector<std::string> numbers;
    for (const int fd : thread.fds) {
        if (numbers.size() == 4) {
            numbers.push_back("others");
            break;
        }
        numbers.push_back(std::to_string(fd));
    }
    if (!numbers.empty()) {
        text += (thread.fds.size() == 1 ? " on fd " : " on fds ") + enumerated(numbers);
    }
    return text + (thread.state == 'D' ? ", uninterruptibly" : "");
}

}  // namespace unwait

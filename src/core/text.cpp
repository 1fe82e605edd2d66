// SPDX-License-Identifier: MIT
#include "text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <system_error>
#include <utility>
#include <vector>

namespace unwait {
namespace {

struct Unit {
    std::string_view word;
    std::int64_t microseconds;
};

/// Largest first. Those that format_duration() uses come first among equals.
constexpr std::array units{
    Unit{"w", 604'800'000'000}, Unit{"d", 86'400'000'000},
    Unit{"h", 3'600'000'000},   Unit{"m", 60'000'000},
    Unit{"min", 60'000'000},    Unit{"s", 1'000'000},
    Unit{"ms", 1'000},          Unit{"us", 1},
};

constexpr std::uint64_t longest_duration = 3'650ULL * 86'400'000'000ULL;

constexpr bool is_digit(char letter) noexcept { return letter >= '0' && letter <= '9'; }

constexpr char lower(char letter) noexcept {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

/// "<digits>[.<digits>]" as microseconds of a unit; a finer fraction than a microsecond is an
/// error.
std::optional<std::uint64_t> amount_of(std::string_view text, std::uint64_t unit) {
    const std::size_t point = std::min(text.find('.'), text.size());
    const auto whole = parse_number(text.substr(0, point));
    if (!whole || *whole > longest_duration / unit) {
        return std::nullopt;
    }
    std::uint64_t total = *whole * unit;
    if (point == text.size()) {
        return total;
    }
    std::string_view fraction = text.substr(point + 1);
    if (fraction.empty()) {
        return std::nullopt;
    }
    for (const char digit : fraction) {
        if (!is_digit(digit) || unit % 10 != 0) {
            return std::nullopt;
        }
        unit /= 10;
        total += static_cast<std::uint64_t>(digit - '0') * unit;
    }
    return total;
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours.
std::size_t distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> before(right.size() + 1);
    std::vector<std::size_t> above(right.size() + 1);
    std::vector<std::size_t> row(right.size() + 1);
    for (std::size_t j = 0; j <= right.size(); ++j) {
        above[j] = j;
    }
    for (std::size_t i = 1; i <= left.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const bool same = lower(left[i - 1]) == lower(right[j - 1]);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0U : 1U)});
            const bool swapped = i > 1 && j > 1 && lower(left[i - 1]) == lower(right[j - 2]) &&
                                 lower(left[i - 2]) == lower(right[j - 1]);
            if (swapped) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        std::swap(before, above);
        std::swap(above, row);
    }
    return above[right.size()];
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
    const auto is_letter = [](char letter) { return letter >= 'a' && letter <= 'z'; };
    std::uint64_t total = 0;
    std::int64_t last_unit = 0;
    while (last_unit == 0 || !text.empty()) {
        const auto* const amount_end = std::ranges::find_if(text, is_letter);
        const auto* const word_end =
            std::find_if_not(amount_end, text.data() + text.size(), is_letter);
        const std::string_view amount{text.begin(), amount_end};
        const std::string_view word{amount_end, word_end};
        const bool bare = word.empty() && last_unit == 0;
        const auto* const unit = std::ranges::find(units, bare ? "s" : word, &Unit::word);
        // From large to small and each once: "5m1h" is more likely a slip than a sum.
        if (unit == units.end() || (last_unit != 0 && unit->microseconds >= last_unit)) {
            return std::nullopt;
        }
        last_unit = unit->microseconds;
        const auto part = amount_of(amount, static_cast<std::uint64_t>(last_unit));
        if (!part || (total += *part) > longest_duration) {
            return std::nullopt;
        }
        text = std::string_view{word_end, text.data() + text.size()};
    }
    return std::chrono::microseconds{static_cast<std::int64_t>(total)};
}

std::string format_duration(std::chrono::microseconds duration) {
    const std::int64_t total = std::max<std::int64_t>(duration.count(), 0);
    if (total == 0) {
        return "0s";
    }
    constexpr std::array shown{units[1], units[2], units[3], units[5], units[6], units[7]};
    const auto* const unit = std::ranges::find_if(
        shown, [total](const Unit& candidate) { return total >= candidate.microseconds; });
    const std::int64_t amount = total / unit->microseconds;
    std::string text = std::to_string(amount) + std::string{unit->word};
    // The thousandths of a second matter to a setting such as 1500ms, not to an age of 47s.
    const bool precise = unit->microseconds > 1'000'000 || amount < 10;
    if (precise && unit->microseconds > 1) {
        const Unit& next = *(unit + 1);
        const std::int64_t rest = total % unit->microseconds / next.microseconds;
        if (rest != 0) {
            text += std::to_string(rest) + std::string{next.word};
        }
    }
    return text;
}

std::optional<std::string_view> nearest(std::string_view text,
                                        std::span<const std::string_view> candidates) {
    std::optional<std::string_view> best;
    std::size_t best_distance = 0;
    for (const std::string_view candidate : candidates) {
        const std::size_t limit = std::max(text.size(), candidate.size()) / 3;
        // Also keeps the work small for a text of any length.
        if (text.size() > candidate.size() + limit) {
            continue;
        }
        const std::size_t steps = distance(text, candidate);
        if (steps <= limit && (!best || steps < best_distance)) {
            best = candidate;
            best_distance = steps;
        }
    }
    return best;
}

std::string format_time(std::chrono::system_clock::time_point time) {
    const auto whole = std::chrono::floor<std::chrono::milliseconds>(time);
    const auto day = std::chrono::floor<std::chrono::days>(whole);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{whole - day};
    std::array<char, 64> text{};
    const int length = std::snprintf(
        text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
        static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
        static_cast<int>(clock.subseconds().count()));
    return {text.data(), static_cast<std::size_t>(length)};
}

std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text) {
    constexpr std::string_view form = "0000-00-00T00:00:00.000Z";
    const bool fits = std::ranges::equal(text, form, [](char actual, char expected) {
        return expected == '0' ? actual >= '0' && actual <= '9' : actual == expected;
    });
    if (!fits) {
        return std::nullopt;
    }
    const auto number = [text](std::size_t at, std::size_t length) {
        return static_cast<int>(*parse_number(text.substr(at, length)));
    };
    const std::chrono::year_month_day date{std::chrono::year{number(0, 4)},
                                           std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                           std::chrono::day{static_cast<unsigned>(number(8, 2))}};
    // The clock counts nanoseconds in 64 bits.
    const bool countable =
        date.year() >= std::chrono::year{1970} && date.year() < std::chrono::year{2262};
    if (!countable || !date.ok() || number(11, 2) > 23 || number(14, 2) > 59 ||
        number(17, 2) > 59) {
        return std::nullopt;
    }
    return std::chrono::sys_days{date} + std::chrono::hours{number(11, 2)} +
           std::chrono::minutes{number(14, 2)} + std::chrono::seconds{number(17, 2)} +
           std::chrono::milliseconds{number(20, 3)};
}

}  // namespace unwait

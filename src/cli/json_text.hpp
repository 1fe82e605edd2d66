// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace unwait::cli {

class JsonText;

/// A part of a JSON text (RFC 8259) that is about to be written: a view, for no longer than the
/// expression that it is made in.
class JsonPart {
public:
    // NOLINTBEGIN(google-explicit-constructor): lists of members read like the JSON they become.
    JsonPart(std::nullptr_t) noexcept : text_("null") {}
    template <std::same_as<bool> Bool>
    JsonPart(Bool value) noexcept : text_(value ? "true" : "false") {}
    template <std::integral Number>
    requires(!std::same_as<Number, bool>) JsonPart(Number value)
    noexcept {
        char* const end = std::to_chars(digits_.begin(), digits_.end(), value).ptr;
        digit_count_ = static_cast<std::uint8_t>(end - digits_.begin());
    }
    /// A string of any bytes: each that is not UTF-8 becomes U+FFFD.
    JsonPart(std::string_view value) noexcept : text_(value), is_string_(true) {}
    JsonPart(const std::string& value) noexcept : JsonPart(std::string_view(value)) {}
    JsonPart(const char* value) noexcept : JsonPart(std::string_view(value)) {}
    JsonPart(const JsonText& value) noexcept;
    // NOLINTEND(google-explicit-constructor)

    void append_to(std::string& text) const;
    /// Of the text, if nothing has to be escaped.
    [[nodiscard]] std::size_t size() const noexcept { return text_.size() + digit_count_ + 2; }

private:
    std::string_view text_;
    bool is_string_ = false;
    std::uint8_t digit_count_ = 0;
    std::array<char, 20> digits_;  // of the longest number
};

/// A JSON value that is written and never looked into, and so is nothing but its text. ASCII only,
/// so that no control character (U+009B is one too) reaches a terminal through it.
class JsonText {
public:
    using Member = std::pair<std::string_view, JsonPart>;

    explicit JsonText(const JsonPart& part) { part.append_to(text_); }
    /// An object, its members in this order. Their names need no escapes.
    JsonText(std::initializer_list<Member> members);  // NOLINT(google-explicit-constructor)
    [[nodiscard]] static JsonText array() { return JsonText("[]", Verbatim{}); }

    /// Adds an element to an array.
    void push_back(const JsonPart& element);
    /// Adds a member to an object that has some.
    void add(const Member& member);

    [[nodiscard]] const std::string& text() const& noexcept { return text_; }
    [[nodiscard]] std::string text() && noexcept { return std::move(text_); }

private:
    struct Verbatim {};
    JsonText(const char* text, Verbatim /*unused*/) : text_(text) {}

    std::string text_;
};

inline JsonPart::JsonPart(const JsonText& value) noexcept : text_(value.text()) {}

/// Null where there is nothing to say.
template <typename Value>
JsonText or_null(const std::optional<Value>& value) {
    return value ? JsonText(*value) : JsonText(nullptr);
}
[[nodiscard]] inline JsonText or_null(const std::string& text) {
    return text.empty() ? JsonText(nullptr) : JsonText(text);
}

template <typename Values, typename Convert>
JsonText array_of(const Values& values, Convert convert) {
    JsonText array = JsonText::array();
    for (const auto& value : values) array.push_back(convert(value));
    return array;
}

}  // namespace unwait::cli

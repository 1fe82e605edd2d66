// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace unwait::cli {

/// A JSON value (RFC 8259) that is written and never looked into, and so is nothing but its text.
/// ASCII only, so that no control character (U+009B is one too) reaches a terminal through it.
class JsonText {
public:
    using Member = std::pair<std::string_view, JsonText>;

    // NOLINTBEGIN(google-explicit-constructor): lists of members read like the JSON they become.
    JsonText(std::nullptr_t = nullptr) : text_("null") {}
    template <std::same_as<bool> Bool>
    JsonText(Bool value) : text_(value ? "true" : "false") {}
    template <std::integral Number>
    requires(!std::same_as<Number, bool>) JsonText(Number value) {
        char digits[24];
        text_.assign(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    }
    /// A string of any bytes: each that is not UTF-8 becomes U+FFFD.
    JsonText(std::string_view value);
    JsonText(const std::string& value) : JsonText(std::string_view(value)) {}
    JsonText(const char* value) : JsonText(std::string_view(value)) {}
    /// An object, its members in this order. Their names need no escapes.
    JsonText(std::initializer_list<Member> members);
    // NOLINTEND(google-explicit-constructor)
    [[nodiscard]] static JsonText array();

    /// Adds an element to an array.
    void push_back(const JsonText& element);
    /// Adds a member to an object that has some.
    void add(const Member& member);

    [[nodiscard]] const std::string& text() const& noexcept { return text_; }
    [[nodiscard]] std::string text() && noexcept { return std::move(text_); }

private:
    std::string text_;
};

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

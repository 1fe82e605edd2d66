// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "digits.hpp"

namespace unwait::cli {

/// JSON (RFC 8259) that is written and never looked into, each byte once: a text that grows at its
/// end. ASCII only, so that no control character (U+009B is one too) reaches a terminal through it.
class JsonText {
public:
    struct Member;

    /// Refers to anything that there is a write_json() for. As an argument only: what it refers to
    /// must live until it is written.
    class Value {
    public:
        // NOLINTBEGIN(google-explicit-constructor): lists of members read like the JSON they
        // become.
        template <typename T>
        Value(const T& value)
            : value_(&value), write_([](JsonText& text, const void* what) {
                  write_json(text, *static_cast<const T*>(what));
              }) {}
        /// An object, its members in this order. Their names need no escapes.
        Value(const std::initializer_list<Member>& members);
        // NOLINTEND(google-explicit-constructor)

    private:
        friend JsonText;
        const void* value_;
        void (*write_)(JsonText&, const void*);
    };

    struct Member {
        std::string_view name;
        Value value;
    };

    /// The next element of an array, the next member's value or all there is.
    void write(const Value& value) { value.write_(*this, value.value_); }
    /// The members of an object, in that which was written last.
    void merge(const Value& object);
    /// A piece of JSON.
    void append(std::string_view piece) { text_ += piece; }
    void append(char piece) { text_ += piece; }
    /// A comma, unless an array or an object has just begun.
    void separate() {
        if (text_.back() != '[' && text_.back() != '{') text_ += ',';
    }

    [[nodiscard]] std::string text() && noexcept { return std::move(text_); }

private:
    std::string text_;
};

[[nodiscard]] inline std::string to_json(const JsonText::Value& value) {
    JsonText text;
    text.write(value);
    return std::move(text).text();
}

inline void write_json(JsonText& text, std::nullptr_t) { text.append("null"); }

template <std::same_as<bool> Bool>
void write_json(JsonText& text, Bool value) {
    text.append(value ? "true" : "false");
}

template <std::integral Number>
requires(!std::same_as<Number, bool>) void write_json(JsonText& text, Number value) {
    text.append(Digits(value).text());
}

/// A string of any bytes: each that is not UTF-8 becomes U+FFFD.
void write_json(JsonText& text, std::string_view value);

/// As its word.
template <typename Enum>
requires std::is_enum_v<Enum>
void write_json(JsonText& text, Enum value) { write_json(text, word(value)); }

/// Null where there is none.
template <typename T>
void write_json(JsonText& text, const std::optional<T>& value) {
    value ? text.write(*value) : text.write(nullptr);
}

template <std::ranges::input_range Values>
requires(!std::convertible_to<const Values&, std::string_view>) void write_json(
    JsonText& text, const Values& values) {
    text.append('[');
    for (const auto& value : values) {
        text.separate();
        text.write(value);
    }
    text.append(']');
}

/// What a function writes.
template <std::invocable<JsonText&> Write>
void write_json(JsonText& text, const Write& write) {
    write(text);
}

[[nodiscard]] inline std::optional<std::string_view> unless_empty(std::string_view text) {
    return text.empty() ? std::nullopt : std::optional(text);
}
template <std::integral Number>
[[nodiscard]] std::optional<Number> unless_zero(Number number) {
    return number == 0 ? std::nullopt : std::optional(number);
}

}  // namespace unwait::cli

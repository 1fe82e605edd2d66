// SPDX-License-Identifier: MIT
#include "bytecode.hpp"

#include <linux/inet_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

namespace unwait::netlink {
namespace {

constexpr std::size_t op_size = sizeof(inet_diag_bc_op);
constexpr std::size_t max_program = 32768;  // an attribute's length and a jump have 16 bits

/// What a pattern asks of the address of a socket of one family.
struct Prefix {
    Address address;
    unsigned length = 0;  ///< 0: any address
};

/// Absent when no socket of that family has such an address. An IPv4 pattern becomes
/// ::ffff:a.b.c.d for an inet6 socket: the program then never mixes families.
std::optional<Prefix> prefix_in(const EndpointPattern& pattern, Family family) {
    if (!pattern.address) return Prefix{};
    const Address& address = *pattern.address;
    if (address.family == family) {
        const unsigned width = family == Family::inet ? 32 : 128;
        return Prefix{address, std::min(pattern.prefix_length, width)};
    }
    if (family == Family::inet) return std::nullopt;
    Prefix mapped{{Family::inet6, {}}, 96 + std::min(pattern.prefix_length, 32U)};
    mapped.address.bytes[10] = mapped.address.bytes[11] = 0xff;
    std::copy_n(address.bytes.begin(), 4, mapped.address.bytes.begin() + 12);
    return mapped;
}

/// The value of a condition that does not depend on the socket.
std::optional<bool> constant(const Condition& condition, Family family);

struct Constant {
    Family family;

    std::optional<bool> operator()(const EndpointTest& test) const {
        const std::optional<Prefix> prefix = prefix_in(test.pattern, family);
        if (!prefix) return false;
        if (prefix->length == 0 && !test.pattern.port) return true;
        return std::nullopt;
    }
    std::optional<bool> operator()(const PortTest& test) const {
        const bool below_none = test.port == 0;
        const bool above_none = test.port == 65535;
        switch (test.comparison) {
            case Comparison::less:
                return below_none ? std::optional(false) : std::nullopt;
            case Comparison::greater:
                return above_none ? std::optional(false) : std::nullopt;
            case Comparison::at_most:
                return above_none ? std::optional(true) : std::nullopt;
            case Comparison::at_least:
                return below_none ? std::optional(true) : std::nullopt;
            case Comparison::equal:
            case Comparison::not_equal:
                break;
        }
        return std::nullopt;
    }
    std::optional<bool> operator()(const FamilyTest& test) const { return test.family == family; }
    std::optional<bool> operator()(const DeviceTest& test) const { return absent(test.index); }
    std::optional<bool> operator()(const CgroupTest& test) const { return absent(test.id); }
    std::optional<bool> operator()(const MarkTest&) const { return std::nullopt; }
    std::optional<bool> operator()(const AutoboundTest&) const { return std::nullopt; }
    std::optional<bool> operator()(const Negation& negation) const {
        const std::optional<bool> value = constant(negation.part.front(), family);
        return value ? std::optional(!*value) : std::nullopt;
    }
    std::optional<bool> operator()(const Conjunction& all) const { return fold(all.parts, false); }
    std::optional<bool> operator()(const Disjunction& any) const { return fold(any.parts, true); }

private:
    /// What a name stands for that nobody has.
    template <typename Number>
    static std::optional<bool> absent(const std::optional<Number>& number) {
        return number ? std::nullopt : std::optional(false);
    }

    /// One part with the value `decisive` settles the whole.
    std::optional<bool> fold(const std::vector<Condition>& parts, bool decisive) const {
        bool known = true;
        for (const Condition& part : parts) {
            const std::optional<bool> value = constant(part, family);
            if (value == decisive) return decisive;
            known = known && value.has_value();
        }
        return known ? std::optional(!decisive) : std::nullopt;
    }
};

std::optional<bool> constant(const Condition& condition, Family family) {
    return std::visit(Constant{family}, condition.is);
}

/// Emits code that falls through when its condition is true and jumps to a label, bound later, when
/// it is false. The kernel allows forward jumps only, so one pass is enough. It has no "not": that
/// moves inwards, down to what has an opposite or can be jumped around.
class Compiler {
public:
    explicit Compiler(Family family) : family_(family) {}

    Bytecode compile(const Condition& condition) {
        Label reject;
        emit(condition, true, reject);
        bind(reject, code_.size() + op_size);  // past the end by one op: "do not send this socket"
        return code_.size() <= max_program ? std::move(code_) : Bytecode{};
    }

private:
    using Label = std::vector<std::size_t>;  // offsets of the ops that jump there

    /// Falls through when the condition is `wanted`.
    void emit(const Condition& condition, bool wanted, Label& no) {
        std::visit([&](const auto& what) { emit(what, wanted, no); }, condition.is);
    }

    void emit(const Negation& negation, bool wanted, Label& no) {
        emit(negation.part.front(), !wanted, no);
    }

    void emit(const Conjunction& all, bool wanted, Label& no) {
        wanted ? emit_all(all.parts, wanted, no) : emit_any(all.parts, wanted, no);
    }

    void emit(const Disjunction& any, bool wanted, Label& no) {
        wanted ? emit_any(any.parts, wanted, no) : emit_all(any.parts, wanted, no);
    }

    template <typename Test>
    void emit(const Test& test, bool wanted, Label& no) {
        if (wanted) {
            emit_test(test, no);
            return;
        }
        Label yes;
        emit_test(test, yes);
        op(INET_DIAG_BC_JMP, {}, no);
        bind(yes, code_.size());
    }

    void emit(const PortTest& test, bool wanted, Label& no) {
        PortTest effective = test;
        if (!wanted) effective.comparison = opposite(test.comparison);
        if (effective.comparison != Comparison::not_equal) {
            emit_test(effective, no);
            return;
        }
        Label yes;
        emit_test(PortTest{test.side, Comparison::equal, test.port}, yes);
        op(INET_DIAG_BC_JMP, {}, no);
        bind(yes, code_.size());
    }

    static Comparison opposite(Comparison comparison) {
        switch (comparison) {
            case Comparison::equal:
                return Comparison::not_equal;
            case Comparison::not_equal:
                return Comparison::equal;
            case Comparison::less:
                return Comparison::at_least;
            case Comparison::greater:
                return Comparison::at_most;
            case Comparison::at_most:
                return Comparison::greater;
            case Comparison::at_least:
                return Comparison::less;
        }
        return comparison;
    }

    void emit_all(const std::vector<Condition>& parts, bool wanted, Label& no) {
        for (const Condition& part : parts) {
            if (!constant(part, family_)) emit(part, wanted, no);
        }
    }

    void emit_any(const std::vector<Condition>& parts, bool wanted, Label& no) {
        Label yes;
        Label next;
        for (const Condition& part : parts) {
            if (constant(part, family_)) continue;
            if (!next.empty()) {
                op(INET_DIAG_BC_JMP, {}, yes);
                bind(next, code_.size());
                next.clear();
            }
            emit(part, wanted, next);
        }
        no.insert(no.end(), next.begin(), next.end());
        bind(yes, code_.size());
    }

    void emit_test(const EndpointTest& test, Label& no) {
        const Prefix prefix = prefix_in(test.pattern, family_).value();
        std::array<std::byte, sizeof(inet_diag_hostcond) + 16> bytes{};
        inet_diag_hostcond host{};
        std::size_t size = sizeof host;
        host.family = AF_UNSPEC;
        host.prefix_len = static_cast<std::uint8_t>(prefix.length);
        host.port = test.pattern.port ? *test.pattern.port : -1;
        if (prefix.length > 0) {
            const bool inet = family_ == Family::inet;
            host.family = inet ? AF_INET : AF_INET6;
            std::memcpy(bytes.data() + size, prefix.address.bytes.data(), inet ? 4 : 16);
            size += inet ? 4 : 16;
        }
        std::memcpy(bytes.data(), &host, sizeof host);
        op(test.side == Side::local ? INET_DIAG_BC_S_COND : INET_DIAG_BC_D_COND,
           {bytes.data(), size}, no);
    }

    /// Any comparison but `not_equal`, and none that is constant: no port below 0 is asked for.
    void emit_test(const PortTest& test, Label& no) {
        const bool local = test.side == Side::local;
        const int at_least = local ? INET_DIAG_BC_S_GE : INET_DIAG_BC_D_GE;
        const int at_most = local ? INET_DIAG_BC_S_LE : INET_DIAG_BC_D_LE;
        const Comparison comparison = test.comparison;
        if (comparison == Comparison::equal || comparison == Comparison::at_least) {
            compare(at_least, test.port, no);
        }
        if (comparison == Comparison::equal || comparison == Comparison::at_most) {
            compare(at_most, test.port, no);
        }
        if (comparison == Comparison::greater) {
            compare(at_least, static_cast<std::uint16_t>(test.port + 1), no);
        }
        if (comparison == Comparison::less) {
            compare(at_most, static_cast<std::uint16_t>(test.port - 1), no);
        }
    }

    void emit_test(const DeviceTest& test, Label& no) {
        const std::uint32_t index = test.index.value();
        op(INET_DIAG_BC_DEV_COND, std::as_bytes(std::span(&index, 1)), no);
    }

    void emit_test(const MarkTest& test, Label& no) {
        const inet_diag_markcond mark{test.mark, test.mask};
        op(INET_DIAG_BC_MARK_COND, std::as_bytes(std::span(&mark, 1)), no);
    }

    void emit_test(const CgroupTest& test, Label& no) {
        const std::uint64_t id = test.id.value();
        op(INET_DIAG_BC_CGROUP_COND, std::as_bytes(std::span(&id, 1)), no);
    }

    void emit_test(const AutoboundTest&, Label& no) { op(INET_DIAG_BC_AUTO, {}, no); }

    /// Its value is the same for all sockets of a family, so that no program asks for it.
    void emit_test(const FamilyTest&, Label&) {}

    void compare(int code, std::uint16_t port, Label& no) {
        inet_diag_bc_op argument{};
        argument.no = port;
        op(code, std::as_bytes(std::span(&argument, 1)), no);
    }

    void op(int code, std::span<const std::byte> argument, Label& no) {
        inet_diag_bc_op head{};
        head.code = static_cast<std::uint8_t>(code);
        head.yes = static_cast<std::uint8_t>(op_size + argument.size());
        no.push_back(code_.size());
        const auto bytes = std::as_bytes(std::span(&head, 1));
        code_.insert(code_.end(), bytes.begin(), bytes.end());
        code_.insert(code_.end(), argument.begin(), argument.end());
    }

    void bind(const Label& label, std::size_t target) {
        for (const std::size_t from : label) {
            const auto distance = static_cast<std::uint16_t>(target - from);
            std::memcpy(code_.data() + from + offsetof(inet_diag_bc_op, no), &distance,
                        sizeof distance);
        }
    }

    Family family_;
    Bytecode code_;
};

struct Questioner {
    Questions& questions;

    void operator()(const MarkTest&) const { questions.mark = true; }
    void operator()(const CgroupTest&) const { questions.cgroup = true; }
    void operator()(const AutoboundTest&) const { questions.autobound = true; }
    void operator()(const Negation& negation) const { ask(negation.part); }
    void operator()(const Conjunction& all) const { ask(all.parts); }
    void operator()(const Disjunction& any) const { ask(any.parts); }
    template <typename Other>
    void operator()(const Other&) const {}

    void ask(const std::vector<Condition>& parts) const {
        for (const Condition& part : parts) std::visit(*this, part.is);
    }
};

}  // namespace

Questions questions_of(const Condition& condition) {
    Questions questions;
    std::visit(Questioner{questions}, condition.is);
    return questions;
}

std::optional<Bytecode> compile(const Condition& condition, Family family) {
    const std::optional<bool> value = constant(condition, family);
    if (value == false) return std::nullopt;
    if (value == true) return Bytecode{};
    return Compiler(family).compile(condition);
}

}  // namespace unwait::netlink

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
        if (test.range == PortRange{}) return true;
        return std::nullopt;
    }
    std::optional<bool> operator()(const Conjunction& all) const { return fold(all.parts, false); }
    std::optional<bool> operator()(const Disjunction& any) const { return fold(any.parts, true); }

private:
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
/// it is false. The kernel allows forward jumps only, so one pass is enough.
class Compiler {
public:
    explicit Compiler(Family family) : family_(family) {}

    Bytecode compile(const Condition& condition) {
        Label reject;
        emit(condition, reject);
        bind(reject, code_.size() + op_size);  // past the end by one op: "do not send this socket"
        return code_.size() <= max_program ? std::move(code_) : Bytecode{};
    }

private:
    using Label = std::vector<std::size_t>;  // offsets of the ops that jump there

    void emit(const Condition& condition, Label& no) {
        std::visit([&](const auto& what) { emit(what, no); }, condition.is);
    }

    void emit(const EndpointTest& test, Label& no) {
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

    void emit(const PortTest& test, Label& no) {
        const bool local = test.side == Side::local;
        if (test.range.first > 0) {
            compare(local ? INET_DIAG_BC_S_GE : INET_DIAG_BC_D_GE, test.range.first, no);
        }
        if (test.range.last < 65535) {
            compare(local ? INET_DIAG_BC_S_LE : INET_DIAG_BC_D_LE, test.range.last, no);
        }
    }

    void emit(const Conjunction& all, Label& no) {
        for (const Condition& part : all.parts) {
            if (!constant(part, family_)) emit(part, no);
        }
    }

    void emit(const Disjunction& any, Label& no) {
        Label yes;
        Label next;
        for (const Condition& part : any.parts) {
            if (constant(part, family_)) continue;
            if (!next.empty()) {
                op(INET_DIAG_BC_JMP, {}, yes);
                bind(next, code_.size());
                next.clear();
            }
            emit(part, next);
        }
        no.insert(no.end(), next.begin(), next.end());
        bind(yes, code_.size());
    }

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

}  // namespace

std::optional<Bytecode> compile(const Condition& condition, Family family) {
    const std::optional<bool> value = constant(condition, family);
    if (value == false) return std::nullopt;
    if (value == true) return Bytecode{};
    return Compiler(family).compile(condition);
}

}  // namespace unwait::netlink

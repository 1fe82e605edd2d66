// SPDX-License-Identifier: MIT
#include "survey.hpp"

#include <doctest/doctest.h>

#include <string>

namespace unwait::ptrace {
namespace {

SurveyedThread judged(const std::string& state, unsigned flags, const std::string& seccomp) {
    const std::string stat = "7 (a) b) " + state + " 1 7 7 0 -1 " + std::to_string(flags) +
                             " 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0\n";
    // "running" of /proc/TID/syscall is also what a sleeper shows that has just been woken.
    return judge_thread(stat,
                        "Name:\tSeccomp:\t2\nNoNewPrivs:\t0\nSeccomp:\t" + seccomp +
                            "\nvoluntary_ctxt_switches:\t42\nnonvoluntary_ctxt_switches:\t7\n",
                        "running\n");
}

TEST_CASE("a thread is fit for injected calls by its state, its flags and its filter mode") {
    CHECK(judged("S", 0x400000, "0").fitness == Fitness::asleep);
    CHECK(judged("R", 0x400000, "0").fitness == Fitness::running);
    CHECK(judged("R", 0x400000, "0").running);
    CHECK(judged("t", 0, "2").fitness == Fitness::asleep);
    for (const std::string state : {"D", "Z", "X"}) {
        CAPTURE(state);
        CHECK(judged(state, 0, "0").fitness == Fitness::unfit);
        CHECK(judged(state, 0, "0").zombie == (state != "D"));
    }
    for (const unsigned kernel_work : {0x4U, 0x10U, 0x4000U}) {
        CAPTURE(kernel_work);
        CHECK(judged("S", kernel_work, "0").fitness == Fitness::unfit);
    }
    CHECK(judged("S", 0, "1").fitness == Fitness::unfit);
    CHECK(judged("D", 0, "0").uninterruptible);
    CHECK_FALSE(judged("S", 0, "0").uninterruptible);
    // Its end would not make it fit.
    CHECK_FALSE(judged("D", 0, "1").uninterruptible);
    CHECK_FALSE(judged("D", 0x4, "0").uninterruptible);
    CHECK(judged("S", 0, "0").sleeps == 42);
    CHECK_FALSE(judged("S", 0, "0").may_be_filtered);
    CHECK(judged("S", 0, "2").may_be_filtered);
}

TEST_CASE("a thread that has gone, or cannot be read, is unfit") {
    CHECK(judge_thread("", "", "").fitness == Fitness::unfit);
    CHECK(judge_thread("7 (a", "Seccomp:\t0\n", "running\n").fitness == Fitness::unfit);
}

}  // namespace
}  // namespace unwait::ptrace

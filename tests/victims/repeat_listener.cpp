// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>
#include <errno.h>  // program_invocation_name

#include <iostream>

namespace {

/// Says how to repeat a test case that failed.
class RepeatListener : public doctest::IReporter {
public:
    explicit RepeatListener(const doctest::ContextOptions&) {}

    void test_case_start(const doctest::TestCaseData& test) override { test_ = &test; }
    void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
        if (stats.failure_flags == 0) return;
        std::cerr << "repeat with: " << program_invocation_name << " -tc='" << test_->m_name
                  << "'\n";
    }

    void report_query(const doctest::QueryData&) override {}
    void test_run_start() override {}
    void test_run_end(const doctest::TestRunStats&) override {}
    void test_case_reenter(const doctest::TestCaseData&) override {}
    void test_case_exception(const doctest::TestCaseException&) override {}
    void subcase_start(const doctest::SubcaseSignature&) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData&) override {}
    void log_message(const doctest::MessageData&) override {}
    void test_case_skipped(const doctest::TestCaseData&) override {}

private:
    const doctest::TestCaseData* test_ = nullptr;
};

}  // namespace

REGISTER_LISTENER("repeat", 1, RepeatListener);

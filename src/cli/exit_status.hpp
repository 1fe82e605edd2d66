// SPDX-License-Identifier: MIT
#pragma once

namespace unwait::cli {

/// Every exit status of unwait. Scripts rely on the numbers.
enum class ExitStatus : int {
    done = 0,           ///< done and verified, or nothing to do
    trouble = 1,        ///< could not look or work at all
    work_to_do = 2,     ///< a dry run with --detailed-exitcode has something to do
    partly = 3,         ///< a planned socket is still there, or a step failed
    refused = 4,        ///< by a guard or a limit: nothing was done
    not_consented = 5,  ///< nothing was done
    usage = 64,         ///< EX_USAGE of sysexits(3)
    timed_out = 124,    ///< as timeout(1)
    interrupted = 130,  ///< as a shell reports SIGINT
};

/// Every exit status of `unwait check`: what monitoring plugins agree on.
enum class PluginStatus : int { ok = 0, warning = 1, critical = 2, unknown = 3 };

}  // namespace unwait::cli

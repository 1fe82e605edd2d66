// SPDX-License-Identifier: MIT
#pragma once

#include "checkup.hpp"

namespace unwait {

/// Tries on sockets and processes of our own, which are gone afterwards, what is done to those of
/// others. Fills in what MachineFacts has of trials; what cannot be tried does not work.
void try_everything(MachineFacts& facts);

}  // namespace unwait

// SPDX-License-Identifier: MIT
#include "take_snapshot.hpp"

// SPDX-License-Identifier: MIT
#include "process.hpp"

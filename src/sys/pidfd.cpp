// SPDX-License-Identifier: MIT
#include "pidfd.hpp"

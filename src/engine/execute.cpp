// SPDX-License-Identifier: MIT
#include "execute.hpp"

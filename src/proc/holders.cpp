// SPDX-License-Identifier: MIT
#include "holders.hpp"

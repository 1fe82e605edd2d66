// SPDX-License-Identifier: MIT
#include "file.hpp"

// SPDX-License-Identifier: MIT
#include "vocabulary.hpp"

// SPDX-License-Identifier: MIT
#include "file_identity.hpp"
